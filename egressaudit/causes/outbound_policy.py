"""What a sidecar should do with traffic to hosts that it does not know, by the objects of the snapshot.

In: a mesh and a pod. Out: `OutboundPolicy("REGISTRY_ONLY", "Sidecar shop/default")`, or None where it is not known.
istio/istio pilot/pkg/model/sidecar.go: the Sidecar resource in force decides, else meshConfig, else ALLOW_ANY. An empty
`outboundTrafficPolicy` of a Sidecar means REGISTRY_ONLY, the first value of its enumeration (KIA1007).
"""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.mesh import Mesh
from egressaudit.mesh.steering.registry import sidecar_in_force
from egressaudit.mesh.untyped import table, text
from egressaudit.model import DataplaneMode, Pod

ALLOW_ANY, REGISTRY_ONLY = "ALLOW_ANY", "REGISTRY_ONLY"


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """The mode, and the object that says so."""

    mode: str
    by: str
    field: str


def outbound_policy(mesh: Mesh, pod: Pod | None) -> OutboundPolicy | None:
    """The policy for unknown hosts; None for a pod that no sidecar carries, or where meshConfig is not known."""
    if pod is None or pod.mode is not DataplaneMode.SIDECAR:
        return None
    objects = mesh.world.objects
    sidecar = sidecar_in_force(objects, pod)
    if sidecar is not None and isinstance(said := sidecar.spec.get("outboundTrafficPolicy"), dict):
        return OutboundPolicy(text(said.get("mode")) or REGISTRY_ONLY, str(sidecar), "spec.outboundTrafficPolicy.mode")
    if not objects.config:
        return None
    mode = text(table(objects.config.get("outboundTrafficPolicy")).get("mode")) or ALLOW_ANY
    return OutboundPolicy(mode, "meshConfig", "outboundTrafficPolicy.mode")
