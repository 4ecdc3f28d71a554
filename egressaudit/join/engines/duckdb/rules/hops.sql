-- The lines of signatures that concern egress; what tells them apart. A sidecar sends for its own pod and a ztunnel for pods of
-- its own node: a line that says otherwise proves nothing for anybody.
INSERT INTO hops
SELECT
    (signatures.log::BIGINT << 40) | line,
    batch.signature,
    -- A ztunnel writes when a connection has ended, an Envoy when a request or connection begins.
    make_timestamp(logged - CASE WHEN is_envoy(signatures.role) THEN 0 ELSE lasted END),
    make_timestamp(logged + CASE WHEN is_envoy(signatures.role) THEN lasted ELSE 0 END),
    sent,
    came,
    nullif(tunnel, 0),
    asked,
    senders.workload
FROM (
    -- Nothing in a window lasts longer than a week.
    SELECT *, epoch_us(start_time) AS logged, 1000 * greatest(0, least(coalesce(duration, 0), 604800000)) AS lasted
    FROM batch
) AS batch
JOIN signatures USING (signature)
JOIN logs ON logs.log = signatures.log
LEFT JOIN senders ON senders.sender = batch.sender
LEFT JOIN own_senders AS own ON own.log = signatures.log AND own.sender = batch.sender
WHERE concerns(fate, signatures.role)
  AND NOT is_stranger(signatures.role, came_in, anybody, own.sender, logs.node, senders.node)
