-- The facts of clean lines of ztunnels, by kind.
SELECT
    new.kind, new.log, logs.role,
    coalesce(direction, '') = 'inbound' AS inbound,
    coalesce(message, '') = 'connection failed' AS early,
    coalesce(message, '') = 'connection opened' AS opened,
    bits & 4 = 4 AS moved,
    false AS is_foreign,
    coalesce(places.place, '') AS place,
    dst_hbone_addr IS NOT NULL OR coalesce(places.port, 0) = 15008 AS tunnel,
    -- A waypoint also takes what goes to a Service, and may send it anywhere: ztunnel's tunnel to a pod ends at that pod.
    coalesce(places.ip = inner_places.ip, false) AS ends_there,
    dst_service IS NOT NULL AS has_host,
    coalesce(hosts.service, '') AS service,
    coalesce(error, '') AS error,
    lower(dst_service) AS host,
    NULL::INTEGER AS port,
    dst_addr AS reached,
    coalesce(dst_hbone_addr, dst_addr) AS dialed,
    NULL::VARCHAR AS name,
    NULL::VARCHAR AS scheme
FROM new_kinds AS new
JOIN logs USING (log)
LEFT JOIN places ON places.address = dst_addr
LEFT JOIN places AS inner_places ON inner_places.address = dst_hbone_addr
LEFT JOIN hosts ON hosts.host = dst_service
WHERE NOT is_envoy(logs.role) AND (
    message IS DISTINCT FROM 'connection opened'
    -- Written at debug level. What is still open when the log ends has no other line: it counts where it leads out.
    OR (direction = 'outbound' AND dst_hbone_addr IS NULL AND places.port <> 15008 AND places.place = 'outside')
)
