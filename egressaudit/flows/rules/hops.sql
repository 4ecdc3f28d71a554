-- The lines of kinds that concern egress; what tells them apart.
INSERT INTO hops
SELECT
    (log::BIGINT << 40) | line,
    kind,
    -- A ztunnel writes when a connection has ended, an Envoy when a request or connection begins.
    make_timestamp(said - CASE WHEN role = 'ztunnel' THEN lasted ELSE 0 END),
    make_timestamp(said + CASE WHEN role = 'ztunnel' THEN 0 ELSE lasted END),
    sent,
    came,
    nullif(tunnel, 0),
    asked,
    workload
FROM (
    -- Nothing in a window lasts longer than a week.
    SELECT *, epoch_us(start_time) AS said, 1000 * greatest(0, least(coalesce(duration, 0), 604800000)) AS lasted
    FROM batch
)
JOIN kinds USING (kind)
LEFT JOIN senders USING (sender)
WHERE concerns(fate)
