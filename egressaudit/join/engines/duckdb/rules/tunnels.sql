-- ztunnel's tunnels to waypoints. ztunnel pools them, so the source port that a waypoint sees is not the workload's. A
-- waypoint's line belongs to a tunnel if source IP, address within the tunnel and time agree.
-- In: `hops`. Out: `tunnelled`, the workload of each waypoint line; `lost_tunnels`, tunnels without a line.

CREATE TEMP TABLE tunnels AS
SELECT hop, tunnel, t - $skew AS since, until + $skew AS until, sender AS workload
FROM hops JOIN signatures USING (signature) WHERE NOT is_envoy(role) AND fate = 'onward';

-- Overlapping tunnels of one key (source IP and inner address) are one span: which of them a line used cannot be told.
-- The span has a workload only if all of its tunnels have the same one.
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
SELECT hop, t, tunnel, fate FROM hops JOIN signatures USING (signature) WHERE role = 'waypoint' AND tunnel IS NOT NULL;

-- The workload of a waypoint's line, and one line of the ztunnel that proves it.
CREATE TEMP TABLE tunnelled AS
SELECT lines.hop, spans.workload, spans.hop AS sender, lines.fate
FROM waypoint_lines AS lines
ASOF JOIN spans ON lines.tunnel = spans.tunnel AND lines.t >= spans.since
WHERE lines.t <= spans.until AND spans.workload IS NOT NULL;

-- Tunnels that a waypoint has no line for: no line in the tunnel's time, or fewer lines than tunnels in a span. Each
-- tunnel is a connection of its own at the waypoint, which logs every connection or its requests, so one line never
-- answers for two tunnels, however alike they are. Which tunnels of a span lack a line is not known: the last ones
-- stand for them.
CREATE TEMP TABLE lost_tunnels AS
WITH answered AS (
    SELECT tunnels.hop, tunnels.tunnel, tunnels.since, coalesce(lines.t <= tunnels.until, false) AS has_line
    FROM tunnels
    ASOF LEFT JOIN waypoint_lines AS lines ON lines.tunnel = tunnels.tunnel AND tunnels.since <= lines.t
),
in_spans AS (
    SELECT answered.*, spans.hop AS span,
           row_number() OVER (PARTITION BY spans.hop ORDER BY has_line DESC, answered.since, answered.hop) AS place
    FROM answered ASOF JOIN spans ON spans.tunnel = answered.tunnel AND answered.since >= spans.since
),
counted AS (
    SELECT spans.hop AS span, count(*) AS lines
    FROM waypoint_lines AS lines ASOF JOIN spans ON lines.tunnel = spans.tunnel AND lines.t >= spans.since
    WHERE lines.t <= spans.until
    GROUP BY spans.hop
)
SELECT hop FROM in_spans LEFT JOIN counted USING (span) WHERE NOT has_line OR place > coalesce(lines, 0);
