-- Who opened each connection: one workload, in one way, or nobody can tell. Run again until nothing new is known: a
-- gateway that hands on to another sends for the workload of its own connection.
CREATE OR REPLACE TEMP TABLE connections AS
SELECT connection,
       count(*) FILTER (sends) AS senders,
       count(*) FILTER (NOT sends) AS receivers,
       min(hop) FILTER (sends) AS sender,
       min(workload) FILTER (sends) AS workload,
       min(via) FILTER (sends) AS via,
       bool_and(workload IS NOT NULL) FILTER (sends)
           AND min(workload) FILTER (sends) = max(workload) FILTER (sends)
           AND min(via) FILTER (sends) = max(via) FILTER (sends) AS one
FROM ends GROUP BY connection;
