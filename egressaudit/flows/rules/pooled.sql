-- A waypoint sends for many workloads over one connection. The requests in it that ask for the same are told apart by
-- their order, if none is missing and all of them ended alike: then which is whose changes nothing.
CREATE TEMP TABLE pooled AS
WITH mixed AS (
    SELECT touches.*, stretches.connection, kinds.fate, kinds.host, kinds.arrived,
           row_number() OVER (PARTITION BY connection, sends, asked ORDER BY touches.t, touches.hop) AS place,
           count(*) OVER (PARTITION BY connection, sends, asked) AS n
    FROM connections JOIN stretches USING (connection) JOIN touches USING (pair, stretch) JOIN kinds USING (kind)
    WHERE NOT connections.one AND connections.senders > 0
),
alike AS (
    SELECT connection, asked FROM mixed WHERE NOT sends GROUP BY connection, asked
    HAVING min((fate, host, arrived)) = max((fate, host, arrived))
)
SELECT received.hop, sent.workload, sent.via, sent.hop AS sender
FROM mixed AS received
JOIN mixed AS sent
  ON sent.connection = received.connection AND sent.asked = received.asked AND sent.place = received.place AND sent.n = received.n
JOIN alike ON alike.connection = received.connection AND alike.asked = received.asked
WHERE sent.sends AND NOT received.sends AND sent.workload IS NOT NULL;

-- Requests sent to a proxy that has no line about them: the latest of their connection, as it cannot be told which.
CREATE TEMP TABLE lost AS
SELECT hop, workload, via, expects
FROM (
    SELECT touches.*, connections.receivers,
           row_number() OVER (PARTITION BY connection ORDER BY expects DESC, touches.t, touches.hop) AS place
    FROM connections JOIN stretches USING (connection) JOIN touches USING (pair, stretch)
    WHERE touches.sends AND connections.senders > connections.receivers
)
WHERE place > receivers;
