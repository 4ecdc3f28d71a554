-- What tells one line of a ztunnel from others of its kind. Its time is when the connection ended.
SELECT
    (batch.log::BIGINT << 40) | line,
    kind,
    start_time - to_milliseconds(greatest(0, least(coalesce(duration, 0), 604800000))),
    start_time,
    hash(dst_addr),
    hash(src_addr, dialed),
    CASE WHEN src_addr IS NOT NULL THEN hash(ip_of(src_addr), dialed) END,
    NULL,
    sender
FROM batch
JOIN arrived USING (kind)
WHERE concerns(fate)
