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

from egressaudit.hops.columns import HOP_COLUMNS, row_frame
from egressaudit.hops.lanes import HopNames
from egressaudit.join.engines import HOP_NEEDS, Engine, open_engine
from egressaudit.join.flows import Flows
from egressaudit.join.surroundings import Surroundings
from egressaudit.judge.fate import fate_of
from egressaudit.mesh import Mesh
from egressaudit.model import LogSource, Window

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
    account: str = "default",
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
        "spec": {
            "nodeName": "n1",
            "serviceAccountName": account,
            "containers": [{"name": each} for each in containers],
        },
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def _proxies(
    namespace: str,
    kind: str,
    name: str,
    labels: dict[str, str],
    annotations: dict[str, str],
    above: tuple[dict[str, object], ...] = (),
) -> list[dict[str, object]]:
    """A workload of proxies alone, with the ReplicaSet of a Deployment: what proves the role of its pods."""
    spec = {"serviceAccountName": name, "containers": [{"name": "istio-proxy"}]}
    template = {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}
    metadata = {"namespace": namespace, "name": name, "ownerReferences": list(above)}
    made = [{"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": {"template": template}}]
    if kind == "Deployment":
        owned = {
            "namespace": namespace,
            "name": f"{name}-5d8f",
            "ownerReferences": [{"kind": kind, "name": name, "controller": True}],
        }
        made.append({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": owned})
    return made


def gateway(namespace: str, name: str, *pods: tuple[str, str]) -> list[dict[str, object]]:
    """A gateway as Istio's chart installs it: a Deployment that asks for injection. `pods` are (name, address)."""
    labels, notes = {"istio": name, "sidecar.istio.io/inject": "true"}, {"inject.istio.io/templates": "gateway"}
    made = _proxies(namespace, "Deployment", name, labels, notes)
    above = f"ReplicaSet/{name}-5d8f"
    return made + [
        _pod(namespace, pod, ip, "istio-proxy", owner=above, labels=labels, annotations=notes, account=name)
        for pod, ip in pods
    ]


def waypoint(namespace: str, name: str, *pods: tuple[str, str]) -> list[dict[str, object]]:
    """A waypoint as istiod makes it: a Gateway and the Deployment that it owns. `pods` are (name, address)."""
    labels = {
        "gateway.networking.k8s.io/gateway-name": name,
        "gateway.networking.k8s.io/gateway-class-name": "istio-waypoint",
        "gateway.istio.io/managed": "istio.io-mesh-controller",
    }
    api = "gateway.networking.k8s.io/v1"
    asked = {
        "apiVersion": api,
        "kind": "Gateway",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "gatewayClassName": "istio-waypoint",
            "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
        },
    }
    owner = {"apiVersion": api, "kind": "Gateway", "name": name}
    made = [asked, *_proxies(namespace, "Deployment", name, labels, {}, (owner,))]
    above = f"ReplicaSet/{name}-5d8f"
    return made + [
        _pod(namespace, pod, ip, "istio-proxy", owner=above, labels=labels, account=name) for pod, ip in pods
    ]


def _ztunnel(namespace: str, pod: str, address: str) -> list[dict[str, object]]:
    labels = {"app": "ztunnel"}
    made = _proxies(namespace, "DaemonSet", "ztunnel", labels, {})
    return [
        *made,
        _pod(namespace, pod, address, "istio-proxy", owner="DaemonSet/ztunnel", labels=labels, account="ztunnel"),
    ]


def _service(namespace: str, name: str, address: str, selector: dict[str, str] | None) -> dict[str, object]:
    spec = {"clusterIP": address, "ports": [{"port": 80}], "type": "ClusterIP"}
    if selector:
        spec["selector"] = selector
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": name}, "spec": spec}


_SIDECAR = {"sidecar.istio.io/status": "{}"}
OBJECTS: tuple[dict[str, object], ...] = (
    _pod("curl", "curl-1", "10.0.0.1", "curl", "istio-proxy", owner="StatefulSet/curl", annotations=_SIDECAR),
    _pod("shop", "shop-1", "10.0.0.2", "shop", "istio-proxy", owner="StatefulSet/shop", annotations=_SIDECAR),
    _pod("amb", "app-1", "10.0.0.3", "app", owner="StatefulSet/app", labels={"istio.io/dataplane-mode": "ambient"}),
    *gateway("egress", "gw", ("gw-1", "10.0.0.9")),
    *gateway("egress", "spare", ("spare-1", "10.0.0.10")),
    *waypoint("egress", "waypoint", ("waypoint-1", "10.0.0.8")),
    *_ztunnel("ztunnel", "ztunnel-1", "10.0.0.7"),
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


def straight(seconds: float = 60, *, port: int = 50000, source: str = "10.0.0.1", **fields: object) -> Row:
    """A sidecar's line about a request that it sent out itself."""
    changed = {
        "downstream_remote_address": f"{source}:40000",
        "downstream_local_address": "240.240.0.1:80",
        "upstream_local_address": f"{source}:{port}",
        "upstream_host": FAR,
        "cluster_host": HOST,
        **fields,
    }
    return request(seconds, **changed)


NO_UPSTREAM: Row = {"upstream_host": None, "upstream_local_address": None}
"""What a line has where the proxy chose no address: it has no socket to one either."""
NO_BYTES: Row = {"bytes_sent": 0, "bytes_recv": 0}


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
        "bytes_sent": 78,
        "bytes_recv": 540,
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


def add(store: Engine, names: HopNames, number: int, source: LogSource, rows: Iterable[Row]) -> None:
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
        open_engine(Surroundings.of(world or mesh()), File(folder), fate_of, memory_limit="1GB") as store,
    ):
        names = HopNames()
        for number, (source, rows) in enumerate(logs.items()):
            add(store, names, number, source, rows)
        return store.flows(window)


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
