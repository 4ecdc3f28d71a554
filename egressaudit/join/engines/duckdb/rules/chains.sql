-- Chains of gateways. A request that a gateway forwards to another gateway belongs to the workload whose connection it
-- arrived on. One run finds the next link of each chain; `flow_groups` repeats it until nothing is found.
-- In: `hops`, `stretches`, `ways`. Out: `found`, e.g. hop 7, workload 3, via `egress/gw-a|egress/gw-b`.
CREATE OR REPLACE TEMP TABLE found AS
SELECT hops.hop, ways.workload, concat_ws('|', nullif(ways.via, ''), logs.gateway) AS via
FROM hops
JOIN signatures USING (signature)
JOIN logs USING (log)
JOIN stretches ON stretches.pair = hops.came AND stretches.stretch = stretch(hops.t)
JOIN ways USING (way)
WHERE signatures.fate = 'onward' AND leads_out(signatures.role) AND hops.hop NOT IN (SELECT hop FROM given)
