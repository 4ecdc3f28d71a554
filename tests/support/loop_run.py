"""The closed loop: what istiod makes of a configuration, in real Envoys; one request by real curl; what it proves.

In: a mesh, the oracle's answer about it, and a call. Out: the report that `verify` gives on the lines.

    curl ─▶ source: Envoy with istiod's listeners (ambient: the lab's ztunnel, told what istiod tells it)
         ─▶ gateway or waypoint: Envoy with istiod's listeners ─▶ a server in place of the external host

The judge sees lines and objects as in a cluster. Nothing of istiod's answer is told to it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trustme

from egressaudit.mesh import Mesh
from egressaudit.model import Capture, LogLine, LogSource, ObjectRef, Probe, Scheme, Target, VerifyReport
from egressaudit.pipeline.replay import report_on
from egressaudit.probe.curl import curl_argv, new_nonce, read_result
from egressaudit_lab import processes
from egressaudit_lab.addresses import AddressBook
from egressaudit_lab.programs import Programs, find_programs
from egressaudit_lab.proxies.envoy_config import Destination
from egressaudit_lab.proxies.envoy_process import Envoy
from egressaudit_lab.proxies.upstreams import Upstreams
from egressaudit_lab.proxies.ztunnel import Workload, Ztunnel
from egressaudit_lab.scenario import ExternalHost, Serves, Tunnel
from egressaudit_lab.world import ContainerLog
from support.istiod_envoys import Network, Proxy, bootstrap, moved
from support.loop_identities import Identities
from support.loop_mesh import Loop, relocated, with_status
from support.mesh import READ, Manifest

ADMIN, CAPTURE, OUTBOUND = 15000, 15100, 15001
_ZTUNNEL_IP = "10.0.0.7"
_PATIENCE = 0.8
_FLUSH = 0.2
Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """What the source asks for."""

    host: str
    port: int
    scheme: Scheme


@dataclass(frozen=True)
class Run:
    """A mesh as it is, what istiod makes of it, and the call to make."""

    loop: Loop
    objects: tuple[Manifest, ...]
    """All objects of the mesh."""
    answer: Answer
    call: Call
    expect: str | None = None


def run(*runs: Run, folder: Path) -> list[VerifyReport | BaseException]:
    """Send the call of each run through the Envoys of its answer, all at the same time, and judge their lines."""

    async def all_of_them() -> list[VerifyReport | BaseException]:
        folders = [folder / str(number) for number, _ in enumerate(runs)]
        for each in folders:
            each.mkdir()
        made = (_run(one, where) for one, where in zip(runs, folders, strict=True))
        return await asyncio.gather(*made, return_exceptions=True)

    return asyncio.run(all_of_them())


async def _run(one: Run, folder: Path) -> VerifyReport:
    loop, call = one.loop, one.call
    async with AsyncExitStack() as stack:
        book = AddressBook()
        stack.callback(book.close)
        stand_in = await _Stand.built(stack, loop, book, one.answer, call, folder)
        probe = await stand_in.sent()
        await stand_in.quiet()
        await stack.pop_all().aclose()
    pods = {ip: place for ip, place in stand_in.network.places.items() if ip != call.host}
    objects = relocated(with_status(loop, one.objects), pods)
    mesh = Mesh.of(objects, READ, outside=book.outside.split(","))
    lines = [
        LogLine(source, number, entry.line.decode("utf-8", "surrogateescape"))
        for source, log in stand_in.logs.items()
        for number, entry in enumerate([each async for each in log.read()], 1)
    ]
    return report_on(
        Capture(
            mesh=mesh.to_json(),
            expect=one.expect,
            probes=(probe,),
            lines=tuple(lines),
            sources=tuple(stand_in.logs),
            before=stand_in.before,
        )
    )


class _Stand:
    """The processes of one run."""

    def __init__(self, loop: Loop, book: AddressBook, answer: Answer, call: Call, folder: Path) -> None:
        self.loop = loop
        self.answer = answer
        self.call = call
        self.folder = folder
        self.programs: Programs = find_programs()
        self.identities = Identities()
        pods = (loop.source.ip, loop.gateway.ip, _ZTUNNEL_IP)
        self.outside = book.host(call.host)
        self.network = Network({ip: book.lease(ip) for ip in pods} | {call.host: self.outside})
        self.logs: dict[LogSource, ContainerLog] = {}
        self.before: dict[LogSource, int] = {}

    @classmethod
    async def built(
        cls, stack: AsyncExitStack, loop: Loop, book: AddressBook, answer: Answer, call: Call, folder: Path
    ) -> _Stand:
        """Everything runs, and nothing has been sent."""
        made = cls(loop, book, answer, call, folder)
        await stack.enter_async_context(made._server())
        dumps = {each["name"]: each["dump"] for each in answer["proxies"]}
        await made._envoy(stack, loop.gateway, "egress", dumps[loop.gateway.name])
        if loop.ambient:
            await made._ztunnel(stack)
        else:
            await made._envoy(stack, loop.source, "curl", dumps[loop.source.name])
            await made._capture(stack, made._redirected)
        made.before = {source: len(log) for source, log in made.logs.items()}
        return made

    def _server(self) -> Upstreams:
        call = self.call
        serves = Serves(call.port, call.scheme.value)
        place = Destination(call.host, call.port, self.outside, moved(call.port), CAPTURE)
        return Upstreams([ExternalHost(call.host, (serves,))], [place], trustme.CA())

    def _log(self, namespace: str, name: str) -> ContainerLog:
        return self.logs.setdefault(LogSource(namespace, name, "istio-proxy"), ContainerLog())

    async def _envoy(self, stack: AsyncExitStack, proxy: Proxy, namespace: str, dump: Mapping[str, Any]) -> None:
        admin = (self.network.places[proxy.ip], ADMIN)
        config = bootstrap(proxy, dump, self.network, self.identities, admin)
        # Unknown traffic goes where the client was going: to the stand-in's port, if that cannot be bound as it is.
        for each in config["static_resources"]["clusters"]:
            if each["name"] == "PassthroughCluster":
                each["original_dst_lb_config"] = {"upstream_port_override": moved(self.call.port)}
        file = self.folder / f"{proxy.name}.json"
        file.write_text(json.dumps(config, indent=1))
        envoy = Envoy(self.programs.envoy, file, self._log(namespace, proxy.name), lambda line: line)
        stack.push_async_callback(envoy.stop)
        await envoy.start(admin)

    # ------------------------------------------------------------ capture

    async def _capture(self, stack: AsyncExitStack, take: Any) -> None:
        """A listener in the source's pod that stands for iptables: every connection of curl comes here."""
        carried: set[asyncio.Task[None]] = set()

        async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            carried.add(task)
            with suppress(OSError, asyncio.CancelledError):
                await take(reader, writer)

        server = await asyncio.start_server(taken, self.network.places[self.loop.source.ip], CAPTURE)

        async def end() -> None:
            server.close()
            for task in carried:
                task.cancel()
            await asyncio.gather(*carried, return_exceptions=True)

        stack.push_async_callback(end)

    async def _redirected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand the connection to the virtual listener, with the address that the client was going to."""
        peer = writer.get_extra_info("peername")
        source = self.network.places[self.loop.source.ip]
        back, out = await asyncio.open_connection(source, OUTBOUND)
        out.write(f"PROXY TCP4 {peer[0]} {self.outside} {peer[1]} {self.call.port}\r\n".encode())
        await out.drain()
        # Envoy drops a connection that ends before its listener filters have read the header.
        await asyncio.sleep(_FLUSH)
        await asyncio.gather(_pumped(reader, out), _pumped(back, writer))

    async def _ztunnel(self, stack: AsyncExitStack) -> None:
        """The lab's ztunnel, which knows what istiod tells ztunnels of this mesh and nothing else."""
        waypoint = self.loop.gateway
        told = [each for each in self.answer.get("services") or () if each["hostname"] == self.call.host]
        call = self.call
        tunnels = {
            (each["hostname"], call.port): Tunnel(
                call.host, call.port, each["addresses"][0], "egress/waypoint" if each.get("waypoint") else ""
            )
            for each in told
        }
        behind = Workload(waypoint.name, "egress", "waypoint", self.network.places[waypoint.ip])
        log = self._log("ztunnel", "ztunnel-1")
        tls = self.identities.client(self.loop.source.account, self.folder)
        ztunnel = Ztunnel(log, tunnels, lambda _: behind, tls, 0.0)
        stack.push_async_callback(ztunnel.stop)
        await ztunnel.begin("n1")
        source = Workload(self.loop.source.name, "amb", "default", self.network.places[self.loop.source.ip])
        there = Destination(self.call.host, self.call.port, self.outside, moved(self.call.port), CAPTURE)

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await ztunnel.carry(reader, writer, source, there)

        await self._capture(stack, carry)

    # ------------------------------------------------------------ the request

    async def sent(self) -> Probe:
        """One probe of `verify`, by curl."""
        call, source = self.call, self.network.places[self.loop.source.ip]
        target, nonce = Target(call.host, call.port, call.scheme), new_nonce()
        argv = curl_argv(target, nonce, 3.0, 5.0)
        ours = ["--interface", source, "--connect-to", f"::{source}:{CAPTURE}"]
        command = [self.programs.curl, argv[1], *ours, *argv[2:]]
        started = datetime.now(UTC)
        process = await processes.spawn(command, env={"PATH": "/usr/bin:/bin"})
        out, error = await process.communicate()
        namespace = "amb" if self.loop.ambient else "curl"
        return Probe(
            nonce=nonce,
            target=target,
            source=ObjectRef(namespace, self.loop.source.name),
            container="app" if self.loop.ambient else "curl",
            started=started,
            ended=datetime.now(UTC),
            # Where iptables redirect, a client sees the address that it was going to.
            result=replace(
                read_result(out.decode(), error.decode(), nonce), remote_address=f"{self.outside}:{call.port}"
            ),
        )

    async def quiet(self) -> None:
        """Return once every log has a line about the request, or will not have one."""
        for _ in range(int(_PATIENCE / _FLUSH)):
            if all(len(log) > self.before[source] for source, log in self.logs.items()):
                break
            await asyncio.sleep(_FLUSH)


async def _pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.close()
