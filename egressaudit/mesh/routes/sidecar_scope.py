"""What a sidecar knows: the egress listeners of its Sidecar, the services and rules that each imports.

In: a world, a namespace and labels. Out: `SidecarScope`. Example: without any Sidecar it is one listener for all ports,
with everything that the namespace sees.

istio/istio pilot/pkg/model/push_context.go (doGetSidecarScope), sidecar.go (initSidecarScopeInternalIndexes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.routes.ages import Age, created, in_order
from egressaudit.mesh.routes.host_table import HostTable
from egressaudit.mesh.routes.imports import Imports
from egressaudit.mesh.routes.protocols import HTTP_PROXY, parsed
from egressaudit.mesh.routes.registered import Registered, ServiceRegistry
from egressaudit.mesh.routes.rule_index import RuleIndex
from egressaudit.mesh.routes.virtual_services import KINDS, MESH, VirtualService
from egressaudit.mesh.untyped import number, picks, rows, table, text, texts, words
from egressaudit.mesh.world import World

ALLOW_ANY, REGISTRY_ONLY, DYNAMIC_DNS = "ALLOW_ANY", "REGISTRY_ONLY", "ALLOW_ANY_DYNAMIC_DNS"
_EVERYTHING: Mapping[str, Any] = {"hosts": ["*/*"]}


@dataclass(frozen=True, slots=True, eq=False)
class EgressListener:
    """One egress listener of a Sidecar, with what it imports."""

    port: int | None
    """None for the one that has every port."""
    protocol: str
    bind: str
    bound: bool
    """Whether it takes what applications send to it themselves, and nothing that is redirected (captureMode NONE)."""
    services: tuple[Registered, ...]
    rules: tuple[VirtualService, ...]
    by_host: HostTable[VirtualService]
    """The rules by their hosts."""

    @property
    def of_port(self) -> bool:
        """Whether it has only the services that have its port."""
        return bool(self.port) and self.protocol != HTTP_PROXY

    def rules_of(self, host: str) -> tuple[VirtualService, ...]:
        """The rules that may be for a host, in their order (tls.go getConfigsForHost)."""
        found = {id(each) for each in self.by_host.touching(host)}
        return tuple(each for each in self.rules if id(each) in found) if found else ()


@dataclass(frozen=True, slots=True, eq=False)
class SidecarScope:
    """What the sidecars of a namespace know that have one Sidecar."""

    namespace: str
    """Empty for all namespaces of which no rule speaks."""
    sidecar: Obj | None
    listeners: tuple[EgressListener, ...]
    by_host: Mapping[str, Registered]
    """The services of which it has clusters."""
    mode: str
    """What becomes of unknown hosts."""
    egress_proxy: Mapping[str, Any]
    """Where they go instead, as a destination; empty without one."""
    made: dict[Any, Any] = field(default_factory=dict)
    """What was worked out for one port of it."""

    def listener_for(self, port: int) -> EgressListener | None:
        """The listener whose services have virtual hosts at a port (GetEgressListenerForRDS)."""
        return next((each for each in self.listeners if each.port in (None, port)), None)

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What `make` makes, made at the first call and kept."""
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]


@dataclass(frozen=True, slots=True)
class SidecarIndex:
    """The Sidecars of a snapshot, and the scopes that were made of them."""

    world: World
    by_namespace: Mapping[str, tuple[Obj, ...]]
    """Those with a selector first, then the oldest."""
    root: Obj | None
    scopes: dict[tuple[str, str], SidecarScope] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> SidecarIndex:
        """The index of a world."""
        found: dict[str, list[Obj]] = {}
        root = None
        for each in in_order(world, world.objects.all(ISTIO, "Sidecar"), _age):
            found.setdefault(each.namespace, []).append(each)
            if root is None and each.namespace == world.objects.root and _selector(each) is None:
                root = each
        return cls(world, {namespace: tuple(values) for namespace, values in found.items()}, root)

    def scope(self, namespace: str, labels: Mapping[str, str]) -> SidecarScope:
        """What a sidecar of a namespace with these labels knows."""
        chosen = next(
            (each for each in self.by_namespace.get(namespace, ()) if picks(_selector(each) or {}, labels)), self.root
        )
        if chosen is None and namespace not in self.world.once(distinct_namespaces):
            namespace = ""
        key = (namespace, str(chosen))
        if key not in self.scopes:
            self.scopes[key] = _scope(self.world, namespace, chosen)
        return self.scopes[key]


