-- Flows that are alike, counted. Nothing in it depends on the order of lines or logs.
SELECT
    t >= $start AND t < $end AS inside,
    coalesce(workload, -1) AS workload,
    CASE
        WHEN fate = 'left' AND confidence = 'reported' THEN 'unattributed'
        WHEN fate = 'left' AND role = 'waypoint' THEN 'via-waypoint'
        WHEN fate = 'left' THEN 'via-gateway'
        ELSE fate
    END AS path,
    reason,
    via,
    confidence,
    -- A host that no cluster names is only what the sender says: the address is what is known.
    coalesce(host, places.ip, ip_of(dialed), '') AS host,
    coalesce(flows.port, CASE WHEN host IS NULL THEN places.port END, try_cast(regexp_extract(dialed, ':([0-9]+)$', 1) AS INTEGER)) AS port,
    scheme,
    count(*) AS flows,
    min(t) AS first,
    max(t) AS last,
    min(DISTINCT bare(name), 6) FILTER (
        name IS NOT NULL
        AND (host IS NULL OR (bare(name) <> host AND NOT (starts_with(host, '*.') AND ends_with(bare(name), substr(host, 2)))))
    ) AS names,
    min({'t': t, 'hop': hop, 'sender': sender}, $evidence) AS evidence
FROM flows LEFT JOIN places ON places.address = flows.reached
GROUP BY ALL
ORDER BY ALL
