-- The lines of both ends of each connection between two proxies. An address pair names a connection, and ports are used
-- again: where nothing was sent for longer than clocks may differ, another connection begins.

-- Lines of one pair in one stretch of that length are of one connection: so it is enough to look at the stretches.
CREATE MACRO stretch(t) AS time_bucket($skew, t);

-- For whom a line was sent that is no sidecar's, as far as it is known.
CREATE TEMP TABLE given AS
SELECT hop, tunnelled.workload, logs.gateway AS via
FROM tunnelled JOIN logs ON log = hop >> 40 WHERE fate = 'onward';

CREATE TEMP VIEW touches AS
SELECT sent AS pair, t, stretch(t) AS stretch, hops.hop, kind, asked, true AS sends, arrived AS expects,
       coalesce(logs.workload, given.workload) AS workload,
       coalesce(given.via, CASE WHEN kinds.role = 'waypoint' THEN logs.gateway END) AS via
FROM hops JOIN kinds USING (kind) JOIN logs USING (log) LEFT JOIN given USING (hop)
WHERE fate = 'onward' AND kinds.role <> 'ztunnel'
UNION ALL
SELECT came, t, stretch(t), hop, kind, asked, false, false, NULL, NULL
FROM hops JOIN kinds USING (kind) WHERE role IN ('egress-gateway', 'waypoint');
