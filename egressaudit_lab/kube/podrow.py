"""READY, STATUS and RESTARTS of a pod, as `printPod` of Kubernetes' printers.go derives them from its status.

In: a pod. Out: e.g. `2/2`, `Running`, `0`. It mirrors `printPod` branch by branch, hence its length.
"""

from __future__ import annotations

from egressaudit_lab.world import Manifest


def pod_cells(pod: Manifest, age: str) -> list[object]:
    """Ready, Status, Restarts, Age, and the columns of `-o wide`."""
    status, spec = pod.get("status") or {}, pod["spec"]
    inits = status.get("initContainerStatuses") or []
    # A native sidecar is an init container that stays; it counts among the pod's containers.
    sidecars = {c["name"] for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"}
    containers = (status.get("containerStatuses") or []) + [s for s in inits if s["name"] in sidecars]
    ready = sum(1 for state in containers if state.get("ready"))
    restarts = sum(state.get("restartCount", 0) for state in containers)
    return [
        f"{ready}/{len(spec['containers']) + len(sidecars)}",
        _reason(pod, sidecars),
        str(restarts),
        age,
        status.get("podIP") or "<none>",
        spec.get("nodeName") or "<none>",
        "<none>",
        "<none>",
    ]


def _reason(pod: Manifest, sidecars: set[str]) -> str:
    status = pod.get("status") or {}
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    reason = status.get("reason") or status.get("phase", "Unknown")
    inits = status.get("initContainerStatuses") or []
    for number, init in enumerate(inits):
        state = init.get("state") or {}
        ended = state.get("terminated")
        if (ended and ended.get("exitCode") == 0) or (init["name"] in sidecars and init.get("started")):
            continue
        if ended:
            return "Init:" + (ended.get("reason") or f"ExitCode:{ended.get('exitCode')}")
        waiting = (state.get("waiting") or {}).get("reason", "")
        return f"Init:{waiting}" if waiting and waiting != "PodInitializing" else f"Init:{number}/{len(inits)}"
    for container in reversed(status.get("containerStatuses") or []):
        state = container.get("state") or {}
        if waiting := (state.get("waiting") or {}).get("reason"):
            reason = waiting
        elif ended := state.get("terminated"):
            reason = ended.get("reason") or f"ExitCode:{ended.get('exitCode')}"
    return str(reason)
