-- How many lines of a file contradict an older file of the same container: the same sockets, start and request, but
-- another destination, or another end. One of the two files was changed, so neither can be believed.
-- Identical requests may be in both files several times; then each line has its equal in the other file. A line that
-- was changed has none.
WITH lines AS (
    SELECT
        hop >> 40 = $copy AS is_copy, hop, t, sent, came, asked,
        hash(until, fate, reason, path, host, port, reached, dialed, name, scheme) AS says
    FROM hops JOIN signatures USING (signature)
    WHERE hop >> 40 = $copy OR hop >> 40 IN (SELECT unnest($older))
),
alone AS (
    SELECT * FROM lines
    WHERE NOT EXISTS (
        SELECT 1 FROM lines AS equal
        WHERE equal.is_copy <> lines.is_copy AND equal.t = lines.t AND equal.says = lines.says
          AND equal.sent = lines.sent AND equal.came = lines.came AND equal.asked IS NOT DISTINCT FROM lines.asked
    )
)
SELECT count(DISTINCT copy.hop)
FROM alone AS copy
JOIN alone AS older
  ON older.t = copy.t AND older.sent = copy.sent AND older.came = copy.came
 AND older.asked IS NOT DISTINCT FROM copy.asked
WHERE copy.is_copy AND NOT older.is_copy
