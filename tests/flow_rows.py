"""A small mesh and rows of hops for the tests of flows: everything that a test does not care about is filled in.

curl (10.0.0.1) and shop (10.0.0.2) have sidecars; gw (10.0.0.9) and spare (10.0.0.10) are egress gateways; app
(10.0.0.3) is ambient, carried by ztunnel (10.0.0.7), and waypoint (10.0.0.8) is its waypoint.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path as File
from tempfile import TemporaryDirectory

import pyarrow as pa

from egressaudit.columnar import HopNames
from egressaudit.flows import HOP_NEEDS, Flows, HopStore, Surroundings, flows_of
from egressaudit.frames import HOP_COLUMNS, row_frame
from egressaudit.mesh import Mesh
from egressaudit.model import LogSource
from egressaudit.window import Window

START = datetime(2026, 11, 7, 14, 0, tzinfo=UTC)
HOUR = Window(START, START + timedelta(hours=1))
HOST = "docs.redhat.com"
FAR = "203.0.113.7:80"
GATEWAY_HOST = "gw.egress.svc.cluster.local"

CURL = LogSource("curl", "curl-1", "istio-proxy")
SHOP = LogSource("shop", "shop-1", "istio-proxy")
GW = LogSource("egress", "gw-1", "istio-proxy")
SPARE = LogSource("egress", "spare-1", "istio-proxy")
WAYPOINT = LogSource("egress", "waypoint-1", "istio-proxy")
ZTUNNEL = LogSource("ztunnel", "ztunnel-1", "istio-proxy")
GW_SOCKET = "10.0.0.9:8080"

Row = dict[str, object]


def _pod(
    namespace: str,
    name: str,
    address: str,
    *containers: str,
    owner: str = "",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> dict[str, object]:
    owners = [{"kind": owner.partition("/")[0], "name": owner.partition("/")[2]}] if owner else []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "labels": labels or {},
            "annotations": annotations or {},
            "ownerReferences": owners,
        },
        "spec": {"nodeName": "n1", "containers": [{"name": each} for each in containers]},
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def _workload(
    kind: str,
    namespace: str,
    name: str,
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    owner: str = "",
) -> dict[str, object]:
    """What proves the role of its pods: a template that asks for injection, or a Gateway that it belongs to."""
    owners = [{"apiVersion": _GATEWAY_API, "kind": "Gateway", "name": owner}] if owner else []
    template = {
        "metadata": {"labels": labels or {}, "annotations": annotations or {}},
        "spec": {"containers": [{"name": "istio-proxy"}]},
    }
    metadata = {"namespace": namespace, "name": name, "ownerReferences": owners}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": {"template": template}}


def _service(namespace: str, name: str, address: str, selector: dict[str, str] | None) -> dict[str, object]:
    spec = {"clusterIP": address, "ports": [{"port": 80}], "type": "ClusterIP"}
    if selector:
        spec["selector"] = selector
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": name}, "spec": spec}


_GATEWAY_API = "gateway.networking.k8s.io/v1"
_INJECTED = {"inject.istio.io/templates": "gateway"}
_SIDECAR = {"sidecar.istio.io/status": "{}"}
_WAYPOINT = {
    "gateway.networking.k8s.io/gateway-name": "waypoint",
    "gateway.networking.k8s.io/gateway-class-name": "istio-waypoint",
}
OBJECTS: tuple[dict[str, object], ...] = (
    _pod("curl", "curl-1", "10.0.0.1", "curl", "istio-proxy", owner="StatefulSet/curl", annotations=_SIDECAR),
    _pod("shop", "shop-1", "10.0.0.2", "shop", "istio-proxy", owner="StatefulSet/shop", annotations=_SIDECAR),
    _pod(
        "egress", "gw-1", "10.0.0.9", "istio-proxy", owner="DaemonSet/gw", labels={"istio": "gw"}, annotations=_INJECTED
    ),
    _pod(
        "egress",
        "spare-1",
        "10.0.0.10",
        "istio-proxy",
        owner="DaemonSet/spare",
        labels={"istio": "spare"},
        annotations=_INJECTED,
    ),
    _pod("egress", "waypoint-1", "10.0.0.8", "istio-proxy", owner="ReplicaSet/waypoint-5d8f", labels=_WAYPOINT),
    _pod("amb", "app-1", "10.0.0.3", "app", owner="StatefulSet/app", labels={"istio.io/dataplane-mode": "ambient"}),
    _pod("ztunnel", "ztunnel-1", "10.0.0.7", "istio-proxy", owner="DaemonSet/ztunnel", labels={"app": "ztunnel"}),
    _workload("DaemonSet", "egress", "gw", labels={"istio": "gw"}, annotations=_INJECTED),
    _workload("DaemonSet", "egress", "spare", labels={"istio": "spare"}, annotations=_INJECTED),
    _workload("Deployment", "egress", "waypoint", labels=_WAYPOINT, owner="waypoint"),
    {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "namespace": "egress",
            "name": "waypoint-5d8f",
            "ownerReferences": [{"kind": "Deployment", "name": "waypoint"}],
        },
    },
    {
        "apiVersion": _GATEWAY_API,
        "kind": "Gateway",
        "metadata": {"namespace": "egress", "name": "waypoint"},
        "spec": {"gatewayClassName": "istio-waypoint"},
    },
    _workload("DaemonSet", "ztunnel", "ztunnel", labels={"app": "ztunnel"}),
    _service("egress", "gw", "10.96.0.1", {"istio": "gw"}),
    _service("shop", "shop", "10.96.0.2", {"app": "shop"}),
    _service("shop", "by-hand", "10.96.0.3", None),
)


def mesh(*more: dict[str, object]) -> Mesh:
    return Mesh.of([*OBJECTS, *more])


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def request(seconds: float = 60, **fields: object) -> Row:
    """A request that was answered."""
    return {
        "clean": True,
        "start_time": at(seconds),
        "method": "GET",
        "path": "/",
        "protocol": "HTTP/1.1",
        "response_code": 200,
        "response_code_details": "via_upstream",
        "duration": 20,
        "authority": HOST,
        "cluster_kind": "outbound",
        "cluster_port": 80,
        **fields,
    }


def to_gateway(seconds: float = 60, *, port: int = 50000, source: str = "10.0.0.1", **fields: object) -> Row:
    """A sidecar's line about a request that it handed to the gateway from its port `port`."""
    changed = {
        "downstream_remote_address": f"{source}:40000",
        "downstream_local_address": "240.240.0.1:80",
        "upstream_local_address": f"{source}:{port}",
        "upstream_host": GW_SOCKET,
        "cluster_host": GATEWAY_HOST,
        **fields,
    }
    return request(seconds, **changed)


