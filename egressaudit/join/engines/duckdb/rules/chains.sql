-- What a gateway hands on, it sends for the workload whose connection it came by.
CREATE OR REPLACE TEMP TABLE found AS
SELECT hops.hop, ways.workload, concat_ws('|', nullif(ways.via, ''), logs.gateway) AS via
FROM hops
JOIN kinds USING (kind)
JOIN logs USING (log)
JOIN stretches ON stretches.pair = hops.came AND stretches.stretch = stretch(hops.t)
JOIN ways USING (way)
WHERE kinds.fate = 'onward' AND leads_out(kinds.role) AND hops.hop NOT IN (SELECT hop FROM given)
