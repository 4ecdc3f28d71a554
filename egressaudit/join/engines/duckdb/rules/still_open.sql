-- A ztunnel that logs at debug level says when a connection was opened, and when it has ended. Where both lines are there,
-- the end says it all. A connection that has only the first is open until nobody knows when.

DELETE FROM hops AS opened USING signatures
WHERE signatures.signature = opened.signature AND signatures.reason = 'still-open' AND EXISTS (
    SELECT 1 FROM hops AS ended JOIN signatures AS told ON told.signature = ended.signature
    WHERE told.reason <> 'still-open' AND ended.came = opened.came AND ended.hop >> 40 = opened.hop >> 40
      -- The same clock wrote both, and the end says how long it lasted.
      AND abs(epoch_us(ended.t) - epoch_us(opened.t)) <= 1000000
);

UPDATE hops SET until = t + INTERVAL 7 DAY WHERE signature IN (SELECT signature FROM signatures WHERE reason = 'still-open');
