"""The servers of one gateway proxy: of all Gateways that are for it, merged by port, as istiod does.

In: the Gateways of a snapshot, oldest first, and the ports of the Services in front of a proxy. Out: `MergedServers`.
Example: two Gateways with a server each for port 80 and HTTP become one entry with two servers; a third one for port 80
and TCP is left out.

Source: istio/istio pilot/pkg/model/push_context.go mergeGateways, filterStrictGatewayMerging, and pilot/pkg/model/
gateway.go mergeGateways, resolvePorts. Where two Services have one port but other target ports, istiod takes them in no
certain order; here the one whose name comes first counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from egressaudit.mesh.apis import CORE
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.routes.gateway_classes import DOMAIN
from egressaudit.mesh.routes.served_gateways import GatewayServer, ServedGateway, speaks_http
from egressaudit.mesh.untyped import number, picks, rows, text, texts
from egressaudit.mesh.world import World
from egressaudit.model import Pod

_NO_TRANSLATION = "experimental.istio.io/disable-gateway-port-translation"


class ServiceTarget(NamedTuple):
    """A port of a Service that leads to a proxy."""

    host: str
    port: int
    target: int
    """The port of the proxy."""
    translated: bool
    """Whether servers of Istio's Gateways may name the Service's port."""


class ServerPort(NamedTuple):
    """What istiod merges servers by."""

    port: int
    """The port of the proxy."""
    protocol: str
    bind: str


class BoundServer(NamedTuple):
    """A server, and the Gateway that it is of."""

    gateway: str
    server: GatewayServer


@dataclass(frozen=True, slots=True)
class MergedServers:
    """What a gateway proxy serves."""

    ports: Mapping[ServerPort, tuple[BoundServer, ...]]
    by_route: Mapping[str, tuple[BoundServer, ...]]
    """The servers whose virtual hosts are in one route configuration, by its name: `http.8080`."""
    route_of: Mapping[ServerPort, str]
    """The route configuration of a port without TLS."""


def service_targets(world: World, pod: Pod) -> tuple[ServiceTarget, ...]:
    """The ports of Services that lead to a pod (kube/controller GetProxyServiceTargetsByPod)."""
    found: list[ServiceTarget] = []
    for service in world.objects.all(CORE, "Service"):
        selector = texts(service.spec.get("selector"))
        if selector and service.namespace == pod.namespace and picks(selector, pod.labels):
            found += _targets(world, pod, service)
    return tuple(found)


def _targets(world: World, pod: Pod, service: Obj) -> Iterator[ServiceTarget]:
    seen: set[tuple[int, str]] = set()
    for each in rows(service.spec.get("ports")):
        port, target = number(each.get("port")), target_port(world, pod, each)
        protocol = (text(each.get("name")).partition("-")[0], text(each.get("protocol")))
        if port is None or target is None or (target, str(protocol)) in seen:
            continue
        seen.add((target, str(protocol)))
        host = f"{service.name}.{service.namespace}.svc.{DOMAIN}"
        yield ServiceTarget(host, port, target, _NO_TRANSLATION not in service.labels)


def target_port(world: World, pod: Pod, row: Mapping[str, object]) -> int | None:
    """The port of the proxy: by number, or by the name that one of its containers gives it."""
    said = row.get("targetPort")
    if said is None:
        return number(row.get("port"))
    if (plain := number(said)) is not None:
        return plain
    obj = world.objects.one(CORE, "Pod", pod.namespace, pod.name)
    containers = rows(obj.spec.get("containers")) if obj is not None else ()
    named = (port for each in containers for port in rows(each.get("ports")) if port.get("name") == said)
    return next((at for each in named if (at := number(each.get("containerPort"))) is not None), None)


def merge(gateways: Iterable[ServedGateway], pod: Pod, targets: tuple[ServiceTarget, ...]) -> MergedServers:
    """The servers of a proxy; `gateways` are all of the snapshot, oldest first."""
    merging = _Merging()
    for gateway, own in _selected(gateways, pod, targets):
        for server in gateway.servers:
            for port in _resolved(server.port, own, by_labels=gateway.services is None):
                merging.add(gateway, server, port)
    return MergedServers(
        {key: tuple(servers) for key, servers in merging.ports.items()},
        {name: tuple(servers) for name, servers in merging.by_route.items()},
        merging.route_of,
    )


def _selected(
    gateways: Iterable[ServedGateway], pod: Pod, targets: tuple[ServiceTarget, ...]
) -> list[tuple[ServedGateway, tuple[ServiceTarget, ...]]]:
    """The Gateways that are for a proxy, each with the ports of Services that it may name."""
    found = []
    for each in gateways:
        if each.services is not None:
            # A Service is of the Gateway's namespace, and only such Services select pods of that namespace.
            own = tuple(target for target in targets if target.host in each.services)
            if own and each.origin.namespace == pod.namespace:
                found.append((each, own))
        elif picks(each.selector or {}, pod.labels):
            found.append((each, targets))
    managed = {each.origin.namespace for each, _ in found if each.managed}
    if managed:
        found = [pair for pair in found if pair[0].services is not None or pair[0].origin.namespace in managed]
    return found


def _resolved(port: int, targets: tuple[ServiceTarget, ...], *, by_labels: bool) -> tuple[int, ...]:
    """The ports of the proxy that a server's port means."""
    if by_labels:
        return next(((each.target,) for each in targets if each.translated and each.port == port), (port,))
    return tuple(sorted({each.target for each in targets if each.port == port}))


