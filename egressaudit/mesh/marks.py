"""The labels, annotations and containers by which Istio marks pods, by the name that the rest of `mesh` uses.

A mark is only a claim: anybody who may write pods can set it. `roles` has what proves a claim. Example: `MANAGED`, the
label of pods that istiod made for a Gateway.
"""

from __future__ import annotations

INIT = "istio-init"
"""The init container that sets up redirection where Istio's CNI plugin does not."""

DATAPLANE_MODE = "istio.io/dataplane-mode"
"""Of a pod or a namespace: `ambient` asks for ambient mode."""
REDIRECTION = "ambient.istio.io/redirection"
"""What Istio's CNI plugin says about a pod in ambient mode: `enabled`, or `pending`."""
INJECT = "sidecar.istio.io/inject"
SIDECAR_STATUS = "sidecar.istio.io/status"
"""What the injector leaves on each pod that it gave a sidecar."""
TEMPLATES = "inject.istio.io/templates"
REVISION = "istio.io/rev"
INTERCEPTION_MODE = "sidecar.istio.io/interceptionMode"
SIDECAR_TRAFFIC = "traffic.sidecar.istio.io/"
"""Before `excludeOutboundPorts` and its like."""
EXPORT_TO = "networking.istio.io/exportTo"
"""Of a Service: the namespaces that see it, as a ServiceEntry says by `exportTo`."""
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"

GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
"""The label that istiod gives what it makes for a Gateway."""
GATEWAY_CLASS = "gateway.networking.k8s.io/gateway-class-name"
WAYPOINT_CLASS = "istio-waypoint"
EAST_WEST_CLASS = "istio-east-west"
MANAGED = "gateway.istio.io/managed"
MESH_CONTROLLER = "istio.io-mesh-controller"
"""The value of `MANAGED` on a waypoint."""
