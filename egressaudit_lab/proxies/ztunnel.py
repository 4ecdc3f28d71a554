"""A stand-in for ztunnel: takes ambient pods' connections and passes them to a waypoint, or straight out.

It writes ztunnel's lines with what really happened: addresses, byte counts, time. Field order, quoting and messages are
those of istio/ztunnel src/proxy/metrics.rs and src/telemetry.rs (1.23 to 1.30).

In: the connection of a pod, and where it goes. Out: the bytes carried, and one line in the log, e.g. (shortened)
`connection complete src.addr=127.91.207.14:59578 dst.addr=127.91.207.10:15008 dst.service="httpbin.org"`.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from egressaudit_lab.addresses import HBONE_PORT
from egressaudit_lab.proxies.envoy_config import Destination
from egressaudit_lab.proxies.hbone import HboneConnection, TunnelRefused
from egressaudit_lab.scenario import Tunnel
from egressaudit_lab.skew import shifted
from egressaudit_lab.world import ContainerLog

_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Workload:
    """A pod as ztunnel names it."""

    name: str
    namespace: str
    account: str
    address: str

    @property
    def identity(self) -> str:
        """Its SPIFFE ID."""
        return f"spiffe://cluster.local/ns/{self.namespace}/sa/{self.account}"


class Ztunnel:
    """The ztunnel of one node. `waypoint` finds a running pod of a workload (NAMESPACE/NAME), None if there is none."""

    def __init__(
        self,
        log: ContainerLog,
        tunnels: Mapping[tuple[str, int], Tunnel],
        waypoint: Callable[[str], Workload | None],
        context: ssl.SSLContext,
        skew: float,
    ) -> None:
        self._log = log
        self._tunnels = tunnels
        self._waypoint = waypoint
        self._context = context
        self._shift = shifted(skew)
        self._pool: dict[tuple[str, str], asyncio.Task[HboneConnection]] = {}

    async def begin(self, node: str) -> None:
        """Write the lines of a start."""
        await self._write("info", "ztunnel", "version: version.BuildInfo{stand-in of the egressaudit lab}")
        await self._write("info", "app", f"Using 2 worker threads\tnode={_text(node)}")
        await self._write("info", "readiness", "Task 'proxy' complete, marking server ready")

    async def stop(self) -> None:
        """End the pooled connections, and with them what they carry."""
        pool, self._pool = self._pool, {}
        for opening in pool.values():
            opening.cancel()
        for opened in await asyncio.gather(*pool.values(), return_exceptions=True):
            if isinstance(opened, HboneConnection):
                await opened.close()

    async def carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: Workload, to: Destination
    ) -> None:
        """Carry one connection of a pod to its end, and log it."""
        peer = writer.get_extra_info("peername")
        fields = {
            "src.addr": f"{peer[0]}:{peer[1]}",
            "src.workload": _text(source.name),
            "src.namespace": _text(source.namespace),
        }
        tunnel = self._tunnels.get((to.host, to.port))
        try:
            if tunnel is not None and tunnel.waypoint:
                await self._through_waypoint(reader, writer, source, tunnel, fields)
            else:
                await self._straight(reader, writer, source, tunnel, to, fields)
        finally:
            writer.close()

    async def _through_waypoint(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        source: Workload,
        tunnel: Tunnel,
        fields: dict[str, str],
    ) -> None:
        inner = f"{tunnel.vip}:{tunnel.port}"
        waypoint = self._waypoint(tunnel.waypoint)
        if waypoint is None:
            # log_early_deny: nothing was connected yet.
            denied = {"src.addr": fields["src.addr"], "dst.addr": inner, "direction": _text("outbound")}
            error = {"error": _text(f"no healthy upstream: {inner}")}
            await self._write("warn", "access", _with_fields("connection failed", denied | error))
            return
        fields |= {
            "src.identity": _text(source.identity),
            "dst.addr": f"{waypoint.address}:{HBONE_PORT}",
            "dst.hbone_addr": inner,
            "dst.service": _text(tunnel.host),
            "dst.workload": _text(waypoint.name),
            "dst.namespace": _text(waypoint.namespace),
            "dst.identity": _text(waypoint.identity),
        }
        started = time.monotonic()
        try:
            connection = await self._pooled(source.address, waypoint.address)
            stream = await connection.connect(inner)
        except (OSError, TunnelRefused) as error:
            await self._complete(fields, started, (0, 0), error)
            return
        try:
            counts = await _relay(reader, writer, stream.read, stream.write, stream.write_eof)
        finally:
            stream.close()
        await self._complete(fields, started, counts)

    async def _straight(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        source: Workload,
        tunnel: Tunnel | None,
        to: Destination,
        fields: dict[str, str],
    ) -> None:
        fields["dst.addr"] = f"{to.address}:{to.real_port}"
        if tunnel is not None:
            fields["dst.service"] = _text(tunnel.host)
        started = time.monotonic()
        try:
            out, back = await asyncio.open_connection(to.address, to.real_port, local_addr=(source.address, 0))
        except OSError as error:
            await self._complete(fields, started, (0, 0), error)
            return

        async def send(data: bytes) -> None:
            back.write(data)
            await back.drain()

        try:
            counts = await _relay(reader, writer, lambda: out.read(_CHUNK), send, back.write_eof)
        finally:
            back.close()
        await self._complete(fields, started, counts)

    async def _pooled(self, source: str, waypoint: str) -> HboneConnection:
        """The connection from a pod's address to a waypoint; one opening serves all who wait for it."""
        key = (source, waypoint)
        known = self._pool.get(key)
        if known is None or (known.done() and (known.cancelled() or known.exception() or not known.result().usable)):
            opening = HboneConnection.open(source, (waypoint, HBONE_PORT), self._context)
            known = self._pool[key] = asyncio.create_task(opening)
        return await asyncio.shield(known)

    async def _complete(
        self, fields: dict[str, str], started: float, counts: tuple[int, int], error: Exception | None = None
    ) -> None:
        fields |= {
            "direction": _text("outbound"),
            "bytes_sent": str(counts[0]),
            "bytes_recv": str(counts[1]),
            "duration": _text(f"{int((time.monotonic() - started) * 1000)}ms"),
        }
        if error is not None:
            fields["error"] = _text(_error(error))
        await self._write("error" if error else "info", "access", _with_fields("connection complete", fields))

    async def _write(self, level: str, target: str, rest: str) -> None:
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        await self._log.append(self._shift(f"{now}\t{level}\t{target}\t{rest}".encode()))


async def _relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    read: Callable[[], Awaitable[bytes]],
    write: Callable[[bytes], Awaitable[None]],
    write_eof: Callable[[], None],
) -> tuple[int, int]:
    """Pass bytes both ways until both have ended; how many went out and came back."""

    async def outward() -> int:
        sent = 0
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await write(data)
                sent += len(data)
        with suppress(OSError):
            write_eof()
        return sent

    async def backward() -> int:
        received = 0
        with suppress(OSError):
            while data := await read():
                writer.write(data)
                received += len(data)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.write_eof()
        return received

    sent, received = await asyncio.gather(outward(), backward())
    return sent, received


def _with_fields(message: str, fields: Mapping[str, str]) -> str:
    return f"{message}\t{' '.join(f'{key}={value}' for key, value in fields.items())}"


def _text(value: str) -> str:
    """As Rust's Debug writes a string; for what the lab writes JSON's escapes are the same."""
    return json.dumps(value, ensure_ascii=False)


def _error(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "io error: Connection refused (os error 111)"
    return str(error) if isinstance(error, TunnelRefused) else f"io error: {error}"
