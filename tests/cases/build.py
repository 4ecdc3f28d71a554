"""Lines of the small mesh as its proxies write them, and a case as a folder of logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cases.objects import GW_HOST, HOST, MESH, READ, Manifest

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


def policy(*rules: str, default: str = "deny", ways: str = "gateways: [{namespace: egress, name: gw}]") -> str:
    """A policy of these rules, each in one line of YAML."""
    head = "apiVersion: egressaudit.io/v1alpha1\nkind: EgressPolicy\nmetadata: {name: case}\nspec:\n"
    listed = "".join(f"  - {each}\n" for each in rules)
    return f"{head}  {ways}\n  rules:\n{listed}  default: {default}\n"


GATEWAY = policy("{name: docs, to: {hosts: [docs.redhat.com], ports: [80, 443]}, via: gateway}")
WAYPOINT_WAYS = "waypoints: [{namespace: egress, name: waypoint}]"
BY_WAYPOINT = policy(
    "{name: docs, to: {hosts: [docs.redhat.com], ports: [80, 443]}, via: waypoint}", ways=WAYPOINT_WAYS
)
NONE = ""
"""No policy: the mesh configuration decides."""


@dataclass(frozen=True)
class Case:
    """One run and its right answer."""

    name: str
    shows: str
    exits: tuple[int, ...]
    """Each exit code that is right."""
    logs: Mapping[str, Iterable[str]]
    """The access lines of each log, by `namespace/pod`. Those of other proxies are there and silent."""
    objects: tuple[Manifest, ...] = MESH
    policy: str = GATEWAY
    says: tuple[str, ...] = ()
    """What must be in what it prints."""
    never_says: tuple[str, ...] = ()
    read: frozenset[str] = READ
    change: Callable[[Path], None] | None = None
    """What is done to the folder when it is whole."""
    not_yet: str = ""
    """Why its answer is still wrong."""
    probe: Mapping[str, Any] | None = None
    """A run of `verify`: what differs from curl-1's request for docs.redhat.com, which was answered."""


def write(case: Case, folder: Path) -> None:
    """The case as a folder."""
    folder.mkdir()
    document = {"version": 1, "read": sorted(case.read), "objects": list(case.objects)}
    (folder / "mesh.json").write_text(json.dumps(document))
    if case.policy and case.probe is None:
        (folder / "policy.yaml").write_text(case.policy)
    entries = []
    for name in sorted({*_proxies(case.objects), *case.logs}):
        lines = [f"{DAY}T14:00:00.000Z\tinfo\tEnvoy proxy is ready", *case.logs.get(name, ())]
        lines.append(f"{DAY}T14:59:59.000Z\tinfo\tstill here")
        text = "".join(f"{each}\n" for each in lines)
        file = folder / name / "istio-proxy.log"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        entries.append(_collected(name, text))
    if case.probe is not None:
        (folder / "probes.json").write_text(json.dumps(_probes(case.probe)))
    else:
        (folder / "collection.json").write_text(json.dumps(_collection(entries)))
    if case.change is not None:
        case.change(folder)


def _proxies(objects: Iterable[Manifest]) -> Iterable[str]:
    for each in objects:
        if each["kind"] == "Pod" and any(one["name"] == "istio-proxy" for one in each["spec"]["containers"]):
            yield f"{each['metadata']['namespace']}/{each['metadata']['name']}"


def _collected(name: str, text: str) -> Manifest:
    namespace, _, pod = name.partition("/")
    return {
        "source": {"namespace": namespace, "pod": pod, "container": "istio-proxy"}, "state": "complete", "reason": "",
        "covered_from": f"{DAY}T14:00:00.000Z", "covered_to": f"{DAY}T15:00:00.000Z",
        "lines": text.count("\n"), "bytes": len(text.encode()),
    }  # fmt: skip


def _collection(entries: list[Manifest]) -> Manifest:
    return {
        "schema_version": 1, "since": f"{DAY}T14:00:00.000Z", "until": f"{DAY}T15:00:00.000Z", "context": "case",
        "collected_at": f"{DAY}T15:01:00.000Z", "finished": f"{DAY}T15:01:01.000Z", "notes": [], "logs": entries,
    }  # fmt: skip


def _probes(changed: Mapping[str, Any]) -> Manifest:
    result = {
        "connected": True, "error": None, "exit_code": 0, "http_code": 200, "local_address": "10.0.0.1:40000",
        "redirect_url": None, "remote_address": "240.240.0.1:80", **changed.get("result", {}),
    }  # fmt: skip
    probe = {
        "container": "curl", "nonce": NONCE, "redirected_from": None, "result": result, "source": "curl/curl-1",
        "started": f"{DAY}T14:00:59.900+00:00", "ended": f"{DAY}T14:01:00.100+00:00",
        "target": {"host": HOST, "path": "/", "port": 80, "scheme": "http", **changed.get("target", {})},
    }  # fmt: skip
    return {
        "schema_version": 1, "expect": changed.get("expect"), "lines_before": changed.get("lines_before", {}),
        "notes": [], "probes": [probe],
    }  # fmt: skip
