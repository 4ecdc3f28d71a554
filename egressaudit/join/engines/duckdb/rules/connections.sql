-- The lines of both ends of each connection between two proxies. The pair of addresses identifies a connection, but
-- ports are reused: after a silence longer than clocks may differ, the same pair is another connection.
-- In: `hops`, `tunnelled`. Out: `touches`: one row for each time that a line's connection was used, by either end.

-- Time is cut into stretches as long as that silence. Lines of one pair in one stretch are of one connection, so
-- millions of lines need not be compared with each other: `senders.sql` only links neighbouring stretches.
CREATE MACRO stretch(t) AS epoch_us(t) // epoch_us($skew);

-- A way: the workload that a line was sent for, and the gateways it passed before, joined by `|`.
CREATE TEMP TABLE ways (way INTEGER PRIMARY KEY, workload INTEGER NOT NULL, via VARCHAR NOT NULL);
INSERT INTO ways SELECT row_number() OVER (ORDER BY workload), workload, ''
FROM (SELECT DISTINCT workload FROM logs WHERE workload IS NOT NULL);

CREATE TEMP TABLE own_ways AS SELECT log, way FROM logs JOIN ways USING (workload) WHERE role = 'sidecar';

-- The way of lines of other proxies, as far as it is known; `given.sql` adds to it.
CREATE TEMP TABLE given (hop BIGINT, way INTEGER);

CREATE TEMP TABLE found AS
SELECT hop, tunnelled.workload, logs.gateway AS via
FROM tunnelled JOIN logs ON log = hop >> 40 WHERE fate = 'onward';

-- `sends`: the line is of the end that sent. Its `way` is 0 where it is not known: such a line still is a sender that
-- must not be overlooked. The receiving end has no way of its own: NULL.
CREATE TEMP VIEW touches AS
SELECT sent AS pair, t, stretch(t) AS stretch, hops.hop, signature, asked, true AS sends,
       reason = 'other-endpoints' AS doubt,
       coalesce(own_ways.way, given.way, 0) AS way
FROM hops JOIN signatures USING (signature) LEFT JOIN own_ways USING (log) LEFT JOIN given USING (hop)
WHERE fate = 'onward' AND is_envoy(signatures.role)
UNION ALL
SELECT came, t, stretch(t), hop, signature, asked, false, false, NULL
FROM hops JOIN signatures USING (signature) WHERE leads_out(role);
