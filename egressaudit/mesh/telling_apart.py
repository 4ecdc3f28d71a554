"""What tells two pods apart, as far as the way of their requests is concerned.

In: a world and a pod. Out: its marks, e.g. `("app=cart",)`, where some object selects by the label `app`; and a key
that is the same for all pods of which the configuration wants the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from egressaudit.mesh.apis import ISTIO, TELEMETRY
from egressaudit.mesh.marks import REDIRECTION, REVISION, SIDECAR_STATUS
from egressaudit.mesh.modes import MODES
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.routes.sidecar_proxy import alike
from egressaudit.mesh.routes.ztunnel_step import ztunnel_of
from egressaudit.mesh.untyped import rows, table, texts
from egressaudit.mesh.world import World
from egressaudit.model import DataplaneMode, Pod

_SELECTING = ("Sidecar", "EnvoyFilter", "DestinationRule", "ProxyConfig")
"""Istio's kinds whose objects hold for some workloads of a namespace, or for clients of it."""
_STATES = (SIDECAR_STATUS, REDIRECTION)
"""Annotations that say how a pod came to be captured, and not which of its traffic is."""


def told_apart(world: World, pod: Pod) -> Hashable:
    """The same for two pods of which the configuration wants the same, whatever they call."""
    proxy = alike(world, pod) if pod.mode is DataplaneMode.SIDECAR else None
    # A ztunnel has what its own control plane gives it, and a sidecar with a gateway's marks is taken for one.
    carrier = ztunnel_of(world, pod) if pod.mode is DataplaneMode.AMBIENT else pod
    planes = None if carrier is None else world.objects.planes.candidates(carrier.ref)
    return pod.namespace, pod.mode, pod.claimed, marks_of(world, pod), planes, proxy


def _keys(world: World) -> frozenset[str]:
    return frozenset(_selected_keys(world.objects))


def rule_matches(service: Obj) -> Iterator[Mapping[str, Any]]:
    """Each `match` of a VirtualService."""
    for kind in ("http", "tls", "tcp"):
        for rule in rows(service.spec.get(kind)):
            yield from rows(rule.get("match"))


def _selected_keys(objects: Objects) -> Iterator[str]:
    """The keys of the labels by which some object selects sources."""
    yield REVISION
    for service in objects.all(ISTIO, "VirtualService"):
        for match in rule_matches(service):
            yield from texts(match.get("sourceLabels"))
    for group, kinds in ((ISTIO, _SELECTING), (TELEMETRY, ("Telemetry",))):
        for each in objects.all(group, *kinds):
            for selector in (each.spec.get("workloadSelector"), each.spec.get("selector")):
                yield from texts(table(selector).get("labels"))
                yield from texts(table(selector).get("matchLabels"))


def marks_of(world: World, pod: Pod) -> tuple[str, ...]:
    """The labels and annotations of a pod by which the configuration tells it from others, sorted."""
    keys = world.once(_keys)
    of_capture = {key for mode in MODES for key in mode.ANNOTATIONS if key not in _STATES} | {REVISION}
    labels = [f"{key}={value}" for key, value in pod.labels.items() if key in keys]
    annotations = [f"{key}={value}" for key, value in pod.annotations.items() if key in of_capture]
    return tuple(sorted({*labels, *annotations}))
