-- One row for each flow: the last line that is known of it, and whose it is.

CREATE MACRO bare(name) AS CASE WHEN contains(name, ':') THEN regexp_replace(name, ':[0-9]+$', '') ELSE name END;

CREATE TEMP VIEW flows AS
-- Through a gateway or waypoint: its own line says where it went, the connection whose it was.
SELECT hops.hop, hops.t, hops.fate, hops.reason, hops.arrived, hops.host, hops.port, hops.reached, hops.dialed, hops.name,
       coalesce(whole.workload, pooled.workload, tunnelled.workload, owners.workload) AS workload,
       concat_ws('|', nullif(coalesce(whole.via, pooled.via, ''), ''), logs.gateway) AS via,
       coalesce(whole.sender, pooled.sender, tunnelled.sender) AS sender,
       CASE
           WHEN whole.sender IS NOT NULL OR pooled.sender IS NOT NULL THEN 'joined'
           WHEN tunnelled.sender IS NOT NULL THEN 'matched'
           ELSE 'reported'
       END AS confidence,
       hops.role, hops.scheme
FROM hops
JOIN logs USING (log)
JOIN ends ON ends.hop = hops.hop AND NOT ends.sends
LEFT JOIN connections AS whole ON whole.connection = ends.connection AND whole.one
LEFT JOIN pooled ON pooled.hop = hops.hop
LEFT JOIN tunnelled ON tunnelled.hop = hops.hop
LEFT JOIN owners ON owners.address = ip_of(hops.remote) AND is_socket(hops.remote)
WHERE hops.fate <> 'onward'
UNION ALL
-- Sent to a gateway or waypoint that has no line about it.
SELECT hops.hop, hops.t, CASE WHEN expects THEN 'unknown' ELSE 'failed' END,
       CASE WHEN expects THEN 'no-gateway-line' ELSE 'gateway-not-reached' END, false,
       NULL, NULL, NULL, hops.dialed, hops.name, lost.workload, coalesce(lost.via, ''), NULL, 'reported', hops.role, hops.scheme
FROM lost JOIN hops USING (hop)
UNION ALL
SELECT hops.hop, hops.t, 'unknown', 'no-gateway-line', false,
       hops.host, NULL, NULL, hops.dialed, NULL, owners.workload, '', NULL, 'reported', 'ztunnel', NULL
FROM lost_tunnels JOIN hops USING (hop)
LEFT JOIN owners ON owners.address = ip_of(hops.remote) AND owned(hops.pod, owners.pod)
UNION ALL
-- Ended at the source: its own line is all there is, and all that is needed.
SELECT hops.hop, hops.t, fate, reason, arrived, host, port, reached, dialed, hops.name,
       coalesce(logs.workload, owners.workload), '', NULL, 'reported', hops.role, hops.scheme
FROM hops
JOIN logs USING (log)
LEFT JOIN owners ON hops.role = 'ztunnel' AND owners.address = ip_of(hops.remote) AND owned(hops.pod, owners.pod)
WHERE hops.role IN ('sidecar', 'ztunnel') AND fate <> 'onward';
