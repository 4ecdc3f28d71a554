"""Rows of hops in the small mesh of `support.mesh`, and their flows; what a test does not care about is filled in.

`to_gateway(60)` is curl-1's row of a request that it handed to gw-1, a minute after the window began; `at_gateway()` is
gw-1's row of it. `flows({CURL: [to_gateway()], GW: [at_gateway()]})` joins them. Lines of text: `support.lines`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path as File
from tempfile import TemporaryDirectory

import pyarrow as pa

from egressaudit.hops.columns import HOP_COLUMNS, row_frame
from egressaudit.hops.lanes import HopFingerprints
from egressaudit.join.engines import HOP_NEEDS, Engine, open_engine
from egressaudit.join.results import Flows
from egressaudit.join.surroundings import Surroundings
from egressaudit.judge.fate import fate_of
from egressaudit.mesh import Mesh
from egressaudit.model import LogSource, Window
from support.lines import FAR
from support.lines import GW as GW_SOCKET
from support.mesh import BARE, GW_HOST, HOST, but, service
from support.mesh import WAYPOINT as WAYPOINT_POD
from support.mesh import ZTUNNEL as ZTUNNEL_POD

START = datetime(2026, 11, 7, 14, 0, tzinfo=UTC)
HOUR = Window(START, START + timedelta(hours=1))

CURL = LogSource("curl", "curl-1", "istio-proxy")
SHOP = LogSource("shop", "shop-1", "istio-proxy")
GW = LogSource("egress", "gw-1", "istio-proxy")
SPARE = LogSource("egress", "spare-1", "istio-proxy")
WAYPOINT = LogSource("egress", "waypoint-1", "istio-proxy")
ZTUNNEL = LogSource("ztunnel", "ztunnel-1", "istio-proxy")

Row = dict[str, object]


OBJECTS = (
    *but(BARE, "ConfigMap istio-system/istio", "EndpointSlice shop/shop-x7k2p"),
    *ZTUNNEL_POD,
    *WAYPOINT_POD,
    service("shop/by-hand", "10.96.0.3"),
)
"""The small mesh with its ambient part, and a Service without a selector. Rows are no text, so nothing configures logs;
who asks what is behind shop's Service brings the slice that the row needs."""


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
        "cluster_host": GW_HOST,
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


def add(store: Engine, names: HopFingerprints, number: int, source: LogSource, rows: Iterable[Row]) -> None:
    """A log and its hops into the store, as the careful lane gives them."""
    role = store.add_log(number, source)
    assert role is not None, f"{source} is no proxy's log"
    numbered = [{"line": n, "upstream_cluster": cluster(row), **row} for n, row in enumerate(rows, start=1)]
    frame = row_frame([{column: row.get(column) for column in HOP_COLUMNS} for row in numbered])
    table = pa.Table.from_pandas(frame[list(HOP_NEEDS)], preserve_index=False)
    hops = names.log(number, role).hops([row if row["clean"] else None for row in numbered])
    for column, values in hops.items():
        table = table.append_column(column, values)
    store.learn(names.new_signatures(), names.new_senders())
    store.add(number, table)


def flows(logs: dict[LogSource, list[Row]], window: Window = HOUR, world: Mesh | None = None, parts: int = 0) -> Flows:
    """The flows of these logs, and their spread over so many parts of the window."""
    with (
        TemporaryDirectory() as folder,
        open_engine(Surroundings.of(world or mesh()), File(folder), fate_of, memory_limit="1GB") as store,
    ):
        names = HopFingerprints()
        for number, (source, rows) in enumerate(logs.items()):
            add(store, names, number, source, rows)
        return store.flows(window, parts)


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
