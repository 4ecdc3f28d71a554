"""The table of flows that were steered to a gateway or waypoint which did not take them.

In: `Symptoms`. Out: `Because`. Example: `503 NC cluster_not_found` at the source, for a subset that no DestinationRule
defines, is EC80.
"""

from __future__ import annotations

from egressaudit.causes.cause_rule import CauseRule
from egressaudit.causes.delivery_clues import (
    ejected,
    hidden_from_gateway,
    no_chain,
    no_cluster_at_gateway,
    no_destination,
    no_listener,
    no_ready_pod,
    no_route,
    no_subset,
    selects_nobody,
    tls_on_the_leg,
)
from egressaudit.model import Cause, LookAlike, Stage

ROWS = (
    CauseRule(
        finds=no_subset,
        cause=Cause(
            code="EC80",
            name="subset-undefined",
            title="no DestinationRule defines the subset here",
            stage=Stage.DELIVERED,
            modes="I",
            looks="`503 NC cluster_not_found` at the source, or `503 UH` where its labels select no pod; the rule "
            "names a subset",
            unlike=(
                LookAlike("EC51", "there the Service itself is missing"),
                LookAlike("EC55", "there the cluster has no subset"),
            ),
            remedy="Put the DestinationRule with the subset into the client's, the Service's or the root namespace.",
            fix="subset",
            search=("KIA1107", "IST0173"),
            sources=("istio/istio pilot/pkg/model/push_context.go destinationRule",),
        ),
    ),
    CauseRule(
        finds=no_destination,
        cause=Cause(
            code="EC51",
            name="destination-missing",
            title="the rule's destination is no Service that the source sees",
            stage=Stage.DELIVERED,
            modes="IG",
            looks="`503 NC cluster_not_found`, cluster `-`, at the source",
            unlike=(
                LookAlike("EC80", "there the Service exists, and its subset does not"),
                LookAlike("EC60", "there the gateway's own line says NC"),
            ),
            remedy="Correct destination.host (in full), or import the gateway's namespace in the Sidecar.",
            fix="destination",
            search=("IST0101", "KIA1101", "KIA1402"),
            sources=("istio/istio pilot/pkg/networking/core/cluster.go",),
        ),
    ),
    CauseRule(
        finds=selects_nobody,
        at=(Stage.DELIVERED, Stage.EVIDENCE),
        cause=Cause(
            code="EC54",
            name="gateway-selects-nobody",
            title="the Gateway selects no proxy here",
            stage=Stage.DELIVERED,
            modes="IG",
            looks="`503 UF` with Connection_refused at once, to the gateway's pod; the gateway has no line, though it "
            "logs",
            unlike=(
                LookAlike("EC63", "there the connection times out"),
                LookAlike("EC55", "there the source's line has no address"),
                LookAlike("EC82", "there another port of the gateway works"),
            ),
            remedy="Make spec.selector of the Gateway the labels of the gateway's pods.",
            fix="gateway-selector",
            search=("IST0127", "KIA0302"),
            sources=("istio/istio pilot/pkg/networking/core/gateway.go", "istio/istio#45854"),
        ),
    ),
    CauseRule(
        finds=no_listener,
        at=(Stage.DELIVERED, Stage.EVIDENCE),
        cause=Cause(
            code="EC82",
            name="port-not-served",
            title="the gateway does not listen on that port",
            stage=Stage.DELIVERED,
            modes="IG",
            looks="`503 UF` with Connection_refused at once, on one port of the gateway",
            unlike=(
                LookAlike("EC54", "there no port of the gateway works"),
                LookAlike("EC63", "there the connection times out"),
            ),
            remedy="Correct the port of the Service, its targetPort, or the port of the Gateway's server.",
            fix="gateway-port",
            search=("IST0162",),
            sources=("istio/istio pilot/pkg/networking/core/gateway.go",),
        ),
    ),
    CauseRule(
        finds=ejected,
        cause=Cause(
            code="EC83",
            name="ejected",
            title="the gateway's endpoints were ejected or overloaded",
            stage=Stage.DELIVERED,
            modes="IG",
            looks="`UH` in bursts after UF or 5xx, or `503 UO overflow`, while pods are ready",
            unlike=(
                LookAlike("EC55", "there no pod is ready"),
                LookAlike("EC80", "there the labels of a subset select no pod"),
            ),
            remedy="Relax outlierDetection and connectionPool of the DestinationRule.",
            fix="relax",
            search=("outlierDetection", "UO"),
            sources=(
                "istio/istio pilot/pkg/networking/core/cluster.go",
                "envoyproxy/envoy source/common/router/router.cc",
            ),
        ),
    ),
    CauseRule(
        finds=no_ready_pod,
        at=(Stage.DELIVERED, Stage.EVIDENCE),
        cause=Cause(
            code="EC55",
            name="no-ready-pod",
            title="the gateway or waypoint has no ready pod",
            stage=Stage.DELIVERED,
            modes="IGA",
            looks="`503 UH no_healthy_upstream` without an address at the source; ztunnel: `no healthy upstream`, "
            "`unknown waypoint`",
            unlike=(
                LookAlike("EC54", "there the source's line has the address of a pod"),
                LookAlike("EC65", "there it is the gateway's own line that says UH"),
                LookAlike("EC47", "there ztunnel sends it out: the waypoint was never bound"),
            ),
            remedy="Start the gateway's or waypoint's pods, and look at why they are not ready.",
            search=("UH", "Programmed=False"),
            sources=("istio/ztunnel src/proxy.rs", "envoyproxy/envoy source/common/router/router.cc"),
        ),
    ),
    CauseRule(
        finds=no_chain,
        cause=Cause(
            code="EC56",
            name="no-filter-chain",
            title="the gateway has no filter chain for the connection",
            stage=Stage.DELIVERED,
            modes="IGA",
            looks='`"- - -" 0 NR filter_chain_not_found` at the gateway; SNI or protocol fit no server',
            unlike=(
                LookAlike("EC57", "there it is a request, with `404 NR route_not_found`"),
                LookAlike("EC58", "there the source's line has a TLS error"),
            ),
            remedy="Make hosts, port, protocol and tls.mode of the Gateway's server fit what the source sends (sni).",
            fix="gateway-server",
            search=("filter_chain_not_found",),
            sources=("istio/istio pilot/pkg/networking/core/gateway.go", "istio/istio#56201"),
        ),
    ),
    CauseRule(
        finds=hidden_from_gateway,
        cause=Cause(
            code="EC60",
            name="hidden-from-gateway",
            title="the gateway's namespace does not see an object",
            stage=Stage.DELIVERED,
            modes="IG",
            looks="`404 NR` or `503 NC` at the gateway although all is bound: `exportTo` lacks the gateway's namespace",
            unlike=(
                LookAlike("EC57", "there the gateway sees all of it"),
                LookAlike("EC15", "there the source's own line shows an unknown host"),
            ),
            remedy="Add the gateway's namespace to exportTo.",
            fix="export-to-gateway",
            search=("exportTo",),
            sources=("istio/istio pilot/pkg/model/push_context.go", "istio/istio#48300"),
        ),
    ),
    CauseRule(
        finds=no_route,
        cause=Cause(
            code="EC57",
            name="no-route-at-gateway",
            title="the gateway has the listener and no route",
            stage=Stage.DELIVERED,
            modes="IG",
            looks="`404 NR route_not_found` at the gateway",
            unlike=(
                LookAlike("EC56", "there it is a connection, with `0 NR filter_chain_not_found`"),
                LookAlike("EC60", "there an object is not exported to the gateway's namespace"),
            ),
            remedy="List the Gateway in the VirtualService's `gateways`, with the same host and port; of a route see "
            "its conditions.",
            fix="gateway-route",
            search=("IST0132", "NotAllowedByListeners", "NoMatchingListenerHostname", "NoMatchingParent"),
            sources=("istio/istio pilot/pkg/networking/core/gateway.go",),
        ),
    ),
    CauseRule(
        finds=no_cluster_at_gateway,
        cause=Cause(
            code="EC93",
            name="host-unknown-to-gateway",
            title="the gateway's rule leads to a host it does not know",
            stage=Stage.DELIVERED,
            modes="IGA",
            looks="`503 NC cluster_not_found` at the gateway",
            unlike=(LookAlike("EC60", "there an object is not exported to the gateway's namespace"),),
            remedy="Correct host and port of the rule at the gateway; the ServiceEntry must have both.",
            fix="destination",
            search=("cluster_not_found",),
            sources=("istio/istio pilot/pkg/networking/core/cluster.go",),
        ),
    ),
    CauseRule(
        finds=tls_on_the_leg,
        cause=Cause(
            code="EC58",
            name="tls-differs-on-the-way",
            title="source and gateway do not agree about TLS",
            stage=Stage.DELIVERED,
            modes="IG",
            looks="`503 UF` with a TLS error in the source's line",
            unlike=(
                LookAlike("EC67", "there it is the gateway's line that has the TLS error"),
                LookAlike("EC56", "there the gateway has a line without a chain"),
            ),
            remedy="Use ISTIO_MUTUAL in the DestinationRule of the gateway and in its server, or in neither.",
            fix="mutual-tls",
            search=("WRONG_VERSION_NUMBER",),
            sources=(
                "istio/istio pilot/pkg/networking/core/cluster.go",
                "istio/istio pilot/pkg/networking/core/gateway.go",
            ),
        ),
    ),
)
