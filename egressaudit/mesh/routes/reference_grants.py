"""ReferenceGrants: which routes may name a backend of another namespace.

In: the ReferenceGrants of a snapshot. Out: whether one lets a route of a kind and namespace name a Service.
Example: a grant of namespace egress `{from: [{kind: HTTPRoute, namespace: shop}], to: [{kind: Service}]}` lets an
HTTPRoute of shop name every Service of egress.

Source: istio/istio pilot/pkg/config/kube/gatewaycommon/references.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.mesh.apis import GATEWAY_API
from egressaudit.mesh.objects import Objects
from egressaudit.mesh.untyped import rows, text

_ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")
_ALL = ""


@dataclass(frozen=True, slots=True)
class ReferenceGrants:
    """What all ReferenceGrants of a snapshot allow for routes and Services."""

    allowed: frozenset[tuple[str, str, str, str]]
    """The kind and namespace of a route, and the namespace and name of a Service; '' for all its Services."""

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
            )
        )

    def allow(self, kind: str, namespace: str, service_namespace: str, service: str) -> bool:
        """Whether a route may name a Service of another namespace."""
        return any((kind, namespace, service_namespace, name) in self.allowed for name in (_ALL, service))
