"""What each fault of the configuration does to traffic for the host.

In: a `Fault`, the path that is declared, and whether unknown hosts are blocked. Out: an `Effect`, e.g. AROUND for
`mesh-gateway-missing`: a sidecar that does not follow the rules sends the host straight out.

AROUND is only what leads around a gateway or waypoint whatever else the configuration has; in doubt it is OPEN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from egressaudit.model import Fault, Path
from egressaudit.model.analysis import Effect

_AROUND, _FAILS, _UNSEEN, _OPEN = Effect.AROUND, Effect.FAILS, Effect.UNSEEN, Effect.OPEN

EFFECTS: Mapping[str, Effect] = {
    # the host and its ServiceEntries
    "host-not-registered": _OPEN,
    "port-not-claimed": _OPEN,
    "port-not-registered": _OPEN,
    "protocol-differs": _OPEN,
    # what is visible
    "not-exported": _OPEN,
    "not-exported-to-gateway": _FAILS,
    "not-imported": _OPEN,
    "condition-false": _OPEN,
    # the source itself
    "not-captured": _AROUND,
    # from the mesh to a gateway
    "mesh-gateway-missing": _AROUND,
    "rival-rule": _OPEN,
    "rule-shadowed": _OPEN,
    "rule-blind": _AROUND,
    "conditional": _OPEN,
    "sni-hosts-missing": _AROUND,
    "other-source-labels": _AROUND,
    "other-source-namespace": _AROUND,
    "matched-port-missing": _AROUND,
    "destination-missing": _FAILS,
    "subset-undefined": _FAILS,
    "service-port-missing": _FAILS,
    "sent-around-gateway": _AROUND,
    "not-sent-to-gateway": _AROUND,
    # from a gateway to the host
    "gateway-missing": _FAILS,
    "parent-missing": _OPEN,
    "gateway-not-listed": _FAILS,
    "gateway-selects-others": _FAILS,
    "server-missing": _FAILS,
    "served-on-other-port": _FAILS,
    "forwarded-on-other-port": _FAILS,
    "not-forwarded": _FAILS,
    "namespace-not-allowed": _FAILS,
    # waypoints
    "waypoints-differ": _OPEN,
    "waypoint-missing": _AROUND,
    "waypoint-class-differs": _OPEN,
    "waypoint-for-others": _AROUND,
    "waypoint-not-bound": _AROUND,
    "sidecar-skips-waypoint": _AROUND,
    "ambient-skips-routes": _AROUND,
    "waypoint-unbound": _AROUND,
    "waypoint-needs-address": _AROUND,
    "waypoint-skipped-for-endpoint": _AROUND,
    "waypoint-unreachable": _FAILS,
    "waypoint-serves-one-of": _OPEN,
    "status-differs": _OPEN,
    # the way that istiod makes
    "sent-to-other-host": _OPEN,
    "sent-past-gateway": _AROUND,
    "cluster-missing": _FAILS,
    "not-listening": _FAILS,
    "server-name-not-served": _FAILS,
    "no-route-at-gateway": _FAILS,
    "other-tls-at-gateway": _FAILS,
    "not-http-at-gateway": _FAILS,
    # the gateway or waypoint itself
    "no-ready-pod": _FAILS,
    "use-denied": _FAILS,
    "use-limited": _OPEN,
    "patched": _OPEN,
    "logging-off": _UNSEEN,
    "logging-filtered": _UNSEEN,
}
"""By slug. Waypoints fail open: istiod gives ztunnel none that is missing, that does not admit the host or that is for
workloads alone, and ztunnel then sends directly (istio/istio pilot/pkg/serviceregistry/kube/controller/ambient,
waypoints.go fetchWaypointForTarget; ztunnel src/proxy/outbound.rs)."""


def effect_of(fault: Fault, path: Path | None, blocks_unknown: Callable[[], bool]) -> Effect:
    """What a fault does where this path is declared. `blocks_unknown`: whether a sidecar blocks what it does not know.

    It is asked only where it matters, for it is slow to say.
    """
    if path is Path.VIA_WAYPOINT and fault.slug == "namespace-not-allowed":
        return _AROUND
    if fault.slug in ("not-exported", "not-imported"):
        # A hidden ServiceEntry is OPEN: on port 80 a sidecar also follows rules for hosts that it does not know
        # (istio/istio pilot/pkg/networking/core/route/route.go, separateVSHostsAndServices).
        hides_rule = fault.objects[-1:] and fault.objects[-1].startswith("VirtualService ")
        return _AROUND if hides_rule and path is Path.VIA_GATEWAY else _OPEN
    if fault.slug == "port-not-registered" and path is Path.VIA_GATEWAY:
        return _OPEN if blocks_unknown() else _AROUND
    return EFFECTS.get(fault.slug, _OPEN)
