-- A log that was read twice, or a rotated file that repeats the one before it, must not count its flows twice.
-- Addresses, time to the millisecond, the hash of the request and what the line says of its way: two lines of one proxy
-- do not share all of them unless a client sends the same request twice within a millisecond, and then each file has
-- both. A line that says something else stays: one of the two was changed (contradicting.sql).
DELETE FROM hops
WHERE hop >> 40 = $copy AND hop IN (
    SELECT copy.hop
    FROM hops AS copy JOIN signatures AS told ON told.signature = copy.signature
    JOIN hops AS older
      ON older.t = copy.t AND older.until = copy.until AND older.sent = copy.sent AND older.came = copy.came
     AND older.asked IS NOT DISTINCT FROM copy.asked
    JOIN signatures AS before ON before.signature = older.signature
    WHERE copy.hop >> 40 = $copy AND older.hop >> 40 IN (SELECT unnest($older))
      AND hash(told.fate, told.reason, told.path, told.host, told.port, told.reached, told.dialed, told.name, told.scheme)
        = hash(before.fate, before.reason, before.path, before.host, before.port, before.reached, before.dialed,
               before.name, before.scheme)
)
