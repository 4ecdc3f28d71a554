"""Whose a pod is: the chain of owners up to a workload, and to the Gateway that istiod made the workload for.

In: a pod, and the objects of its snapshot. Out: its `Chain`.
Example: the Deployment `gw` made the ReplicaSet `gw-7d9f`, which made the pod. The chain's owners are
`("ReplicaSet/gw-7d9f", "Deployment/gw")`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh.apis import APPS, GATEWAY_API, Resource
from egressaudit.mesh.marks import GATEWAY_NAME
from egressaudit.mesh.modes import ANNOTATIONS
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.shapes import KEEP, NAME, Shape
from egressaudit.mesh.untyped import rows, table, text, texts

HASH = "pod-template-hash"

_TEMPLATE = {
    "metadata": {"labels": KEEP, "annotations": dict.fromkeys(ANNOTATIONS, KEEP)},
    "spec": {"containers": NAME, "initContainers": NAME, "hostNetwork": KEEP, "serviceAccountName": KEEP},
}
_WORKLOAD = Shape({"spec": {"replicas": KEEP, "selector": {"matchLabels": KEEP}, "template": _TEMPLATE}})
RESOURCES = (
    Resource(APPS, ("v1",), "deployments", "Deployment", keep=_WORKLOAD),
    Resource(APPS, ("v1",), "replicasets", "ReplicaSet"),
    Resource(APPS, ("v1",), "daemonsets", "DaemonSet", keep=_WORKLOAD),
)


@dataclass(frozen=True, slots=True)
class Chain:
    """The owners of a pod, nearest first, as `Kind/name`."""

    owners: tuple[str, ...] = ()
    workload: Obj | None = None
    """The object of the last owner that is no Gateway, where the snapshot has it."""
    gateway: Obj | None = None
    """The Gateway API Gateway that the workload was made for."""
    doubts: tuple[str, ...] = ()
    """What could not be checked, one sentence each."""
    broken: str = ""
    """Why the chain proves nothing; '' if it is whole."""
    foreign: bool = False
    """Whether it is broken for one reason alone: it ends at a kind of owner that nobody here knows."""

    @property
    def top(self) -> tuple[str, str]:
        """Kind and name of the workload at the end of the chain, also where its object was not read."""
        named = [each for each in self.owners if not each.startswith("Gateway/")]
        kind, _, name = named[-1].partition("/") if named else ("", "", "")
        return kind, name


class Owners:
    """The chains of a snapshot's pods and workloads; `read` are the kinds of which it has all objects."""

    def __init__(self, objects: Objects, read: frozenset[str]) -> None:
        self._objects = objects
        self._read = read

    def of_pod(self, pod: Obj) -> Chain:
        """The chain of a pod; broken where it has no owner, or one that is not there or not named as it should be."""
        kind, name = _controller(pod)
        if not kind:
            return Chain(broken="no workload owns it")
        if kind == "ReplicaSet":
            return self._of_replica_set(pod, name)
        owners: tuple[str, ...] = (f"{kind}/{name}",)
        if kind == "StatefulSet":
            if not re.fullmatch(re.escape(name) + r"-[0-9]+", pod.name):
                return Chain(owners, broken=f"StatefulSet {name} names its pods otherwise")
            return Chain(owners, doubts=(f"StatefulSets are not read: that {name} is one is what the pod says",))
        if kind == "DaemonSet":
            return self._at_workload(pod, owners, kind, name)
        return Chain(owners, broken=f"{kind} {name} is no kind of workload that is known", foreign=True)

    def of_workload(self, workload: Obj) -> Chain:
        """The chain of the pods that a Deployment or DaemonSet makes."""
        return self._above(workload, (f"{workload.kind}/{workload.name}",), ())

    def _of_replica_set(self, pod: Obj, name: str) -> Chain:
        owners: tuple[str, ...] = (f"ReplicaSet/{name}",)
        replica_set = self._objects.one(APPS, "ReplicaSet", pod.namespace, name)
        if replica_set is None:
            hashed = f"-{pod.labels.get(HASH) or name}"
            if self._readable("ReplicaSet"):
                return Chain(owners, broken=f"its ReplicaSet {name} is not in the snapshot")
            if not name.endswith(hashed):
                return Chain(owners, broken=f"ReplicaSets were not read, and {name} does not end as {HASH} says")
            deployment = name.removesuffix(hashed)
            doubt = f"ReplicaSets were not read: that {name} is of Deployment {deployment} follows from its name alone"
            return self._at_workload(pod, (*owners, f"Deployment/{deployment}"), "Deployment", deployment, doubt)
        kind, above = _controller(replica_set)
        if kind != "Deployment":
            if not kind:
                return Chain(owners, broken=f"its ReplicaSet {name} belongs to nothing")
            why = f"its ReplicaSet {name} belongs to {kind} {above}, which is no kind of workload that is known"
            return Chain((*owners, f"{kind}/{above}"), broken=why, foreign=True)
        owners = (*owners, f"Deployment/{above}")
        if not name.startswith(f"{above}-"):
            return Chain(owners, broken=f"Deployment {above} names its ReplicaSets otherwise than {name}")
        return self._at_workload(pod, owners, kind, above)

    def _at_workload(self, pod: Obj, owners: tuple[str, ...], kind: str, name: str, *doubts: str) -> Chain:
        workload = self._objects.one(APPS, kind, pod.namespace, name)
        if workload is None:
            if self._readable(kind):
                return Chain(owners, broken=f"its {kind} {name} is not in the snapshot")
            return Chain(owners, doubts=(*doubts, f"{kind}s were not read: that {name} is one is what its pods say"))
        return self._above(workload, owners, doubts)

    def _above(self, workload: Obj, owners: tuple[str, ...], doubts: tuple[str, ...]) -> Chain:
        for each in rows(table(workload.raw.get("metadata")).get("ownerReferences")):
            # Snapshots of earlier versions lack the API's name.
            group = text(each.get("apiVersion")).partition("/")[0] or GATEWAY_API
            if (group, each.get("kind")) != (GATEWAY_API, "Gateway"):
                continue
            name = text(each.get("name"))
            gateway = self._objects.one(GATEWAY_API, "Gateway", workload.namespace, name)
            if gateway is None:
                why = "is not in the snapshot" if self._readable("Gateway", GATEWAY_API) else "was not read"
                return Chain(owners, workload, doubts=(*doubts, f"the Gateway {name} of {workload} {why}"))
            return Chain((*owners, f"Gateway/{name}"), workload, gateway, doubts)
        if gateway := self._by_name(workload):
            doubt = (
                f"{workload} has the name and labels that istiod gives for {gateway}, and no reference to it as owner"
            )
            return Chain((*owners, f"Gateway/{gateway.name}"), workload, gateway, (*doubts, doubt))
        return Chain(owners, workload, doubts=doubts)

    def _by_name(self, workload: Obj) -> Obj | None:
        """The Gateway that istiod would have made a Deployment of this name and these labels for."""
        metadata = table(table(workload.spec.get("template")).get("metadata"))
        name = texts(metadata.get("labels")).get(GATEWAY_NAME, "")
        gateway = self._objects.one(GATEWAY_API, "Gateway", workload.namespace, name)
        if gateway is None or workload.kind != "Deployment":
            return None
        gateway_class = text(gateway.spec.get("gatewayClassName"))
        # A waypoint's Deployment is called as its Gateway is, others with the class behind (files/*.yaml of istiod).
        expected = name if gateway_class.endswith("waypoint") else f"{name}-{gateway_class}"
        return gateway if workload.name == expected else None

    def _readable(self, kind: str, group: str = APPS) -> bool:
        """Whether an object of this kind would be here if it existed. Older snapshots do not say what was read."""
        return f"{group}/{kind}" in self._read or (not self._read and bool(self._objects.all(group, kind)))


def _controller(obj: Obj) -> tuple[str, str]:
    """Kind and name of the owner that manages an object; of several without that mark the first."""
    owners = rows(table(obj.raw.get("metadata")).get("ownerReferences"))
    chosen: Mapping[str, Any] = next((each for each in owners if each.get("controller") is True), table(None))
    chosen = chosen or (owners[0] if owners else chosen)
    return text(chosen.get("kind")), text(chosen.get("name"))
