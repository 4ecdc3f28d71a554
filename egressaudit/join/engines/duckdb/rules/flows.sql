-- One row for each flow: the last line that is known of it, and the workload that it belongs to.
-- In: `hops` and what the rules before found. Out: `flows`. `ending` overrides the signature's own reason where the
-- flow ended elsewhere than its line shows, e.g. `no-gateway-line`: sent to a proxy that has no line about it.

CREATE TEMP VIEW flows AS
-- Through a gateway or waypoint: its own line shows where the flow went, the connection it arrived on shows the
-- workload. Three ways to find the workload, best first: the connection has one sender (stretches), the requests on a
-- shared connection pair up in order (pooled), a ztunnel's tunnel covers the time (tunnelled).
SELECT hops.hop, hops.t, hops.until, hops.signature,
       CASE WHEN stretches.doubt AND signatures.fate IN ('left', 'refused') THEN 'other-endpoints' END AS ending,
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
-- Sent to a gateway or waypoint that has no line about it: where it went is unknown.
SELECT hops.hop, hops.t, hops.until, hops.signature, 'no-gateway-line',
       lost.workload, coalesce(lost.via, ''), NULL, 'reported'
FROM lost JOIN hops USING (hop)
UNION ALL
-- A tunnel to a waypoint that has no line about it. If no byte went through, no line is missing: nothing was sent.
SELECT hops.hop, hops.t, hops.until, hops.signature, CASE WHEN moved THEN 'no-gateway-line' ELSE 'nothing-sent' END,
       hops.sender, '', NULL, 'reported'
FROM lost_tunnels JOIN hops USING (hop) JOIN signatures USING (signature)
UNION ALL
-- Ended at the source (it left, was refused, or failed there): the source's own line proves it.
SELECT hops.hop, hops.t, hops.until, hops.signature, NULL, coalesce(logs.workload, hops.sender), '', NULL, 'reported'
FROM hops JOIN signatures USING (signature) JOIN logs USING (log)
WHERE at_source(signatures.role) AND signatures.fate <> 'onward';
