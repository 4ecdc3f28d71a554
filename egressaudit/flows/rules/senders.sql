-- Who opened each connection: one workload, in one way, or nobody can tell. Run again until nothing new is known: a
-- gateway that hands on to another sends for the workload of its own connection.

CREATE OR REPLACE TEMP TABLE stretches AS
SELECT *, hash(pair, sum(begins) OVER (PARTITION BY pair ORDER BY stretch ROWS UNBOUNDED PRECEDING)) AS connection
FROM (
    SELECT *, coalesce(first - lag(last) OVER (PARTITION BY pair ORDER BY stretch) > $skew, true)::INTEGER AS begins
    FROM (
        SELECT pair, stretch, min(t) AS first, max(t) AS last,
               count(*) FILTER (sends) AS senders,
               count(*) - count(*) FILTER (sends) AS receivers,
               min(hop) FILTER (sends) AS sender,
               count(workload) AS known,
               min(workload) AS one_workload, max(workload) AS other_workload,
               count(via) AS vias, min(via) AS one_via, max(via) AS other_via
        FROM touches GROUP BY pair, stretch
    )
);

CREATE OR REPLACE TEMP TABLE connections AS
SELECT connection,
       sum(senders) AS senders,
       sum(receivers) AS receivers,
       min(sender) AS sender,
       min(one_workload) AS workload,
       min(one_via) AS via,
       sum(known) = sum(senders) AND min(one_workload) = max(other_workload)
           AND (sum(vias) = 0 OR (sum(vias) = sum(senders) AND min(one_via) = max(other_via))) AS one
FROM stretches GROUP BY connection;
