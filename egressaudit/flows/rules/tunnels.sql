-- ztunnel pools its tunnels, so the port a waypoint sees is not the workload's: the source's IP, the address within the
-- tunnel and the time must agree. Overlapping connections of one key are one span.

CREATE TEMP TABLE tunnels AS
SELECT hop, tunnel, t - $skew AS since, until + $skew AS until, sender AS workload
FROM hops JOIN kinds USING (kind) WHERE role = 'ztunnel' AND fate = 'onward';

CREATE TEMP TABLE spans AS
SELECT tunnel, min(since) AS since, max(until) AS until, min(hop) AS hop,
       CASE WHEN count(workload) = count(*) AND min(workload) = max(workload) THEN min(workload) END AS workload
FROM (
    SELECT *, sum(begins) OVER (PARTITION BY tunnel ORDER BY since, hop ROWS UNBOUNDED PRECEDING) AS span
    FROM (
        SELECT *, coalesce(since > max(until) OVER (
            PARTITION BY tunnel ORDER BY since, hop ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), true)::INTEGER AS begins
        FROM tunnels
    )
)
GROUP BY tunnel, span;

CREATE TEMP TABLE waypoint_lines AS
SELECT hop, t, tunnel, fate FROM hops JOIN kinds USING (kind) WHERE role = 'waypoint' AND tunnel IS NOT NULL;

-- Which workload a waypoint's line is about, and a line of its ztunnel.
CREATE TEMP TABLE tunnelled AS
SELECT lines.hop, spans.workload, spans.hop AS sender, lines.fate
FROM waypoint_lines AS lines
ASOF JOIN spans ON lines.tunnel = spans.tunnel AND lines.t >= spans.since
WHERE lines.t <= spans.until AND spans.workload IS NOT NULL;

-- Tunnels to a waypoint that has no line for them.
CREATE TEMP TABLE lost_tunnels AS
SELECT tunnels.hop
FROM tunnels
ASOF LEFT JOIN waypoint_lines AS lines ON lines.tunnel = tunnels.tunnel AND tunnels.since <= lines.t
WHERE lines.hop IS NULL OR lines.t > tunnels.until;
