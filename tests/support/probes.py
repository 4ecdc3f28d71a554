"""Probes and the hops of one, for the tests of `verify`; what a test does not care about is filled in.

`sidecar()` and `gateway()` are the two hops of a request that left through the gateway. Judging a probe needs no
objects, only the addresses of a few proxies, so these rows have a mesh of their own, which `surroundings` says. It is
smaller than that of `support.mesh`, and two of its gateways share an address on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from egressaudit.judge.hop_facts import Surfaces
from egressaudit.judge.probe_surroundings import ProbeSurroundings
from egressaudit.mesh import Mesh
from egressaudit.model import (
    CurlResult,
    DataplaneMode,
    Expectation,
    Hop,
    LineCount,
    LogLine,
    LogSource,
    ObjectRef,
    Path,
    Pod,
    Probe,
    Reporter,
    Scheme,
    Target,
)

NONCE = "5f2b7c0a9d1e4f68"
HOST = "docs.redhat.com"
CURL = "10.0.0.5:40000"
SIDECAR_OUT = "10.0.0.5:50000"
GATEWAY = "10.0.0.9:8080"
EXTERNAL = "203.0.113.7:80"

SIDECAR_LOG = LogSource("curl", "curl-1", "istio-proxy")
GATEWAY_LOG = LogSource("egress-gateway", "gw-1", "istio-proxy")
ZTUNNEL_LOG = LogSource("ztunnel", "ztunnel-1", "istio-proxy")
WAYPOINT_LOG = LogSource("egress-gateway", "waypoint-1", "istio-proxy")
GATEWAY_REF = ObjectRef("egress-gateway", "egressgateway")
WAYPOINT_REF = ObjectRef("egress-gateway", "waypoint")
SOURCE = ObjectRef("curl", "curl-1")

OTHER_GATEWAY_LOG = LogSource("other", "gw-2", "istio-proxy")
OTHER_GATEWAY_REF = ObjectRef("other", "gateway")
SERVICES = {"egressgateway.egress-gateway.svc": "gateway"}

START = datetime(2026, 11, 7, 14, 35, 52, 428000, tzinfo=UTC)


def pod(namespace: str, name: str, address: str, mode: DataplaneMode = DataplaneMode.NONE) -> Pod:
    return Pod(namespace=namespace, name=name, addresses=(address,), mode=mode, ready=True)


GATEWAY_POD = pod("egress-gateway", "gw-1", "10.0.0.9")
WAYPOINT_POD = pod("egress-gateway", "waypoint-1", "10.0.0.8")
VIA_GATEWAY = Expectation(path=Path.VIA_GATEWAY, via=GATEWAY_REF, pods=(GATEWAY_POD,))
VIA_WAYPOINT = Expectation(path=Path.VIA_WAYPOINT, via=WAYPOINT_REF, pods=(WAYPOINT_POD,))


def surroundings(
    source_log: LogSource | None, lines: Mapping[LogSource, LineCount], uncaptured: str = ""
) -> ProbeSurroundings:
    """What judging needs of the small mesh of these rows: curl, a gateway, a waypoint, a ztunnel, and a pod beside."""
    proxies = {
        "10.0.0.9": (Reporter.EGRESS_GATEWAY, GATEWAY_REF),
        "10.0.0.8": (Reporter.WAYPOINT, WAYPOINT_REF),
    }
    mesh = Mesh.of([])
    places = replace(
        mesh.places, proxies=proxies, inside=frozenset({"10.0.0.5", "10.0.0.2", "10.0.0.77"}), endpoints=SERVICES
    )
    pods = {
        SIDECAR_LOG: pod("curl", "curl-1", "10.0.0.5"),
        GATEWAY_LOG: GATEWAY_POD,
        ZTUNNEL_LOG: pod("ztunnel", "ztunnel-1", "10.0.0.7"),
        WAYPOINT_LOG: WAYPOINT_POD,
        OTHER_GATEWAY_LOG: pod("other", "gw-2", "10.0.0.9"),
    }
    return ProbeSurroundings(
        uncaptured=uncaptured,
        source_log=source_log,
        surfaces=Surfaces(places, mesh.cluster_ends, pods, {"10.0.0.5": pods[SIDECAR_LOG]}),
        lines=lines,
        logs={"10.0.0.9": GATEWAY_LOG, "10.0.0.8": WAYPOINT_LOG},
        writers={GATEWAY_LOG: GATEWAY_REF, WAYPOINT_LOG: WAYPOINT_REF, OTHER_GATEWAY_LOG: OTHER_GATEWAY_REF},
    )


def curl(**changes: object) -> CurlResult:
    said: dict[str, object] = {
        "exit_code": 0,
        "http_code": 301,
        "local_address": CURL,
        "remote_address": "198.51.100.1:80",
        "connected": True,
    }
    return CurlResult(**{**said, **changes})  # type: ignore[arg-type]


def probe(result: CurlResult | None = None, *, scheme: Scheme = Scheme.HTTP, port: int = 80) -> Probe:
    return Probe(
        nonce=NONCE,
        target=Target(host=HOST, port=port, scheme=scheme),
        source=SOURCE,
        container="curl",
        started=START,
        ended=START,
        result=result or curl(),
    )


def hop(log: LogSource, reporter: Reporter, number: int = 1, *, clean: bool = True, **fields: object) -> Hop:
    raw = f"{log} {sorted(fields.items(), key=str)}"
    return Hop(LogLine(log, number, raw), reporter, "test", clean, {"start_time": START, **fields})


_HTTP = {
    "method": "GET",
    "path": "/",
    "response_code": 301,
    "response_code_details": "via_upstream",
    "user_agent": f"egressaudit/1 ({NONCE})",
    "authority": HOST,
}


def sidecar(number: int = 1, **changes: object) -> Hop:
    """The source's line of a request that was sent to the gateway."""
    fields: dict[str, object] = {
        **_HTTP,
        "downstream_remote_address": CURL,
        "downstream_local_address": "198.51.100.1:80",
        "upstream_local_address": SIDECAR_OUT,
        "upstream_host": GATEWAY,
        "upstream_cluster": "outbound|80|rh-docs|egressgateway.egress-gateway.svc.cluster.local",
        "cluster_kind": "outbound",
        "cluster_host": "egressgateway.egress-gateway.svc.cluster.local",
        **changes,
    }
    clean = bool(fields.pop("clean", True))
    return hop(SIDECAR_LOG, Reporter.SIDECAR, number, clean=clean, **fields)


