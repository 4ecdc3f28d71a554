-- The hosts of requests that stayed inside: as their clusters name them, and as their senders did.
SELECT named, count(*)
FROM (
    SELECT unnest([host, bare(name)]) AS named FROM signatures WHERE fate = 'inside' AND scheme = 'http'
    UNION ALL
    -- A headless Service's cluster goes where the sender dialed, so no signature has its host.
    SELECT lower(cluster_host) FROM clusters WHERE by_sender AND service <> ''
)
GROUP BY named
