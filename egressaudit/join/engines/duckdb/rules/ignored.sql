-- How many lines of a batch are not kept, by their log and why.
SELECT kinds.log,
       CASE WHEN fate <> 'inbound'
                 AND is_stranger(kinds.role, came_in, anybody, own.sender, logs.node, senders.node)
            THEN 'foreign' ELSE fate END AS why,
       count(*)
FROM batch
JOIN kinds USING (kind)
JOIN logs ON logs.log = kinds.log
LEFT JOIN senders ON senders.sender = batch.sender
LEFT JOIN own_senders AS own ON own.log = kinds.log AND own.sender = batch.sender
WHERE fate IN ('inbound', 'inside', 'foreign')
   OR is_stranger(kinds.role, came_in, anybody, own.sender, logs.node, senders.node)
GROUP BY ALL
