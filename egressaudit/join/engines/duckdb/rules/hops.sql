-- Store the lines of a batch that concern egress.
-- In: `batch`, whose signatures have fates. Out: rows of `hops`.
-- A sidecar sends only for its own pod, a ztunnel only for pods on its node: a line that shows another sender proves
-- nothing about anybody, and is left out (`ignored.sql` counts it).
INSERT INTO hops
SELECT
    (signatures.log::BIGINT << 40) | line,
    batch.signature,
    -- ztunnel logs the time at which a connection ended, Envoy the one at which it began: `lasted` gives the other.
    make_timestamp(logged - CASE WHEN is_envoy(signatures.role) THEN 0 ELSE lasted END),
    make_timestamp(logged + CASE WHEN is_envoy(signatures.role) THEN lasted ELSE 0 END),
    sent,
    came,
    nullif(tunnel, 0),
    asked,
    senders.workload
FROM (
    -- `lasted` is in microseconds, and at most a week: longer durations are not believed.
    SELECT *, epoch_us(start_time) AS logged, 1000 * greatest(0, least(coalesce(duration, 0), 604800000)) AS lasted
    FROM batch
) AS batch
JOIN signatures USING (signature)
JOIN logs ON logs.log = signatures.log
LEFT JOIN senders ON senders.sender = batch.sender
LEFT JOIN own_senders AS own ON own.log = signatures.log AND own.sender = batch.sender
WHERE concerns(fate, signatures.role)
  AND NOT is_stranger(signatures.role, came_in, anybody, own.sender, logs.node, senders.node)
