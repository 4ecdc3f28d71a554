"""The `status` of a pod object, as a kubelet would write it.

In: a pod and the state of its containers. Out: `{"phase": "Running", "containerStatuses": [...]}`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from egressaudit_lab.world import Manifest


def cannot_pull(pod: Manifest) -> bool:
    """Whether one of its images is not there: the lab has none whose name ends in `/missing`."""
    return _any_image(pod, "missing")


def never_ready(pod: Manifest) -> bool:
    """Whether one of its images never gets ready: those whose name ends in `/slow`."""
    return _any_image(pod, "slow")


def pull_failed(pod: Manifest) -> Manifest:
    """Pending, its image not found."""

    def waiting(image: str) -> Manifest:
        message = f'Back-off pulling image "{image}": ErrImagePull: failed to resolve reference "{image}": not found'
        return {"waiting": {"reason": "ImagePullBackOff", "message": message}}

    conditions = _conditions(ready=False, message="containers with unready status")
    return {"phase": "Pending", "conditions": conditions} | _containers(pod, waiting, ready=False)


def running(pod: Manifest, address: str, *, ready: bool, failed: str = "") -> Manifest:
    """Running on an address. `failed` is why its proxy crashed."""

    def state(image: str) -> Manifest:
        if failed and "proxy" in image:
            return {"waiting": {"reason": "CrashLoopBackOff", "message": failed}}
        return {"running": {"startedAt": _now()}}

    return {
        "phase": "Running",
        "hostIP": "127.0.0.1",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": _conditions(ready=ready and not failed, message=failed or "containers with unready status"),
    } | _containers(pod, state, ready=ready and not failed)


def _containers(pod: Manifest, state: Callable[[str], Manifest], *, ready: bool) -> Manifest:
    def statuses(containers: list[Manifest]) -> list[Manifest]:
        return [
            {
                "name": each["name"],
                "image": each["image"],
                "imageID": f"lab@sha256:{secrets.token_hex(32)}",
                "containerID": f"containerd://{secrets.token_hex(32)}",
                "ready": ready,
                "started": ready,
                "restartCount": 0,
                "state": state(each["image"]),
            }
            for each in containers
        ]

    spec = pod["spec"]
    made: Manifest = {"containerStatuses": statuses(spec["containers"])}
    if spec.get("initContainers"):
        made["initContainerStatuses"] = statuses(spec["initContainers"])
    return made


def _conditions(*, ready: bool, message: str) -> list[Manifest]:
    said = {} if ready else {"reason": "ContainersNotReady", "message": message}
    yes = "True" if ready else "False"
    return [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": _now()},
        {"type": "Initialized", "status": "True", "lastTransitionTime": _now()},
        {"type": "ContainersReady", "status": yes, "lastTransitionTime": _now(), **said},
        {"type": "Ready", "status": yes, "lastTransitionTime": _now(), **said},
    ]


def _any_image(pod: Manifest, name: str) -> bool:
    return any(fnmatchcase(f"/{each['image']}", f"*/{name}:*") for each in pod["spec"]["containers"])


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
