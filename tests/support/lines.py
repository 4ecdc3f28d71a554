"""Lines of the small mesh of `support.mesh`, as its proxies write them; what a test does not care about is filled in.

`to_gw("14:01:00.000")` is curl-1's line of a request that it handed to gw-1, `at_gw("14:01:00.002")` is gw-1's line of
it. As rows of columns they are in `support.hops`; one fixed line of each format is in `support.log_lines`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from support.mesh import GW_HOST, HOST

DAY = "2026-11-07"
NONCE = "5f2b7c0a9d1e4f68"
FAR = "203.0.113.7:80"
EVIL = "6.6.6.6"
GW = "10.0.0.9:8080"
TO_GW = f"outbound|80||{GW_HOST}"

_LINE = (
    '[{time}] "{method} {path} {protocol}" {code} {flags} {details} {ended} "-" {received} {sent} {lasted} {service} '
    '"-" "{agent}" "{id}" "{authority}" "{upstream}" {cluster} {own} {dialled} {came} {sni} {route}'
)
_REQUEST = {
    "method": "GET", "path": "/", "protocol": "HTTP/1.1", "code": 200, "flags": "-", "details": "via_upstream",
    "ended": "-", "received": 0, "sent": 46, "lasted": 20, "service": 18, "agent": "curl/8", "id": "r1",
    "authority": HOST, "sni": "-", "route": "-",
}  # fmt: skip
_CONNECTION = {
    **_REQUEST, "method": "-", "path": "-", "protocol": "-", "code": 0, "details": "-", "service": "-", "agent": "-",
    "id": "-", "authority": "-",
}  # fmt: skip


def line(time: str, usual: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    """A line in Istio's default format."""
    return _LINE.format(**{**usual, **fields, "time": f"{DAY}T{time}Z"})


def request(time: str, **fields: Any) -> str:
    """A request that was answered."""
    return line(time, _REQUEST, fields)


def connection(time: str, **fields: Any) -> str:
    """A TCP or TLS connection that ended in order."""
    return line(time, _CONNECTION, fields)


def to_gw(time: str = "14:01:00.000", *, port: int = 50000, make: Callable[..., str] = request, **fields: Any) -> str:
    """curl-1's line of what it handed to the gateway from its port `port`."""
    usual = {
        "upstream": GW, "cluster": TO_GW, "own": f"10.0.0.1:{port}", "dialled": "240.240.0.1:80",
        "came": f"10.0.0.1:{port - 10000}",
    }  # fmt: skip
    return make(time, **{**usual, **fields})


def at_gw(time: str = "14:01:00.002", *, port: int = 50000, make: Callable[..., str] = request, **fields: Any) -> str:
    """gw-1's line of it."""
    usual = {
        "upstream": FAR, "cluster": f"outbound|80||{HOST}", "own": "10.0.0.9:60000", "dialled": GW,
        "came": f"10.0.0.1:{port}",
    }  # fmt: skip
    return make(time, **{**usual, **fields})


def straight(
    time: str = "14:01:00.000",
    *,
    pod: str = "10.0.0.1",
    port: int = 50001,
    make: Callable[..., str] = request,
    **fields: Any,
) -> str:
    """A sidecar's line of what it sent out itself."""
    usual = {
        "upstream": FAR, "cluster": f"outbound|80||{HOST}", "own": f"{pod}:{port}", "dialled": "240.240.0.1:80",
        "came": f"{pod}:{port - 10000}",
    }  # fmt: skip
    return make(time, **{**usual, **fields})


def tunnel(
    time: str = "14:01:01.000",
    *,
    port: int = 40000,
    level: str = "info",
    said: str = "connection complete",
    error: str = "",
    **fields: Any,
) -> str:
    """ztunnel's line of a connection of app-1 to the waypoint that lasted a second."""
    usual: dict[str, Any] = {
        "src.addr": f"10.0.0.3:{port}", "src.workload": '"app-1"', "src.namespace": '"amb"',
        "src.identity": '"spiffe://cluster.local/ns/amb/sa/default"', "dst.addr": "10.0.0.8:15008",
        "dst.hbone_addr": "240.240.0.1:80", "dst.service": f'"{HOST}"', "direction": '"outbound"',
        "bytes_sent": 100, "bytes_recv": 200,
    }  # fmt: skip
    usual |= {key.replace("__", "."): value for key, value in fields.items()}
    said_fields = " ".join(f"{key}={value}" for key, value in usual.items() if value is not None)
    ending = f' error="{error}"' if error else ""
    return f'{DAY}T{time}Z\t{level}\taccess\t{said}\t{said_fields}{ending} duration="1000ms"'


def at_waypoint(time: str = "14:01:00.500", *, make: Callable[..., str] = request, **fields: Any) -> str:
    """The waypoint's line of a request in it."""
    usual = {
        "upstream": FAR, "cluster": f"inbound-vip|80|http|{HOST}", "own": "10.0.0.8:60000",
        "dialled": "240.240.0.1:80", "came": "10.0.0.3:51000",
    }  # fmt: skip
    return make(time, **{**usual, **fields})
