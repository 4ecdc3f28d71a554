-- What a gateway hands on, it sends for the workload whose connection it came by.
INSERT INTO given
SELECT hops.hop, connections.workload, concat_ws('|', nullif(connections.via, ''), logs.gateway)
FROM hops
JOIN kinds USING (kind)
JOIN logs USING (log)
JOIN stretches ON stretches.pair = hops.came AND stretches.stretch = stretch(hops.t)
JOIN connections USING (connection)
WHERE kinds.fate = 'onward' AND kinds.role IN ('egress-gateway', 'waypoint') AND connections.one
  AND hops.hop NOT IN (SELECT hop FROM given)
