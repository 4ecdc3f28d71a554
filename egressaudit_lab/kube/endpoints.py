"""What Kubernetes adds to a Service, as far as a snapshot sees it: a cluster IP, and an EndpointSlice of its pods.

In: the Service shop/cart and its pods. Out: its cluster IP, and a slice with the pods' addresses.
"""

from __future__ import annotations

import ipaddress
from itertools import count

from egressaudit_lab.kube.kinds import ENDPOINT_SLICE, POD, SERVICE
from egressaudit_lab.kube.store import Store
from egressaudit_lab.world import Manifest

_ENDED = ("Succeeded", "Failed")


class Endpoints:
    """Keeps one EndpointSlice for each Service with a selector (kubernetes/kubernetes pkg/controller/endpointslice)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # kubeadm's default; its first address is that of the API server's own Service.
        self._free = (str(ipaddress.IPv4Address("10.96.0.1") + n) for n in count(1))

    def admit(self, service: Manifest, before: Manifest | None = None) -> Manifest:
        """The Service with the cluster IP that it had, else with one that the API server would have given it."""
        spec = service.get("spec") or {}
        if spec.get("clusterIP") or spec.get("type") == "ExternalName":
            return service
        address = ((before or {}).get("spec") or {}).get("clusterIP") or next(self._free)
        return service | {"spec": spec | {"clusterIP": address, "clusterIPs": [address]}}

    def reconcile(self, namespace: str) -> None:
        """Bring the slices of a namespace up to its Services and pods."""
        for service in self._store.all(SERVICE, namespace):
            spec = service.get("spec") or {}
            if spec.get("selector") and spec.get("type") != "ExternalName":
                self._write(service, spec)

    def _write(self, service: Manifest, spec: Manifest) -> None:
        meta = service["metadata"]
        name = f"{meta['name']}-{meta['uid'][:5]}"
        wanted = {
            "apiVersion": ENDPOINT_SLICE.api_version(),
            "kind": ENDPOINT_SLICE.name,
            "addressType": "IPv4",
            "endpoints": self._endpoints(meta["namespace"], spec["selector"]),
            "ports": [_port(each) for each in spec.get("ports") or ()],
        }
        present = self._store.find(ENDPOINT_SLICE, meta["namespace"], name)
        if present is not None:
            self._store.replace(ENDPOINT_SLICE, present | wanted)
            return
        owner = {"apiVersion": "v1", "kind": SERVICE.name, "name": meta["name"], "uid": meta["uid"], "controller": True}
        labels = {
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            "kubernetes.io/service-name": meta["name"],
        }
        metadata = {"name": name, "namespace": meta["namespace"], "labels": labels, "ownerReferences": [owner]}
        self._store.create(ENDPOINT_SLICE, wanted | {"metadata": metadata})

    def _endpoints(self, namespace: str, selector: Manifest) -> list[Manifest]:
        found = []
        for pod in self._store.all(POD, namespace):
            meta, status = pod["metadata"], pod.get("status") or {}
            chosen = selector.items() <= (meta.get("labels") or {}).items()
            if not chosen or not status.get("podIP") or status.get("phase") in _ENDED:
                continue
            ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
            ending = "deletionTimestamp" in meta
            target = {"kind": POD.name, "namespace": namespace, "name": meta["name"], "uid": meta["uid"]}
            found.append(
                {
                    "addresses": [status["podIP"]],
                    "conditions": {"ready": ready and not ending, "serving": ready, "terminating": ending},
                    "nodeName": pod["spec"]["nodeName"],
                    "targetRef": target,
                }
            )
        return found


def _port(port: Manifest) -> Manifest:
    target = port.get("targetPort", port.get("port"))
    number = target if isinstance(target, int) else port.get("port")
    return {"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")}