def gateway(number: int = 1, log: LogSource = GATEWAY_LOG, **changes: object) -> Hop:
    """The gateway's line of a request that left."""
    fields: dict[str, object] = {
        **_HTTP,
        "downstream_remote_address": SIDECAR_OUT,
        "downstream_local_address": GATEWAY,
        "upstream_local_address": "10.0.0.9:51000",
        "upstream_host": EXTERNAL,
        "upstream_cluster": f"outbound|80||{HOST}",
        "cluster_kind": "outbound",
        "cluster_host": HOST,
        **changes,
    }
    clean = bool(fields.pop("clean", True))
    return hop(log, Reporter.EGRESS_GATEWAY, number, clean=clean, **fields)


def ztunnel(number: int = 1, **changes: object) -> Hop:
    """ztunnel's line of a connection that went to the waypoint."""
    fields: dict[str, object] = {
        "message": "connection complete",
        "src_addr": CURL,
        "dst_addr": "10.0.0.8:15008",
        "dst_hbone_addr": "240.240.0.4:80",
        "dst_service": HOST,
        "direction": "outbound",
        "bytes_sent": 78,
        "bytes_recv": 540,
        "duration": 10,
        **changes,
    }
    return hop(ZTUNNEL_LOG, Reporter.ZTUNNEL, number, **fields)


def waypoint(number: int = 1, **changes: object) -> Hop:
    """The waypoint's line of a request that left; its downstream port is that of the pooled HBONE connection."""
    fields: dict[str, object] = {
        **_HTTP,
        "downstream_remote_address": "10.0.0.5:48306",
        "downstream_local_address": "240.240.0.4:80",
        "upstream_local_address": "10.0.0.8:51000",
        "upstream_host": EXTERNAL,
        "upstream_cluster": f"inbound-vip|80|http|{HOST}",
        "cluster_kind": "inbound-vip",
        "cluster_host": HOST,
        **changes,
    }
    clean = bool(fields.pop("clean", True))
    return hop(WAYPOINT_LOG, Reporter.WAYPOINT, number, clean=clean, **fields)


def counts(*logs: LogSource) -> dict[LogSource, LineCount]:
    return {log: LineCount(read=5, access=5) for log in logs}