def at_gateway(seconds: float = 60.002, *, port: int = 50000, source: str = "10.0.0.1", **fields: object) -> Row:
    """The gateway's line about it."""
    changed = {
        "downstream_remote_address": f"{source}:{port}",
        "downstream_local_address": GW_SOCKET,
        "upstream_local_address": "10.0.0.9:60000",
        "upstream_host": FAR,
        "cluster_host": HOST,
        **fields,
    }
    return request(seconds, **changed)


def straight(seconds: float = 60, **fields: object) -> Row:
    """A sidecar's line about a request that it sent out itself."""
    changed = {
        "downstream_remote_address": "10.0.0.1:40000",
        "downstream_local_address": "240.240.0.1:80",
        "upstream_local_address": "10.0.0.1:50000",
        "upstream_host": FAR,
        "cluster_host": HOST,
        **fields,
    }
    return request(seconds, **changed)


def tunnel(ended: float = 61, **fields: object) -> Row:
    """ztunnel's line about a connection of the ambient app to the waypoint, of one second."""
    return {
        "clean": True,
        "start_time": at(ended),
        "duration": 1000,
        "message": "connection complete",
        "direction": "outbound",
        "src_addr": "10.0.0.3:40000",
        "src_namespace": "amb",
        "src_workload": "app-1",
        "dst_addr": "10.0.0.8:15008",
        "dst_hbone_addr": "240.240.0.1:80",
        "dst_service": HOST,
        **fields,
    }


def at_waypoint(seconds: float = 60.5, **fields: object) -> Row:
    """The waypoint's line about a request in it."""
    changed = {
        "downstream_remote_address": "10.0.0.3:51000",
        "downstream_local_address": "240.240.0.1:80",
        "upstream_local_address": "10.0.0.8:60000",
        "upstream_host": FAR,
        "cluster_kind": "inbound-vip",
        "cluster_host": HOST,
        **fields,
    }
    return request(seconds, **changed)


_NAMES = {
    "outbound": "outbound|{port}||{host}",
    "inbound": "inbound|{port}||",
    "inbound-vip": "inbound-vip|{port}|http|{host}",
    "passthrough": "PassthroughCluster",
    "inbound-passthrough": "InboundPassthroughCluster",
    "dynamic-dns": "AllowAnyDynamicDNSCluster",
    "blackhole": "BlackHoleCluster",
    "other": "agent",
}


def cluster(row: Row) -> str | None:
    """The cluster's name: rows have its parts, which are easier to read."""
    kind = row.get("cluster_kind")
    return None if kind is None else _NAMES[str(kind)].format(port=row["cluster_port"], host=row["cluster_host"])


def add(store: HopStore, names: HopNames, number: int, source: LogSource, rows: Iterable[Row]) -> None:
    """A log and its hops into the store, as the careful lane gives them."""
    role = store.add_log(number, source)
    assert role is not None, f"{source} is no proxy's log"
    numbered = [{"line": n, "upstream_cluster": cluster(row), **row} for n, row in enumerate(rows, start=1)]
    frame = row_frame([{column: row.get(column) for column in HOP_COLUMNS} for row in numbered])
    table = pa.Table.from_pandas(frame[list(HOP_NEEDS)], preserve_index=False)
    hops = names.log(number, role).hops([row if row["clean"] else None for row in numbered])
    for column, values in hops.items():
        table = table.append_column(column, values)
    store.learn(names.new_kinds(), names.new_senders())
    store.add(number, table)


def flows(logs: dict[LogSource, list[Row]], window: Window = HOUR, world: Mesh | None = None) -> Flows:
    """The flows of these logs."""
    with (
        TemporaryDirectory() as folder,
        HopStore(Surroundings.of(world or mesh()), File(folder)) as store,
    ):
        names = HopNames()
        for number, (source, rows) in enumerate(logs.items()):
            add(store, names, number, source, rows)
        return flows_of(store, window)


def seen(
    logs: dict[LogSource, list[Row]], window: Window = HOUR, world: Mesh | None = None
) -> list[tuple[object, ...]]:
    """Who, to which host and port, which way, why, through what, how many: a row for each group."""
    return [
        (
            each.subject,
            f"{each.host}:{each.port}",
            str(each.path),
            each.reason,
            " ".join(map(str, each.via)),
            each.flows,
        )
        for each, _ in flows(logs, window, world).groups
    ]
