"""VirtualServices as istiod uses them: written as such, or made of the routes of the Gateway API.

In: the objects of a snapshot. Out: `VirtualService`s, e.g. of HTTPRoute egress/docs with a ServiceEntry as its parent
the one with `hosts=("docs.example.com",)` and `gateways=("mesh",)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh.objects import Obj
from egressaudit.model import RuleRef


@dataclass(frozen=True, slots=True)
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
    """`http`, `tls` and `tcp` rules in the shape of a VirtualService, delegates merged in."""
    export_to: tuple[str, ...] = ()
    """Namespaces, `*` or `.`; empty where the mesh's default holds."""
    refs: Mapping[tuple[str, int], RuleRef] | None = None
    """Where rule number n of a kind was written, if not at `spec.KIND[n]` of the origin."""

    def ref(self, kind: str, index: int) -> RuleRef:
        """Where a rule was written."""
        own = RuleRef(str(self.origin), f"spec.{kind}[{index}]")
        return own if self.refs is None else self.refs.get((kind, index), own)
