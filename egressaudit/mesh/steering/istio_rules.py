"""The rules of VirtualServices: for which hosts and gateways they are, what they match, where they send.

In: a VirtualService. Out: its `RouteRule`s. Example: the first `http` rule of a VirtualService is
`RouteRule(service, "http", 0, {"match": [{"gateways": ["mesh"], "port": 80}], "route": [...]})`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.steering.registry import entries
from egressaudit.mesh.untyped import covers, number, picks, rows, table, text, texts, words
from egressaudit.mesh.world import World
from egressaudit.model import Pod, Target

MESH = "mesh"
"""The name by which a VirtualService means all sidecars."""
ROUTABLE = ("gateways", "port", "sniHosts", "sourceLabels", "sourceNamespace")
"""The conditions of a match that say which source and port a rule is for, and nothing of the request."""

Match = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HostView:
    """A host, whoever asks."""

    world: World
    host: str

    def entries(self) -> tuple[Obj, ...]:
        """The ServiceEntries of the host."""
        return entries(self.world.objects, self.host)

    def exported(self, obj: Obj, namespace: str) -> bool:
        """Whether an Istio object is visible in a namespace."""
        return self.world.objects.exported(obj, namespace)


@dataclass(frozen=True, slots=True)
class View(HostView):
    """A host and port as a pod sees them: what every rule is held against."""

    source: Pod
    target: Target

    @classmethod
    def of(cls, world: World, source: Pod, target: Target) -> View:
        """A target as a pod sees it."""
        return cls(world, target.host, source, target)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a rule sends: the destination as the rule has it, and its weight in percent."""

    host: str
    subset: str
    port: int | None
    """None if the rule leaves it open."""
    weight: int


@dataclass(frozen=True, slots=True)
class RouteRule:
    """One rule of a VirtualService."""

    service: Obj
    kind: str
    """`http`, `tls` or `tcp`."""
    index: int
    """Its place among the rules of its kind."""
    body: Mapping[str, Any]

    def matches(self, gateway: str) -> tuple[Match, ...]:
        """The match entries that apply at a gateway; one empty entry where the rule has none."""
        listed = rows(self.body.get("match")) or ({},)
        return tuple(each for each in listed if gateway in (self._gateways(each) or (gateway,)))

    @property
    def named_gateways(self) -> frozenset[str]:
        """The gateways that its matches name; an entry that names none is for the mesh."""
        return frozenset(name for each in rows(self.body.get("match")) for name in self._gateways(each) or (MESH,))

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Where it sends; a single destination carries all."""
        routes = rows(self.body.get("route"))
        weights = [number(each.get("weight")) for each in routes]
        if len(routes) == 1:
            weights = [weights[0] or 100]
        return tuple(
            _destination(table(each.get("destination")), weight or 0)
            for each, weight in zip(routes, weights, strict=True)
        )

    @property
    def earlier(self) -> Iterator[RouteRule]:
        """The rules of its kind before it. Istio takes the first rule that matches."""
        for each in rules_of(self.service):
            if each.kind == self.kind and each.index < self.index:
                yield each

    @property
    def field(self) -> str:
        """Its place in the VirtualService: `spec.http[0]`."""
        return f"spec.{self.kind}[{self.index}]"

    def field_of(self, match: Match) -> str:
        """The place of one of its match entries: `spec.http[0].match[1]`; of the rule where it has no such entry."""
        listed = self.body.get("match")
        places = enumerate(listed) if isinstance(listed, list | tuple) else ()
        return next((f"{self.field}.match[{index}]" for index, each in places if each is match), self.field)

    def takes(self, source: Pod, target: Target) -> bool:
        """Whether one of its matches for the mesh takes every request of a source to a target."""
        return any(self._takes(each, source, target) for each in self.matches(MESH))

    def _takes(self, match: Match, source: Pod, target: Target) -> bool:
        return (
            number(match.get("port")) in (None, target.port)
            and all(key in ROUTABLE or key == "name" for key in match)
            and (self.kind != "tls" or has_sni(match, target.host))
            and picks(texts(match.get("sourceLabels")), source.labels)
            and text(match.get("sourceNamespace")) in ("", source.namespace)
        )

    def _gateways(self, match: Match) -> tuple[str, ...]:
        return tuple(_gateway_name(each, self.service.namespace) for each in words(match.get("gateways")))


def virtual_services(objects: Objects, host: str) -> tuple[Obj, ...]:
    """The VirtualServices that have this host."""
    return objects.having("VirtualService", host)


def rules_of(service: Obj) -> Iterator[RouteRule]:
    """The rules of a VirtualService, in its order."""
    for kind in ("http", "tls", "tcp"):
        for index, body in enumerate(rows(service.spec.get(kind))):
            yield RouteRule(service, kind, index, body)


def gateways_of(service: Obj) -> tuple[str, ...]:
    """The gateways a VirtualService binds to, as `mesh` or `namespace/name`; without a list it is the mesh."""
    return tuple(_gateway_name(each, service.namespace) for each in words(service.spec.get("gateways"))) or (MESH,)


def specificity(service: Obj, host: str) -> tuple[bool, int]:
    """How specific a VirtualService is about a host: an exact host before any wildcard, a longer one before a short."""
    known = words(service.spec.get("hosts"))
    return max((not each.startswith("*"), len(each)) for each in known if covers(each, host))


def has_sni(match: Match, host: str) -> bool:
    """Whether a match of a tls rule names this host."""
    return any(covers(pattern, host) for pattern in words(match.get("sniHosts")))


def _destination(said: Mapping[str, Any], weight: int) -> Destination:
    port = number(table(said.get("port")).get("number"))
    return Destination(text(said.get("host")), text(said.get("subset")), port, weight)


def _gateway_name(name: str, namespace: str) -> str:
    """istio/istio pilot/pkg/model/gateway.go resolveGatewayName: `name`, `./name`, `ns/name`, `name.ns.svc...`."""
    if name == MESH:
        return MESH
    first, slash, rest = name.partition("/")
    if slash:
        return f"{namespace if first == '.' else first}/{rest}"
    short, dot, domain = name.partition(".")
    return f"{domain.split('.')[0]}/{short}" if dot else f"{namespace}/{name}"
