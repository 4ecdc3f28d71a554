"""What a cluster makes of manifests: pods of workloads, sidecars, and the proxies of Gateways.

In: objects as files have them, and the workloads that have pods already. Out: the objects that Kubernetes and istiod
would add, for judging alone. Example: the Deployment shop/cart in a namespace with `istio-injection: enabled` adds a
ReplicaSet and a ready pod with a sidecar.

The proxies of a Gateway are those of istiod's own templates (istio/istio manifests/charts/istio-control/istio-discovery
files/kube-gateway.yaml and waypoint.yaml), sidecars as the injector decides (pkg/kube/inject/inject.go injectRequired).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh.marks import (
    GATEWAY_CLASS,
    GATEWAY_NAME,
    INJECT,
    MANAGED,
    MESH_CONTROLLER,
    REVISION,
    SIDECAR_STATUS,
    WAYPOINT_CLASS,
)
from egressaudit.mesh.untyped import number, rows, table, text, texts
from egressaudit.model import PROXY_CONTAINER

Manifest = Mapping[str, Any]

_CLASSES = ("istio", WAYPOINT_CLASS)
"""The classes of Gateways that istiod makes proxies for under names that are known here."""
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob")
_READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
_ASSUMED = {"istio-injection": "enabled"}
"""The labels of a namespace that is not there."""
Workload = tuple[str, str]
"""Namespace and `Kind/name`."""


@dataclass(frozen=True, slots=True)
class RolledOut:
    """Objects as they would be in a cluster."""

    objects: tuple[Manifest, ...]
    assumed: tuple[str, ...]
    """The namespaces whose labels nothing shows: their pods are taken as having sidecars."""


def rolled_out(
    objects: Iterable[Manifest], present: Iterable[Manifest] = (), running: frozenset[Workload] = frozenset()
) -> RolledOut:
    """These objects with what is made of them; never raises, whatever their shape.

    `present` is in the cluster already, with pods of the workloads `running`.
    """
    given, there = tuple(objects), tuple(present)
    named = {(_kind(each), *_name(each)) for each in (*there, *given)}
    made = [each for gateway in given for each in _of_gateway(gateway) if (_kind(each), *_name(each)) not in named]
    labels = {
        _name(each)[1]: texts(_metadata(each).get("labels")) for each in (*there, *given) if _kind(each) == "Namespace"
    }
    found: list[Manifest] = []
    assumed: set[str] = set()
    for each in (*given, *made):
        (namespace, name), kind = _name(each), _kind(each)
        if kind != "Pod" and (kind not in _WORKLOADS or (namespace, f"{kind}/{name}") in running):
            found.append(each)
            continue
        own = labels.get(namespace, _ASSUMED)
        pods = [_running(each, own)] if kind == "Pod" else [each, *_pods(each, own)]
        if own is _ASSUMED and any(SIDECAR_STATUS in texts(_metadata(pod).get("annotations")) for pod in pods):
            assumed.add(namespace)
        found += pods
    return RolledOut(tuple(found), tuple(sorted(assumed)))


def injected(namespace: Mapping[str, str], labels: Mapping[str, str], annotations: Mapping[str, str]) -> bool:
    """Whether a pod with these labels and annotations gets a sidecar in a namespace with these labels."""
    asked = labels.get(INJECT, annotations.get(INJECT, ""))
    if asked in ("true", "false"):
        return asked == "true" and namespace.get("istio-injection") != "disabled"
    if "istio-injection" in namespace:
        return namespace["istio-injection"] == "enabled"
    return bool(namespace.get(REVISION) or labels.get(REVISION))


# ---------------------------------------------------------------- workloads


def _pods(workload: Manifest, namespace_labels: Mapping[str, str]) -> Iterator[Manifest]:
    spec, kind = table(workload.get("spec")), _kind(workload)
    if kind == "CronJob":
        spec = table(table(spec.get("jobTemplate")).get("spec"))
    if number(spec.get("replicas")) == 0:
        return
    namespace, name = _name(workload)
    owner = {"apiVersion": text(workload.get("apiVersion")), "kind": kind, "name": name, "controller": True}
    if kind == "Deployment":
        yield _object("apps/v1", "ReplicaSet", namespace, f"{name}-0", ownerReferences=[owner])
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-0", "controller": True}
        name = f"{name}-0"
    template = table(spec.get("template"))
    metadata = table(template.get("metadata"))
    pod = _object(
        "v1",
        "Pod",
        namespace,
        f"{name}-0",
        labels=texts(metadata.get("labels")),
        annotations=texts(metadata.get("annotations")),
        ownerReferences=[owner],
    )
    pod["spec"] = {**table(template.get("spec")), "nodeName": "any"}
    yield _running(pod, namespace_labels)


def _running(pod: Manifest, namespace: Mapping[str, str]) -> Manifest:
    """A pod as it runs: ready, and with a sidecar if the injector gives it one."""
    metadata, spec = _metadata(pod), table(pod.get("spec"))
    labels, annotations = texts(metadata.get("labels")), texts(metadata.get("annotations"))
    containers = rows(spec.get("containers"))
    own = any(each.get("name") == PROXY_CONTAINER for each in containers)
    if spec.get("hostNetwork") is not True and not own and injected(namespace, labels, annotations):
        containers = (*containers, {"name": PROXY_CONTAINER})
        annotations = {SIDECAR_STATUS: "{}", **annotations}
    status = {**_READY, **table(pod.get("status"))}
    changed = {**metadata, "annotations": annotations}
    return {**pod, "metadata": changed, "spec": {**spec, "containers": list(containers)}, "status": status}


# ---------------------------------------------------------------- Gateways


def _of_gateway(gateway: Manifest) -> Iterator[Manifest]:
    spec = table(gateway.get("spec"))
    gateway_class, (namespace, name) = text(spec.get("gatewayClassName")), _name(gateway)
    of_api = text(gateway.get("apiVersion")).startswith("gateway.networking.k8s.io/")
    # With addresses of its own a Gateway uses proxies that somebody else deployed.
    if _kind(gateway) != "Gateway" or not of_api or gateway_class not in _CLASSES or spec.get("addresses"):
        return
    waypoint = gateway_class == WAYPOINT_CLASS
    called = name if waypoint else f"{name}-{gateway_class}"
    manager = MESH_CONTROLLER if waypoint else "istio.io-gateway-controller"
    labels = {GATEWAY_NAME: name, GATEWAY_CLASS: gateway_class, MANAGED: manager, INJECT: "false"}
    owner = {"apiVersion": text(gateway.get("apiVersion")), "kind": "Gateway", "name": name}
    deployment = _object("apps/v1", "Deployment", namespace, called, labels=labels, ownerReferences=[owner])
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": PROXY_CONTAINER}]}}
    deployment["spec"] = {"selector": {"matchLabels": {GATEWAY_NAME: name}}, "template": template}
    yield deployment
    service = _object("v1", "Service", namespace, called, labels=labels, ownerReferences=[owner])
    ports = [{"port": number(each.get("port")), "protocol": "TCP"} for each in rows(spec.get("listeners"))]
    service["spec"] = {"selector": {GATEWAY_NAME: name}, "ports": ports}
    yield service


def _object(api: str, kind: str, namespace: str, name: str, **metadata: object) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"namespace": namespace, "name": name, **metadata}}


def _kind(obj: Manifest) -> str:
    return text(obj.get("kind"))


def _metadata(obj: Manifest) -> Mapping[str, Any]:
    return table(obj.get("metadata"))


def _name(obj: Manifest) -> tuple[str, str]:
    return text(_metadata(obj).get("namespace")), text(_metadata(obj).get("name"))
