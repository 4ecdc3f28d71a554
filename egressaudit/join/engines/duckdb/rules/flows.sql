-- One row for each flow: the last line that is known of it, and whose it is. `ending` says what its signature does not: how a
-- flow ended that the proxy it was sent to has no line about.

CREATE TEMP VIEW flows AS
-- Through a gateway or waypoint: its own line says where it went, the connection whose it was.
SELECT hops.hop, hops.t, hops.until, hops.signature, CASE WHEN stretches.doubt AND signatures.fate = 'left' THEN 'other-endpoints' END AS ending,
       coalesce(ways.workload, pooled.workload, tunnelled.workload, hops.sender) AS workload,
       coalesce(ways.via, pooled.via, '') AS before,
       coalesce(CASE WHEN stretches.way IS NOT NULL THEN stretches.sender END, pooled.sender, tunnelled.sender) AS sender,
       CASE
           WHEN stretches.way IS NOT NULL OR pooled.sender IS NOT NULL THEN 'joined'
           WHEN tunnelled.sender IS NOT NULL THEN 'matched'
           ELSE 'reported'
       END AS confidence
FROM hops
JOIN signatures USING (signature)
JOIN stretches ON stretches.pair = hops.came AND stretches.stretch = stretch(hops.t)
LEFT JOIN ways USING (way)
LEFT JOIN pooled ON pooled.hop = hops.hop
LEFT JOIN tunnelled ON tunnelled.hop = hops.hop
WHERE leads_out(signatures.role) AND signatures.fate NOT IN ('onward', 'inside')
UNION ALL
-- Sent to a gateway or waypoint that has no line about it.
SELECT hops.hop, hops.t, hops.until, hops.signature, 'no-gateway-line',
       lost.workload, coalesce(lost.via, ''), NULL, 'reported'
FROM lost JOIN hops USING (hop)
UNION ALL
-- Where no byte went, nothing is missing.
SELECT hops.hop, hops.t, hops.until, hops.signature, CASE WHEN moved THEN 'no-gateway-line' ELSE 'nothing-sent' END,
       hops.sender, '', NULL, 'reported'
FROM lost_tunnels JOIN hops USING (hop) JOIN signatures USING (signature)
UNION ALL
-- Ended at the source: its own line is all there is, and all that is needed.
SELECT hops.hop, hops.t, hops.until, hops.signature, NULL, coalesce(logs.workload, hops.sender), '', NULL, 'reported'
FROM hops JOIN signatures USING (signature) JOIN logs USING (log)
WHERE at_source(signatures.role) AND signatures.fate <> 'onward';
