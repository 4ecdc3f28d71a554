"""A real Envoy, configured as istiod would, in which a request or connection ends in every way that `endings.py` models."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.oracle_envoy import BothLogs

from egressaudit_lab.addresses import AddressBook
from egressaudit_lab.programs import find_programs
from egressaudit_lab.proxies import envoy_parts as parts
from egressaudit_lab.proxies.envoy_parts import Config
from egressaudit_lab.proxies.envoy_process import Envoy
from egressaudit_lab.world import ContainerLog

HTTP_PORT = 10000
_TCP_PORT = 10001
CLUSTERS = ("up", "refused", "empty", "tls")
_FLUSH = 1.2
"""Envoy flushes its logs once a second; see `lab.envoy_process`."""


@dataclass(frozen=True)
class Sent:
    """What a client does: `http` asks for a path of a host, `tcp` sends the path as bytes. `leaves`: it goes before the end."""

    name: str
    scheme: str
    place: str = "up"
    path: str = "ok"
    headers: str = ""
    leaves: bool = False


HTTP = (
    Sent("ok", "http"),
    Sent("redirect", "http", path="redirect"),
    Sent("not-found", "http", path="gone"),
    Sent("upstream-500", "http", path="broken"),
    Sent("retried", "http", path="once"),
    Sent("retries-used-up", "http", path="busy"),
    Sent("upgrade", "http", path="upgrade", headers="Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    Sent("reset-before-answer", "http", path="rude"),
    Sent("timeout", "http", path="slow"),
    Sent("client-left", "http", path="hang", leaves=True),
    Sent("client-left-in-answer", "http", path="partial", leaves=True),
    Sent("delayed", "http", headers="x-envoy-fault-delay-request: 20\r\n"),
    Sent("connect-refused", "http", "refused"),
    Sent("tls-failed", "http", "tls"),
    Sent("no-healthy-upstream", "http", "empty"),
    Sent("no-route", "http", "nowhere"),
    Sent("no-cluster", "http", "missing"),
    Sent("rbac", "http", path="denied"),
    Sent("jwt", "http", path="jwt"),
    Sent("rate-limited", "http", path="limited"),
    Sent("ext-authz", "http", path="authz"),
    Sent("fault-abort", "http", headers="x-envoy-fault-abort-request: 503\r\n"),
    Sent("direct-response", "http", path="direct"),
)
TCP = (
    Sent("ok", "tcp", "good"),
    Sent("reset", "tcp", "rude", "rude"),
    Sent("max-duration", "tcp", "limited", "ok hang"),
    Sent("connect-refused", "tcp", "refused"),
    Sent("tls-failed", "tcp", "tls"),
    Sent("no-healthy-upstream", "tcp", "empty"),
    Sent("no-cluster", "tcp", "missing"),
    Sent("no-filter-chain", "tcp", "unmatched"),
    Sent("rbac", "tcp", "denied"),
)
_CLUSTER = {each: f"outbound|80||{each}.example" for each in (*CLUSTERS, "missing")}


async def lines(folder: Path) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Send everything once; the lines, as JSON, by scheme and name."""
    async with _running(folder) as places:
        # The second request is over the limit of one.
        await _send(next(each for each in HTTP if each.name == "rate-limited"), places)
        await asyncio.gather(*(_send(each, places) for each in (*HTTP, *TCP)))
        file, size = folder / "access.json", -1
        while size != (size := file.stat().st_size):  # noqa: ASYNC110  Envoy does not say when it has flushed
            await asyncio.sleep(_FLUSH)
    ports = {port: name for name, (_, port) in places.items()}
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for text in file.read_text().splitlines():
        said = json.loads(text)
        at = ports[int(said["downstream_local_address"].rpartition(":")[2])]
        name = (said["path"] or "/").split("/")[1] if at == "http" else at.removeprefix("tcp-")
        found.setdefault(("http" if at == "http" else "tcp", name), []).append(said)
    return found


