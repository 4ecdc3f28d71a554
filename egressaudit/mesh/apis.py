"""The APIs that a snapshot reads, and what describes one kind of their objects.

`resources.RESOURCES` is the list of all kinds; each `Resource` in it is next to the code that reads its objects.

Example: `Resource(APPS, ("v1",), "deployments", "Deployment").name` is `apps/Deployment`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from egressaudit.mesh.shapes import Shape
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
POLICY = "policy.networking.k8s.io"
OVN = "k8s.ovn.org"
"""The network of OpenShift."""
OPENSHIFT_SDN = "network.openshift.io"
"""The network of OpenShift before OVN-Kubernetes."""
SAIL = "sailoperator.io"
"""The operator of OpenShift Service Mesh 3."""

ISTIO_VERSIONS = ("v1", "v1beta1", "v1alpha3")
"""Istio serves one schema under all its versions."""


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
    keep: Shape = field(default_factory=Shape, compare=False)
    """What `trim` keeps of such an object."""
    without: str = ""
    """What is not known where the kind was not read; '' if no verdict depends on it."""
    newer: bool = False
    """Whether snapshots of older versions never asked for it. Where nothing says that it was refused, that is only
    said: it would make every stored snapshot worthless."""

    @property
    def name(self) -> str:
        """`Kind`, or `group/Kind` outside the core: as a snapshot records what was read."""
        return f"{self.group}/{self.kind}" if self.group else self.kind
