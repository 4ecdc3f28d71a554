-- The lines of both ends of each connection between two proxies. An address pair names a connection, and ports are used
-- again: where nothing was sent for longer than clocks may differ, another connection begins.

CREATE TEMP TABLE touches AS
SELECT hash(own, reached) AS pair, t, hop, true AS sends, arrived AS expects,
       coalesce(logs.workload, tunnelled.workload) AS workload,
       CASE WHEN hops.role = 'waypoint' THEN logs.gateway ELSE '' END AS via
FROM hops JOIN logs USING (log) LEFT JOIN tunnelled USING (hop)
WHERE fate = 'onward' AND hops.role <> 'ztunnel'
UNION ALL
SELECT hash(remote, dialed), t, hop, false, false, NULL, NULL
FROM hops WHERE role IN ('egress-gateway', 'waypoint');

CREATE TEMP TABLE ends AS
SELECT * EXCLUDE (pair, begins),
       hash(pair, sum(begins) OVER (PARTITION BY pair ORDER BY t, hop ROWS UNBOUNDED PRECEDING)) AS connection
FROM (
    SELECT *, coalesce(t - lag(t) OVER (PARTITION BY pair ORDER BY t, hop) > $skew, true)::INTEGER AS begins
    FROM touches
);
DROP TABLE touches;
