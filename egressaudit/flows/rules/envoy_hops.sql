-- What tells one Envoy line from others of its kind.
SELECT
    (batch.log::BIGINT << 40) | line,
    kind,
    start_time,
    start_time + to_milliseconds(greatest(0, least(coalesce(duration, 0), 604800000))),
    hash(upstream_local_address, upstream_host),
    hash(downstream_remote_address, downstream_local_address),
    CASE WHEN role = 'waypoint' AND is_socket(downstream_remote_address)
        THEN hash(ip_of(downstream_remote_address), downstream_local_address) END,
    hash(method, path, authority),
    sender
FROM batch
JOIN arrived USING (kind)
WHERE concerns(fate)
