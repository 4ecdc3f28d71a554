"""What is wrong, as a writer of fixes needs it: the found cause, the snapshot, and what follows from both.

In: a `FoundCause` and a `Mesh`. Out: `Wrong`. Example: `wrong.object("VirtualService")` is the first VirtualService
that the cause names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.manifests import Change, Merge, Operations, Protocol
from egressaudit.mesh import Mesh
from egressaudit.mesh.apis import CORE, GATEWAY_API
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.services.services import service_named
from egressaudit.mesh.steering.gateways import leads_to_gateway
from egressaudit.mesh.steering.istio_rules import MESH, RouteRule, rules_of, virtual_services
from egressaudit.mesh.steering.registry import entries
from egressaudit.mesh.untyped import number, text, words
from egressaudit.model import DataplaneMode, FoundCause, ObjectRef, Pod, Reporter, Scheme

_MANY = 5
_PROTOCOLS = {Scheme.HTTP: Protocol.HTTP, Scheme.HTTPS: Protocol.TLS, Scheme.TCP: Protocol.TCP}


@dataclass(frozen=True, slots=True)
class Wrong:
    """A cause in its mesh."""

    found: FoundCause
    mesh: Mesh

    # ------------------------------------------------------------ what the cause says

    @property
    def objects(self) -> Objects:
        """The objects of the snapshot."""
        return self.mesh.world.objects

    @property
    def host(self) -> str:
        """The host that was asked for."""
        return self.found.host.rstrip(".").lower()

    @property
    def source(self) -> Pod | None:
        """The pod that sent it."""
        return None if self.found.source is None else self.mesh.pod(self.found.source)

    @property
    def protocol(self) -> Protocol | None:
        """What the client speaks."""
        return None if self.found.scheme is None else _PROTOCOLS[self.found.scheme]

    def named(self, *kinds: str) -> Iterator[Obj]:
        """The objects of these kinds that the cause names, in its order."""
        for name in self.found.objects:
            kind, _, where = name.partition(" ")
            namespace, slash, short = where.partition("/")
            if kind not in kinds:
                continue
            at = (namespace, short) if slash else ("", namespace)
            yield from (
                each
                for group, own in self.objects.by_kind
                if own == kind
                if (each := self.objects.one(group, kind, *at))
            )

    def object(self, *kinds: str) -> Obj | None:
        """The first of them; None if the snapshot has none."""
        return next(self.named(*kinds), None)

    @property
    def entries(self) -> tuple[Obj, ...]:
        """The ServiceEntries of the host."""
        return entries(self.objects, self.host)

    @property
    def entry(self) -> Obj | None:
        """The ServiceEntry that the cause names, else the host's only one."""
        return self.object("ServiceEntry") or (self.entries[0] if len(self.entries) == 1 else None)

    # ------------------------------------------------------------ the way that was meant

    def rules_to_gateway(self) -> Iterator[RouteRule]:
        """The rules of VirtualServices for the mesh that send the host to a gateway."""
        for service in virtual_services(self.objects, self.host):
            for rule in rules_of(service):
                if rule.matches(MESH) and any(self.leads_to_gateway(rule, each.host) for each in rule.destinations):
                    yield rule

    def rules_for_the_port(self) -> Iterator[RouteRule]:
        """Those of them that see what the client speaks, and are for the port that was called."""
        yield from (rule for rule in self.rules_to_gateway() if self.is_for_the_call(rule))

    def is_for_the_call(self, rule: RouteRule) -> bool:
        """Whether a rule of the mesh sees what the client speaks, on the port that was called."""
        ports = {number(each.get("port")) for each in rule.matches(MESH)}
        return self.protocol is not None and rule.kind == self.protocol.family and bool(ports & {None, self.found.port})

    def leads_to_gateway(self, rule: RouteRule, host: str) -> bool:
        """Whether a destination of a rule is a gateway's Service."""
        service = service_named(self.objects, host, rule.service.namespace)
        return service is not None and leads_to_gateway(self.mesh.world, service)

    def waypoints(self) -> tuple[ObjectRef, ...]:
        """The waypoints that there are."""
        return tuple(
            each.ref
            for each in self.objects.all(GATEWAY_API, "Gateway")
            if each.spec.get("gatewayClassName") == "istio-waypoint"
        )

    def gateway_services(self) -> tuple[Obj, ...]:
        """The Services of egress gateways that lead to proven pods."""
        world = self.mesh.world
        proven = {pod.namespace for pod in world.pods if pod.role is Reporter.EGRESS_GATEWAY}
        return tuple(
            each
            for each in self.objects.all(CORE, "Service")
            if each.namespace in proven and leads_to_gateway(world, each)
        )

    # ------------------------------------------------------------ who else is concerned

    def namespaces_that_see(self, obj: Obj) -> tuple[str, ...]:
        """The namespaces with pods of the mesh that see an object of Istio."""
        there = sorted({pod.namespace for pod in self.mesh.pods if pod.mode is not DataplaneMode.NONE})
        return tuple(each for each in there if self.objects.exported(obj, each))

    def hosts_of(self, obj: Obj) -> tuple[str, ...]:
        """The hosts of an object other than this one."""
        return tuple(each for each in words(obj.spec.get("hosts")) if each.rstrip(".").lower() != self.host)


def change(obj: Obj, patch: Merge | Operations, what: str) -> Change:
    """A change of an object of the snapshot."""
    return Change(text(obj.raw.get("apiVersion")), obj.kind, obj.ref, patch, what)


def spec(**fields: Any) -> Mapping[str, Any]:
    """A merge patch of `spec`."""
    return {"spec": fields}


def few(names: Iterable[str]) -> str:
    """Some names for a reader: `a, b and 7 more`; `none`."""
    listed = list(dict.fromkeys(names))
    if len(listed) > _MANY:
        return f"{', '.join(listed[:_MANY])} and {len(listed) - _MANY} more"
    return ", ".join(listed) or "none"
