-- What one line says became of its flow, as far as this proxy saw it.
--
--   inbound    to the pod itself, internal  to another place in the mesh: counted, and no concern of an egress audit
--   gone-pod   to a pod that the snapshot does not have any more: the same
--   onward     handed to a gateway or waypoint: what it did says its own line
--   left       out of the mesh through this gateway or waypoint
--   direct     out of the mesh from the source, to a host that its proxy knows
--   passthrough  out of the mesh from the source, to a host that it does not know
--   blocked    refused by mesh policy
--   failed     nothing left: no upstream, or it could not be reached
--   unknown    none of these is proven; `reason` says why

CREATE MACRO concerns(fate) AS fate NOT IN ('inbound', 'internal', 'gone-pod');

-- Envoy: a filled cluster name alone proves nothing, RBAC denials and failed connects have one too.
CREATE MACRO refusal(kind, route, details, ended) AS CASE
    WHEN kind = 'blackhole' THEN 'black-hole-cluster'
    WHEN route = 'block_all' AND details = 'direct_response' THEN 'block-all-route'
    WHEN starts_with(details, 'rbac_access_denied') OR starts_with(ended, 'rbac_access_denied') THEN 'authorization-policy'
END;

-- `own`: whether it had a socket of its own to there.
CREATE MACRO connected(request, reached, own, flags, details) AS
    reached IS NOT NULL AND own AND flags IS NULL AND (NOT request OR coalesce(details, '') = 'via_upstream');

CREATE MACRO gone_pod(service, class) AS service = 'pods-only' AND class IN ('vacant', 'vacant-tunnel');

CREATE MACRO envoy_fate(role, inbound, refused, connected, own, kind, host, class, service) AS CASE
    WHEN inbound THEN 'inbound'
    WHEN refused IS NOT NULL THEN 'blocked'
    WHEN class = 'proxy' THEN CASE WHEN own THEN 'onward' ELSE 'failed' END
    WHEN class IS NULL THEN CASE WHEN service IN ('pods', 'pods-only', 'gone') THEN 'internal' ELSE 'failed' END
    -- A host outside the mesh at an address inside it: whoever stands there may pass it on, unseen. A gateway's Service
    -- at the address of another pod: the gateway's pod was replaced, and its address given away.
    WHEN class = 'inside' THEN
        CASE WHEN kind IN ('outbound', 'inbound-vip') AND coalesce(service IN ('gateway', 'gone'), true) THEN 'unknown'
             ELSE 'internal' END
    -- Behind a Service that only pods are behind, at an address among theirs. A waypoint reaches pods through tunnels.
    WHEN gone_pod(service, class) AND (kind = 'inbound-vip' OR (kind = 'outbound' AND class = 'vacant')) THEN 'gone-pod'
    WHEN service = 'api-server' AND class = 'api-server' THEN 'internal'
    -- A pod that is gone, or no pod: a WorkloadEntry, a ServiceEntry of the same host or an EndpointSlice made by hand puts
    -- any address behind a Service (istio/istio pilot/pkg/serviceregistry/serviceentry).
    WHEN service IN ('pods', 'pods-only', 'gateway', 'gone') OR class IN ('odd', 'vacant-tunnel') THEN 'unknown'
    WHEN role <> 'sidecar' AND (host IS NULL OR kind NOT IN ('outbound', 'inbound-vip')) THEN 'unknown'
    WHEN role <> 'sidecar' THEN CASE WHEN connected THEN 'left' ELSE 'failed' END
    WHEN kind IN ('passthrough', 'dynamic-dns') THEN 'passthrough'
    ELSE 'direct'
END;

