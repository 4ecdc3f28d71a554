"""An API server of one small mesh, in a thread, that answers any request as a fault says.

The mesh is that of `sample_logs/istio-apis`: as long as nothing is wrong, `verify` sends its probe, gets the lines that
Envoy wrote then, with the mark and the time of now, and says PASS. So a false PASS under a fault would be seen.

In: faults, e.g. `Fault("GET /api/v1/pods", status(503))`. Out: a kubeconfig, and what was asked.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import re
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import trustme
import yaml

from egressaudit.mesh import RESOURCES
from support.tools import SAMPLES

TOKEN = "s3cr3t-t0ken-0123456789abcdef"
FOLDER = SAMPLES / "istio-apis"
_MESH = json.loads((FOLDER / "mesh.json").read_text())
_SAMPLE = "dfadde65848bfb38"
_PODS = {path.parent.name: path.read_text() for path in sorted(FOLDER.glob("*/*/istio-proxy.log"))}
OUTSIDE = ",".join(_MESH["outside"])
Object = dict[str, Any]


class Exchange(http.server.BaseHTTPRequestHandler):
    """One request, and the ways to answer it."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing is printed."""

    def handle(self) -> None:
        """A client that goes away is what these tests are about."""
        with suppress(OSError, ValueError):
            super().handle()

    def do_GET(self) -> None:
        """Any method: the first fault that fits, else the API."""
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        self.server.api.answer(self)

    do_POST = do_DELETE = do_GET  # noqa: N815

    @property
    def line(self) -> str:
        """Method, path and query."""
        return f"{self.command} {unquote(self.path)}"

    def json(self, document: object, status: int = 200, **headers: str) -> None:
        """An answer in JSON."""
        self.text(json.dumps(document).encode(), status, **headers)

    def text(self, data: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        """An answer of these bytes."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(data)

    def raw(self, *pieces: bytes, pause: float = 0.0) -> None:
        """Bytes that need not be HTTP, with a pause after each, and the end of the connection."""
        self.close_connection = True
        with suppress(OSError):
            for piece in pieces:
                self.wfile.write(piece)
                self.wfile.flush()
                if pause and self.server.api.over.wait(pause):
                    return

    def hang(self) -> None:
        """Nothing more until the client leaves or the test is over."""
        self.close_connection = True
        self.connection.settimeout(0.05)
        while not self.server.api.over.is_set():
            with suppress(TimeoutError):
                try:
                    if not self.connection.recv(1024):
                        return
                except OSError as error:
                    if not isinstance(error, TimeoutError):
                        return


Answer = Callable[[Exchange], None]


@dataclass(slots=True)
class ApiFault:
    """How requests whose line (`GET /api/v1/pods?...`) fits a regular expression are answered, the first `times`."""

    line: str
    answer: Answer
    times: int = -1

    def takes(self, exchange: Exchange) -> bool:
        """Whether it is this one's turn."""
        if not self.times or re.search(self.line, exchange.line) is None:
            return False
        self.times -= 1
        return True


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    api: FaultApi

    def handle_error(self, *_: object) -> None:
        """Nothing is printed."""


@dataclass(slots=True)
class FaultApi:
    """The server. `made` are the probe pods that are there, `asked` every request."""

    faults: list[ApiFault]
    made: dict[str, Object] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    nonces: list[tuple[str, datetime]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    sent: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def answer(self, exchange: Exchange) -> None:
        """As the first fault says that fits, else as an API server does."""
        self.asked.append(exchange.line)
        self.heads.append({name.lower(): value for name, value in exchange.headers.raw_items()})
        for fault in self.faults:
            if fault.takes(exchange):
                fault.answer(exchange)
                return
        self.healthy(exchange)

    def healthy(self, exchange: Exchange) -> None:
        """What is asked for, of the mesh as it is."""
        path = unquote(urlsplit(exchange.path).path)
        if path.endswith("/selfsubjectaccessreviews"):
            exchange.json({"status": {"allowed": True}})
        elif path.endswith("/exec"):
            self._exec(exchange)
        elif path.endswith("/log"):
            self._log(exchange, path.split("/")[-2])
        elif path == "/apis" or (path.count("/") == 3 and not self._listed(path)):
            exchange.json({"groups": [], "resources": []})
        elif exchange.command == "POST":
            self._create(exchange)
        else:
            self._objects(exchange, path)

    def pods(self) -> list[Object]:
        """The pods: a probe pod stands in the place of the sample's own source."""
        own = list(self.made.values())
        there = [each for each in _MESH["objects"] if each["kind"] == "Pod"]
        return [*own, *(each for each in there if not own or each["metadata"]["namespace"] != "curl")]

    def _listed(self, path: str) -> list[Object] | None:
        for each in RESOURCES:
            group = f"/apis/{each.group}" if each.group else "/api"
            if each.only is None and path == f"{group}/{each.versions[0]}/{each.plural}":
                kind = [own for own in _MESH["objects"] if own["kind"] == each.kind]
                grouped = [own for own in kind if own["apiVersion"].rpartition("/")[0] == each.group]
                return self.pods() if each.kind == "Pod" else grouped
        return None

    def _objects(self, exchange: Exchange, path: str) -> None:
        listed, name = self._listed(re.sub(r"/namespaces/[^/]+(/pods)", r"\1", path)), path.rsplit("/", maxsplit=1)[-1]
        if listed is not None:
            selector = parse_qs(urlsplit(exchange.path).query).get("labelSelector")
            exchange.json({"items": [*self.made.values()] if selector else listed})
            return
        found = next((each for each in [*self.pods(), *_MESH["objects"]] if each["metadata"]["name"] == name), None)
        if found is None:
            exchange.json({"kind": "Status", "message": f'"{name}" not found'}, 404)
        elif exchange.command == "DELETE":
            exchange.json(self.made.pop(name, {}))
        else:
            exchange.json(found)

    def _create(self, exchange: Exchange) -> None:
        pod = json.loads(exchange.body)
        source = next(each for each in _MESH["objects"] if each["kind"] == "Pod")
        status = json.loads(json.dumps(source["status"]))
        proxy = [each for each in source["spec"]["containers"] if each["name"] == "istio-proxy"]
        pod["spec"]["containers"] += proxy
        pod["metadata"]["annotations"].update(source["metadata"].get("annotations", {}))
        running = {"running": {"startedAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}}
        status["containerStatuses"] = [
            {"name": each["name"], "ready": True, "restartCount": 0, "state": running}
            for each in pod["spec"]["containers"]
        ]
        pod |= {"status": status}
        pod["metadata"]["uid"] = f"uid-{len(self.asked)}"
        self.made[pod["metadata"]["name"]] = pod
        exchange.json(pod, 201)

    # ------------------------------------------------------------ streams

    def _log(self, exchange: Exchange, pod: str) -> None:
        known = next((text for name, text in _PODS.items() if name == pod), _PODS["curl-897m9bj25f-x4bjx"])
        ready, line = known.splitlines()
        follow = "follow=true" in exchange.path
        exchange.send_response(200)
        exchange.send_header("Connection", "close")
        exchange.end_headers()
        began = datetime.now(UTC)
        exchange.raw(_stamped(began, ready))
        if follow and not (self.sent.wait(10) and not self.over.is_set()):
            return
        for nonce, when in self.nonces:
            now = f"[{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z]"
            exchange.raw(_stamped(datetime.now(UTC), re.sub(r"^\[[^]]*\]", now, line).replace(_SAMPLE, nonce)))
        if follow:
            exchange.hang()

    def _exec(self, exchange: Exchange) -> None:
        argv = " ".join(parse_qs(urlsplit(exchange.path).query).get("command", []))
        upgrade(exchange)
        nonces = re.findall(r"egressaudit:([0-9a-f]{16}) ", argv)
        said = json.loads((FOLDER / "probes.json").read_text())["probes"][0]["result"]
        for nonce in nonces:
            report: Object = {"exitcode": 0, "errormsg": None, "http_code": 200, "time_connect": 0.01}
            for side in ("local", "remote"):
                ip, _, port = said[f"{side}_address"].rpartition(":")
                report |= {f"{side}_ip": ip, f"{side}_port": int(port)}
            exchange.raw(frame(b"\x01" + f"\negressaudit:{nonce} {json.dumps(report)}\n".encode()))
            self.nonces.append((nonce, datetime.now(UTC)))
        self.sent.set()
        over: Object = {"status": "Success"}
        if not nonces:
            over = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [
                {"reason": "ExitCode", "message": "1"}]}}  # fmt: skip
        exchange.raw(frame(b"\x03" + json.dumps(over).encode()), b"\x88\x00")


def _stamped(when: datetime, line: str) -> bytes:
    return f"{when:%Y-%m-%dT%H:%M:%S.%f}000Z {line}\n".encode()


def frame(payload: bytes) -> bytes:
    """A binary message of a WebSocket (RFC 6455, 5.2)."""
    return b"\x82" + (bytes([len(payload)]) if len(payload) < 126 else struct.pack("!BH", 126, len(payload))) + payload


def upgrade(exchange: Exchange, accept: str | None = None) -> None:
    """The answer that begins a WebSocket; with another `accept` than the key asks for, one that may not."""
    key = exchange.headers.get("Sec-WebSocket-Key", "")
    hashed = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    exchange.raw(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n"
        + f"Sec-WebSocket-Accept: {accept or base64.b64encode(hashed).decode()}\r\n\r\n".encode()
    )


@contextmanager
def fault_api(*faults: ApiFault, certificate: trustme.LeafCert | None = None) -> Iterator[FaultApi]:
    """A running server, with TLS where it has a certificate."""
    api = FaultApi(list(faults))
    server = _Server(("127.0.0.1", 0), Exchange)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.api, api.port = api, server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        api.over.set()
        api.sent.set()
        server.shutdown()
        server.server_close()
        thread.join()


def kubeconfig(server: str, user: Object | None = None, **cluster: object) -> str:
    """A kubeconfig with one context, `c`, in the namespace curl."""
    document = {
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "curl"}}],
        "current-context": "c",
    }
    return str(yaml.safe_dump(document))


def written(folder: Path, text: str) -> Path:
    """A kubeconfig in a file."""
    file = folder / "kubeconfig"
    file.write_text(text)
    return file
