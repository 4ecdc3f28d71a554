-- A log that was read twice, or a rotated file that repeats the one before it, must not count its flows twice.
-- Addresses, time to the millisecond and the hash of the request: two lines of one proxy do not share all of them
-- unless a client sends the same request twice within a millisecond, and then each file has both.
DELETE FROM hops
WHERE log = $copy AND EXISTS (
    SELECT 1 FROM hops AS older
    WHERE older.log IN (SELECT unnest($older)) AND older.t = hops.t AND older.until = hops.until
      AND older.own IS NOT DISTINCT FROM hops.own AND older.reached IS NOT DISTINCT FROM hops.reached
      AND older.remote IS NOT DISTINCT FROM hops.remote AND older.dialed IS NOT DISTINCT FROM hops.dialed
      AND older.asked IS NOT DISTINCT FROM hops.asked
)
