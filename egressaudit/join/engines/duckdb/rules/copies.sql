-- A log that was read twice, or a rotated file that repeats the one before it, must not count its flows twice.
-- A line is a copy if sockets, times (to the millisecond), request and destination are the same. Two lines of one file
-- agree in all of these only if a client sent the same request twice within a millisecond, and then both files have
-- both. A line that differs stays: one of the two files was changed (contradicting.sql).
DELETE FROM hops
WHERE hop >> 40 = $copy AND hop IN (
    SELECT copy.hop
    FROM hops AS copy JOIN signatures AS theirs ON theirs.signature = copy.signature
    JOIN hops AS older
      ON older.t = copy.t AND older.until = copy.until AND older.sent = copy.sent AND older.came = copy.came
     AND older.asked IS NOT DISTINCT FROM copy.asked
    JOIN signatures AS before ON before.signature = older.signature
    WHERE copy.hop >> 40 = $copy AND older.hop >> 40 IN (SELECT unnest($older))
      AND hash(theirs.fate, theirs.reason, theirs.path, theirs.host, theirs.port, theirs.reached, theirs.dialed,
               theirs.name, theirs.scheme)
        = hash(before.fate, before.reason, before.path, before.host, before.port, before.reached, before.dialed,
               before.name, before.scheme)
)
