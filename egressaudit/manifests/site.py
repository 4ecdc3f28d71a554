"""Where manifests go: the gateway as it is, or as it is by default, and what exists for a host already.

In: what is wanted, and its mode. Out: a `Site`. Example: without a snapshot, the proxies behind Service
istio-egress/istio-egressgateway are expected to have the label `istio: egressgateway`, as Istio's chart gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egressaudit.manifests.documents import Manifest
from egressaudit.manifests.wanted import Wanted
from egressaudit.model import ObjectRef

GATEWAY_CLASS = "istio"


@dataclass(frozen=True, slots=True)
class Site:
    """What manifests have to fit to."""

    service: ObjectRef
    """The gateway's Service."""
    selector: Mapping[str, str] = field(default_factory=dict)
    """The labels by which an Istio Gateway selects the gateway's pods."""
    there: bool = False
    """Whether the Gateway object (Gateway API) or waypoint exists."""
    gateway_class: str = GATEWAY_CLASS
    plaintext_ports: frozenset[int] = frozenset()
    """Ports on which the gateway takes plaintext from others already: one port can't be both."""
    entries: Mapping[str, ObjectRef] = field(default_factory=dict)
    """ServiceEntries that need no change, by their host."""
    route_apis: Mapping[str, str] = field(default_factory=dict)
    """The `apiVersion` of kinds of routes that the mesh has."""
    notes: tuple[str, ...] = ()
    """What a person has to know beside the manifests: rivals, what is missing, what is only assumed."""

    @property
    def service_host(self) -> str:
        """The full name of the gateway's Service."""
        return f"{self.service.name}.{self.service.namespace}.svc.cluster.local"

    def entry_of(self, host: str) -> ObjectRef | None:
        """The ServiceEntry of a host that can stay as it is."""
        return self.entries.get(host)

    def entry_unless_there(self, host: str, entry: Manifest) -> tuple[Manifest, ...]:
        """The new ServiceEntry of a host, unless it has one."""
        return () if host in self.entries else (entry,)


def usual_site(wanted: Wanted, mode: str, selector: Mapping[str, str] | None = None) -> Site:
    """The site where nothing is known: names and labels as Istio's charts and controllers give them."""
    gateway = wanted.gateway
    if mode == "istio-apis":
        # manifests/charts/gateway of istio/istio: `istio: {{ .Release.Name | trimPrefix "istio-" }}`.
        assumed = {"istio": gateway.name.removeprefix("istio-")}
        label = ",".join(f"{key}={value}" for key, value in assumed.items())
        note = (
            f"The gateway's pods are assumed to have the label {label}. If they don't, use --selector, or --mesh "
            "with a snapshot."
        )
        return Site(gateway, dict(selector) if selector else assumed, notes=() if selector else (note,))
    if mode == "gateway-api":
        # pilot/pkg/config/kube/gateway/deploymentcontroller.go getDefaultName: the Gateway's name, and its class.
        return Site(ObjectRef(gateway.namespace, f"{gateway.name}-{GATEWAY_CLASS}"))
    return Site(gateway)