def scope_of(world: World, namespace: str, labels: Mapping[str, str]) -> SidecarScope:
    """What a sidecar of a namespace with these labels knows."""
    return world.once(SidecarIndex.of).scope(namespace, labels)


def distinct_namespaces(world: World) -> frozenset[str]:
    """The namespaces whose sidecars may know anything else than those of others without a Sidecar."""
    objects, services, rules = world.objects, world.once(ServiceRegistry.of), world.once(RuleIndex.of)
    found = {objects.root, *services.exported, *(namespace for namespace, _ in (*rules.private, *rules.exported))}
    for each in objects.all(ISTIO, "DestinationRule"):
        found |= {each.namespace, *words(each.spec.get("exportTo"))}
    for each in objects.all(ISTIO, "VirtualService"):
        found |= {text(match.get("sourceNamespace")) for match in _matches(each)}
    found |= {each.namespace for each in rules.seen_from("", MESH) if each.of_gateway_api}
    # Rules find the services of their proxy's own namespace also where nobody sees them.
    found |= {each.namespace for each in services.services if not each.export.everybody}
    found.update(*(known for known in services.by_host.values() if len(known) > 1))
    return frozenset(found)


def _matches(rules: Obj) -> Iterator[Mapping[str, Any]]:
    for kind in KINDS:
        for rule in rows(rules.spec.get(kind)):
            yield from rows(rule.get("match"))


def _age(sidecar: Obj) -> Age:
    return _selector(sidecar) is None, created(sidecar), sidecar.name, sidecar.namespace


def _selector(sidecar: Obj) -> Mapping[str, str] | None:
    said = sidecar.spec.get("workloadSelector")
    return texts(table(said).get("labels")) if isinstance(said, Mapping) else None


def _scope(world: World, namespace: str, sidecar: Obj | None) -> SidecarScope:
    spec = {} if sidecar is None else sidecar.spec
    listeners = tuple(_listener(world, namespace, each) for each in rows(spec.get("egress")) or (_EVERYTHING,))
    said = spec.get("outboundTrafficPolicy")
    policy = table(said)
    # Without a mode it is the first of the enumeration in a Sidecar, and ALLOW_ANY in MeshConfig.
    mode = text(policy.get("mode")) or REGISTRY_ONLY
    if not isinstance(said, Mapping):
        mode = text(table(world.objects.config.get("outboundTrafficPolicy")).get("mode")) or ALLOW_ANY
    known = _Known(world.once(ServiceRegistry.of), world.once(_sent_by), namespace)
    for each in listeners:
        known.add_all(each)
    return SidecarScope(namespace, sidecar, listeners, known.by_host, mode, table(policy.get("egressProxy")))


def _listener(world: World, namespace: str, said: Mapping[str, Any]) -> EgressListener:
    at = said.get("port")
    port = (number(table(at).get("number")) or 0) if isinstance(at, Mapping) else None
    imports = Imports.of(words(said.get("hosts")), namespace)
    rules = world.once(RuleIndex.of).seen_from(namespace, MESH)
    everything = "*/*" in words(said.get("hosts")) and set(imports.by_namespace) == {"*"}
    if not everything or imports.by_namespace["*"].excluded:
        rules = tuple(each for each in rules if imports.has_rules(each))
    made = EgressListener(
        port,
        parsed(text(table(at).get("protocol"))),
        text(said.get("bind")),
        said.get("captureMode") == "NONE" or text(said.get("bind")).startswith("unix://"),
        (),
        rules,
        HostTable.of((host, each) for each in rules for host in each.hosts),
    )
    registry = world.once(ServiceRegistry.of)
    named = imports.by_name
    seen = registry.seen_from(namespace) if named is None else registry.named(named, namespace)
    return replace(made, services=tuple(_selected(seen, imports, made, namespace)))


