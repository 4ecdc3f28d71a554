"""The probe pod, created if no workload was named: the minimum that Kubernetes' restricted profile allows.

In: a run's id, a deadline, and what the user wants of the pod. Out: a Pod manifest whose container `curl` sends probes.
Example: `ProbePodOptions(service_account="billing")` makes a pod that runs as `billing`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from egressaudit import __version__
from egressaudit.mesh.untyped import rows, table, text
from egressaudit.model import PROXY_CONTAINER

DEFAULT_IMAGE = (
    "docker.io/curlimages/curl:8.16.0@sha256:463eaf6072688fe96ac64fa623fe73e1dbe25d8ad6c34404a669ad3ce1f104b6"
)
"""Has `sleep`, a user that is not root, and a curl whose `%{json}` holds the exit code (since 7.75).

Pinned by the digest of its index, which has an image for each architecture; `--image` takes another one, for instance
from a mirror that rebuilds images.
"""

CONTAINER = "curl"
RUN_ID = "egressaudit.io/run-id"
MANAGED_BY = "app.kubernetes.io/managed-by"
NAME = "egressaudit-probe"


@dataclass(frozen=True, slots=True)
class ProbePodOptions:
    """What the user wants of the probe pod; the rest is ours."""

    image: str | None = None
    """None for that of the template, else `DEFAULT_IMAGE`."""
    service_account: str | None = None
    pull_secrets: tuple[str, ...] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    template: Mapping[str, Any] = field(default_factory=dict)
    """A Pod manifest that ours is built on: what it says counts before our defaults."""


def probe_pod(namespace: str, wanted: ProbePodOptions, run_id: str, deadline_seconds: int) -> dict[str, Any]:
    """The manifest of the probe pod of one run; it ends by itself after the deadline, whatever becomes of us.

    `restricted` of the Pod Security Standards, without a fixed user, so that OpenShift's restricted-v2 gives it one.
    Istio's webhook adds the sidecar where the namespace asks for it. Options count before the template, and the
    template before our defaults; the pod's name, its end and its command stay ours.
    """
    spec = merged(_defaults(), _of_template(wanted.template))
    spec["metadata"]["labels"] |= {**wanted.labels, **_marks(run_id)}
    spec["metadata"]["annotations"] |= wanted.annotations
    spec["metadata"] |= {"name": f"{NAME}-{run_id}", "namespace": namespace}
    pod, container = spec["spec"], spec["spec"]["containers"][0]
    if wanted.image is not None:
        container["image"] = wanted.image
    container["command"] = ["sleep", str(deadline_seconds)]
    pod |= {"restartPolicy": "Never", "activeDeadlineSeconds": deadline_seconds}
    if wanted.service_account is not None:
        pod["serviceAccountName"] = wanted.service_account
    if wanted.pull_secrets:
        pod["imagePullSecrets"] = [{"name": each} for each in wanted.pull_secrets]
    if wanted.node_selector:
        pod["nodeSelector"] = {**pod.get("nodeSelector", {}), **wanted.node_selector}
    if wanted.tolerations:
        pod["tolerations"] = [*pod.get("tolerations", ()), *map(dict, wanted.tolerations)]
    return {"apiVersion": "v1", "kind": "Pod", **spec}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`: maps are merged, containers by their names, and everything else is replaced."""
    made = {**copy.deepcopy(dict(base)), **copy.deepcopy(dict(over))}
    for key, value in base.items():
        theirs = over.get(key)
        if isinstance(value, Mapping) and isinstance(theirs, Mapping):
            made[key] = merged(value, theirs)
        elif key == "containers" and isinstance(theirs, list):
            made[key] = _merged_containers(value, theirs)
    return made


def _merged_containers(ours: list[Mapping[str, Any]], theirs: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    named = {str(each.get("name")): each for each in theirs}
    own = [merged(each, named.pop(str(each["name"]), {})) for each in ours]
    return [*own, *(dict(each) for each in named.values())]


def _of_template(template: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a template that can be a pod's: its labels, annotations and spec."""
    metadata = template.get("metadata") or {}
    kept = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    return {"metadata": kept, "spec": template.get("spec") or {}}


def _marks(run_id: str) -> dict[str, str]:
    """The labels by which `cleanup` finds the pod."""
    return {
        "app.kubernetes.io/name": NAME,
        "app.kubernetes.io/part-of": "egressaudit",
        MANAGED_BY: "egressaudit",
        "app.kubernetes.io/version": __version__,
        RUN_ID: run_id,
    }


def _defaults() -> dict[str, Any]:
    return {
        "metadata": {
            "labels": {},
            "annotations": {
                "kubectl.kubernetes.io/default-container": CONTAINER,
                # A proxy that delays the application: the pod is ready only when the proxy can carry probes.
                "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true",
            },
        },
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": CONTAINER,
                    "image": DEFAULT_IMAGE,
                    "imagePullPolicy": "IfNotPresent",
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
    status = table(pod.get("status"))
    phase = status.get("phase")
    if phase in ("Failed", "Succeeded"):
        return f"it ended: {text(status.get('reason'))[:200] or phase}"
    spec = table(pod.get("spec"))
    containers = _names(spec.get("containers"))
    sidecars = _names(spec.get("initContainers"))
    states = _by_name(status.get("containerStatuses")) | _by_name(status.get("initContainerStatuses"))
    if "running" not in table(states.get(CONTAINER, {}).get("state")):
        return f"container {CONTAINER} is not running"
    # A native sidecar is an init container that stays; its readiness counts like that of any other.
    if PROXY_CONTAINER in containers | sidecars and not states.get(PROXY_CONTAINER, {}).get("ready"):
        return f"container {PROXY_CONTAINER} is not ready"
    return True


def _names(containers: Any) -> set[str]:
    return {text(each.get("name")) for each in rows(containers)}


def _by_name(statuses: Any) -> dict[str, Mapping[str, Any]]:
    return {text(each.get("name")): each for each in rows(statuses)}
