"""A cluster in memory whose proxies log what curl is asked to send: `verify` as a whole, without a lab.

Its objects are those of the sample `whole-mesh`. What is sent to docs.redhat.com passes the sidecar and the gateway, as
the objects say; every other host leaves through PassthroughCluster.
"""

from __future__ import annotations

import json
import queue
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from egressaudit.cluster import Completed
from egressaudit.errors import ExecFailed
from egressaudit.mesh import Mesh
from egressaudit.model import LogSource, ObjectRef, Pod
from support.tools import SAMPLES

SAVED = json.loads((SAMPLES / "whole-mesh" / "mesh.json").read_text())
DOCS = "docs.redhat.com"
OUTSIDE = "203.0.113.7:80"
_TO_GATEWAY = "outbound|80|rh-docs|egressgateway.egress-gateway.svc.cluster.local"


class _Stream:
    """A log that is followed: stamped lines as they come."""

    too_long = 0
    asked = 0.0

    def __init__(self) -> None:
        self.lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[bytes]:
        yield from iter(self.lines.get, None)

    def close(self) -> None:
        self.lines.put(None)


class LiveMesh:
    """What `verify` asks of a cluster, and what it was asked. No command runs in the namespaces `refusing`."""

    namespace = "curl"
    unreadable = ()
    server = "https://api.example:6443"

    def __init__(self, *refusing: str) -> None:
        self.read = tuple(SAVED["read"])
        self.listed = 0
        self.commands: list[tuple[ObjectRef, list[str]]] = []
        self.followed: list[LogSource] = []
        self._refusing = refusing
        self._mesh = Mesh.from_json(SAVED)
        self._streams: defaultdict[LogSource, list[_Stream]] = defaultdict(list)
        self._ports = count(40000)
        self._lock = threading.Lock()

    def until(self, _deadline: float) -> LiveMesh:
        """Itself: it answers at once."""
        return self

    def objects(self, resources: Iterable[Any]) -> list[dict[str, Any]]:
        self.listed += 1
        asked = {(each.kind, "" if each.only is None else str(each.only)) for each in resources}
        named = ((each, each["metadata"]) for each in SAVED["objects"])
        refs = ((each, f"{meta.get('namespace', '')}/{meta['name']}") for each, meta in named)
        return [each for each, ref in refs if {(each["kind"], ""), (each["kind"], ref)} & asked]

    def further(self, _resources: Iterable[Any]) -> list[dict[str, Any]]:
        return []

    def pod(self, ref: ObjectRef) -> dict[str, Any] | None:
        named = (each["metadata"] for each in SAVED["objects"] if each["kind"] == "Pod")
        return next(({"metadata": each} for each in named if (each["namespace"], each["name"]) == tuple(ref)), None)

    def follow(self, source: LogSource, **_: Any) -> _Stream:
        stream = _Stream()
        self.followed.append(source)
        self._streams[source].append(stream)
        return stream

    def exec(self, ref: ObjectRef, container: str, argv: Sequence[str], _deadline: float) -> Completed:
        if ref.namespace in self._refusing:
            raise ExecFailed(f"cannot start curl in container {container} of pod {ref}")
        with self._lock:
            self.commands.append((ref, list(argv)))
            reports = [self._sent(ref, each) for each in _transfers(argv)]
        return Completed("".join(reports), "", 0)

    def _sent(self, ref: ObjectRef, transfer: Sequence[str]) -> str:
        """The report of one transfer, after its lines are written."""
        url = urlsplit(transfer[-1])
        found = re.search(r"\((\w{16})\)", transfer[transfer.index("--user-agent") + 1])
        assert found is not None
        nonce, pod, host = found[1], self._pod(ref), url.hostname or ""
        client, dialed = f"{pod.addresses[0]}:{next(self._ports)}", "198.51.100.1:80"
        if host == DOCS:
            gateway = next(each for each in self._mesh.pods if each.name.startswith("egressgateway"))
            here, there = f"{pod.addresses[0]}:{next(self._ports)}", f"{gateway.addresses[0]}:8080"
            self._write(pod, host, nonce, (there, _TO_GATEWAY, here, dialed, client))
            out = f"{gateway.addresses[0]}:{next(self._ports)}"
            self._write(gateway, host, nonce, (OUTSIDE, f"outbound|80||{DOCS}", out, there, here))
        else:
            out = f"{pod.addresses[0]}:{next(self._ports)}"
            self._write(pod, host, nonce, (OUTSIDE, "PassthroughCluster", out, dialed, client))
        ip, port = client.split(":")
        said = {"exitcode": 0, "http_code": 200, "local_ip": ip, "local_port": int(port), "time_connect": 0.001}
        said |= {"remote_ip": "198.51.100.1", "remote_port": 80, "url_effective": transfer[-1]}
        return f"\negressaudit:{nonce} {json.dumps(said)}\n"

    def _pod(self, ref: ObjectRef) -> Pod:
        pod = self._mesh.pod(ref)
        assert pod is not None
        return pod

    def _write(self, pod: Pod, host: str, nonce: str, ways: tuple[str, str, str, str, str]) -> None:
        upstream, cluster, local, dialed, client = ways
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        agent = f"egressaudit/0.1.0 ({nonce})"
        line = (
            f'{now} [{now}] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 46 4 3 "-" "{agent}" "id-{nonce}" "{host}" '
            f'"{upstream}" {cluster} {local} {dialed} {client} - -'
        )
        for stream in self._streams[LogSource(pod.namespace, pod.name, "istio-proxy")]:
            stream.lines.put(line.encode())


def _transfers(argv: Sequence[str]) -> Iterator[list[str]]:
    transfer: list[str] = []
    for each in argv:
        if each == "--next":
            yield transfer
            transfer = []
        else:
            transfer.append(each)
    yield transfer
