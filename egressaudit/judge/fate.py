"""What became of the request or connection that one line is about: the one place that decides it.

Each fate needs positive proof. Flags say how something ended, never whether it left: `200 DC`, `504 UT` and `0 UR`
all left (envoyproxy/envoy source/common/stream_info/utility.h; lines of Envoy 1.40).

| fate            | proof                                                                                            |
|-----------------|--------------------------------------------------------------------------------------------------|
| `not-left`      | no upstream address was chosen, or no connection was made (UF, no own socket, no answer)         |
| `refused`       | no upstream address was chosen, and a policy of the mesh says so                                 |
| `left`          | an own socket or an answer, and the upstream's address is proven to be outside                   |
| `may-have-left` | an address was chosen, and it is not proven that no connection was made; or it is unclear where   |
| `onward`        | sent to a proxy whose role is proven: that proxy's own line says what happened next              |
| `inside`        | to an address that is proven to be in the cluster                                                |
| `inbound`       | to the pod itself                                                                                |
| `foreign`       | the line has another pod's sockets: it proves nothing about this one                             |

In: `EnvoyFacts` or `ZtunnelFacts`. Out: `LineFate`. Example: `503 UH` with no upstream address is
`LineFate(Fate.NOT_LEFT, Path.FAILED, "no-upstream")`.
"""

from __future__ import annotations

from functools import lru_cache

from egressaudit.join.line_facts import EnvoyFacts, Fate, LineFate, ZtunnelFacts
from egressaudit.mesh.places import Place
from egressaudit.model import Path

MAY_HAVE_LEFT = "may-have-left"
"""The reason of a line that chose an address outside and does not say whether a connection was made."""

STILL_OPEN = "still-open"
"""The same of a connection of which only its beginning is logged."""

OTHER_ENDPOINTS = "other-endpoints"
"""The reason of a line that shows only the last attempt, while an earlier one may have gone elsewhere: no PASS."""

_INBOUND = LineFate(Fate.INBOUND)
_INSIDE = LineFate(Fate.INSIDE)
_FOREIGN = LineFate(Fate.FOREIGN)
_ONWARD = LineFate(Fate.ONWARD)


@lru_cache(maxsize=65536)
def fate_of(facts: EnvoyFacts | ZtunnelFacts) -> LineFate:
    """The fate of a line with these facts. Pure and total: every combination has an answer."""
    return _of_envoy(facts) if isinstance(facts, EnvoyFacts) else _of_ztunnel(facts)


# ---------------------------------------------------------------- Envoy

_REFUSALS = (
    ("rbac_access_denied", "authorization-policy"),
    ("ext_authz_", "external-authorization"),
    ("jwt_authn_access_denied", "request-authentication"),
    ("local_rate_limited", "rate-limit"),
    ("request_rate_limited", "rate-limit"),
    ("fault_filter_abort", "fault-abort"),
    ("direct_response", "direct-response"),
)
"""How response code details of a refusal begin (envoyproxy/envoy source/common/stream_info, and filters' names)."""

_REFUSING_FLAGS = (("UAEX", "external-authorization"), ("RL", "rate-limit"), ("FI", "fault-abort"))


_UPSTREAM_FLAGS = ("UC", "UR", "UPE")
"""A connection to an upstream that was made, and ended badly (envoyproxy/envoy source/common/stream_info/utility.h)."""


def refusal(facts: EnvoyFacts) -> str:
    """Which policy of the mesh refused it, '' if none did. Envoy writes these words; a sender cannot."""
    if facts.kind == "blackhole":
        return "black-hole-cluster"
    if facts.block_all and facts.details == "direct_response":
        return "block-all-route"
    for start, word in _REFUSALS:
        if facts.details.startswith(start) or (start == "rbac_access_denied" and facts.ended.startswith(start)):
            return word
    flags = facts.flags.split(",")
    return next((word for flag, word in _REFUSING_FLAGS if flag in flags), "")


def _of_envoy(facts: EnvoyFacts) -> LineFate:
    # The order matters: first what proves nothing at all, then whether an address was chosen, whether a connection was
    # made, and last where the address lies.
    if facts.foreign:
        return _FOREIGN
    if facts.came_in and facts.place in (Place.NONE, Place.INSIDE, Place.ODD):
        return _INBOUND
    if facts.place is Place.NONE:
        return _nowhere(facts)
    if _never_connected(facts):
        return LineFate(
            Fate.NOT_LEFT, Path.FAILED, "gateway-not-reached" if facts.place is Place.PROXY else "upstream-failed"
        )
    if facts.place is Place.PROXY:
        return _to_proxy(facts)
    if _is_inside(facts):
        # The line shows only the last attempt: an earlier one may have gone outside.
        return LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN, OTHER_ENDPOINTS) if facts.mixed else _INSIDE
    if unproven := _unproven_place(facts):
        return LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN, unproven)
    return _to_outside(facts)


