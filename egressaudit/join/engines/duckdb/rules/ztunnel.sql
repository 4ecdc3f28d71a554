-- The facts of ztunnels' lines, one row for each new signature. `judge.fate` decides; this only looks things up.
-- In: `new_signatures`. Out: the columns of `ZtunnelFacts`, then what groups show (host, port, ...).
SELECT
    new.signature, new.log, logs.role,
    coalesce(direction, '') = 'inbound' AS inbound,
    coalesce(message, '') = 'connection failed' AS early,
    coalesce(message, '') = 'connection opened' AS opened,
    bits & 4 = 4 AS moved,
    false AS is_foreign,
    coalesce(places.place, '') AS place,
    dst_hbone_addr IS NOT NULL OR coalesce(places.port, 0) = 15008 AS tunnel,
    -- A tunnel whose inner address is the pod it goes to ends at that pod. A tunnel to a waypoint may have any inner
    -- address, and the waypoint may send it anywhere.
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
FROM new_signatures AS new
JOIN logs USING (log)
LEFT JOIN places ON places.address = dst_addr
LEFT JOIN places AS inner_places ON inner_places.address = dst_hbone_addr
LEFT JOIN hosts ON hosts.host = dst_service
WHERE NOT is_envoy(logs.role) AND (
    message IS DISTINCT FROM 'connection opened'
    -- Written at debug level. What is still open when the log ends has no other line: it counts where it leads out.
    OR (direction = 'outbound' AND dst_hbone_addr IS NULL AND places.port <> 15008 AND places.place = 'outside')
)
