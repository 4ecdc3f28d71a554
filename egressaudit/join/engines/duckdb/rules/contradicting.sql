-- Lines of a file that an older file of the same container has too, and tells differently: the same sockets, begin and
-- request, but another way, or another end. Two requests that are alike stand in both files, and each has its equal
-- there; a line that was changed has none.
WITH told AS (
    SELECT
        hop >> 40 = $copy AS is_copy, hop, t, sent, came, asked,
        hash(until, fate, reason, path, host, port, reached, dialed, name, scheme) AS says
    FROM hops JOIN signatures USING (signature)
    WHERE hop >> 40 = $copy OR hop >> 40 IN (SELECT unnest($older))
),
alone AS (
    SELECT * FROM told
    WHERE NOT EXISTS (
        SELECT 1 FROM told AS equal
        WHERE equal.is_copy <> told.is_copy AND equal.t = told.t AND equal.says = told.says
          AND equal.sent = told.sent AND equal.came = told.came AND equal.asked IS NOT DISTINCT FROM told.asked
    )
)
SELECT count(DISTINCT copy.hop)
FROM alone AS copy
JOIN alone AS older
  ON older.t = copy.t AND older.sent = copy.sent AND older.came = copy.came
 AND older.asked IS NOT DISTINCT FROM copy.asked
WHERE copy.is_copy AND NOT older.is_copy
