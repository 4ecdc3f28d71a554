"""The table of ambient mode: a waypoint is asked for, and ztunnel sends the flow out itself.

istiod gives ztunnel no waypoint for a service whose waypoint cannot be used, and ztunnel then dials the host: it fails
open (istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go fetchWaypointForTarget, istio/ztunnel
src/proxy/outbound.rs). A waypoint that was bound and has no pods fails closed: that is EC55.

In: `Symptoms`. Out: `Because`. Example: a label that names a waypoint which does not exist is EC44.
"""

from __future__ import annotations

from egressaudit.causes.cause_rule import CauseRule, by_fault
from egressaudit.causes.waypoint_clues import (
    canary,
    dialed_anyway,
    for_workloads,
    loop,
    never_programmed,
    no_label,
    no_such_waypoint,
    no_virtual_address,
    not_admitted,
    opted_out,
    other_visibility,
    two_waypoints,
    wildcard,
)
from egressaudit.model import Cause, LookAlike, Stage

ROWS = (
    CauseRule(
        finds=opted_out,
        at=(Stage.STEERED, Stage.KNOWN),
        cause=Cause(
            code="EC43",
            name="waypoint-opted-out",
            title="the ServiceEntry asks for no waypoint",
            stage=Stage.STEERED,
            modes="A",
            looks="ztunnel's line with `dst.service` and without a tunnel, to the host's own address; "
            "`istio.io/use-waypoint: none`",
            unlike=(LookAlike("EC42", "there no label says anything"),),
            remedy="Remove istio.io/use-waypoint: none from the ServiceEntry: it overrides its namespace's label.",
            fix="use-waypoint",
            search=("istio.io/use-waypoint",),
            sources=("istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go",),
        ),
    ),
    CauseRule(
        finds=no_such_waypoint,
        at=(Stage.STEERED, Stage.KNOWN),
        cause=Cause(
            code="EC44",
            name="waypoint-missing",
            title="the waypoint that is asked for does not exist",
            stage=Stage.STEERED,
            modes="A",
            looks="ztunnel's line with `dst.service` and without a tunnel, to the host's own address; no Gateway of "
            "that name in that namespace",
            unlike=(
                LookAlike("EC47", "there the Gateway exists"),
                LookAlike("EC55", "there ztunnel has an error, and nothing leaves"),
            ),
            remedy="Correct istio.io/use-waypoint, and add istio.io/use-waypoint-namespace where it is in another "
            "namespace.",
            fix="use-waypoint",
            search=("WaypointIsNotReady",),
            sources=("istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go",),
        ),
    ),
    CauseRule(
        finds=not_admitted,
        at=(Stage.STEERED, Stage.KNOWN),
        cause=Cause(
            code="EC45",
            name="waypoint-not-admitted",
            title="the waypoint does not admit the namespace",
            stage=Stage.STEERED,
            modes="A",
            looks="ztunnel's line with `dst.service` and without a tunnel, to the host's own address; "
            "AttachmentDenied: the listener's allowedRoutes lack the namespace",
            unlike=(
                LookAlike("EC44", "there no such Gateway exists"),
                LookAlike("EC55", "there ztunnel has an error, and nothing leaves"),
            ),
            remedy="Set allowedRoutes.namespaces.from of the waypoint's listener to All, or to a selector.",
            fix="waypoint-routes",
            search=("AttachmentDenied",),
            sources=("istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go",),
        ),
    ),
    CauseRule(
        finds=for_workloads,
        at=(Stage.STEERED, Stage.KNOWN),
        cause=Cause(
            code="EC46",
            name="waypoint-for-workloads",
            title="the waypoint is for workloads only",
            stage=Stage.STEERED,
            modes="A",
            looks="ztunnel's line with `dst.service` and without a tunnel, to the host's own address; "
            "`istio.io/waypoint-for: workload` on the Gateway",
            unlike=(
                LookAlike("EC45", "there the condition is AttachmentDenied"),
                LookAlike("EC55", "there ztunnel has an error, and nothing leaves"),
            ),
            remedy="Label the waypoint's Gateway istio.io/waypoint-for: service, or all.",
            fix="waypoint-for",
            search=("UnsupportedTrafficType", "istio.io/waypoint-for"),
            sources=("istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go",),
        ),
    ),
    CauseRule(
        finds=never_programmed,
        at=(Stage.STEERED, Stage.KNOWN),
        cause=Cause(
            code="EC47",
            name="waypoint-not-programmed",
            title="the waypoint was never programmed",
            stage=Stage.STEERED,
            modes="A",
            looks="ztunnel's line with `dst.service` and without a tunnel, to the host's own address; the Gateway is "
            "not Programmed, or of another class",
            unlike=(
                LookAlike("EC44", "there no such Gateway exists"),
                LookAlike("EC55", "there ztunnel has an error, and nothing leaves"),
            ),
            remedy="Look at the conditions of the waypoint's Gateway; its class must be istio-waypoint.",
            fix="waypoint",
            search=("Programmed=False", "WaypointIsNotReady"),
            sources=("istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go",),
        ),
    ),
    CauseRule(
        finds=other_visibility,
        at=(Stage.STEERED, Stage.KNOWN),
        cause=Cause(
            code="EC50",
            name="waypoint-forbidden",
            title="the ServiceEntry may not use a waypoint elsewhere",
            stage=Stage.STEERED,
            modes="A",
            looks="ztunnel's line with `dst.service` and without a tunnel, to the host's own address; "
            "CrossNamespaceWaypointForbidden: its visibility is its namespace",
            unlike=(LookAlike("EC45", "there the waypoint's listener refuses"),),
            remedy="Use a waypoint in the ServiceEntry's namespace, or make its visibility public.",
            fix="use-waypoint",
            search=("CrossNamespaceWaypointForbidden", "istio.io/VisibilityApplied"),
            sources=(
                "istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go",
                "istio/istio pilot/pkg/serviceregistry/ambient/status.go",
            ),
        ),
    ),
    CauseRule(
        finds=wildcard,
        at=(Stage.STEERED, Stage.KNOWN, Stage.DELIVERED, Stage.OUTSIDE),
        cause=Cause(
            code="EC49",
            name="wildcard-host",
            title="ambient mode does not carry this wildcard host",
            stage=Stage.STEERED,
            modes="A",
            looks="`NR filter_chain_not_found` or 503 at the waypoint, or an unknown host at ztunnel; the "
            "ServiceEntry has a wildcard, often with WaypointMissing",
            unlike=(
                LookAlike("EC48", "there the ServiceEntry has the host itself"),
                LookAlike("EC56", "there the ServiceEntry has the host itself"),
            ),
            remedy="Name the host in full; TLS wildcards need a waypoint, resolution DYNAMIC_DNS and istiod's feature "
            "for them.",
            search=("NoWaypointForWildcardService", "ENABLE_WILDCARD_HOST_SERVICE_ENTRIES_FOR_TLS"),
            sources=("istio/istio pilot/pkg/model/service.go", "istio/istio#58560", "istio/istio#59201"),
        ),
    ),
    CauseRule(
        finds=no_virtual_address,
        at=(Stage.KNOWN,),
        cause=Cause(
            code="EC48",
            name="no-virtual-address",
            title="the client did not dial the address of the ServiceEntry",
            stage=Stage.STEERED,
            modes="A",
            looks="ztunnel's line without `dst.service`, to a public address, although ServiceEntry and waypoint are "
            "right",
            unlike=(
                LookAlike("EC13", "there no ServiceEntry has the host"),
                LookAlike("EC44", "there ztunnel's line has `dst.service`"),
                LookAlike("EC17", "there the ServiceEntry lacks the port"),
            ),
            remedy="Turn DNS capture and address allocation on, or give the ServiceEntry addresses; call the host by "
            "its name.",
            fix="entry-addresses",
            search=("cni.ambient.dnsCapture", "PILOT_ENABLE_IP_AUTOALLOCATE"),
            sources=("istio/ztunnel src/dns/server.rs", "istio/istio#54896", "istio/istio#54981"),
        ),
    ),
    CauseRule(
        finds=no_label,
        at=(Stage.STEERED,),
        cause=Cause(
            code="EC42",
            name="waypoint-not-asked",
            title="nothing asks for a waypoint",
            stage=Stage.STEERED,
            modes="A",
            looks="ztunnel's line with `dst.service` and without a tunnel, to the host's own address; neither "
            "ServiceEntry nor namespace has `istio.io/use-waypoint`",
            unlike=(
                LookAlike("EC43", "there the label says none"),
                LookAlike("EC40", "there a rule leads the host to a gateway"),
            ),
            remedy="Label the ServiceEntry (or its namespace) with istio.io/use-waypoint.",
            fix="use-waypoint",
            search=("istio.io/use-waypoint",),
            sources=("istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go",),
        ),
    ),
    CauseRule(
        finds=canary,
        at=(Stage.STEERED,),
        cause=Cause(
            code="EC79",
            name="canary-waypoint",
            title="a canary waypoint takes a share",
            stage=Stage.STEERED,
            modes="A",
            looks="flows split between two waypoints, in the ratio of the weight",
            unlike=(LookAlike("EC52", "there two ServiceEntries ask for different waypoints"),),
            remedy="Allow both waypoints in the policy, or remove istio.io/use-waypoint-canary.",
            search=("istio.io/use-waypoint-canary", "CanaryInvalidWeight", "CanarySameAsPrimary"),
            sources=("istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go",),
        ),
    ),
    CauseRule(
        finds=two_waypoints,
        at=(Stage.STEERED, Stage.KNOWN),
        cause=Cause(
            code="EC52",
            name="two-waypoints",
            title="ServiceEntries ask for different waypoints",
            stage=Stage.STEERED,
            modes="A",
            looks="through a waypoint that another ServiceEntry of the host asks for",
            unlike=(LookAlike("EC79", "there one ServiceEntry has a canary waypoint"),),
            remedy="Use one ServiceEntry for each host, or one waypoint for all of them.",
            fix="merge-entries",
            sources=("istio/istio pilot/pkg/serviceregistry/ambient/waypoints.go", "istio/istio#60148"),
        ),
    ),
    CauseRule(
        finds=loop,
        at=(Stage.STEERED, Stage.KNOWN, Stage.DELIVERED, Stage.OUTSIDE),
        cause=Cause(
            code="EC53",
            name="waypoint-loop",
            title="the waypoint's own traffic is captured",
            stage=Stage.STEERED,
            modes="A",
            looks="`attempted recursive call to ourselves`, or a waypoint whose upstream is an address of "
            "240.240.0.0/16",
            unlike=(LookAlike("EC68", "there a gateway sends it back by its route"),),
            remedy="Label the waypoint's pods istio.io/dataplane-mode: none.",
            search=("240.240.0.0/16",),
            sources=("istio/ztunnel src/proxy/outbound.rs", "kgateway-dev/kgateway#11216"),
        ),
    ),
    CauseRule(
        finds=dialed_anyway,
        at=(Stage.STEERED,),
        otherwise=True,
        cause=Cause(
            code="EC81",
            name="waypoint-not-used",
            title="ztunnel does not use the waypoint that is bound",
            stage=Stage.STEERED,
            modes="A",
            looks="ztunnel's line with `dst.service` and without a tunnel, to the host's own address, and nothing in "
            "the configuration is wrong",
            unlike=(
                LookAlike("EC47", "there the condition Programmed of its Gateway is False"),
                LookAlike("EC42", "there no label asks for one"),
            ),
            remedy="Compare istioctl ztunnel-config services with the objects; report it with these lines if they "
            "agree.",
            search=("ztunnel-config",),
            sources=("istio/istio#61527",),
        ),
    ),
    CauseRule(
        finds=by_fault("ambient-skips-routes"),
        at=(Stage.STEERED, Stage.KNOWN),
        cause=Cause(
            code="EC40",
            name="ambient-without-waypoint",
            title="the source is ambient, and no waypoint follows the rule",
            stage=Stage.STEERED,
            modes="A",
            looks="ztunnel's line with `dst.service` and without a tunnel; there is a VirtualService or route, and no "
            "waypoint",
            unlike=(LookAlike("EC42", "there no rule says anything either"),),
            remedy="Give the ServiceEntry a waypoint (istio.io/use-waypoint): that follows the rule.",
            fix="use-waypoint",
            search=("KIA1109", "KIA1113"),
            sources=("istio/ztunnel src/proxy/outbound.rs",),
        ),
    ),
    CauseRule(
        finds=by_fault("sidecar-skips-waypoint"),
        cause=Cause(
            code="EC41",
            name="sidecar-skips-waypoint",
            title="the source has a sidecar, which uses no waypoint",
            stage=Stage.STEERED,
            modes="A",
            looks="a sidecar's line with the host's own cluster, although a waypoint is asked for",
            unlike=(LookAlike("EC09", "there pod or namespace asks for ambient mode too"),),
            remedy="Lead sidecars through an egress gateway, or move the workload to ambient mode.",
            fix="gateway-for-sidecars",
            sources=("istio/istio#54483",),
        ),
    ),
)
