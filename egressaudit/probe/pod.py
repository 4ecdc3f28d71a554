"""The probe pod, created if no workload was named: the minimum that Kubernetes' restricted profile allows.

In: a run's id and a deadline. Out: a Pod manifest with one container, `curl`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egressaudit import __version__
from egressaudit.model import PROXY_CONTAINER

DEFAULT_IMAGE = "docker.io/curlimages/curl:8.16.0"
"""Has `sleep`, a user that is not root, and a curl whose `%{json}` holds the exit code (since 7.75).

Pinned by tag: a digest can only be looked up in the registry, and a mirror may serve another one; `--image` takes
`name@sha256:...` where that matters.
"""

CONTAINER = "curl"
RUN_ID = "egressaudit.io/run-id"
NAME = "egressaudit-probe"


def probe_pod(namespace: str, image: str, run_id: str, deadline_seconds: int) -> dict[str, Any]:
    """The manifest of the probe pod of one run; it ends by itself after the deadline, whatever becomes of us.

    `restricted` of the Pod Security Standards, without a fixed user, so that OpenShift's restricted-v2 gives it one.
    Istio's webhook adds the sidecar where the namespace asks for it.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{NAME}-{run_id}",
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/name": NAME,
                "app.kubernetes.io/part-of": "egressaudit",
                "app.kubernetes.io/managed-by": "egressaudit",
                "app.kubernetes.io/version": __version__,
                RUN_ID: run_id,
            },
            "annotations": {
                "kubectl.kubernetes.io/default-container": CONTAINER,
                # A proxy that delays the application: the pod is ready only when the proxy can carry probes.
                "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true",
            },
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": deadline_seconds,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": CONTAINER,
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", str(deadline_seconds)],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "readOnlyRootFilesystem": True,
                    },
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "16Mi"},
                        "limits": {"cpu": "200m", "memory": "64Mi"},
                    },
                }
            ],
        },
    }


def pod_ready(pod: Mapping[str, Any]) -> bool | str:
    """True when the curl container runs and the proxy, where there is one, is ready; else why not yet."""
    status = pod.get("status") or {}
    phase = status.get("phase")
    if phase in ("Failed", "Succeeded"):
        return f"it ended: {status.get('reason') or phase}"
    spec = pod.get("spec") or {}
    containers = _names(spec.get("containers"))
    sidecars = _names(spec.get("initContainers"))
    states = _by_name(status.get("containerStatuses")) | _by_name(status.get("initContainerStatuses"))
    if "running" not in (states.get(CONTAINER, {}).get("state") or {}):
        return f"container {CONTAINER} is not running"
    # A native sidecar is an init container that stays; its readiness counts like that of any other.
    if PROXY_CONTAINER in containers | sidecars and not states.get(PROXY_CONTAINER, {}).get("ready"):
        return f"container {PROXY_CONTAINER} is not ready"
    return True


def _names(containers: Any) -> set[str]:
    return {str(each.get("name")) for each in containers or ()}


def _by_name(statuses: Any) -> dict[str, Mapping[str, Any]]:
    return {str(each.get("name")): each for each in statuses or ()}
