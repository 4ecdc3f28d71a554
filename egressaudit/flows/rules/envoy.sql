-- Kinds of clean Envoy lines, each with its fate. What a line says of methods, paths, authorities and server names is its
-- sender's; the other columns are what Envoy took from its sockets and clusters.
SELECT
    kind, log, role,
    envoy_fate(role, inbound, refused, connected, own, cluster_kind, host, class, service) AS fate,
    envoy_reason(fate, refused, connected, class, service) AS reason,
    connected AS arrived,
    host, port, reached, dialed, name, scheme
FROM (
    SELECT
        log,
        role,
        -- A sidecar also logs what comes in. Without a cluster only the socket tells: the pod's own is going out.
        role = 'sidecar' AND (
            coalesce(cluster_kind IN ('inbound', 'inbound-passthrough'), false)
            OR (cluster_kind IS NULL AND NOT list_bool_or(
                list_transform(logs.prefixes, lambda prefix: starts_with(coalesce(remote, ''), prefix))
            ))
        ) AS inbound,
        refusal(cluster_kind, route_name, coalesce(response_code_details, ''), coalesce(connection_termination_details, '')) AS refused,
        own,
        connected(request, upstream_host, own, response_flags, response_code_details) AS connected,
        cluster_kind,
        lower(cluster_host) AS host,
        cluster_port AS port,
        upstream_host AS reached,
        downstream_local_address AS dialed,
        -- Between two proxies the server name is theirs: outbound_.80_._.host.
        CASE WHEN request OR NOT starts_with(said, 'outbound_.') THEN lower(said) END AS name,
        CASE WHEN request THEN 'http' WHEN name IS NOT NULL THEN 'https' ELSE 'tcp' END AS scheme,
        places.class AS class,
        hosts.service AS service,
        kind
    FROM (SELECT *, bits & 1 = 1 AS request, bits & 2 = 2 AS own FROM new_kinds)
    JOIN logs USING (log)
    LEFT JOIN clusters ON clusters.cluster = upstream_cluster
    LEFT JOIN places ON places.address = upstream_host
    LEFT JOIN hosts ON hosts.host = cluster_host
    WHERE role <> 'ztunnel'
)
