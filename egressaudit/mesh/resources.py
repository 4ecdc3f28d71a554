"""What a snapshot of the mesh consists of: the resources to list, and nothing that holds secrets."""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.model import ObjectRef

CORE = ""
APPS = "apps"
DISCOVERY = "discovery.k8s.io"
NETWORKING = "networking.k8s.io"
OPENSHIFT = "config.openshift.io"
ISTIO = "networking.istio.io"
GATEWAY_API = "gateway.networking.k8s.io"
TELEMETRY = "telemetry.istio.io"
SECURITY = "security.istio.io"


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object to read.

    `versions` are in order of preference. Without a `required` one nothing can be judged; others may be missing or
    forbidden. With `only`, that one object is read by name and the kind is never listed.
    """

    group: str
    versions: tuple[str, ...]
    plural: str
    kind: str
    namespaced: bool = True
    required: bool = False
    only: ObjectRef | None = None

    @property
    def name(self) -> str:
        """`Kind`, or `group/Kind` outside the core: as a snapshot records what was read."""
        return f"{self.group}/{self.kind}" if self.group else self.kind


# Istio serves one schema under all its versions; Gateway API graduated its routes one after the other.
_ISTIO = ("v1", "v1beta1", "v1alpha3")
_SINCE_ALPHA2 = ("v1", "v1beta1", "v1alpha2")

RESOURCES: tuple[Resource, ...] = (
    Resource(CORE, ("v1",), "namespaces", "Namespace", namespaced=False, required=True),
    Resource(CORE, ("v1",), "pods", "Pod", required=True),
    Resource(CORE, ("v1",), "services", "Service", required=True),
    # Which addresses are the cluster's own. ServiceCIDR: beta in Kubernetes 1.31, stable in 1.33. Network: OpenShift's.
    Resource(CORE, ("v1",), "nodes", "Node", namespaced=False),
    Resource(NETWORKING, ("v1", "v1beta1"), "servicecidrs", "ServiceCIDR", namespaced=False),
    Resource(OPENSHIFT, ("v1",), "networks", "Network", namespaced=False),
    Resource(APPS, ("v1",), "deployments", "Deployment"),
    Resource(APPS, ("v1",), "replicasets", "ReplicaSet"),
    Resource(APPS, ("v1",), "daemonsets", "DaemonSet"),
    Resource(DISCOVERY, ("v1",), "endpointslices", "EndpointSlice"),
    Resource(ISTIO, _ISTIO, "serviceentries", "ServiceEntry"),
    Resource(ISTIO, _ISTIO, "workloadentries", "WorkloadEntry"),
    Resource(ISTIO, _ISTIO, "workloadgroups", "WorkloadGroup"),
    Resource(ISTIO, _ISTIO, "gateways", "Gateway"),
    Resource(ISTIO, _ISTIO, "virtualservices", "VirtualService"),
    Resource(ISTIO, _ISTIO, "destinationrules", "DestinationRule"),
    Resource(ISTIO, _ISTIO, "sidecars", "Sidecar"),
    # Never graduated from v1alpha3 (istio/api networking/v1alpha3/envoy_filter.proto).
    Resource(ISTIO, ("v1alpha3",), "envoyfilters", "EnvoyFilter"),
    Resource(GATEWAY_API, ("v1", "v1beta1"), "gateways", "Gateway"),
    Resource(GATEWAY_API, ("v1", "v1beta1"), "httproutes", "HTTPRoute"),
    Resource(GATEWAY_API, _SINCE_ALPHA2, "grpcroutes", "GRPCRoute"),
    Resource(GATEWAY_API, ("v1", "v1alpha3", "v1alpha2"), "tlsroutes", "TLSRoute"),
    Resource(GATEWAY_API, _SINCE_ALPHA2, "tcproutes", "TCPRoute"),
    Resource(TELEMETRY, ("v1", "v1alpha1"), "telemetries", "Telemetry"),
    Resource(SECURITY, ("v1", "v1beta1"), "authorizationpolicies", "AuthorizationPolicy"),
    Resource(CORE, ("v1",), "configmaps", "ConfigMap", only=ObjectRef("istio-system", "istio")),
)
