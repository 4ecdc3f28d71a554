-- A log that was read twice, or a rotated file that repeats the one before it, must not count its flows twice.
-- Addresses, time to the millisecond and the hash of the request: two lines of one proxy do not share all of them
-- unless a client sends the same request twice within a millisecond, and then each file has both.
DELETE FROM hops
WHERE hop >> 40 = $copy AND EXISTS (
    SELECT 1 FROM hops AS older
    WHERE older.hop >> 40 IN (SELECT unnest($older)) AND older.t = hops.t AND older.until = hops.until
      AND older.sent = hops.sent AND older.came = hops.came
      AND older.asked IS NOT DISTINCT FROM hops.asked
)
