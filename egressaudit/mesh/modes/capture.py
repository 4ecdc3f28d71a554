"""Which mode captures a pod, and whether its outbound traffic provably escapes capture.

In: a pod. Out: a `DataplaneMode`, or a clause such as `the pod uses the host's network, which the mesh never captures`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from egressaudit.mesh.marks import INJECT, REDIRECTION
from egressaudit.mesh.modes import MODES, Mode
from egressaudit.model import PROXY_CONTAINER, DataplaneMode, Pod, Reporter

if TYPE_CHECKING:
    from egressaudit.mesh.objects import Obj


def mode_of(pod: Obj, namespace: Mapping[str, str], role: Reporter | None) -> DataplaneMode:
    """How the mesh captures a pod; nothing captures a pod on the host's network, nor a gateway, waypoint or ztunnel."""
    if pod.spec.get("hostNetwork") is True or role not in (None, Reporter.SIDECAR):
        return DataplaneMode.NONE
    found = (each.mode_of(pod, namespace, role) for each in MODES)
    return next((each for each in found if each is not None), DataplaneMode.NONE)


def captured_by(pod: Pod) -> Mode | None:
    """The mode that captures a pod, None if none does."""
    return next((each for each in MODES if each.NAME is pod.mode), None)


def captured_pods(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """Those whose traffic the mesh captures, without its gateways, waypoints and ztunnels."""
    return tuple(each for each in pods if each.mode is not DataplaneMode.NONE and each.role in (None, Reporter.SIDECAR))


def captor(pod: Pod, pods: Iterable[Pod]) -> Pod | None:
    """The pod whose proxy carries what this one sends; None if no mode captures it."""
    mode = captured_by(pod)
    return None if mode is None else mode.captor(pod, pods)


def uncaptured(pod: Pod, port: int, address: str | None = None) -> str:
    """Why this pod's traffic to a port and address (with or without its own port) is not captured; no full stop.

    '' if it is captured, or where its manifest does not tell.
    """
    mode = captured_by(pod)
    return outside(pod) if mode is None or pod.host_network else mode.uncaptured(pod, port, address)


def outside(pod: Pod) -> str:
    """Why the mesh provably captures nothing of what this pod sends; no full stop. '' if it does, or may."""
    if pod.host_network:
        return "the pod uses the host's network, which the mesh never captures"
    if pod.mode is not DataplaneMode.NONE or pod.role is not None or PROXY_CONTAINER in pod.containers:
        return ""
    if REDIRECTION in pod.annotations:
        # `pending`: Istio's CNI has not finished yet.
        return ""
    # The label overrides the annotation (istio/istio pkg/kube/inject/inject.go).
    inject = pod.labels.get(INJECT) or pod.annotations.get(INJECT)
    why = f" ({INJECT} is {inject!r})" if inject == "false" else ""
    return f"the pod has no sidecar{why} and is not in ambient mode"
