-- How many lines of a batch `hops.sql` does not keep, by log and reason: `inbound`, `inside`, or `foreign` (another
-- pod's sockets).
SELECT signatures.log,
       CASE WHEN fate <> 'inbound'
                 AND is_stranger(signatures.role, came_in, anybody, own.sender, logs.node, senders.node)
            THEN 'foreign' ELSE fate END AS why,
       count(*)
FROM batch
JOIN signatures USING (signature)
JOIN logs ON logs.log = signatures.log
LEFT JOIN senders ON senders.sender = batch.sender
LEFT JOIN own_senders AS own ON own.log = signatures.log AND own.sender = batch.sender
WHERE fate IN ('inbound', 'inside', 'foreign')
   OR is_stranger(signatures.role, came_in, anybody, own.sender, logs.node, senders.node)
GROUP BY ALL
