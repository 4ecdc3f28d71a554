"""The backends of a route of the Gateway API, as istiod turns them into destinations of a VirtualService.

In: a rule's `backendRefs`. Out: `route` in the shape of a VirtualService, or `BadRoute` where istiod drops the route.
Example: `{name: out-istio, port: 80}` in namespace egress becomes
`{destination: {host: out-istio.egress.svc.cluster.local, port: {number: 80}}, weight: 0}`.

Source: istio/istio pilot/pkg/config/kube/gateway/conversion.go buildDestination, buildHTTPDestination,
buildTCPDestination. A backend that is not there keeps its name, and the proxy answers 500 because it has no such
cluster; one that is not allowed has no name, and its cluster is `UnknownService`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh.apis import CORE, ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.routes.gateway_classes import DOMAIN
from egressaudit.mesh.routes.reference_grants import ReferenceGrants
from egressaudit.mesh.untyped import number, rows, table, text

_MULTI_CLUSTER = "multicluster.x-k8s.io"
_HEADERS = ("RequestHeaderModifier", "ResponseHeaderModifier")


class BadRoute(Exception):
    """istiod makes nothing of this route: it says `Accepted: False` or `ResolvedRefs: False`."""


@dataclass(frozen=True, slots=True)
class Backends:
    """Turns the backends of one route into destinations."""

    route: Obj
    grants: ReferenceGrants
    known: frozenset[tuple[str, str]]
    """Every host that the mesh knows, after the namespace of the Service or ServiceEntry that has it."""
    mesh: bool
    """Whether for a Service or ServiceEntry as parent: then no ReferenceGrant is asked for."""

    def total(self, rule: Mapping[str, Any]) -> int:
        """The sum of the weights of a rule's backends."""
        return sum(_weight(each) for each in rows(rule.get("backendRefs")))

    def destinations(self, rule: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The destinations with their weights; one alone has the weight 0, as istiod writes it.

        Raises BadRoute where istiod drops the whole route.
        """
        used = [each for each in rows(rule.get("backendRefs")) if _weight(each)]
        for filters in (rows(each.get("filters")) for each in used):
            if any(each.get("type") not in _HEADERS for each in filters):
                raise BadRoute("a filter of a backend that istiod does not know")
        found = [{"destination": self.destination(each), "weight": _weight(each)} for each in used]
        return [{**found[0], "weight": 0}] if len(found) == 1 else found

    def destination(self, backend: Mapping[str, Any]) -> dict[str, Any]:
        """The destination of one backend; `{}` if the route may not name it.

        Raises BadRoute where istiod drops the whole route.
        """
        group, kind = _said(backend, "group", CORE), _said(backend, "kind", "Service")
        name, elsewhere = text(backend.get("name")), text(backend.get("namespace"))
        if not self._permitted(group, kind, name, elsewhere):
            return {}
        namespace = elsewhere or self.route.namespace
        if (group, kind) == (CORE, "Service") and "." in name:
            raise BadRoute("the name of a Service has a dot")
        if (group, kind) == (ISTIO, "Hostname") and isinstance(backend.get("namespace"), str):
            raise BadRoute("a Hostname has a namespace")
        if (group, kind) in ((CORE, "Service"), (_MULTI_CLUSTER, "ServiceImport")):
            host = f"{name}.{namespace}.svc.{DOMAIN}"
        elif (group, kind) == (ISTIO, "Hostname"):
            host = name
        else:
            return {}
        if (port := number(backend.get("port"))) is None:
            raise BadRoute("a backend has no port")
        return {"host": host, "port": {"number": port}}

    def _permitted(self, group: str, kind: str, name: str, elsewhere: str) -> bool:
        if self.mesh or not elsewhere or elsewhere == self.route.namespace:
            return True
        return (group, kind) == (CORE, "Service") and self.grants.allow(self.route, elsewhere, name)

    def resolves(self, backend: Mapping[str, Any]) -> bool:
        """Whether the backend that a destination names is there (`ResolvedRefs`).

        A Hostname is only found in the route's own namespace, though the proxy may know it from another.
        """
        destination = self.destination(backend)
        namespace = text(backend.get("namespace")) or self.route.namespace
        return bool(destination) and (namespace, destination["host"]) in self.known

    def mirrors(self, rule: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The mirrors of a rule. Those of an HTTPRoute that cannot be are left out; a GRPCRoute is then dropped."""
        for each in rows(rule.get("filters")):
            said = each.get("requestMirror")
            if each.get("type") != "RequestMirror" or not isinstance(said, Mapping):
                continue
            if (found := self._mirror(table(said.get("backendRef")))) is not None:
                yield {"destination": found, **_share(said)}
            elif self.route.kind != "HTTPRoute":
                raise BadRoute("a mirror's backend cannot be used")

    def _mirror(self, backend: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            return self.destination(backend) if self.resolves(backend) else None
        except BadRoute:
            return None


def _share(said: Mapping[str, Any]) -> dict[str, Any]:
    """How much of the traffic a mirror gets; nothing where it gets all."""
    fraction, percent = table(said.get("fraction")), number(said.get("percent"))
    if (part := number(fraction.get("numerator"))) is not None:
        return {"percentage": {"value": 100 * part / (number(fraction.get("denominator")) or 100)}}
    return {} if percent is None else {"percentage": {"value": percent}}


def _said(backend: Mapping[str, Any], key: str, default: str) -> str:
    said = backend.get(key)
    return said if isinstance(said, str) else default


def _weight(backend: Mapping[str, Any]) -> int:
    said = number(backend.get("weight"))
    return 1 if said is None else said
