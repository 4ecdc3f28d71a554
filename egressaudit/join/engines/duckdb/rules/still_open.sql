-- A ztunnel that logs at debug level says when a connection was opened, and when it has ended. Where both lines are there,
-- the end says it all. A connection that has only the first is open until nobody knows when.

DELETE FROM hops AS opened USING kinds
WHERE kinds.kind = opened.kind AND kinds.reason = 'still-open' AND EXISTS (
    SELECT 1 FROM hops AS ended JOIN kinds AS told ON told.kind = ended.kind
    WHERE told.reason <> 'still-open' AND ended.came = opened.came AND ended.hop >> 40 = opened.hop >> 40
      -- The same clock wrote both, and the end says how long it lasted.
      AND abs(epoch_us(ended.t) - epoch_us(opened.t)) <= 1000000
);

UPDATE hops SET until = t + INTERVAL 7 DAY WHERE kind IN (SELECT kind FROM kinds WHERE reason = 'still-open');
