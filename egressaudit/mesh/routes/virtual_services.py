"""VirtualServices as istiod uses them: written as such, or made of the routes of the Gateway API.

In: the objects of a snapshot. Out: `VirtualService`s, e.g. of HTTPRoute egress/docs with a ServiceEntry as its parent
the one with `hosts=("docs.example.com",)` and `gateways=("mesh",)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.routes.ages import Age, created
from egressaudit.mesh.routes.delegates import WrittenRule, with_delegates
from egressaudit.mesh.routes.exports import EVERYBODY, Export
from egressaudit.mesh.routes.names import full_gateway, full_host
from egressaudit.mesh.untyped import rows, table, text, words
from egressaudit.mesh.world import World
from egressaudit.model import RuleRef

MESH = "mesh"
"""The name by which a VirtualService means all sidecars."""
KINDS = ("http", "tls", "tcp")


@dataclass(frozen=True, slots=True, eq=False)
class VirtualService:
    """One set of rules for one set of hosts, whichever API it was written in.

    istiod turns routes of the Gateway API into VirtualServices, and then has one way to read both (istio/istio
    pilot/pkg/config/kube/gateway/conversion.go).
    """

    origin: Obj
    """The object that a person wrote: the VirtualService itself, or the route."""
    namespace: str
    name: str
    """As istiod calls it; route names are made of it."""
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]
    """`mesh`, or `namespace/name` of a Gateway as istiod calls it; never empty."""
    spec: Mapping[str, Any]
    """`http`, `tls` and `tcp` rules in the shape of a VirtualService, delegates merged in, hosts in full."""
    export_to: tuple[str, ...] = ()
    """Namespaces, `*` or `.`; empty where the mesh's default holds."""
    refs: Mapping[tuple[str, int], RuleRef] | None = None
    """Where rule number n of a kind was written, if not at `spec.KIND[n]` of the origin."""

    def ref(self, kind: str, index: int) -> RuleRef:
        """Where a rule was written."""
        own = RuleRef(str(self.origin), f"spec.{kind}[{index}]")
        return own if self.refs is None else self.refs.get((kind, index), own)

    @property
    def of_gateway_api(self) -> bool:
        """Whether it is a route of the Gateway API (istio/istio model/virtualservice.go UseGatewaySemantics)."""
        return self.origin.group != ISTIO

    @property
    def age(self) -> Age:
        """The key by which istiod sorts: the oldest counts first (model/config.go configCompareByCreationTime)."""
        return None, created(self.origin), self.name, self.namespace

    def rules(self, kind: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The rules of a kind with their numbers."""
        return enumerate(rows(self.spec.get(kind)))

    def export(self, config: Mapping[str, Any]) -> Export:
        """To whom it is visible, with what MeshConfig says of the rest."""
        said = self.export_to or words(config.get("defaultVirtualServiceExportTo")) or (EVERYBODY,)
        return Export.of(said, self.namespace)


def written(world: World) -> tuple[VirtualService, ...]:
    """The VirtualServices of a snapshot: those without hosts are only parts of others."""
    all_of_them = world.objects.all(ISTIO, "VirtualService")
    parts = {each.ref: each for each in all_of_them if not words(each.spec.get("hosts"))}
    default = words(world.objects.config.get("defaultVirtualServiceExportTo")) or (EVERYBODY,)
    return tuple(_virtual_service(each, parts, default) for each in all_of_them if words(each.spec.get("hosts")))


def _virtual_service(obj: Obj, parts: Mapping[Any, Obj], default: tuple[str, ...]) -> VirtualService:
    http = with_delegates(obj, parts, default)
    spec = {
        "http": [_resolved(each.body, each.namespace) for each in http],
        **{kind: [_resolved(each, obj.namespace) for each in rows(obj.spec.get(kind))] for kind in ("tls", "tcp")},
    }
    return VirtualService(
        obj,
        obj.namespace,
        obj.name,
        tuple(full_host(each, obj.namespace) for each in words(obj.spec.get("hosts"))),
        tuple(full_gateway(each, obj.namespace) for each in words(obj.spec.get("gateways"))) or (MESH,),
        spec,
        words(obj.spec.get("exportTo")),
        _refs(http),
    )


def _refs(http: list[WrittenRule]) -> Mapping[tuple[str, int], RuleRef]:
    return {("http", index): each.ref for index, each in enumerate(http)}


def _resolved(rule: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    """A rule with the hosts of its destinations and its gateways in full (ResolveVirtualServiceShortnames)."""
    made = dict(rule)
    if "route" in rule:
        made["route"] = [_to_full_host(each, namespace) for each in rows(rule.get("route"))]
    if "match" in rule:
        made["match"] = [_full_gateways(each, namespace) for each in rows(rule.get("match"))]
    if "mirror" in rule:
        made["mirror"] = _full_destination(table(rule.get("mirror")), namespace)
    if "mirrors" in rule:
        made["mirrors"] = [_to_full_host(each, namespace) for each in rows(rule.get("mirrors"))]
    return made


def _to_full_host(route: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    return {**route, "destination": _full_destination(table(route.get("destination")), namespace)}


def _full_destination(to: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    return {**to, "host": full_host(text(to.get("host")), namespace)}


def _full_gateways(match: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    if "gateways" not in match:
        return match
    return {**match, "gateways": [full_gateway(each, namespace) for each in words(match.get("gateways"))]}
