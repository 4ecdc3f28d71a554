-- The facts of Envoy's lines, one row for each new signature. `judge.fate` decides on them; this only looks things up.
-- In: `new_signatures`. Out: the columns of `EnvoyFacts`, then what groups show (host, port, name, ...).
-- Trust: methods, paths, authorities and server names are whatever the sender wrote. All other columns are what Envoy
-- itself took from its sockets and clusters.
SELECT
    new.signature, new.log, logs.role,
    request, own, moved,
    foreign_to(mine.log, sent.ip) OR (logs.role = 'egress-gateway' AND foreign_to(here.log, dialed_at.ip)) AS is_foreign,
    -- A sidecar also logs incoming requests. Without a cluster only the peer's socket shows the direction: if the peer
    -- is the pod itself, the request was going out.
    logs.role = 'sidecar' AND (
        coalesce(cluster_kind IN ('inbound', 'inbound-passthrough'), false)
        OR (cluster_kind IS NULL AND theirs.log IS NULL)
    ) AS came_in,
    coalesce(places.place, '') AS place,
    coalesce(cluster_kind, '') AS cluster_kind,
    cluster_host IS NOT NULL AS has_host,
    -- Where the sender chose the address, an address outside is no endpoint of the Service that it named.
    CASE WHEN by_sender AND places.place = 'outside' THEN '' ELSE coalesce(clusters.service, '') END AS service,
    request AND NOT single AND coalesce(mixed, false) AS mixed,
    coalesce(route_name, '') = 'block_all' AS block_all,
    coalesce(response_flags, '') AS flags,
    coalesce(response_code_details, '') AS details,
    coalesce(connection_termination_details, '') AS ended,
    -- If the sender chose the address, the cluster's host does not prove where it went: it is only a name.
    -- If the proxy resolved the name that was asked for, a wildcard host stands for exactly that name.
    CASE
        WHEN by_sender THEN NULL
        WHEN by_name AND starts_with(cluster_host, '*.') AND ends_with(bare(lower(asked_name)), lower(substr(cluster_host, 2)))
            THEN bare(lower(asked_name))
        ELSE lower(cluster_host)
    END AS host,
    -- The port is the Service's, too.
    CASE WHEN by_sender AND places.place = 'outside' AND clusters.service <> '' THEN NULL ELSE cluster_port END AS port,
    upstream_host AS reached,
    downstream_local_address AS dialed,
    -- Between two proxies the SNI is Istio's own (outbound_.80_._.host) and says nothing about the request.
    coalesce(
        CASE WHEN request OR NOT starts_with(asked_name, 'outbound_.') THEN lower(asked_name) END,
        CASE WHEN by_sender THEN lower(cluster_host) END
    ) AS name,
    CASE WHEN request THEN 'http' WHEN asked_name IS NOT NULL THEN 'https' ELSE 'tcp' END AS scheme
FROM (
    SELECT *,
           bits & 1 = 1 AS request, bits & 2 = 2 AS own, bits & 4 = 4 AS moved, bits & 8 = 8 AS single,
           regexp_replace(downstream_local_address, '[0-9]+$', '') AS dialed_prefix,
           regexp_replace(remote, '[0-9]+$', '') AS remote_prefix
    FROM new_signatures
) AS new
JOIN logs USING (log)
LEFT JOIN clusters ON clusters.cluster = upstream_cluster
LEFT JOIN places ON places.address = upstream_host
LEFT JOIN sockets AS sent ON sent.prefix = own_prefix
LEFT JOIN sockets AS dialed_at ON dialed_at.prefix = dialed_prefix
LEFT JOIN sockets AS far ON far.prefix = remote_prefix
LEFT JOIN own AS mine ON mine.log = new.log AND mine.ip = sent.ip
LEFT JOIN own AS here ON here.log = new.log AND here.ip = dialed_at.ip
LEFT JOIN own AS theirs ON theirs.log = new.log AND theirs.ip = far.ip
WHERE is_envoy(logs.role)
