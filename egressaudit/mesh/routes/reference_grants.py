"""ReferenceGrants: which routes may name a backend of another namespace.

In: the ReferenceGrants of a snapshot. Out: whether one lets a route of a kind and namespace name a Service.
Example: a grant of namespace egress `{from: [{kind: HTTPRoute, namespace: shop}], to: [{kind: Service}]}` lets an
HTTPRoute of shop name every Service of egress.

Source: istio/istio pilot/pkg/config/kube/gatewaycommon/references.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.mesh.apis import GATEWAY_API
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.untyped import rows, text

_ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")
_ALL = ""


@dataclass(frozen=True, slots=True)
class ReferenceGrants:
    """What all ReferenceGrants of a snapshot allow for routes and Services."""

    allowed: frozenset[tuple[str, str, str, str]]
    """The kind and namespace of a route, and the namespace and name of a Service; '' for all its Services."""
    read: bool = True
    """Whether they were read. istiod makes a GatewayClass itself, so a snapshot without any is of an older egressaudit,
    which read neither kind."""

    @classmethod
    def of(cls, objects: Objects) -> ReferenceGrants:
        """The grants of a snapshot."""
        return cls(
            frozenset(
                (text(source.get("kind")), text(source.get("namespace")), grant.namespace, text(to.get("name")))
                for grant in objects.all(GATEWAY_API, "ReferenceGrant")
                for source in rows(grant.spec.get("from"))
                for to in rows(grant.spec.get("to"))
                if source.get("group") == GATEWAY_API and source.get("kind") in _ROUTES
                if text(to.get("group")) == "" and to.get("kind") == "Service"
            ),
            read=bool(objects.all(GATEWAY_API, "GatewayClass", "ReferenceGrant")),
        )

    def allow(self, route: Obj, namespace: str, service: str) -> bool:
        """Whether a route may name a Service of another namespace; what its status says, where no grant was read."""
        if not self.read:
            told = (each for parent in rows(route.status.get("parents")) for each in rows(parent.get("conditions")))
            return all(each.get("reason") != "RefNotPermitted" for each in told)
        return any((route.kind, route.namespace, namespace, name) in self.allowed for name in (_ALL, service))
