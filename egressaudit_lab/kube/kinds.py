"""Which kinds the lab's API server knows, under which names and versions.

Short names and versions are those of the real definitions: Kubernetes' `kubectl api-resources`, Istio's
`manifests/charts/base/files/crd-all.gen.yaml`, Gateway API's and OpenReports' `config/crd`.

In: an API version and a kind. Out: its `Kind`. Example: `by_name("apps/v1", "Deployment").resource` is
`deployments.apps`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object; objects are kept once and shown in each of `versions`, the preferred one first."""

    group: str
    versions: tuple[str, ...]
    name: str
    plural: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ("status",)
    in_all: bool = False
    """Whether `kubectl get all` shows it."""
    atomic_lists: bool = False
    """Whether every list in it is one value, so that it can be applied without its schema."""

    @property
    def resource(self) -> str:
        """`pods`, `virtualservices.networking.istio.io`: as Kubernetes' messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def api_version(self, version: str = "") -> str:
        """The `apiVersion` of objects of this kind, in the preferred version if none is given."""
        version = version or self.versions[0]
        return f"{self.group}/{version}" if self.group else version


NETWORKING = "networking.istio.io"
SECURITY = "security.istio.io"
GATEWAY_API = "gateway.networking.k8s.io"
OPEN_REPORTS = "openreports.io"
_V1 = ("v1",)
_ISTIO = ("v1", "v1beta1", "v1alpha3")
_BOTH = ("v1", "v1beta1")

NAMESPACE = Kind("", _V1, "Namespace", "namespaces", ("ns",), namespaced=False)
NODE = Kind("", _V1, "Node", "nodes", ("no",), namespaced=False)
POD = Kind("", _V1, "Pod", "pods", ("po",), subresources=("status", "log", "exec"), in_all=True)
SERVICE = Kind("", _V1, "Service", "services", ("svc",), in_all=True)
ENDPOINT_SLICE = Kind("discovery.k8s.io", _V1, "EndpointSlice", "endpointslices", subresources=())
SERVICE_ACCOUNT = Kind("", _V1, "ServiceAccount", "serviceaccounts", ("sa",), subresources=())
DEPLOYMENT = Kind("apps", _V1, "Deployment", "deployments", ("deploy",), in_all=True)
REPLICA_SET = Kind("apps", _V1, "ReplicaSet", "replicasets", ("rs",), in_all=True)
DAEMON_SET = Kind("apps", _V1, "DaemonSet", "daemonsets", ("ds",), in_all=True)

KINDS = (
    NAMESPACE,
    NODE,
    POD,
    SERVICE_ACCOUNT,
    SERVICE,
    Kind("", _V1, "ConfigMap", "configmaps", ("cm",), subresources=()),
    Kind("", _V1, "Endpoints", "endpoints", ("ep",), subresources=()),
    Kind("", _V1, "Event", "events", ("ev",), subresources=()),
    DEPLOYMENT,
    REPLICA_SET,
    DAEMON_SET,
    ENDPOINT_SLICE,
    Kind("networking.k8s.io", _V1, "NetworkPolicy", "networkpolicies", ("netpol",), subresources=()),
    Kind("networking.k8s.io", ("v1", "v1beta1"), "ServiceCIDR", "servicecidrs", namespaced=False),
    Kind(NETWORKING, _ISTIO, "DestinationRule", "destinationrules", ("dr",)),
    Kind(NETWORKING, ("v1alpha3",), "EnvoyFilter", "envoyfilters"),
    Kind(NETWORKING, _ISTIO, "Gateway", "gateways", ("gw",)),
    Kind(NETWORKING, ("v1beta1",), "ProxyConfig", "proxyconfigs"),
    Kind(NETWORKING, _ISTIO, "ServiceEntry", "serviceentries", ("se",)),
    Kind(NETWORKING, _ISTIO, "Sidecar", "sidecars"),
    Kind(NETWORKING, _ISTIO, "VirtualService", "virtualservices", ("vs",)),
    Kind(NETWORKING, _ISTIO, "WorkloadEntry", "workloadentries", ("we",)),
    Kind(NETWORKING, _ISTIO, "WorkloadGroup", "workloadgroups", ("wg",)),
    Kind(SECURITY, _BOTH, "AuthorizationPolicy", "authorizationpolicies", ("ap",)),
    Kind(SECURITY, _BOTH, "PeerAuthentication", "peerauthentications", ("pa",)),
    Kind(SECURITY, _BOTH, "RequestAuthentication", "requestauthentications", ("ra",)),
    Kind("telemetry.istio.io", ("v1", "v1alpha1"), "Telemetry", "telemetries", ("telemetry",)),
    Kind(GATEWAY_API, _BOTH, "GatewayClass", "gatewayclasses", ("gc",), namespaced=False),
    Kind(GATEWAY_API, _BOTH, "Gateway", "gateways", ("gtw",)),
    Kind(GATEWAY_API, _BOTH, "HTTPRoute", "httproutes"),
    Kind(GATEWAY_API, _V1, "GRPCRoute", "grpcroutes"),
    Kind(GATEWAY_API, ("v1", "v1alpha3", "v1alpha2"), "TLSRoute", "tlsroutes"),
    Kind(GATEWAY_API, ("v1alpha2",), "TCPRoute", "tcproutes"),
    Kind(GATEWAY_API, ("v1", "v1beta1"), "ReferenceGrant", "referencegrants", ("refgrant",), subresources=()),
    Kind(OPEN_REPORTS, ("v1alpha1",), "Report", "reports", ("reps",), subresources=(), atomic_lists=True),
    Kind(
        *(OPEN_REPORTS, ("v1alpha1",), "ClusterReport", "clusterreports", ("creps",)),
        namespaced=False,
        subresources=(),
        atomic_lists=True,
    ),
)

REVIEWS = (
    Kind("authorization.k8s.io", _V1, "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False),
    Kind("authorization.k8s.io", _V1, "SelfSubjectRulesReview", "selfsubjectrulesreviews", namespaced=False),
)
"""Questions, answered at once and never kept: they can only be created."""

_BY_PLURAL = {(kind.group, version, kind.plural): kind for kind in KINDS + REVIEWS for version in kind.versions}
_BY_NAME = {(kind.api_version(version), kind.name): kind for kind in KINDS for version in kind.versions}


def groups() -> dict[str, tuple[str, ...]]:
    """Each API group and its versions, the preferred one first."""
    known: dict[str, dict[str, None]] = {}
    for kind in KINDS + REVIEWS:
        known.setdefault(kind.group, {}).update(dict.fromkeys(kind.versions))
    return {group: tuple(versions) for group, versions in known.items()}


def served(group: str, version: str) -> tuple[Kind, ...]:
    """The kinds of one group and version."""
    return tuple(kind for kind in KINDS + REVIEWS if kind.group == group and version in kind.versions)


def by_plural(group: str, version: str, plural: str) -> Kind | None:
    """The kind behind a URL, None if there is none."""
    return _BY_PLURAL.get((group, version, plural))


def by_name(api_version: str, name: str) -> Kind | None:
    """The kind of a manifest, None if it is not known."""
    return _BY_NAME.get((api_version, name))
