-- A batch of clean lines of ztunnels, each with its fate. Its time is when the connection ended.
SELECT
    (log::BIGINT << 40) | line AS hop,
    log,
    'ztunnel' AS role,
    until - to_milliseconds(greatest(0, least(coalesce(duration, 0), 604800000))) AS t,
    until,
    ztunnel_fate(direction, error, class, port, dst_service, service) AS fate,
    ztunnel_reason(fate, error, class, service) AS reason,
    error IS NULL AS arrived,
    NULL AS own,
    dst_addr AS reached,
    src_addr AS remote,
    coalesce(dst_hbone_addr, dst_addr) AS dialed,
    NULL AS asked,
    lower(dst_service) AS host,
    NULL::INTEGER AS port,
    NULL AS name,
    src_namespace || '/' || src_workload AS pod,
    NULL AS scheme
FROM (
    SELECT batch.*, start_time AS until, places.class, places.port, hosts.service
    FROM batch
    LEFT JOIN places ON places.address = batch.dst_addr
    LEFT JOIN hosts ON hosts.host = batch.dst_service
    WHERE clean AND message <> 'connection opened'
)
