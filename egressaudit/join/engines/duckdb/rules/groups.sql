-- Flows that are alike, counted: the rows of `FlowGroup`.
-- In: `flows`. Out: e.g. workload 3, via-gateway, docs.example.com, 443, 1200 flows, first, last, three lines of
-- evidence. The spread is rules/spread.sql, or NULL where nobody asked.
-- A flow belongs to every window that it overlaps, because a proxy writes its line only when the flow has
-- ended. The result does not depend on the order of lines or logs: reports of the same logs must be the same bytes.
WITH counted AS (
    SELECT until >= $start AND t < $end AS inside, signature, ending, workload, before, confidence,
           count(*) AS flows, min(t) AS first, max(t) AS last,
           min({'t': t, 'hop': hop, 'sender': sender}, $evidence) AS evidence,
           $spread AS spread
    FROM flows GROUP BY ALL
),
described AS (
    SELECT counted.* EXCLUDE (workload), coalesce(counted.workload, -1) AS workload, signatures.role, scheme, dialed,
           CASE ending WHEN 'no-gateway-line' THEN 'unknown' WHEN 'nothing-sent' THEN 'failed' ELSE path END AS path,
           coalesce(ending, '') IN ('no-gateway-line', 'nothing-sent') AS cut,
           coalesce(ending, signatures.reason) AS reason,
           concat_ws('|', nullif(before, ''), CASE WHEN NOT cut THEN logs.gateway END) AS via,
           -- A line that forwards names the next proxy's cluster, not the request's destination.
           CASE WHEN NOT cut OR NOT is_envoy(signatures.role) THEN signatures.host END AS host,
           CASE WHEN NOT cut THEN signatures.port END AS port,
           CASE WHEN NOT cut THEN reached END AS reached,
           bare(signatures.name) AS name
    FROM counted JOIN signatures USING (signature) JOIN logs USING (log)
)
SELECT
    inside,
    workload,
    CASE WHEN path IN ('via-gateway', 'via-waypoint') AND confidence = 'reported' THEN 'unattributed' ELSE path END AS path,
    reason,
    via,
    confidence,
    -- A host that no cluster names is only the sender's claim: show the address, which the proxy itself saw.
    coalesce(host, places.ip, ip_of(dialed), '') AS host,
    coalesce(described.port, CASE WHEN host IS NULL THEN places.port END, try_cast(regexp_extract(dialed, ':([0-9]+)$', 1) AS INTEGER)) AS port,
    scheme,
    sum(flows)::BIGINT AS flows,
    min(first) AS first,
    max(last) AS last,
    list_sort(list(DISTINCT name) FILTER (name IS NOT NULL AND (
        host IS NULL OR (name <> host AND NOT (starts_with(host, '*.') AND ends_with(name, substr(host, 2))))
    ))) AS names,
    places.ip,
    places.port,
    list_slice(list_sort(flatten(list(evidence))), 1, $evidence) AS evidence,
    list(spread) AS spreads
FROM described LEFT JOIN places ON places.address = described.reached
GROUP BY ALL
ORDER BY ALL
