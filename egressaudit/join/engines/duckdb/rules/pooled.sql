-- Requests of several workloads on one connection: a waypoint pools what it forwards to a gateway.
-- The n-th request that was sent is the n-th that was received, if equally many of each (method, path, authority) are
-- there at both ends. Order alone can be wrong, so this holds only where all of them ended alike: then exchanging two
-- of them changes no result.
-- In: `stretches` without one way. Out: `pooled`, the workload of each received request; `lost`, see below.
CREATE TEMP TABLE pooled AS
WITH mixed AS (
    SELECT touches.*, stretches.begin, signatures.fate, signatures.path, signatures.host,
           row_number() OVER (PARTITION BY pair, begin, sends, asked ORDER BY touches.t, touches.hop) AS place,
           count(*) OVER (PARTITION BY pair, begin, sends, asked) AS n
    FROM stretches JOIN touches USING (pair, stretch) JOIN signatures USING (signature)
    WHERE stretches.way IS NULL AND stretches.senders > 0
),
alike AS (
    SELECT pair, begin, asked FROM mixed WHERE NOT sends GROUP BY pair, begin, asked
    HAVING min((fate, path, host)) = max((fate, path, host))
)
SELECT received.hop, ways.workload, ways.via, sent.hop AS sender
FROM (FROM mixed WHERE NOT sends) AS received
JOIN (FROM mixed WHERE sends) AS sent USING (pair, begin, asked, place, n)
JOIN alike USING (pair, begin, asked)
JOIN ways ON ways.way = sent.way;

-- `lost`: requests sent to a proxy that has fewer lines than were sent. Which of them lack a line cannot be known, so
-- the latest of the connection stand for them: only their number matters.
CREATE TEMP TABLE lost AS
SELECT hop, ways.workload, coalesce(ways.via, CASE WHEN logs.role = 'waypoint' THEN logs.gateway END) AS via
FROM (
    SELECT touches.*, stretches.receivers,
           row_number() OVER (PARTITION BY pair, begin ORDER BY touches.t, touches.hop) AS place
    FROM stretches JOIN touches USING (pair, stretch)
    WHERE touches.sends AND stretches.senders > stretches.receivers
)
JOIN logs ON logs.log = hop >> 40
LEFT JOIN ways USING (way)
WHERE place > receivers;
