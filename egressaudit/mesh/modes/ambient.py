"""Ambient mode: the ztunnel of a pod's node carries what the pod sends.

In: a pod whose labels, or its namespace's, ask for ambient mode. Out: the ztunnel of its node, or why there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from egressaudit.mesh.apis import Resource
from egressaudit.mesh.marks import DATAPLANE_MODE, DNS_CAPTURE, REDIRECTION
from egressaudit.model import DataplaneMode, Pod, Reporter

if TYPE_CHECKING:
    from egressaudit.mesh.objects import Obj

NAME = DataplaneMode.AMBIENT
REPORTER = Reporter.ZTUNNEL
RESOURCES: tuple[Resource, ...] = ()
ANNOTATIONS: tuple[str, ...] = (REDIRECTION, DATAPLANE_MODE, DNS_CAPTURE)

NOT_ENROLLED = "not-enrolled"


def mode_of(pod: Obj, namespace: Mapping[str, str], role: Reporter | None) -> DataplaneMode | None:
    """AMBIENT for a pod that is enrolled, or that is to be; see cni/pkg/util/podutil.go."""
    del role
    if pod.annotations.get(REDIRECTION) == "enabled":
        return NAME
    # The pod's own label decides; the namespace's counts where the pod has none.
    wanted = pod.labels.get(DATAPLANE_MODE) or namespace.get(DATAPLANE_MODE)
    return NAME if wanted == "ambient" else None


def captor(pod: Pod, pods: Iterable[Pod]) -> Pod | None:
    """The ztunnel of the pod's node."""
    here = [each for each in pods if pod.node and each.node == pod.node and each.role is REPORTER]
    # During a restart a node has two ztunnels: the one that is not ready has handed over.
    return min(here, key=lambda each: (not each.ready, each.ref), default=None)


def uncaptured(pod: Pod, port: int, address: str | None) -> str:
    """'': ztunnel carries every connection of a pod in ambient mode."""
    del pod, port, address
    return ""


def blind_spots(pod: Pod, obj: Obj, nodes: Mapping[Reporter, frozenset[str]]) -> Iterator[tuple[str, str]]:
    """That the pod is not enrolled, or that no ztunnel is on its node."""
    del obj
    # Istio's CNI says `enabled` once rules are set and ztunnel has the pod (cni/pkg/util/podutil.go, PodFullyEnrolled).
    if pod.annotations.get(REDIRECTION) != "enabled":
        yield NOT_ENROLLED, enrolment(pod)
    elif pod.node not in nodes.get(REPORTER, frozenset()):
        yield NOT_ENROLLED, f"there is no ztunnel on its node {pod.node or '(none)'}"


def enrolment(pod: Pod) -> str:
    """The state of a pod that should be in ambient mode but is not enrolled."""
    state = pod.annotations.get(REDIRECTION)
    said = f"{REDIRECTION} is {state!r}" if state else f"it has no {REDIRECTION}"
    return f"the pod is to be in ambient mode, but is not enrolled: {said}"