@asynccontextmanager
async def _running(folder: Path) -> AsyncIterator[dict[str, tuple[str, int]]]:
    book, log = AddressBook(), ContainerLog()
    names = ["http", *(f"tcp-{each.name}" for each in TCP)]
    places = {name: (book.host(name), HTTP_PORT + n) for n, name in enumerate(names)}
    async with AsyncExitStack() as stack:
        stack.callback(book.close)
        server = await asyncio.start_server(_upstream, book.host("up"), 0)
        stack.callback(server.close)
        admin = (book.host("admin"), 10900)
        config = _bootstrap(places, folder / "access.json", server.sockets[0].getsockname()[:2], book, admin)
        (folder / "envoy.json").write_text(json.dumps(config))
        envoy = Envoy(find_programs().envoy, folder / "envoy.json", log, lambda line: line)
        stack.push_async_callback(envoy.stop)
        await envoy.start(admin)
        yield places


# ---------------------------------------------------------------- both ends

_ANSWERS = {
    "redirect": "301 Moved Permanently\r\nLocation: /",
    "broken": "500 Internal Server Error",
    "busy": "503 Service Unavailable",
    "once": "503 Service Unavailable",
    "gone": "404 Not Found",
    "authz": "403 Forbidden",
}


_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset."""


async def _upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            await _answer((await reader.read(65536)).decode("latin-1"), writer)
    finally:
        await _close(writer)


async def _answer(said: str, writer: asyncio.StreamWriter) -> None:
    http = " HTTP/" in said
    path = said.split(" ")[1].rpartition("/")[2] if http else said
    if path == "upgrade":
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
    elif path == "partial":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\npart")
    elif http and path not in ("hang", "slow", "rude"):
        again = path == "once" and "x-envoy-attempt-count: 2" in said.lower()
        status = "200 OK" if again else _ANSWERS.get(path, "200 OK")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno".encode())
    elif not http:
        writer.write(b"answer")
    await writer.drain()
    await asyncio.sleep(0.1)
    if path == "rude":
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
    if path in ("hang", "slow", "partial", "ok hang"):
        await asyncio.sleep(1.0)


async def _send(it: Sent, places: dict[str, tuple[str, int]]) -> None:
    reader, writer = await asyncio.open_connection(*places["http" if it.scheme == "http" else f"tcp-{it.name}"])
    try:
        with suppress(OSError, TimeoutError):
            writer.write(_bytes_of(it))
            await writer.drain()
            if it.leaves:
                await asyncio.sleep(0.5)
            else:
                await asyncio.wait_for(reader.read(), 1.0)
    finally:
        await _close(writer)


def _bytes_of(it: Sent) -> bytes:
    if it.scheme == "tcp":
        return it.path.encode()
    close = "" if "Upgrade" in it.headers else "Connection: close\r\n"
    return f"GET /{it.name}/{it.path} HTTP/1.1\r\nHost: {it.place}.example\r\n{it.headers}{close}\r\n".encode()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


# ---------------------------------------------------------------- the configuration

_KEY = {
    "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "1",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}  # fmt: skip
"""The public key of RFC 7517, appendix A.1: no token is checked."""


def _bootstrap(
    places: dict[str, tuple[str, int]], file: Path, upstream: tuple[str, int], book: AddressBook, admin: tuple[str, int]
) -> Config:
    log = BothLogs(file=str(file))
    manager = parts.http_manager(
        "http", [_virtual_host(each) for each in _CLUSTER], log, edge=False, filters=_filters()
    )
    chains: dict[str, list[Config]] = {"http": [{"filters": [manager]}]}
    for each in TCP:
        place = each.place if each.place in _CLUSTER else "up"
        proxy = parts.tcp_proxy(_CLUSTER[place], log)
        if each.name == "max-duration":
            proxy["typed_config"]["max_downstream_connection_duration"] = "0.4s"
        chain: Config = {"filters": [*([_network_rbac()] if each.name == "rbac" else []), proxy]}
        if each.name == "no-filter-chain":
            chain["filter_chain_match"] = {"destination_port": 1}
        chains[f"tcp-{each.name}"] = [chain]
    listeners = [parts.listener(name, *place, chains[name], log) for name, place in places.items()]
    at = {"up": [upstream], "refused": [(book.nobody, 9)], "empty": [], "tls": [upstream]}
    clusters = [parts.cluster(_CLUSTER[name], ends, book.host("source")) for name, ends in at.items()]
    context = parts.typed("extensions.transport_sockets.tls.v3.UpstreamTlsContext", sni="tls.example")
    clusters[-1]["transport_socket"] = {"name": "tls", "typed_config": context}
    return parts.bootstrap("model", admin, listeners, clusters)


def _virtual_host(name: str) -> Config:
    made = parts.routed(f"{name}.example", 80, _CLUSTER[name], "default")
    (usual,) = made["routes"]
    # istio/istio pilot/pkg/networking/core/route/retry/retry.go: the default policy retries 503.
    usual["route"]["retry_policy"]["retriable_status_codes"] = [503]
    own = [{"name": "default", "match": {"path": "/direct-response/direct"}, "direct_response": {"status": 403}}]
    if name == "up":
        own.append({**usual, "match": {"path": "/timeout/slow"}, "route": {**usual["route"], "timeout": "0.3s"}})
        limit = parts.typed(
            "extensions.filters.http.local_ratelimit.v3.LocalRateLimit", stat_prefix="limit",
            token_bucket={"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "3600s"},
            filter_enabled={"default_value": {"numerator": 100}}, filter_enforced={"default_value": {"numerator": 100}},
        )  # fmt: skip
        never = parts.typed("extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", disabled=True)
        own.append(
            {**usual, "match": {"prefix": "/rate-limited"}, "typed_per_filter_config": {"local": limit, "authz": never}}
        )
        own.append({**usual, "match": {"prefix": "/ext-authz"}})
    never = parts.typed("extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", disabled=True)
    for each in (usual, *own):
        if each["match"] != {"prefix": "/ext-authz"}:
            each.setdefault("typed_per_filter_config", {})["authz"] = never
    return {**made, "routes": [*own, usual], "include_request_attempt_count": True}


def _filters() -> list[Config]:
    denied = {"permissions": [{"url_path": {"path": {"prefix": "/rbac"}}}], "principals": [{"any": True}]}
    allowed = {"permissions": [{"not_rule": denied["permissions"][0]}], "principals": [{"any": True}]}
    always = {"numerator": 100}
    provider = {"issuer": "nobody", "local_jwks": {"inline_string": json.dumps({"keys": [_KEY]})}}
    asks = {"match": {"prefix": "/jwt"}, "requires": {"provider_name": "one"}}
    made = {
        "rbac": parts.typed("extensions.filters.http.rbac.v3.RBAC", rules={"action": "ALLOW", "policies": {"p": allowed}}),
        "jwt": parts.typed("extensions.filters.http.jwt_authn.v3.JwtAuthentication", providers={"one": provider}, rules=[asks]),
        "authz": parts.typed(
            "extensions.filters.http.ext_authz.v3.ExtAuthz",
            http_service={
                "server_uri": {"uri": "http://up.example", "cluster": _CLUSTER["up"], "timeout": "2s"},
            },
        ),
        "local": parts.typed("extensions.filters.http.local_ratelimit.v3.LocalRateLimit", stat_prefix="limit"),
        "fault": parts.typed(
            "extensions.filters.http.fault.v3.HTTPFault",
            abort={"header_abort": {}, "percentage": always},
            delay={"header_delay": {}, "percentage": always},
        ),
    }  # fmt: skip
    return [{"name": name, "typed_config": config} for name, config in made.items()]


def _network_rbac() -> Config:
    allowed = {"permissions": [{"destination_port": 1}], "principals": [{"any": True}]}
    config = parts.typed(
        "extensions.filters.network.rbac.v3.RBAC",
        rules={"action": "ALLOW", "policies": {"p": allowed}},
        stat_prefix="tcp.",
    )
    return {"name": "envoy.filters.network.rbac", "typed_config": config}
