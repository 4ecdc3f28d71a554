"""Mini controllers: Deployment to ReplicaSet to Pods, DaemonSet to one Pod per Node, and their status.

They do at once what the real ones come to: no rolling update, no back-off, no rollout history.

In: the objects of a namespace. Out: the objects that are missing.
Example: a Deployment `cart` with 2 replicas gets one ReplicaSet `cart-...`, and that one gets two pods.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from contextlib import suppress

from egressaudit_lab.kube.kinds import DAEMON_SET, DEPLOYMENT, NODE, POD, REPLICA_SET, Kind
from egressaudit_lab.kube.refusal import Refusal
from egressaudit_lab.kube.store import Store, now
from egressaudit_lab.world import Manifest

_SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of generated names: no vowels, so no words (apimachinery/pkg/util/rand)."""


def suffix(seed: object, length: int) -> str:
    """A name suffix like Kubernetes', the same for the same seed, so that the lab's logs are reproducible."""
    digest = hashlib.sha256(json.dumps(seed, sort_keys=True).encode()).digest()
    return "".join(_SAFE[byte % len(_SAFE)] for byte in digest[:length])


class Workloads:
    """Makes the objects of a namespace what their owners want. `create_pod` and `delete` act, nothing waits."""

    def __init__(
        self, store: Store, create_pod: Callable[[Manifest], Manifest], delete: Callable[[Kind, Manifest], object]
    ) -> None:
        self._store = store
        self._create_pod = create_pod
        self._delete = delete
        self._made: dict[str, int] = {}

    def reconcile(self, namespace: str = "") -> None:
        """Create what is missing, delete what is too much, write the status; all namespaces if none is given."""
        for deployment in self._store.all(DEPLOYMENT, namespace):
            self._deployment(deployment)
        for replica_set in self._store.all(REPLICA_SET, namespace):
            self._replica_set(replica_set)
        for daemon_set in self._store.all(DAEMON_SET, namespace):
            self._daemon_set(daemon_set)
        for deployment in self._store.all(DEPLOYMENT, namespace):
            self._deployment_status(deployment)

    def _deployment(self, owner: Manifest) -> None:
        spec = owner["spec"]
        hashed = suffix(spec["template"], 10)
        meta = owner["metadata"]
        name = f"{meta['name']}-{hashed}"
        for old in self._owned(REPLICA_SET, owner):
            if old["metadata"]["name"] != name:
                self._delete(REPLICA_SET, old)
        labels = {"pod-template-hash": hashed}
        template = copy.deepcopy(spec["template"])
        template.setdefault("metadata", {}).setdefault("labels", {}).update(labels)
        wanted = {
            "replicas": spec.get("replicas", 1),
            "selector": {"matchLabels": (spec["selector"].get("matchLabels") or {}) | labels},
            "template": template,
        }
        present = self._store.find(REPLICA_SET, meta["namespace"], name)
        if present is not None:
            self._store.replace(REPLICA_SET, present | {"spec": wanted})
            return
        metadata = {
            "name": name,
            "namespace": meta["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": [_reference(DEPLOYMENT, owner)],
        }
        self._store.create(
            REPLICA_SET,
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": wanted, "status": {}},
        )

    def _replica_set(self, owner: Manifest) -> None:
        pods = [pod for pod in self._owned(POD, owner) if "deletionTimestamp" not in pod["metadata"]]
        replicas = owner["spec"].get("replicas", 1)
        for surplus in pods[replicas:]:
            self._delete(POD, surplus)
        pods = pods[:replicas]
        failure: Manifest = {}
        try:
            for _ in range(replicas - len(pods)):
                pods.append(self._pod_of(REPLICA_SET, owner))
        except Refusal as refusal:
            # As in a real cluster: the owner stands, its pods are missing, and its status says why.
            condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": str(refusal)}
            failure = {"conditions": [condition]}
        ready = sum(map(_is_ready, pods))
        self._write_status(
            REPLICA_SET,
            owner,
            {
                "replicas": len(pods),
                "fullyLabeledReplicas": len(pods),
                "readyReplicas": ready,
                "availableReplicas": ready,
                **failure,
            },
        )

    def _daemon_set(self, owner: Manifest) -> None:
        pods = [pod for pod in self._owned(POD, owner) if "deletionTimestamp" not in pod["metadata"]]
        nodes = [node["metadata"]["name"] for node in self._store.all(NODE)]
        served = {pod["spec"]["nodeName"] for pod in pods}
        for node in nodes:
            if node not in served:
                # Refused by admission: a real one, too, shows it only as a pod that is missing.
                with suppress(Refusal):
                    pods.append(self._pod_of(DAEMON_SET, owner, node))
        ready = sum(map(_is_ready, pods))
        self._write_status(
            DAEMON_SET,
            owner,
            {
                "desiredNumberScheduled": len(nodes),
                "currentNumberScheduled": len(pods),
                "updatedNumberScheduled": len(pods),
                "numberMisscheduled": 0,
                "numberReady": ready,
                "numberAvailable": ready,
                "numberUnavailable": len(nodes) - ready,
            },
        )

    def _deployment_status(self, owner: Manifest) -> None:
        replicas = owner["spec"].get("replicas", 1)
        pods = [pod for replica_set in self._owned(REPLICA_SET, owner) for pod in self._owned(POD, replica_set)]
        pods = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        ready = sum(map(_is_ready, pods))
        available = "True" if ready >= replicas else "False"
        old = {c["type"]: c for c in (owner.get("status") or {}).get("conditions", [])}.get("Available", {})
        since = old.get("lastTransitionTime") if old.get("status") == available else now()
        reason = "MinimumReplicasAvailable" if available == "True" else "MinimumReplicasUnavailable"
        self._write_status(
            DEPLOYMENT,
            owner,
            {
                "replicas": len(pods),
                "updatedReplicas": len(pods),
                "readyReplicas": ready,
                "availableReplicas": ready,
                "unavailableReplicas": max(0, replicas - ready),
                "conditions": [
                    {"type": "Available", "status": available, "reason": reason, "lastTransitionTime": since}
                ],
            },
        )

    def _pod_of(self, kind: Kind, owner: Manifest, node: str = "") -> Manifest:
        meta = owner["metadata"]
        # The count keeps names apart: a pod that replaces another has another name, as in a real cluster.
        seed = [meta["namespace"], kind.plural, meta["name"], self._made.get(meta["uid"], 0)]
        self._made[meta["uid"]] = seed[-1] + 1
        template = copy.deepcopy(owner["spec"]["template"])
        metadata = template.get("metadata") or {}
        metadata |= {
            "name": f"{meta['name']}-{suffix(seed, 5)}",
            "generateName": f"{meta['name']}-",
            "namespace": meta["namespace"],
            "ownerReferences": [_reference(kind, owner)],
        }
        spec = template["spec"] | ({"nodeName": node} if node else {})
        return self._create_pod({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})

    def _owned(self, kind: Kind, owner: Manifest) -> list[Manifest]:
        return [
            obj
            for obj in self._store.all(kind, owner["metadata"]["namespace"])
            if owner["metadata"]["uid"] in owners(obj)
        ]

    def _write_status(self, kind: Kind, owner: Manifest, status: Manifest) -> None:
        present = self._store.get(kind, owner["metadata"]["namespace"], owner["metadata"]["name"])
        status = {"observedGeneration": present["metadata"].get("generation", 1), **status}
        self._store.replace(kind, present | {"status": status})


def owners(obj: Manifest) -> set[str]:
    """The uids of an object's owners."""
    return {reference["uid"] for reference in obj["metadata"].get("ownerReferences") or []}


def _reference(kind: Kind, owner: Manifest) -> Manifest:
    return {
        "apiVersion": kind.api_version(),
        "kind": kind.name,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