def _nowhere(facts: EnvoyFacts) -> LineFate:
    """No upstream address was chosen, so nothing can have been sent, unless the line contradicts that."""
    if facts.own:
        # A socket but no address: Envoy does not write such a line.
        return LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN, "no-address")
    if word := refusal(facts):
        return LineFate(Fate.REFUSED, Path.BLOCKED, word)
    had_upstream = any(flag in _UPSTREAM_FLAGS for flag in facts.flags.split(","))
    if had_upstream or _answered(facts) or (facts.request and not facts.flags and not facts.details):
        # The end of a connection to nobody, or an answer from nobody (an answer of Envoy's own always has flags or
        # details): the address was omitted.
        return LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN, "no-address")
    if facts.service in ("pods", "pods-only"):
        return _INSIDE
    return LineFate(Fate.NOT_LEFT, Path.FAILED, "no-upstream")


def _never_connected(facts: EnvoyFacts) -> bool:
    """Whether the proxy says that it could not connect, and no socket or answer contradicts that.

    URX means that a request was tried more than once, so an earlier attempt may have been connected: not proven. Nor is
    it proven if the cluster has endpoints elsewhere, wherever this last one is. For TCP, URX does not matter: nothing
    is sent before a connection is made, so every attempt failed.
    """
    flags = facts.flags.split(",")
    if facts.own or facts.mixed or _answered(facts) or "UF" not in flags:
        return False
    return not facts.request or "URX" not in flags or facts.place is not Place.OUTSIDE


def _answered(facts: EnvoyFacts) -> bool:
    """Whether the upstream answered. In formats without own sockets only this proves a connection."""
    return facts.details == "via_upstream" if facts.request else facts.moved


def _to_proxy(facts: EnvoyFacts) -> LineFate:
    # Without its own socket the gateway's line cannot be joined, and it is not proven that it never got there.
    if facts.own:
        return LineFate(Fate.ONWARD, reason=OTHER_ENDPOINTS) if facts.mixed else _ONWARD
    return LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN, "no-gateway-line")


def _is_inside(facts: EnvoyFacts) -> bool:
    if facts.place is Place.INSIDE:
        # Not proven inside: an external host at a pod's address (that pod may forward it, unseen), or a gateway's
        # Service at another pod's address (the gateway's pod was replaced, and its address reused).
        return facts.kind not in ("outbound", "inbound-vip") or facts.service not in ("", "gateway", "gone")
    if facts.service == "pods-only":
        # A Service with nothing but pods behind it, at an address of the pod range: the address of a pod that is gone.
        tunnel = facts.place is Place.VACANT_TUNNEL and facts.kind == "inbound-vip"
        return tunnel or (facts.place is Place.VACANT and facts.kind in ("inbound-vip", "outbound"))
    return facts.service == "api-server" and facts.place is Place.API_SERVER


_OF_SERVICE = {
    "gateway": "gateway-replaced",
    "gone": "service-gone",
    "pods": "not-a-pod",
    "pods-only": "not-a-pod",
}
_OF_PLACE = {
    Place.INSIDE: "inside-address",
    Place.SERVICE: "service-address",
    Place.NODE: "node-address",
    Place.VACANT: "vacant-address",
    Place.VACANT_TUNNEL: "no-address",
    Place.PRIVATE: "private-address",
    Place.VIRTUAL: "virtual-address",
    Place.SPECIAL: "special-address",
    Place.API_SERVER: "service-address",
    Place.ODD: "no-address",
}


def _unproven_place(facts: EnvoyFacts | ZtunnelFacts) -> str:
    """Why it is not proven that an address is outside; '' if it is."""
    # Ask what is behind the Service first. It may be a pod that is gone, but also no pod at all: a WorkloadEntry, a
    # ServiceEntry for the same host, or a hand-made EndpointSlice can put any address behind a Service
    # (istio/istio pilot/pkg/serviceregistry/serviceentry).
    return _OF_SERVICE.get(facts.service) or _OF_PLACE.get(facts.place, "")


