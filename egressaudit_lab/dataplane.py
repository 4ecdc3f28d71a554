"""Pods as real processes: implements `world.DataPlane` for one scenario.

In: pods that the API server admitted. Out: their processes, e.g. an Envoy for each proxy, with their logs.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import trustme

from egressaudit.errors import LabError
from egressaudit_lab.addresses import HBONE_PORT, AddressBook
from egressaudit_lab.pods import injection, podstatus
from egressaudit_lab.pods.capture import Wiring, free_curl, wired_curl
from egressaudit_lab.pods.running_pod import LabPod
from egressaudit_lab.programs import Programs
from egressaudit_lab.proxies import envoy_config
from egressaudit_lab.proxies.envoy_config import Destination
from egressaudit_lab.proxies.envoy_parts import AccessLog, Config
from egressaudit_lab.proxies.envoy_process import Envoy
from egressaudit_lab.proxies.ztunnel import Workload, Ztunnel
from egressaudit_lab.scenario import Proxy, Route, Scenario
from egressaudit_lab.skew import shifted
from egressaudit_lab.traffic import keep_sending
from egressaudit_lab.world import Manifest

_FIRST_CAPTURE_PORT = 15100


class LabDataPlane:
    """Runs pods as the scenario's behaviour says. `folder` is for Envoy's configuration files."""

    def __init__(
        self, scenario: Scenario, book: AddressBook, authority: trustme.CA, programs: Programs, folder: Path
    ) -> None:
        self._scenario = scenario
        self._behaviour = scenario.behaviour
        self._book = book
        self._authority = authority
        self._programs = programs
        self._folder = folder
        self._pods: dict[str, list[LabPod]] = {}
        self._ztunnels: dict[str, Ztunnel] = {}
        self._proxies = {each.workload: each for each in self._behaviour.proxies}
        self.failures: list[str] = []
        """Why pods did not start, one sentence each."""
        for workload in self._proxies:
            book.reserve(workload, scenario.replicas(workload))
        self.destinations = self._destinations()
        self._in_mesh = self._gateway_sockets()

    def admit(self, pod: Manifest) -> Manifest:
        """The pod as webhook and node agent leave it. AdmissionDenied."""
        namespace = self._scenario.namespace_labels(pod["metadata"]["namespace"])
        injection.check_rules(pod, self._behaviour.admission)
        return injection.admit(pod, namespace, native=self._behaviour.native_sidecars)

    async def start(self, pod: Manifest) -> tuple[LabPod, Manifest]:
        """Run an admitted pod; its status. A pod whose proxy does not start says so in its status."""
        workload = workload_of(pod)
        address = self._book.lease(workload)
        running = LabPod(pod, address, self._curl_of(pod, address), self._behaviour.without_curl)
        running.stack.callback(self._book.release, address)
        if podstatus.cannot_pull(pod):
            return running, podstatus.pull_failed(pod)
        try:
            await self._write_lines(workload, running)
            await self._start_role(pod, workload, running)
        except (LabError, OSError) as error:
            self.failures.append(f"pod {running.name}: {error}")
            return running, podstatus.running(pod, address, ready=False, failed=str(error))
        self._pods.setdefault(workload, []).append(running)
        running.stack.callback(self._pods[workload].remove, running)
        return running, podstatus.running(pod, address, ready=not podstatus.never_ready(pod))

    def pods(self, workload: str) -> tuple[LabPod, ...]:
        """The running pods of a Deployment, DaemonSet or bare pod (NAMESPACE/NAME)."""
        return tuple(self._pods.get(workload, ()))

    # ------------------------------------------------------------ roles

    async def _start_role(self, pod: Manifest, workload: str, running: LabPod) -> None:
        meta = pod["metadata"]
        annotations = meta.get("annotations") or {}
        if (meta.get("labels") or {}).get("app") == "ztunnel":
            await self._start_ztunnel(pod, workload, running)
        elif (proxy := self._proxies.get(workload)) is not None:
            await self._start_envoy(workload, running, self._proxy_config(proxy, running.address))
        elif "sidecar.istio.io/status" in annotations:
            await self._start_envoy(workload, running, self._sidecar_config(running.address))
            self._start_traffic(workload, running)
        elif annotations.get("ambient.istio.io/redirection") == "enabled":
            await self._start_capture(pod, running)
            self._start_traffic(workload, running)

    async def _start_envoy(self, workload: str, running: LabPod, config: Config) -> None:
        file = self._folder / f"{running.name}.{running.address}.json"
        file.write_text(json.dumps(config, indent=1), encoding="utf-8")
        running.stack.callback(file.unlink, missing_ok=True)
        skew = self._behaviour.clock_skew.get(workload, 0.0)
        envoy = Envoy(self._programs.envoy, file, running.logs[injection.PROXY], shifted(skew))
        running.stack.push_async_callback(envoy.stop)
        admin = config["admin"]["address"]["socket_address"]
        await envoy.start((admin["address"], admin["port_value"]))
        running.admin = (admin["address"], admin["port_value"])

    async def _start_ztunnel(self, pod: Manifest, workload: str, running: LabPod) -> None:
        node = pod["spec"]["nodeName"]
        tunnels = {(each.host, each.port): each for each in self._behaviour.ztunnel}
        skew = self._behaviour.clock_skew.get(workload, 0.0)
        ztunnel = Ztunnel(running.logs[injection.PROXY], tunnels, self._running_waypoint, self._client_tls(), skew)
        self._ztunnels[node] = ztunnel
        running.stack.push_async_callback(ztunnel.stop)
        running.stack.callback(self._ztunnels.pop, node, None)
        await ztunnel.begin(node)

    async def _start_capture(self, pod: Manifest, running: LabPod) -> None:
        """Listeners in the pod that hand its connections to the ztunnel of its node, as ztunnel's own in its netns."""
        meta = pod["metadata"]
        source = Workload(
            running.name, meta["namespace"], pod["spec"].get("serviceAccountName", "default"), running.address
        )
        carried: set[asyncio.Task[None]] = set()
        for destination in self._taken(by_address=True):

            async def take(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: Destination = destination
            ) -> None:
                ztunnel = self._ztunnels.get(pod["spec"]["nodeName"])
                task = asyncio.current_task()
                if ztunnel is None or task is None:
                    writer.transport.abort()
                    return
                carried.add(task)
                task.add_done_callback(carried.discard)
                # Cancelled when the pod ends: asyncio's own callback does not expect that of a connection's task.
                with suppress(OSError, asyncio.CancelledError):
                    await ztunnel.carry(reader, writer, source, to)

            server = await asyncio.start_server(take, running.address, destination.capture_port)
            running.stack.callback(server.close)

        async def end() -> None:
            for task in carried:
                task.cancel()
            await asyncio.gather(*carried, return_exceptions=True)

        running.stack.push_async_callback(end)

    def _start_traffic(self, workload: str, running: LabPod) -> None:
        places = {(each.host, each.port): each.capture_port for each in self.destinations}
        for traffic in self._behaviour.traffic:
            if traffic.workload == workload:
                place = (running.address, places[traffic.host, traffic.port])
                self._background(running, keep_sending(traffic, running.address, place))

    def _background(self, running: LabPod, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        running.stack.push_async_callback(end)

    # ------------------------------------------------------------ configuration

    def _sidecar_config(self, address: str) -> Config:
        log = AccessLog(encoding=self._behaviour.encoding)
        admin = self._book.port(envoy_config.ADMIN_PORT)
        return envoy_config.sidecar(address, admin, self._behaviour.sidecars, self._taken(), self._endpoints, log)

    def _proxy_config(self, proxy: Proxy, address: str) -> Config:
        log = AccessLog(enabled=proxy.access_log, encoding=self._behaviour.encoding)
        admin = self._book.port(envoy_config.ADMIN_PORT)
        if proxy.kind == "gateway":
            return envoy_config.gateway(address, admin, self._book.port, proxy, self._endpoints, log)
        port = self._book.port(HBONE_PORT)
        tunnels = self._behaviour.ztunnel
        tls = self._server_tls()
        return envoy_config.waypoint(address, admin, port, proxy, tunnels, self._endpoints, log, tls)

    def _endpoints(self, route: Route) -> Sequence[tuple[str, int]]:
        if route.gateway:
            port = self._book.port(route.port + 8000)
            return [(address, port) for address in self._book.endpoints(route.gateway)]
        [place] = [each for each in self.destinations if (each.host, each.port) == (route.host, route.port)]
        return [(place.address, place.real_port)]

    def _destinations(self) -> tuple[Destination, ...]:
        every = [(each.host, port) for each in self._behaviour.hosts for port in each.ports]
        return tuple(
            Destination(
                host,
                port.port,
                self._book.host(host),
                self._book.port(port.port),
                self._book.port(_FIRST_CAPTURE_PORT + n),
                udp=port.serves == "tftp",
            )
            for n, (host, port) in enumerate(every)
        )

    def _gateway_sockets(self) -> tuple[Destination, ...]:
        """The sockets of gateways, by address: whoever dials one of them is captured too."""
        gateways = [each for each in self._behaviour.proxies if each.kind == "gateway"]
        every = {
            (address, route.port + 8000)
            for each in gateways
            for address in self._book.endpoints(each.workload)
            for route in each.routes
        }
        first = _FIRST_CAPTURE_PORT + 2 * len(self.destinations)
        return tuple(
            Destination(address, port, address, self._book.port(port), self._book.port(first + n))
            for n, (address, port) in enumerate(sorted(every))
        )

    def _taken(self, *, by_address: bool = False) -> tuple[Destination, ...]:
        """What a captured pod's proxy has a listener for; with `by_address` external hosts by their address too.

        To a sidecar it is the same, for it reads the request; ztunnel knows virtual addresses alone.
        """
        named = tuple(each for each in self.destinations if not each.udp)
        extra = self._by_address if by_address else ()
        return (*named, *extra, *self._in_mesh)

    @property
    def _by_address(self) -> tuple[Destination, ...]:
        first = _FIRST_CAPTURE_PORT + len(self.destinations)
        return tuple(
            replace(each, host=each.address, capture_port=self._book.port(first + n))
            for n, each in enumerate(self.destinations)
            if not each.udp
        )

    def _client_tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_alpn_protocols(["h2"])
        self._authority.configure_trust(context)
        # The name in the certificates stands in for SPIFFE IDs, which the lab's authority cannot write.
        self._authority.issue_cert("ztunnel").configure_cert(context)
        return context

    def _server_tls(self) -> Config:
        issued = self._authority.issue_cert("waypoint")
        chain = b"".join(each.bytes() for each in issued.cert_chain_pems).decode()
        key = issued.private_key_pem.bytes().decode()
        return envoy_config.mutual_tls(chain, key, self._authority.cert_pem.bytes().decode())

    # ------------------------------------------------------------ the rest

    def _curl_of(self, pod: Manifest, address: str) -> Any:
        annotations = pod["metadata"].get("annotations") or {}
        sidecar = "sidecar.istio.io/status" in annotations
        ambient = annotations.get("ambient.istio.io/redirection") == "enabled"
        denied = pod["metadata"]["namespace"] in self._behaviour.denied_outside

        def there(to: Destination) -> tuple[str, int]:
            """Where a connection of this pod really goes."""
            captured = ambient or (sidecar and injection.redirected(pod, to.address, to.port))
            if captured and not to.udp:
                return address, to.capture_port
            outside = to not in self._in_mesh
            return (self._book.nobody, 9) if denied and outside else (to.address, to.real_port)

        by_address = self._by_address if ambient else [replace(each, host=each.address) for each in self.destinations]
        udp = [replace(each, host=each.address) for each in self.destinations if each.udp]
        every = (*self.destinations, *by_address, *udp, *self._in_mesh)
        wiring = Wiring(address, {(each.host, each.port): there(each) for each in every}, self._book.nobody)

        def curl(container: str, argv: Sequence[str]) -> list[str]:
            if container == injection.PROXY:
                # The proxy's own connections are never captured (its user 1337 is excluded).
                return free_curl(self._programs.curl, argv, address, self.destinations, self._book.nobody)
            return wired_curl(self._programs.curl, argv, wiring)

        return curl

    def _running_waypoint(self, workload: str) -> Workload | None:
        for running in self.pods(workload):
            namespace, _, name = workload.partition("/")
            # istiod gives a waypoint a service account of its Gateway's name.
            return Workload(running.name, namespace, name, running.address)
        return None

    async def _write_lines(self, workload: str, running: LabPod) -> None:
        for odd in self._behaviour.lines:
            if odd.workload == workload and odd.container in running.logs:
                await running.logs[odd.container].append(odd.line())


def workload_of(pod: Manifest) -> str:
    """The Deployment, DaemonSet or bare pod that a pod belongs to, as NAMESPACE/NAME."""
    meta = pod["metadata"]
    for owner in meta.get("ownerReferences") or ():
        # A Deployment's pods belong to its ReplicaSet, NAME-HASH.
        name = owner["name"].rpartition("-")[0] if owner["kind"] == "ReplicaSet" else owner["name"]
        return f"{meta['namespace']}/{name}"
    return f"{meta['namespace']}/{meta['name']}"
