-- At debug level, ztunnel logs a connection when it is opened and again when it ends. If both lines are there, the
-- second one has everything, so the first is removed. A connection with only the first line may still be open.
-- In: `hops`. Out: `hops` without those first lines; the other ones last a week.

DELETE FROM hops AS opened USING signatures
WHERE signatures.signature = opened.signature AND signatures.reason = 'still-open' AND EXISTS (
    SELECT 1 FROM hops AS ended JOIN signatures AS theirs ON theirs.signature = ended.signature
    WHERE theirs.reason <> 'still-open' AND theirs.role = signatures.role AND ended.came = opened.came
      -- A ztunnel's log may be rotated in between, so the two may be in two files. The same clock wrote both, and the
      -- second line says how long the connection lasted.
      AND abs(epoch_us(ended.t) - epoch_us(opened.t)) <= 1000000
);

UPDATE hops SET until = t + INTERVAL 7 DAY
WHERE signature IN (SELECT signature FROM signatures WHERE reason = 'still-open');
