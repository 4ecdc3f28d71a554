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
from support.istiod_envoys import NAMES, Network, Proxy, bootstrap, moved
from support.loop_identities import Identities
from support.loop_mesh import Loop, relocated, with_status
from support.loop_world import WELL, World, deaf, ended, forget, resetting
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
    world: World = WELL


@dataclass(frozen=True)
class Recording:
    """What was seen of one call: where everything was, the lines, what curl said."""

    places: Mapping[str, str]
    """The loopback address of each pod's IP."""
    outside: tuple[str, ...]
    """The networks that are outside the cluster."""
    lines: Mapping[LogSource, tuple[str, ...]]
    before: Mapping[LogSource, int]
    probe: Probe


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
    seen = await recorded(one, folder)
    mesh = Mesh.of(relocated(with_status(one.loop, one.objects), seen.places), READ, outside=seen.outside)
    return report_on(
        Capture(
            mesh=mesh.to_json(),
            expect=one.expect,
            probes=(seen.probe,),
            lines=log_lines(seen.lines),
            sources=tuple(seen.lines),
            before=seen.before,
        )
    )


def log_lines(lines: Mapping[LogSource, tuple[str, ...]]) -> tuple[LogLine, ...]:
    """The lines of each log, numbered."""
    return tuple(LogLine(log, number, text) for log, texts in lines.items() for number, text in enumerate(texts, 1))


async def recorded(one: Run, folder: Path) -> Recording:
    """Send the call, and keep what was seen of it."""
    call = one.call
    async with AsyncExitStack() as stack:
        book = AddressBook()
        stack.callback(book.close)
        stand_in = await _Stand.built(stack, one, book, folder)
        probe = await stand_in.sent()
        await stand_in.quiet()
        await stack.pop_all().aclose()
    return Recording(
        places={ip: place for ip, place in stand_in.network.places.items() if ip not in (call.host, NAMES)},
        outside=tuple(book.outside.split(",")),
        lines={
            source: tuple([each.line.decode("utf-8", "surrogateescape") async for each in log.read()])
            for source, log in stand_in.logs.items()
        },
        before=stand_in.before,
        probe=probe,
    )


class _Stand:
    """The processes of one run."""

    def __init__(self, one: Run, book: AddressBook, folder: Path) -> None:
        self.loop = loop = one.loop
        self.answer = one.answer
        self.call = call = one.call
        self.world = one.world
        self.folder = folder
        self.programs: Programs = find_programs()
        self.identities = Identities()
        pods = (loop.source.ip, loop.gateway.ip, _ZTUNNEL_IP)
        self.outside = book.host(call.host)
        self.network = Network({ip: book.lease(ip) for ip in pods} | {call.host: self.outside, NAMES: self.outside})
        # Where nothing arrives at the gateway, its proxy runs at an address that nobody has been told.
        apart = {loop.gateway.ip: book.lease("apart")} if one.world.gateway == "silent" else {}
        self.gateways = Network({**self.network.places, **apart})
        self.logs: dict[LogSource, ContainerLog] = {}
        self.before: dict[LogSource, int] = {}

    @classmethod
    async def built(cls, stack: AsyncExitStack, one: Run, book: AddressBook, folder: Path) -> _Stand:
        """Everything runs, and nothing has been sent."""
        made, loop, world = cls(one, book, folder), one.loop, one.world
        if world.outside == "silent":
            stack.enter_context(deaf(made.outside, moved(one.call.port)))
        elif world.outside == "resets":
            stack.push_async_callback(ended, await resetting(made.outside, moved(one.call.port)))
        else:
            await stack.enter_async_context(made._server())
        if world.gateway == "silent":
            for port in (8080, 8443, 10080, 10443):
                stack.enter_context(deaf(made.network.places[loop.gateway.ip], port))
        dumps = {each["name"]: each["dump"] for each in one.answer["proxies"]}
        if world.gateway != "gone":
            await made._envoy(stack, loop.gateway, "egress", dumps[loop.gateway.name], made.gateways)
        if loop.ambient:
            await made._ztunnel(stack)
        else:
            await made._envoy(stack, loop.source, "curl", dumps[loop.source.name], made.network)
            await made._capture(stack, made._redirected)
        made.before = {source: len(log) for source, log in made.logs.items()}
        return made

    def _server(self) -> Upstreams:
        call = self.call
        kind: Any = self.world.outside or call.scheme.value
        serves = Serves(call.port, kind)
        place = Destination(call.host, call.port, self.outside, moved(call.port), CAPTURE)
        return Upstreams([ExternalHost(call.host, (serves,))], [place], trustme.CA())

    def _log(self, namespace: str, name: str) -> ContainerLog:
        return self.logs.setdefault(LogSource(namespace, name, "istio-proxy"), ContainerLog())

    async def _envoy(
        self, stack: AsyncExitStack, proxy: Proxy, namespace: str, dump: Mapping[str, Any], network: Network
    ) -> None:
        admin = (network.places[proxy.ip], ADMIN)
        config = bootstrap(proxy, dump, network, self.identities, admin)
        if self.world.unresolved:
            forget(config, self.outside)
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
        known = self.answer.get("services") or () if self.world.by_name else ()
        told = [each for each in known if each["hostname"] == self.call.host]
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
        ztunnel = Ztunnel(log, tunnels, lambda _: None if self.world.gateway == "gone" else behind, tls, 0.0)
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
        through = f"{source}:{CAPTURE}" if self.world.captured else f"{self.outside}:{moved(call.port)}"
        ours = ["--interface", source, "--connect-to", f"::{through}"]
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
