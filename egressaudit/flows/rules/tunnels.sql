-- An address is another pod's after a while: ztunnel names the pod, and only its owner's flows are its own.
CREATE MACRO owned(pod, owner) AS pod IS NULL OR pod = owner;

-- ztunnel pools its tunnels, so the port a waypoint sees is not the workload's: the source's IP, the address within the
-- tunnel and the time must agree. Overlapping connections of one key are one span.

CREATE MACRO ip_of(address) AS CASE
    WHEN starts_with(address, '[') THEN split_part(substr(address, 2), ']', 1)
    ELSE split_part(address, ':', 1)
END;
-- Port 0: Envoy took the address from X-Forwarded-For, which the sender writes.
CREATE MACRO is_socket(address) AS NOT ends_with(address, ':0');

CREATE TEMP TABLE tunnels AS
SELECT hop, ip_of(remote) AS ip, dialed, t - $skew AS since, until + $skew AS until, owners.workload
FROM hops LEFT JOIN owners ON owners.address = ip_of(hops.remote) AND owned(hops.pod, owners.pod)
WHERE role = 'ztunnel' AND fate = 'onward';

CREATE TEMP TABLE spans AS
SELECT ip, dialed, min(since) AS since, max(until) AS until, min(hop) AS hop,
       CASE WHEN count(workload) = count(*) AND min(workload) = max(workload) THEN min(workload) END AS workload
FROM (
    SELECT *, sum(begins) OVER (PARTITION BY ip, dialed ORDER BY since, hop ROWS UNBOUNDED PRECEDING) AS span
    FROM (
        SELECT *, coalesce(since > max(until) OVER (
            PARTITION BY ip, dialed ORDER BY since, hop ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), true)::INTEGER AS begins
        FROM tunnels
    )
)
GROUP BY ip, dialed, span;

CREATE TEMP TABLE waypoint_lines AS
SELECT hop, t, ip_of(remote) AS ip, dialed FROM hops WHERE role = 'waypoint' AND is_socket(remote);

-- Which workload a waypoint's line is about, and a line of its ztunnel.
CREATE TEMP TABLE tunnelled AS
SELECT lines.hop, spans.workload, spans.hop AS sender
FROM waypoint_lines AS lines
ASOF JOIN spans ON lines.ip = spans.ip AND lines.dialed = spans.dialed AND lines.t >= spans.since
WHERE lines.t <= spans.until AND spans.workload IS NOT NULL;

-- Tunnels to a waypoint that has no line for them.
CREATE TEMP TABLE lost_tunnels AS
SELECT tunnels.hop
FROM tunnels
ASOF LEFT JOIN waypoint_lines AS lines
    ON lines.ip = tunnels.ip AND lines.dialed = tunnels.dialed AND tunnels.since <= lines.t
WHERE lines.hop IS NULL OR lines.t > tunnels.until;
