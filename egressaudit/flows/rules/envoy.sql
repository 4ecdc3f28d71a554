-- A batch of clean Envoy lines, each with its fate.
-- Between quotes of REQ and address columns Envoy writes what it took from its sockets and clusters; `method`, `path`,
-- `authority` and `requested_server_name` are the sender's.
SELECT
    (log::BIGINT << 40) | line AS hop,
    log,
    role,
    t, until,
    envoy_fate(role, inbound, refused, connected, own, kind, host, class, service) AS fate,
    envoy_reason(fate, refused, connected, class, service) AS reason,
    connected AS arrived,
    own, reached, remote, dialed, asked, host, port, name, NULL AS pod, scheme
FROM (
    SELECT
        log,
        role,
        line,
        start_time AS t,
        t + to_milliseconds(greatest(0, least(coalesce(duration, 0), 604800000))) AS until,
        -- A sidecar also logs what comes in. Without a cluster only the socket tells: the pod's own is going out.
        role = 'sidecar' AND (
            coalesce(cluster_kind IN ('inbound', 'inbound-passthrough'), false)
            OR (cluster_kind IS NULL AND NOT list_bool_or(
                list_transform(logs.prefixes, lambda prefix: starts_with(coalesce(downstream_remote_address, ''), prefix))
            ))
        ) AS inbound,
        refusal(cluster_kind, route_name, coalesce(response_code_details, ''), coalesce(connection_termination_details, '')) AS refused,
        method IS NOT NULL OR path IS NOT NULL OR protocol IS NOT NULL AS request,
        connected(request, upstream_host, upstream_local_address, response_flags, response_code_details) AS connected,
        upstream_local_address AS own,
        upstream_host AS reached,
        downstream_remote_address AS remote,
        downstream_local_address AS dialed,
        hash(method, path, authority) AS asked,
        cluster_kind AS kind,
        lower(cluster_host) AS host,
        cluster_port::INTEGER AS port,
        -- Between two proxies the server name is theirs: outbound_.80_._.host.
        CASE WHEN request THEN lower(authority)
             WHEN NOT starts_with(requested_server_name, 'outbound_.') THEN lower(requested_server_name) END AS name,
        CASE WHEN request THEN 'http' WHEN name IS NOT NULL THEN 'https' ELSE 'tcp' END AS scheme,
        places.class AS class,
        hosts.service AS service
    FROM batch
    JOIN logs USING (log)
    LEFT JOIN places ON places.address = batch.upstream_host
    LEFT JOIN hosts ON hosts.host = batch.cluster_host
    WHERE clean
)
