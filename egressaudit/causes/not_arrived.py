"""The table of flows that went the right way, and that the host outside did not take.

In: `Symptoms`. Out: `Because`. Example: `503 UF` at the gateway, after a timeout at a public address, is EC66.
"""

from __future__ import annotations

from egressaudit.causes.arrival_clues import (
    by_node,
    comes_back,
    cut_off_outside,
    host_answers,
    not_resolved,
    tls_outside,
)
from egressaudit.causes.cause_rule import CauseRule
from egressaudit.model import Cause, LookAlike, Stage

ROWS = (
    CauseRule(
        finds=not_resolved,
        cause=Cause(
            code="EC65",
            name="not-resolved",
            title="the last proxy found no address for the name",
            stage=Stage.OUTSIDE,
            modes="IGA",
            looks="`503 UH no_healthy_upstream` or `DF` without an address, in the line of the gateway or waypoint",
            unlike=(LookAlike("EC55", "there it is the source's line that says UH"),),
            remedy="Look at the DNS of the gateway's pods, and at resolution of the ServiceEntry.",
            search=("UH", "DF", "dns_resolution_failure"),
            sources=("envoyproxy/envoy source/extensions/clusters/strict_dns",),
        ),
    ),
    CauseRule(
        finds=comes_back,
        at=(Stage.OUTSIDE, Stage.EVIDENCE),
        cause=Cause(
            code="EC68",
            name="loop",
            title="the gateway's route leads back to a proxy",
            stage=Stage.OUTSIDE,
            modes="IG",
            looks="the gateway's line has the address of a proxy of the mesh as its upstream; many hops for one "
            "request",
            unlike=(LookAlike("EC53", "there it is a waypoint, whose own traffic is captured"),),
            remedy="Use resolution DNS for the host at the gateway; NONE sends it where it was dialed: to the gateway.",
            fix="resolution",
            search=("resolution: NONE",),
            sources=("istio.io/latest/docs/tasks/traffic-management/egress/egress-gateway",),
        ),
    ),
    CauseRule(
        finds=tls_outside,
        cause=Cause(
            code="EC67",
            name="tls-origination",
            title="the last proxy's TLS to the host fails",
            stage=Stage.OUTSIDE,
            modes="IG",
            looks="`503 UF` with a TLS error in the gateway's line: CERTIFICATE_VERIFY_FAILED, WRONG_VERSION_NUMBER",
            unlike=(
                LookAlike("EC58", "there it is the source's line that has the TLS error"),
                LookAlike("EC66", "there the connection itself fails"),
            ),
            remedy="Set sni, caCertificates and targetPort 443; do not originate TLS where the client speaks it "
            "already.",
            fix="origination",
            search=("IST0161", "IST0128", "IST0129", "CERTIFICATE_VERIFY_FAILED"),
            sources=("istio/istio pilot/pkg/networking/core/cluster_tls.go",),
        ),
    ),
    CauseRule(
        finds=by_node,
        cause=Cause(
            code="EC70",
            name="by-node",
            title="it depends on the gateway's node",
            stage=Stage.OUTSIDE,
            modes="IGA",
            looks="resets or `403 via_upstream` from some nodes of the gateway only",
            unlike=(
                LookAlike("EC69", "there it is so from every node"),
                LookAlike("EC66", "there it is so from every node"),
            ),
            remedy="Give the gateway's namespace an EgressIP that the far side allows, or allow all its nodes.",
            search=("EgressIP",),
            sources=("docs.openshift.com egress IP",),
        ),
    ),
    CauseRule(
        finds=cut_off_outside,
        cause=Cause(
            code="EC66",
            name="cut-off-outside",
            title="something behind the gateway cuts it off",
            stage=Stage.OUTSIDE,
            modes="IGA",
            looks="`503 UF` with a public address as upstream in the last line: refused, or after the connect timeout",
            unlike=(
                LookAlike("EC63", "there the upstream is the gateway"),
                LookAlike("EC67", "there the line has a TLS error"),
                LookAlike("EC69", "there the connection was made"),
            ),
            remedy="Allow the gateway's address (or EgressIP) in the firewall, EgressFirewall or NAT; or the host is "
            "down.",
            search=("EgressFirewall", "UF"),
            sources=("envoyproxy/envoy source/common/tcp_proxy/tcp_proxy.cc",),
        ),
    ),
    CauseRule(
        finds=host_answers,
        cause=Cause(
            code="EC69",
            name="host-answers",
            title="the host itself is slow, resets or refuses",
            stage=Stage.OUTSIDE,
            modes="IGA",
            looks="UT, UC, UPE, or `via_upstream` with 4xx or 5xx: the connection was made",
            unlike=(
                LookAlike("EC61", "there the details are rbac_access_denied"),
                LookAlike("EC66", "there no connection was made"),
            ),
            remedy="Ask the host's owner: the mesh delivered it.",
            search=("UT", "UC", "UPE", "via_upstream"),
            sources=("envoyproxy/envoy source/common/stream_info/utility.h",),
        ),
    ),
)
