"""The world outside the mesh: real HTTP, HTTPS and TCP servers on loopback addresses.

In: the external hosts of a scenario. Out: servers, and what they received.

What arrived is the truth about which way requests left: no proxy and no command can change it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, Self, cast

import trustme
from aiohttp import web

from egressaudit_lab.proxies.envoy_config import Destination
from egressaudit_lab.scenario import ExternalHost, Serves


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as an external host got it: from which IP, and its mark (the User-Agent; of TFTP the file's name)."""

    host: str
    port: int
    peer: str
    mark: str


class Upstreams:
    """`async with Upstreams(hosts, destinations, authority):` serves every port of every external host."""

    def __init__(
        self, hosts: Sequence[ExternalHost], destinations: Sequence[Destination], authority: trustme.CA
    ) -> None:
        self._hosts = hosts
        self._places = {(each.host, each.port): each for each in destinations}
        self._authority = authority
        self._stack = AsyncExitStack()
        self.arrivals: list[Arrival] = []
        """Everything that came with a mark, in order."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for host in self._hosts:
                for serves in host.ports:
                    await self._serve(stack, host.host, serves, self._places[host.host, serves.port])
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _serve(self, stack: AsyncExitStack, host: str, serves: Serves, place: Destination) -> None:
        if serves.serves == "nothing":
            return
        if serves.serves == "tcp":
            server = await asyncio.start_server(_echo, place.address, place.real_port)
            stack.push_async_callback(_close, server)
            return
        if serves.serves == "tftp":
            loop = asyncio.get_running_loop()
            where = (place.address, place.real_port)
            transport, _ = await loop.create_datagram_endpoint(lambda: _Tftp(host, serves, self.arrivals), where)
            stack.callback(transport.close)
            return
        context = None
        if serves.serves == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(host).configure_cert(context)
        runner = web.ServerRunner(web.Server(_Answer(host, serves, self.arrivals)), shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, place.address, place.real_port, ssl_context=context).start()


class _Answer:
    """Answers every request alike."""

    def __init__(self, host: str, serves: Serves, arrivals: list[Arrival]) -> None:
        self._host = host
        self._serves = serves
        self._arrivals = arrivals

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        mark = request.headers.get("User-Agent", "")
        self._arrivals.append(Arrival(self._host, self._serves.port, request.remote or "", mark))
        await request.read()
        headers = {"Server": "lab"} | ({"Location": self._serves.location} if self._serves.location else {})
        text = f"{self._host} saw {request.method} {request.rel_url} from {request.remote}\n"
        return web.Response(status=self._serves.status, headers=headers, text=text)


class _Tftp(asyncio.DatagramProtocol):
    """Answers every request that it has no such file (RFC 1350)."""

    def __init__(self, host: str, serves: Serves, arrivals: list[Arrival]) -> None:
        self._host = host
        self._port = serves.port
        self._arrivals = arrivals
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The class of a real one is no subclass of it (CPython's selector_events).
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        name = data[2:].partition(b"\0")[0].decode("utf-8", "replace")
        self._arrivals.append(Arrival(self._host, self._port, str(addr[0]), name))
        if self._transport is not None:
            self._transport.sendto(b"\0\5\0\1File not found\0", addr)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _close(server: asyncio.Server) -> None:
    server.close()
    # What is still open ends with the proxies that opened it.