def _to_outside(facts: EnvoyFacts) -> LineFate:
    path = _path_out(facts)
    if path is Path.UNKNOWN:
        return LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN, "gateway-cluster")
    if facts.own or _answered(facts):
        return LineFate(Fate.LEFT, path, OTHER_ENDPOINTS if facts.mixed else "")
    return LineFate(Fate.MAY_HAVE_LEFT, path, MAY_HAVE_LEFT)


def _path_out(facts: EnvoyFacts) -> Path:
    if facts.role.path is not None:
        if not facts.host or facts.kind not in ("outbound", "inbound-vip"):
            return Path.UNKNOWN
        return facts.role.path
    unregistered = facts.kind in ("passthrough", "dynamic-dns", "inbound", "inbound-passthrough")
    return Path.PASSTHROUGH if unregistered else Path.DIRECT


# ---------------------------------------------------------------- ztunnel

_BEFORE_DIALLING = (
    "no healthy upstream",
    "no valid routing destination",
    "unknown waypoint",
    "dns lookup",
    "dns: ",
    "failed to fetch information about local workload",
    "attempted recursive call",
)
_NOT_CONNECTED = (
    "connection failed: ",
    "connection timed out, maybe a NetworkPolicy",
    "tls error: ",
    "http2 handshake failed",
    "http handshake failed",
    "http status: ",
)
"""Errors with which the connection was not made, or the tunnel not opened, so nothing was forwarded (istio/ztunnel
src/proxy.rs, enum Error; `http status` is the answer to CONNECT)."""

_REFUSED = "connection closed due to policy rejection"
"""How the error begins if an AuthorizationPolicy refused it (istio/ztunnel src/proxy.rs)."""


def _before_dialling(facts: ZtunnelFacts) -> bool:
    resolves = facts.error.startswith("requested service ") and facts.error.endswith("cannot resolve port")
    return facts.early or resolves or facts.error.startswith(_BEFORE_DIALLING)


def _of_ztunnel(facts: ZtunnelFacts) -> LineFate:
    if facts.inbound:
        return _INBOUND
    if facts.foreign:
        return _FOREIGN
    if facts.error.startswith(_REFUSED) and not facts.moved:
        return LineFate(Fate.REFUSED, Path.BLOCKED, "authorization-policy")
    if _before_dialling(facts) and not facts.moved:
        return LineFate(Fate.NOT_LEFT, Path.FAILED, "no-upstream")
    if facts.error.startswith(_NOT_CONNECTED) and not facts.moved:
        reason = "gateway-not-reached" if facts.tunnel else "upstream-failed"
        return LineFate(Fate.NOT_LEFT, Path.FAILED, reason)
    if facts.opened and not facts.tunnel and facts.place is Place.OUTSIDE:
        path = Path.DIRECT if facts.host else Path.PASSTHROUGH
        return LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN if _unproven_place(facts) else path, STILL_OPEN)
    return _ztunnel_tunnel(facts) if facts.tunnel else _ztunnel_straight(facts)


def _ztunnel_tunnel(facts: ZtunnelFacts) -> LineFate:
    """A tunnel ends at a waypoint or at another pod: it is never `direct`."""
    if facts.place is Place.PROXY:
        return _ONWARD
    if facts.place is Place.INSIDE:
        named = facts.host and facts.service in ("", "gateway", "gone")
        return LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN, "inside-address") if named else _INSIDE
    gone = facts.place is Place.VACANT and facts.ends_there and (not facts.host or facts.service == "pods-only")
    return _INSIDE if gone else LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN, "waypoint-replaced")


def _ztunnel_straight(facts: ZtunnelFacts) -> LineFate:
    if facts.place is Place.PROXY:
        # A gateway or waypoint forwards what it gets, through a tunnel or not: only its own line says where to.
        return _ONWARD
    if facts.place is Place.INSIDE:
        hidden = facts.host and facts.service in ("", "gateway", "gone")
        return LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN, "inside-address") if hidden else _INSIDE
    if facts.service == "pods-only" and facts.place is Place.VACANT:
        return _INSIDE
    if facts.service == "api-server" and facts.place is Place.API_SERVER:
        return _INSIDE
    if facts.place is Place.NONE:
        return LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN, "no-address")
    if unproven := _unproven_place(facts):
        return LineFate(Fate.MAY_HAVE_LEFT, Path.UNKNOWN, unproven)
    path = Path.DIRECT if facts.host else Path.PASSTHROUGH
    # No error, or bytes in either direction: the connection was made.
    if not facts.error or facts.moved:
        return LineFate(Fate.LEFT, path)
    return LineFate(Fate.MAY_HAVE_LEFT, path, MAY_HAVE_LEFT)
