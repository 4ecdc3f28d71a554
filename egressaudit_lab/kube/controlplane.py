"""Creation, change and deletion of objects, with everything that Kubernetes does besides storing them.

In: an object to create. Out: the same with name, uid, defaults and status; and e.g. the pods of a Deployment.
"""

from __future__ import annotations

import re
import secrets

from egressaudit_lab.kube.endpoints import Endpoints
from egressaudit_lab.kube.kinds import (
    DAEMON_SET,
    DEPLOYMENT,
    KINDS,
    NAMESPACE,
    NODE,
    POD,
    REPLICA_SET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from egressaudit_lab.kube.pods import Pods
from egressaudit_lab.kube.refusal import bad_request, conflict, invalid, not_found
from egressaudit_lab.kube.store import Store
from egressaudit_lab.kube.workloads import Workloads, owners, suffix
from egressaudit_lab.world import DataPlane, Manifest

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WORKLOADS = (DEPLOYMENT, REPLICA_SET, DAEMON_SET)


class ControlPlane:
    """The one way to change objects, for HTTP requests and for scenarios alike."""

    def __init__(self, dataplane: DataPlane) -> None:
        self.store = Store()
        self.pods = Pods(self.store, dataplane, self._pod_changed)
        self._workloads = Workloads(self.store, self.pods.create, self.delete)
        self._endpoints = Endpoints(self.store)
        self._stopping = False
        for name in ("default", "kube-system"):
            self.create(NAMESPACE, "", {"metadata": {"name": name}})

    def create(
        self, kind: Kind, namespace: str, manifest: Manifest, *, with_status: bool = False, dry: bool = False
    ) -> Manifest:
        """The stored object. Refusal 400, 404 (no such namespace), 409 or 422.

        Clients cannot set a status; a scenario may (`with_status`), as it stands in for the controllers too. With
        `dry` a pod is only admitted, and not stored.
        """
        obj = manifest | {"apiVersion": kind.api_version(), "kind": kind.name}
        obj["metadata"] = meta = self._metadata(kind, namespace, manifest.get("metadata") or {})
        name = meta["name"]
        if "status" in kind.subresources and not with_status:
            obj.pop("status", None)
        if kind in _WORKLOADS:
            _check_workload(kind, name, obj)
        if kind == POD:
            return self.pods.admitted(obj) if dry else self.pods.create(obj)
        if kind == NAMESPACE:
            meta["labels"] = {"kubernetes.io/metadata.name": name} | (meta.get("labels") or {})
            obj["status"] = {"phase": "Active"}
        if kind == SERVICE:
            obj = self._endpoints.admit(obj)
        stored = self.store.create(kind, obj)
        self._after(kind, stored)
        return self.store.find(kind, meta.get("namespace", ""), name) or stored

    def _metadata(self, kind: Kind, namespace: str, given: Manifest) -> Manifest:
        """Checked, with name and namespace."""
        meta = {field: value for field, value in given.items() if field != "resourceVersion"}
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + suffix(secrets.token_hex(), 5)
        name = meta.get("name") or ""
        if not name:
            raise invalid(kind, "", "metadata.name", "Required value: name or generateName is required")
        if not _NAME.fullmatch(name) or len(name) > 253:
            why = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
            raise invalid(kind, name, "metadata.name", f'Invalid value: "{name}": {why}')
        if not kind.namespaced:
            meta.pop("namespace", None)
        elif meta.setdefault("namespace", namespace) != namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        elif self.store.find(NAMESPACE, "", namespace) is None:
            raise not_found(NAMESPACE, namespace)
        return meta

    def replace(self, kind: Kind, obj: Manifest, *, subresource: str = "", with_status: bool = False) -> Manifest:
        """The object after a PUT or PATCH of it or of its status. Refusal 404, 409 or 422."""
        meta = obj["metadata"]
        before = self.store.get(kind, meta.get("namespace", ""), meta["name"])
        if subresource == "status":
            changed = before | {"status": obj.get("status") or {}}
        elif "status" in kind.subresources and not with_status:
            changed = obj | ({"status": before["status"]} if "status" in before else {})
        else:
            changed = obj
        changed |= {"apiVersion": kind.api_version(), "kind": kind.name}
        if kind == POD and _without_images(changed) != _without_images(before):
            raise invalid(
                kind,
                meta["name"],
                "spec",
                "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
                "`spec.initContainers[*].image`",
            )
        if kind == SERVICE:
            changed = self._endpoints.admit(changed, before)
        stored = self.store.replace(kind, changed)
        if stored is not before:
            self._after(kind, stored)
        return stored

    def delete(
        self, kind: Kind, obj: Manifest, *, grace: int | None = None, orphan: bool = False, uid: str = ""
    ) -> Manifest:
        """The object as it last was (a pod: as it is now), its dependents deleted too. Refusal 409 for another uid."""
        meta = obj["metadata"]
        if uid and uid != meta["uid"]:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {meta['uid']}"
            raise conflict(kind, meta["name"], why)
        if kind == POD:
            default = obj["spec"].get("terminationGracePeriodSeconds", 30)
            return self.pods.delete(obj, default if grace is None else grace)
        last = self.store.delete(kind, meta.get("namespace", ""), meta["name"])
        for dependent_kind in () if orphan else KINDS:
            for dependent in self.store.all(dependent_kind):
                inside = kind == NAMESPACE and dependent["metadata"].get("namespace") == meta["name"]
                if inside or meta["uid"] in owners(dependent):
                    self.delete(dependent_kind, dependent)
        return last

    async def stop(self) -> None:
        """End all pods' processes; from now on no controller starts new ones."""
        self._stopping = True
        await self.pods.stop()

    def _after(self, kind: Kind, stored: Manifest) -> None:
        if kind == NAMESPACE and self.store.find(SERVICE_ACCOUNT, stored["metadata"]["name"], "default") is None:
            account = {"metadata": {"name": "default"}}
            self.create(SERVICE_ACCOUNT, stored["metadata"]["name"], account)
        elif kind in _WORKLOADS:
            self._workloads.reconcile(stored["metadata"]["namespace"])
        elif kind == NODE:
            self._workloads.reconcile()
        elif kind in (SERVICE, POD):
            self._endpoints.reconcile(stored["metadata"]["namespace"])

    def _pod_changed(self, namespace: str) -> None:
        if not self._stopping and self.store.find(NAMESPACE, "", namespace) is not None:
            self._workloads.reconcile(namespace)
            self._endpoints.reconcile(namespace)


def _check_workload(kind: Kind, name: str, obj: Manifest) -> None:
    spec = obj.get("spec") or {}
    template = spec.get("template") or {}
    if not (template.get("spec") or {}).get("containers"):
        raise invalid(kind, name, "spec.template.spec.containers", "Required value")
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not wanted or not wanted.items() <= labels.items():
        why = "`selector` does not match template `labels`"
        raise invalid(kind, name, "spec.template.metadata.labels", f"Invalid value: {labels}: {why}")


def _without_images(pod: Manifest) -> Manifest:
    spec = dict(pod["spec"])
    for field in ("containers", "initContainers"):
        spec[field] = [container | {"image": ""} for container in spec.get(field) or []]
    return spec
