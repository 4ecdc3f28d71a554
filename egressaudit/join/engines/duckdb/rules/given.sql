-- Keep what the last rule found: the ways in `found` are known from now on.
-- The last statement's row count tells `flow_groups` whether anything new was learned.
INSERT INTO ways
SELECT (SELECT coalesce(max(way), 0) FROM ways) + row_number() OVER (ORDER BY workload, via), workload, via
FROM (SELECT DISTINCT workload, via FROM found) ANTI JOIN ways USING (workload, via);

INSERT INTO given SELECT hop, way FROM found JOIN ways USING (workload, via);