CREATE MACRO envoy_reason(fate, refused, connected, class, service) AS CASE
    WHEN fate = 'blocked' THEN refused
    WHEN fate = 'failed' AND class = 'proxy' THEN 'gateway-not-reached'
    WHEN fate = 'failed' AND class IS NULL THEN 'no-upstream'
    WHEN fate = 'failed' THEN 'upstream-failed'
    WHEN fate = 'unknown' AND service = 'gateway' THEN 'gateway-replaced'
    WHEN fate = 'unknown' AND service = 'gone' THEN 'service-gone'
    WHEN fate = 'unknown' AND service IN ('pods', 'pods-only') THEN 'not-a-pod'
    WHEN fate = 'unknown' AND class = 'inside' THEN 'inside-address'
    WHEN fate = 'unknown' AND class IN ('odd', 'vacant-tunnel') THEN 'no-address'
    WHEN fate = 'unknown' THEN 'gateway-cluster'
    WHEN fate IN ('direct', 'passthrough') AND NOT connected THEN 'not-answered'
    ELSE ''
END;

-- ztunnel: inbound lines are the destination's; a waypoint is reached at HBONE's port alone.
-- It gave up before it had a place to connect to (istio/ztunnel src/proxy.rs, enum Error).
CREATE MACRO nowhere(error) AS coalesce(
    regexp_matches(error, '^(no healthy upstream|no valid routing destination|unknown waypoint|dns lookup|dns: |'
        || 'requested service .* cannot resolve port|failed to fetch information about local workload|'
        || 'attempted recursive call)'),
    false);

-- A waypoint also takes what goes to a Service, and may send it anywhere: ztunnel's tunnel to a pod ends at that pod.
CREATE MACRO at_its_end(address, port, within) AS
    port <> 15008 OR coalesce(starts_with(within, regexp_replace(address, '[0-9]+$', '')), false);

CREATE MACRO ztunnel_fate(direction, error, class, port, host, service, address, within) AS CASE
    WHEN direction = 'inbound' THEN 'inbound'
    WHEN starts_with(error, 'connection closed due to policy rejection') THEN 'blocked'
    WHEN nowhere(error) THEN 'failed'
    WHEN class = 'proxy' AND port = 15008 THEN CASE WHEN error IS NULL THEN 'onward' ELSE 'failed' END
    WHEN class IN ('inside', 'proxy') THEN
        CASE WHEN host IS NOT NULL AND coalesce(service IN ('gateway', 'gone'), true) AND NOT (class = 'proxy'
             AND service = 'gateway') THEN 'unknown' ELSE 'internal' END
    WHEN class IS NULL OR class IN ('odd', 'vacant-tunnel') THEN 'unknown'
    WHEN gone_pod(service, class) AND at_its_end(address, port, within) THEN 'gone-pod'
    WHEN service = 'api-server' AND class = 'api-server' THEN 'internal'
    WHEN service IN ('pods', 'pods-only', 'gateway', 'gone') THEN 'unknown'
    WHEN host IS NULL THEN 'passthrough'
    ELSE 'direct'
END;

CREATE MACRO ztunnel_reason(fate, error, class, service) AS CASE
    WHEN fate = 'blocked' THEN 'authorization-policy'
    WHEN fate = 'failed' THEN CASE WHEN nowhere(error) THEN 'no-upstream' ELSE 'gateway-not-reached' END
    WHEN fate = 'unknown' AND service = 'gateway' THEN 'gateway-replaced'
    WHEN fate = 'unknown' AND service = 'gone' THEN 'service-gone'
    WHEN fate = 'unknown' AND service IN ('pods', 'pods-only') THEN 'not-a-pod'
    WHEN fate = 'unknown' AND class IN ('inside', 'proxy') THEN 'inside-address'
    WHEN fate = 'unknown' THEN 'no-address'
    WHEN fate IN ('direct', 'passthrough') AND error IS NOT NULL THEN 'not-answered'
    ELSE ''
END;

-- How hops are tied together. Sockets tell connections apart; hashes of them are shorter than their text.
CREATE MACRO ip_of(address) AS CASE
    WHEN starts_with(address, '[') THEN split_part(substr(address, 2), ']', 1)
    ELSE split_part(address, ':', 1)
END;
CREATE MACRO bare(name) AS CASE WHEN contains(name, ':') THEN regexp_replace(name, ':[0-9]+$', '') ELSE name END;
