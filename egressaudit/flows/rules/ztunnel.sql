-- Kinds of clean lines of ztunnels, each with its fate.
SELECT
    kind,
    log,
    'ztunnel' AS role,
    ztunnel_fate(direction, error, class, port, dst_service, service, dst_addr, dst_hbone_addr) AS fate,
    ztunnel_reason(fate, error, class, service) AS reason,
    error IS NULL AS arrived,
    lower(dst_service) AS host,
    NULL::INTEGER AS port,
    dst_addr AS reached,
    coalesce(dst_hbone_addr, dst_addr) AS dialed,
    NULL AS name,
    NULL AS scheme
FROM (
    SELECT new_kinds.*, places.class, places.port, hosts.service
    FROM new_kinds
    JOIN logs USING (log)
    LEFT JOIN places ON places.address = dst_addr
    LEFT JOIN hosts ON hosts.host = dst_service
    WHERE role = 'ztunnel' AND message <> 'connection opened'
)
