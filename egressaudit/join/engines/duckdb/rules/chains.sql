-- What a gateway hands on, it sends for the workload whose connection it came by.
CREATE OR REPLACE TEMP TABLE found AS
SELECT hops.hop, ways.workload, concat_ws('|', nullif(ways.via, ''), logs.gateway) AS via
FROM hops
JOIN signatures USING (signature)
JOIN logs USING (log)
JOIN stretches ON stretches.pair = hops.came AND stretches.stretch = stretch(hops.t)
JOIN ways USING (way)
WHERE signatures.fate = 'onward' AND leads_out(signatures.role) AND hops.hop NOT IN (SELECT hop FROM given)
