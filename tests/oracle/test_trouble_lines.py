"""How connections fail, as a real Envoy writes it: what tells a refusal from a timeout, and TLS from both.

Each upstream is one way to fail, each is asked for over HTTP and as bytes, and its line must be read as that way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from egressaudit.causes.line_clues import Trouble, trouble
from egressaudit.hops.line_parser import LineParser
from egressaudit.model import Hop, LogLine, LogSource, Reporter
from egressaudit_lab.addresses import AddressBook
from egressaudit_lab.programs import find_programs
from egressaudit_lab.proxies import envoy_parts as parts
from egressaudit_lab.proxies.envoy_parts import AccessLog, Config
from egressaudit_lab.proxies.envoy_process import Envoy
from egressaudit_lab.world import ContainerLog

pytestmark = pytest.mark.e2e

WAYS = {
    "refused": (Trouble.REFUSED, "UF"),
    "silent": (Trouble.TIMEOUT, "UF"),
    "plain": (Trouble.TLS, "UF"),
    "nobody": (Trouble.NONE, "UH"),
    "full": (Trouble.NONE, "UO"),
    "unresolved": (Trouble.NONE, "UH"),
}
"""Each upstream: how its connection fails, and the flag."""

_FLUSH = 1.2


@contextlib.contextmanager
def silent_place(address: str) -> Iterator[tuple[str, int]]:
    """A socket whose queue is full: a connection to it is neither made nor refused."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind((address, 0))
        listening.listen(0)
        place = listening.getsockname()
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(place)
        yield place


def clusters(book: AddressBook, silent: tuple[str, int], plain: tuple[str, int]) -> list[Config]:
    def to(name: str, *places: tuple[str, int], **more: object) -> Config:
        return parts.cluster(f"outbound|80||{name}.example", places, book.host("source")) | more

    trusted = {"trusted_ca": {"inline_string": trustme.CA().cert_pem.bytes().decode()}}
    context = parts.typed(
        "extensions.transport_sockets.tls.v3.UpstreamTlsContext", common_tls_context={"validation_context": trusted}
    )
    unresolved = to("unresolved", type="STRICT_DNS")
    endpoint = {"endpoint": {"address": parts.socket_address("nowhere.invalid", 80)}}
    unresolved["load_assignment"]["endpoints"] = [{"lb_endpoints": [endpoint]}]
    return [
        to("refused", (book.nobody, 9)),
        to("silent", silent, connect_timeout="1.2s"),
        to("plain", plain, transport_socket={"name": "tls", "typed_config": context}),
        to("nobody"),
        to("full", plain, circuit_breakers={"thresholds": [{"max_connections": 0, "max_pending_requests": 0}]}),
        unresolved,
    ]


async def written(folder: Path) -> list[Hop]:
    """The lines of one exchange with each upstream, over HTTP and as bytes."""
    book, log = AddressBook(), ContainerLog()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(book.close)
        silent = stack.enter_context(silent_place(book.host("silent")))
        server = await asyncio.start_server(_answer, book.host("plain"), 0)
        stack.push_async_callback(server.wait_closed)
        stack.callback(server.close)
        places = {name: (book.host(name), 10000 + number) for number, name in enumerate(("http", *WAYS))}
        hosts = [{**parts.routed(f"{name}.example", 80, f"outbound|80||{name}.example", "default")} for name in WAYS]
        plain = AccessLog()
        chains = {"http": [{"filters": [parts.http_manager("http", hosts, plain, edge=False)]}]}
        chains |= {name: [{"filters": [parts.tcp_proxy(f"outbound|80||{name}.example", plain)]}] for name in WAYS}
        listeners = [parts.listener(name, *place, chains[name], plain) for name, place in places.items()]
        made = clusters(book, silent, server.sockets[0].getsockname())
        config = parts.bootstrap("trouble", (book.host("admin"), 10900), listeners, made)
        (folder / "envoy.json").write_text(json.dumps(config))
        envoy = Envoy(find_programs().envoy, folder / "envoy.json", log, lambda line: line)
        stack.push_async_callback(envoy.stop)
        await envoy.start((book.host("admin"), 10900))
        asked = [_ask(places["http"], f"{name}.example") for name in WAYS]
        await asyncio.gather(*asked, *(_ask(places[name], "") for name in WAYS))
        await asyncio.sleep(_FLUSH)
    parser, source = LineParser(), LogSource("egress", "gw-1", "istio-proxy")
    lines = [entry.line.decode(errors="surrogateescape") async for entry in log.read()]
    read = (parser.parse(LogLine(source, n, text), Reporter.EGRESS_GATEWAY) for n, text in enumerate(lines, start=1))
    return [each for each in read if isinstance(each, Hop)]


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    writer.close()


async def _ask(place: tuple[str, int], host: str) -> None:
    reader, writer = await asyncio.open_connection(*place)
    writer.write(f"GET / HTTP/1.1\r\nhost: {host or 'x'}\r\nconnection: close\r\n\r\n".encode())
    with contextlib.suppress(OSError):
        await reader.read()
    writer.close()


@pytest.fixture(scope="module")
def hops(tmp_path_factory: pytest.TempPathFactory) -> list[Hop]:
    return asyncio.run(written(tmp_path_factory.mktemp("trouble")))


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("request_line", [True, False], ids=["HTTP", "bytes"])
def test_a_real_envoys_line_is_read_as_the_way_it_failed(hops: list[Hop], name: str, *, request_line: bool) -> None:
    of_host = [each for each in hops if each.text("cluster_host") == f"{name}.example"]
    [line] = [each for each in of_host if (each.text("method") is not None) is request_line]
    failed, flag = WAYS[name]
    assert flag in (line.text("response_flags") or "").split(",")
    assert trouble(line) is failed
