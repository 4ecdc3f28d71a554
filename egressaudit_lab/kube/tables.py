"""`meta.k8s.io/v1` Table: what `kubectl get` prints.

Columns follow Kubernetes' pkg/printers/internalversion/printers.go and the CRDs' additionalPrinterColumns.

In: a kind and objects of it. Out: a Table. Example: the cells of a Namespace are `["curl", "Active", "5s"]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from egressaudit_lab.kube.kinds import GATEWAY_API, NETWORKING, Kind
from egressaudit_lab.kube.podrow import pod_cells
from egressaudit_lab.world import Manifest

Cells = list[object]
_Columns = Sequence[tuple[str, int]]
"""Names, and 1 for columns of `-o wide` only."""


def age(obj: Manifest) -> str:
    """How old an object is, as `apimachinery/pkg/util/duration` HumanDuration writes it."""
    created = datetime.fromisoformat(obj["metadata"]["creationTimestamp"])
    seconds = max(0, int((datetime.now(UTC) - created).total_seconds()))
    minutes, hours = seconds // 60, seconds // 3600
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    return f"{hours}h" if hours < 48 else f"{hours // 24}d"


def _joined(items: Iterable[object] | None) -> str:
    return ",".join(str(item) for item in items or ()) or "<none>"


def _json(items: object) -> str:
    # How a CRD column of an array looks: ["a","b"].
    return "[" + ",".join(f'"{item}"' for item in items) + "]" if isinstance(items, list) else ""


def _deployment(obj: Manifest) -> Cells:
    status, spec = obj.get("status") or {}, obj["spec"]
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)}"
    return [ready, status.get("updatedReplicas", 0), status.get("availableReplicas", 0), age(obj), *_images(obj)]


def _images(obj: Manifest) -> Cells:
    containers = obj["spec"]["template"]["spec"]["containers"]
    labels = (obj["spec"].get("selector") or {}).get("matchLabels") or {}
    selector = _joined(f"{key}={value}" for key, value in labels.items())
    return [_joined(c["name"] for c in containers), _joined(c["image"] for c in containers), selector]


def _replica_set(obj: Manifest) -> Cells:
    status = obj.get("status") or {}
    counts = (status.get("replicas", 0), status.get("readyReplicas", 0))
    return [obj["spec"].get("replicas", 1), *counts, age(obj), *_images(obj)]


def _daemon_set(obj: Manifest) -> Cells:
    status = obj.get("status") or {}
    fields = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
    counts = [status.get(field, 0) for field in (*fields, "numberAvailable")]
    node_selector = obj["spec"]["template"]["spec"].get("nodeSelector") or {}
    return [*counts, _joined(f"{k}={v}" for k, v in node_selector.items()), age(obj), *_images(obj)]


def _service(obj: Manifest) -> Cells:
    spec = obj["spec"]
    ports = [f"{port['port']}/{port.get('protocol', 'TCP')}" for port in spec.get("ports") or []]
    external = _joined(spec.get("externalIPs")) if spec.get("type") != "ExternalName" else spec.get("externalName")
    selector = _joined(f"{key}={value}" for key, value in (spec.get("selector") or {}).items())
    kind = spec.get("type", "ClusterIP")
    return [kind, spec.get("clusterIP") or "<none>", external, _joined(ports), age(obj), selector]


def _node(obj: Manifest) -> Cells:
    conditions = {c["type"]: c["status"] for c in (obj.get("status") or {}).get("conditions") or []}
    prefix = "node-role.kubernetes.io/"
    roles = [label.removeprefix(prefix) for label in obj["metadata"].get("labels") or {} if label.startswith(prefix)]
    version = (obj.get("status") or {}).get("nodeInfo", {}).get("kubeletVersion", "<unknown>")
    ready = {"True": "Ready", "False": "NotReady"}.get(conditions.get("Ready", ""), "Unknown")
    return [ready, _joined(roles), age(obj), version]


def _endpoints(obj: Manifest) -> Cells:
    pairs = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or []
        for address in subset.get("addresses") or []
        for port in subset.get("ports") or []
    ]
    return [_joined(pairs), age(obj)]


def _gateway(obj: Manifest) -> Cells:
    status = obj.get("status") or {}
    address = next((a.get("value", "") for a in status.get("addresses") or []), "")
    programmed = {c["type"]: c["status"] for c in status.get("conditions") or []}.get("Programmed", "Unknown")
    return [obj["spec"].get("gatewayClassName", ""), address, programmed, age(obj)]


def _spec(*fields: str) -> Callable[[Manifest], Cells]:
    def cells(obj: Manifest) -> Cells:
        values = [(obj.get("spec") or {}).get(field, "") for field in fields]
        return [*(_json(value) if isinstance(value, list) else value for value in values), age(obj)]

    return cells


def _plain(*names: str) -> _Columns:
    return [(name, 0) for name in names]


_WIDE_IMAGES = [("Containers", 1), ("Images", 1), ("Selector", 1)]
_DAEMON = ("Desired", "Current", "Ready", "Up-to-date", "Available", "Node Selector", "Age")
_POD_WIDE = [("IP", 1), ("Node", 1), ("Nominated Node", 1), ("Readiness Gates", 1)]
_ROWS: dict[tuple[str, str], tuple[_Columns, Callable[[Manifest], Cells]]] = {
    ("", "Pod"): (
        [*_plain("Ready", "Status", "Restarts", "Age"), *_POD_WIDE],
        lambda pod: pod_cells(pod, age(pod)),
    ),
    ("apps", "Deployment"): (
        [*_plain("Ready", "Up-to-date", "Available", "Age"), *_WIDE_IMAGES],
        _deployment,
    ),
    ("apps", "ReplicaSet"): ([*_plain("Desired", "Current", "Ready", "Age"), *_WIDE_IMAGES], _replica_set),
    ("apps", "DaemonSet"): ([*_plain(*_DAEMON), *_WIDE_IMAGES], _daemon_set),
    ("", "Service"): (
        [*_plain("Type", "Cluster-IP", "External-IP", "Port(s)", "Age"), ("Selector", 1)],
        _service,
    ),
    ("", "Namespace"): (
        _plain("Status", "Age"),
        lambda obj: [obj["status"]["phase"], age(obj)],
    ),
    ("", "Node"): (_plain("Status", "Roles", "Age", "Version"), _node),
    ("", "ConfigMap"): (_plain("Data", "Age"), lambda obj: [len(obj.get("data") or {}), age(obj)]),
    ("", "Endpoints"): (_plain("Endpoints", "Age"), _endpoints),
    (NETWORKING, "VirtualService"): (_plain("Gateways", "Hosts", "Age"), _spec("gateways", "hosts")),
    (NETWORKING, "DestinationRule"): (_plain("Host", "Age"), _spec("host")),
    (NETWORKING, "ServiceEntry"): (
        _plain("Hosts", "Location", "Resolution", "Age"),
        _spec("hosts", "location", "resolution"),
    ),
    (GATEWAY_API, "Gateway"): (_plain("Class", "Address", "Programmed", "Age"), _gateway),
    (GATEWAY_API, "HTTPRoute"): (_plain("Hostnames", "Age"), _spec("hostnames")),
}


def table(kind: Kind, objects: Iterable[Manifest], version: str, include: str) -> Manifest:
    """The Table of some objects; `include` is includeObject: Metadata (also if empty), Object or None."""
    columns, cells = _ROWS.get((kind.group, kind.name), (_plain("Age"), lambda obj: [age(obj)]))
    names = [("Name", 0), *columns]
    rows = []
    for obj in objects:
        row: Manifest = {"cells": [obj["metadata"]["name"], *cells(obj)]}
        if include == "Object":
            row["object"] = obj
        elif include != "None":
            meta = obj["metadata"]
            row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
        rows.append(row)
    definitions = [
        {
            "name": name,
            "type": "string",
            "format": "name" if name == "Name" else "",
            "description": "",
            "priority": wide,
        }
        for name, wide in names
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": definitions,
        "rows": rows,
    }
