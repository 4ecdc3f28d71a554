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
DNS_CAPTURE = "ambient.istio.io/dns-capture"
"""Of a pod in ambient mode: `false` if ztunnel does not answer its DNS."""
INJECT = "sidecar.istio.io/inject"
SIDECAR_STATUS = "sidecar.istio.io/status"
"""What the injector leaves on each pod that it gave a sidecar."""
TEMPLATES = "inject.istio.io/templates"
REVISION = "istio.io/rev"
TAG = "istio.io/tag"
"""Of a Service of istiod: another name for its revision."""
INTERCEPTION_MODE = "sidecar.istio.io/interceptionMode"
SIDECAR_TRAFFIC = "traffic.sidecar.istio.io/"
"""Before `excludeOutboundPorts` and its like."""
EXPORT_TO = "networking.istio.io/exportTo"
"""Of a Service: the namespaces that see it, as a ServiceEntry says by `exportTo`."""
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
DEFAULT_NETWORK = "v1.multus-cni.io/default-network"
FURTHER_NETWORKS = "k8s.v1.cni.cncf.io/networks"
"""Of a pod: the networks that Multus attaches it to, in place of that of the cluster and beside it."""

GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
"""The label that istiod gives what it makes for a Gateway."""
GATEWAY_CLASS = "gateway.networking.k8s.io/gateway-class-name"
WAYPOINT_CLASS = "istio-waypoint"
EAST_WEST_CLASS = "istio-east-west"
MANAGED = "gateway.istio.io/managed"
MESH_CONTROLLER = "istio.io-mesh-controller"
"""The value of `MANAGED` on a waypoint."""
EAST_WEST_CONTROLLER = "istio.io-eastwest-controller"
"""The value of `MANAGED` on an east-west gateway."""

USE_WAYPOINT = "istio.io/use-waypoint"
"""Of a Service, ServiceEntry, workload or namespace: the waypoint that it asks for, or `none`."""
USE_CANARY = "istio.io/use-waypoint-canary"
WAYPOINT_FOR = "istio.io/waypoint-for"
"""Of a Gateway or GatewayClass: which traffic its waypoints take."""
CANARY_WEIGHT = "istio.io/use-waypoint-canary-weight"
CONNECT_STRATEGY = "istio.io/connect-strategy"
INBOUND_BINDING = "ambient.istio.io/waypoint-inbound-binding"
"""How something in front of a waypoint hands over to it."""
WAYPOINT_ANNOTATIONS = (CANARY_WEIGHT, CONNECT_STRATEGY, INBOUND_BINDING)
"""The annotations of Services, ServiceEntries, namespaces and Gateways that are read of waypoints."""
