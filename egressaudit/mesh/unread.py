"""What a snapshot could not read, and what that could change: kinds of objects, by name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_NEEDED: Mapping[str, str] = {
    "Namespace": "which namespaces are in the mesh is not known",
    "Pod": "whose an address is, and which proxies write logs, is not known",
    "Service": "whether a host is the cluster's own is not known",
    "discovery.k8s.io/EndpointSlice": "a Service may lead to endpoints that are no pods",
    "networking.istio.io/DestinationRule": "one may send a cluster where the sender dials, through a tunnel, or on "
    "other TLS",
    "networking.istio.io/EnvoyFilter": "one may change the access log of a proxy, its routes or its clusters",
    "networking.istio.io/ServiceEntry": "one may give a host endpoints elsewhere, or leave the address to the sender",
    "networking.istio.io/VirtualService": "one may mirror requests to a place that no access log names",
    "networking.istio.io/WorkloadEntry": "one may be an endpoint of a Service, outside the cluster",
    "telemetry.istio.io/Telemetry": "one may turn a proxy's access log off or filter it, so that its silence proves "
    "nothing",
}
"""The kinds on which a verdict can depend, and how. Other kinds explain, or claim a way that the policy may want."""

_NEWER = frozenset({"networking.istio.io/EnvoyFilter"})
"""Kinds that snapshots of older versions never asked for. Where nothing says that one was refused, it is only said: it
would make every stored snapshot worthless."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A kind that is not in the snapshot whole: `counts` where a verdict could depend on it."""

    kind: str
    reason: str
    counts: bool


def unread_kinds(read: Iterable[str], refused: Iterable[str]) -> tuple[Unread, ...]:
    """What is missing of a snapshot in which kinds `read` are whole and `refused` could not be read; sorted.

    Where nothing says what was read, any kind may be missing, and one sentence says so.
    """
    known, not_allowed = frozenset(read), frozenset(refused)
    if not known:
        reason = "the snapshot does not say which kinds of objects were read: any of them may be missing"
        return (Unread("mesh.json", reason, counts=True),)
    found = [
        Unread(kind, f"{kind} objects were not read: {why}", counts=kind in not_allowed or kind not in _NEWER)
        for kind, why in _NEEDED.items()
        if kind not in known
    ]
    found += [
        Unread(kind, f"{kind} objects were not read: what they explain is not in this report", counts=False)
        for kind in not_allowed - known - _NEEDED.keys()
    ]
    return tuple(sorted(found, key=lambda each: each.kind))