def route_name(server: GatewayServer, port: int, gateway: ServedGateway) -> str:
    """The name of a server's route configuration; '' if it has none (gatewayRDSRouteName)."""
    bind = f".{server.bind}" if server.bind else ""
    if server.is_http:
        return f"http.{port}{bind}"
    if server.routes_http:
        namespace, _, name = gateway.name.partition("/")
        return f"https.{server.port}.{server.port_name}.{name}.{namespace}{bind}"
    return ""


@dataclass(slots=True)
class _Merging:
    """mergeGateways, one server and port at a time."""

    ports: dict[ServerPort, list[BoundServer]] = field(default_factory=dict)
    by_route: dict[str, list[BoundServer]] = field(default_factory=dict)
    route_of: dict[ServerPort, str] = field(default_factory=dict)
    _used: set[int] = field(default_factory=set)
    _plain: dict[int, ServerPort] = field(default_factory=dict)
    _tls_hosts: dict[int, dict[str, str]] = field(default_factory=dict)

    def add(self, gateway: ServedGateway, server: GatewayServer, port: int) -> None:
        """One more server, unless it is in conflict with those before it."""
        key, bound = ServerPort(port, server.protocol, server.bind), BoundServer(gateway.name, server)
        route = route_name(server, port, gateway)
        if server.mode is not None and self._has_hosts(port, server):
            return
        if port not in self._used:
            self._used.add(port)
            self._begin(key, bound, route)
        elif port in self._plain:
            self._beside_plain(self._plain[port], key, bound, route)
        elif server.mode is None or server.is_http:
            self._begin(key, bound, route)
        elif not server.routes_http:
            self.ports.setdefault(key, []).append(bound)
        elif route not in self.by_route:
            self.by_route[route] = [bound]
            self.ports.setdefault(key, []).append(bound)

    def _has_hosts(self, port: int, server: GatewayServer) -> bool:
        """Whether a TLS server before it has one of its hosts (CheckDuplicates)."""
        known = self._tls_hosts.setdefault(port, {})
        if any(known.get(each) == server.bind for each in server.hosts):
            return True
        known.update(dict.fromkeys(server.hosts, server.bind))
        return False

    def _begin(self, key: ServerPort, bound: BoundServer, route: str) -> None:
        """addPlainTextServer, which is for the first server of a port whatever it speaks."""
        server = bound.server
        if server.mode is None or server.is_http:
            self._plain[key.port] = key
        if server.routes_http:
            self.by_route[route] = [bound]
        self.ports[key] = [bound]
        self.route_of[key] = route

    def _beside_plain(self, current: ServerPort, key: ServerPort, bound: BoundServer, route: str) -> None:
        """One more server on a port that has one without TLS: only HTTP beside HTTP, or another address."""
        if current.bind == key.bind:
            if not (bound.server.is_http and speaks_http(current.protocol)):
                return
            self.ports[current].append(bound)
            self.by_route.setdefault(route, []).append(bound)
        elif key in self.ports:
            self.ports[key].append(bound)
            self.by_route.setdefault(route, []).append(bound)
            self.route_of[key] = route
        else:
            self._begin(key, bound, route)
