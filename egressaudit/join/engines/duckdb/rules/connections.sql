-- The lines of both ends of each connection between two proxies. An address pair names a connection, and ports are used
-- again: where nothing was sent for longer than clocks may differ, another connection begins.

-- Lines of one pair in one stretch of that length are of one connection: so it is enough to look at the stretches.
CREATE MACRO stretch(t) AS epoch_us(t) // epoch_us($skew);

-- For which workload a line was sent, and through which gateways (joined by `|`) before.
CREATE TEMP TABLE ways (way INTEGER PRIMARY KEY, workload INTEGER NOT NULL, via VARCHAR NOT NULL);
INSERT INTO ways SELECT row_number() OVER (ORDER BY workload), workload, ''
FROM (SELECT DISTINCT workload FROM logs WHERE workload IS NOT NULL);

CREATE TEMP TABLE own_ways AS SELECT log, way FROM logs JOIN ways USING (workload) WHERE role = 'sidecar';

-- The way of a line that is no sidecar's, as far as it is known.
CREATE TEMP TABLE given (hop BIGINT, way INTEGER);

CREATE TEMP TABLE found AS
SELECT hop, tunnelled.workload, logs.gateway AS via
FROM tunnelled JOIN logs ON log = hop >> 40 WHERE fate = 'onward';

-- `way` is 0 where it is not known, and NULL of lines about what was received.
CREATE TEMP VIEW touches AS
SELECT sent AS pair, t, stretch(t) AS stretch, hops.hop, signature, asked, true AS sends, reason = 'other-endpoints' AS doubt,
       coalesce(own_ways.way, given.way, 0) AS way
FROM hops JOIN signatures USING (signature) LEFT JOIN own_ways USING (log) LEFT JOIN given USING (hop)
WHERE fate = 'onward' AND is_envoy(signatures.role)
UNION ALL
SELECT came, t, stretch(t), hop, signature, asked, false, false, NULL
FROM hops JOIN signatures USING (signature) WHERE leads_out(role);
