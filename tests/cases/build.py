"""What a case is, and a case as a folder of logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.lines import DAY, NONCE, connection
from support.mesh import GW_HOST, HOST, MESH, READ, Manifest


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
_TLS = {"make": connection, "sent": 44111, "received": 813, "sni": HOST}
TO_TLS = {**_TLS, "upstream": "10.0.0.9:8443", "cluster": f"outbound|443||{GW_HOST}"}
AT_TLS = {**_TLS, "upstream": "203.0.113.7:443", "cluster": f"outbound|443||{HOST}", "dialled": "10.0.0.9:8443"}
"""What a connection that nobody opens adds to the source's line, and to the gateway's."""
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
