-- The hosts of requests that stayed inside the cluster: as clusters name them, and as senders named them. They
-- are no flows, but a rule may mirror such requests out of the cluster, and the audit must find that.
SELECT named, count(*)
FROM (
    SELECT unnest([host, bare(name)]) AS named FROM signatures WHERE fate = 'inside' AND scheme = 'http'
    UNION ALL
    -- A headless Service's cluster connects to the address that the sender dialed, so no signature has its host.
    SELECT lower(cluster_host) FROM clusters WHERE by_sender AND service <> ''
)
GROUP BY named
