-- What a gateway hands on, it sends for the workload whose connection it came by.
UPDATE ends SET workload = found.workload, via = found.via
FROM (
    SELECT outgoing.hop, connections.workload, concat_ws('|', nullif(connections.via, ''), logs.gateway) AS via
    FROM ends AS outgoing
    JOIN ends AS incoming ON incoming.hop = outgoing.hop AND NOT incoming.sends
    JOIN connections ON connections.connection = incoming.connection AND connections.one
    JOIN logs ON logs.log = outgoing.hop >> 40
    WHERE outgoing.sends AND outgoing.workload IS NULL
) AS found
WHERE ends.hop = found.hop AND ends.sends