def _selected(
    seen: Iterable[Registered], imports: Imports, listener: EgressListener, namespace: str
) -> Iterator[Registered]:
    """The services that a listener imports, each host of one namespace (sidecar.go selectServices)."""
    found: list[Registered] = []
    for each in seen:
        if imports.has_service(each):
            one = at_port(each, listener)
            if one is not None:
                own = imports.aliases(one) if one.aliases else ()
                found.append(one if own == one.aliases else replace(one, aliases=own))
    chosen: dict[str, tuple[str, bool]] = {}
    for each in found:
        first = chosen.get(each.host)
        here, there = each.namespace == namespace, first is not None and first[0] == namespace
        if first is None or here or (each.kubernetes and not first[1] and not there):
            chosen[each.host] = (each.namespace, each.kubernetes)
    return (each for each in found if chosen[each.host][0] == each.namespace)


def at_port(service: Registered, listener: EgressListener) -> Registered | None:
    """A service with only the port of a listener that has one; None if it has no such port."""
    if not listener.of_port:
        return service
    own = next((each for each in service.ports if each.number == listener.port), None)
    return None if own is None else service if len(service.ports) == 1 else replace(service, ports=(own,))


@dataclass(slots=True)
class _Known:
    """The services of a scope, gathered listener by listener (sidecar.go collectImportedServices)."""

    registry: ServiceRegistry
    sent_by: Callable[[VirtualService], tuple[_SentTo, ...]]
    namespace: str
    by_host: dict[str, Registered] = field(default_factory=dict)

    def add_all(self, listener: EgressListener) -> None:
        """What a listener imports, then what its rules send to."""
        for each in listener.services:
            self._add(each)
        for rules in listener.rules:
            for host, ports in _ports_by_host(self.sent_by(rules), self.namespace).items():
                found = self._best(host)
                if found is not None:
                    of_port = listener.of_port
                    self._add(at_port(found, listener) if of_port else _with_ports(found, ports))

    def _best(self, host: str) -> Registered | None:
        known = self.registry.by_host.get(host)
        if known is None:
            return None
        if self.namespace in known:
            return known[self.namespace]
        visible = [each for each in known.values() if each.export.to(self.namespace)]
        return min(visible, key=lambda each: (not each.kubernetes, created(each.origin)), default=None)

    def _add(self, service: Registered | None) -> None:
        """appendSidecarServices: the first of a host counts, but for a Service of Kubernetes, which always does."""
        if service is None:
            return
        first = self.by_host.get(service.host)
        if first is None or (service.kubernetes and not first.kubernetes):
            self.by_host[service.host] = service
        elif first is not service and first.ports != service.ports and first.merges_with(service):
            have = {each.number for each in first.ports}
            if more := tuple(each for each in service.ports if each.number not in have):
                self.by_host[service.host] = replace(first, ports=first.ports + more)


def _with_ports(service: Registered, ports: set[int]) -> Registered | None:
    if 0 in ports:
        return service
    own = tuple(each for each in service.ports if each.number in ports)
    return service if len(own) == len(service.ports) else replace(service, ports=own) if own else None


@dataclass(frozen=True, slots=True)
class _SentTo:
    """Where a rule sends to."""

    host: str
    port: int
    """0 where the rule leaves it open."""
    only: tuple[str, ...]
    """The namespaces that the rule is for; empty for all."""


def _sent_by(_world: World) -> Callable[[VirtualService], tuple[_SentTo, ...]]:
    """Where rules send to, worked out once for all scopes."""
    return cache(lambda rules: tuple(_sent(rules)))


def _sent(rules: VirtualService) -> Iterator[_SentTo]:
    for kind in KINDS:
        for _, rule in rules.rules(kind):
            to = [table(each.get("destination")) for each in rows(rule.get("route"))]
            only: tuple[str, ...] = ()
            if kind == "http":
                to += [table(rule.get("mirror"))] if rule.get("mirror") is not None else []
                to += [table(each.get("destination")) for each in rows(rule.get("mirrors"))]
                only = tuple(said for each in rows(rule.get("match")) if (said := text(each.get("sourceNamespace"))))
            for each in to:
                yield _SentTo(text(each.get("host")), number(table(each.get("port")).get("number")) or 0, only)


def _ports_by_host(sent: Iterable[_SentTo], namespace: str) -> dict[str, set[int]]:
    """The ports of each host that rules send to, for the proxies of a namespace."""
    found: dict[str, set[int]] = {}
    for each in sent:
        if not each.only or namespace in each.only:
            found.setdefault(each.host, set()).add(each.port)
    return found
