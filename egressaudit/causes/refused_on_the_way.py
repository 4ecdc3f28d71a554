"""The table of flows that a policy or a network refused on their way to the gateway, or at it.

In: `Symptoms`. Out: `Because`. Example: `403 rbac_access_denied_matched_policy[none]` at the gateway is EC61.
"""

from __future__ import annotations

from egressaudit.causes.cause_rule import CauseRule
from egressaudit.causes.refusal_clues import (
    cut_off,
    denied,
    identity_refused,
    other_filter,
    selector_on_waypoint,
    without_identity,
)
from egressaudit.model import Cause, LookAlike, Stage

ROWS = (
    CauseRule(
        finds=without_identity,
        cause=Cause(
            code="EC59",
            name="no-identity",
            title="the leg to the gateway carries no identity",
            stage=Stage.DELIVERED,
            modes="IG",
            looks="`rbac_access_denied` at the gateway, whose line has no SNI: plaintext; the policy asks who sent it",
            unlike=(LookAlike("EC61", "there the leg is mutual TLS, and the policy is about something else"),),
            remedy="Set ISTIO_MUTUAL in the DestinationRule of the gateway and in its server: auto mTLS does not "
            "apply here.",
            fix="mutual-tls",
            search=("ISTIO_MUTUAL",),
            sources=("istio/istio#23910", "istio/istio#54793"),
        ),
    ),
    CauseRule(
        finds=denied,
        at=(Stage.DELIVERED, Stage.OUTSIDE),
        cause=Cause(
            code="EC61",
            name="denied",
            title="an AuthorizationPolicy refuses it",
            stage=Stage.DELIVERED,
            modes="IGA",
            looks="`403 rbac_access_denied_matched_policy[...]` with a cluster and no host; ztunnel: `policy "
            "rejection`",
            unlike=(
                LookAlike("EC69", "there the details are via_upstream: the host itself said 403"),
                LookAlike("EC14", "there the route is block_all, or the cluster BlackHoleCluster"),
            ),
            remedy="Change the policy that is named; for [none]: an ALLOW policy exists, and none allows this.",
            fix="authorization",
            search=("rbac_access_denied",),
            sources=(
                "envoyproxy/envoy source/extensions/filters/http/rbac/rbac_filter.cc",
                "istio/ztunnel src/proxy.rs",
            ),
        ),
    ),
    CauseRule(
        finds=other_filter,
        at=(Stage.DELIVERED, Stage.OUTSIDE, Stage.KNOWN, Stage.STEERED),
        cause=Cause(
            code="EC86",
            name="other-filter",
            title="another filter of the mesh refuses it",
            stage=Stage.DELIVERED,
            modes="IGA",
            looks="ext_authz, jwt_authn, a rate limit, a fault that aborts, or a direct response, in the details",
            unlike=(LookAlike("EC61", "there the details are rbac_access_denied"),),
            remedy="Look at the object that configures this filter: RequestAuthentication, a provider, a rule's fault.",
            search=("UAEX", "RL", "FI"),
            sources=("envoyproxy/envoy source/common/stream_info/utility.h",),
        ),
    ),
    CauseRule(
        finds=selector_on_waypoint,
        at=(Stage.STEERED, Stage.DELIVERED, Stage.OUTSIDE),
        cause=Cause(
            code="EC62",
            name="selector-on-waypoint",
            title="a policy with a selector does nothing at a waypoint",
            stage=Stage.DELIVERED,
            modes="A",
            looks="it left through the waypoint although a policy should refuse it",
            unlike=(LookAlike("EC85", "there no policy is about it"),),
            remedy="Use targetRefs in place of the selector.",
            fix="target-refs",
            search=("KIA0110", "KIA1115", "KIA1116", "KIA1117"),
            sources=("istio.io/latest/docs/ambient/usage/l7-features",),
        ),
    ),
    CauseRule(
        finds=identity_refused,
        cause=Cause(
            code="EC64",
            name="identity-refused",
            title="ztunnel and waypoint do not accept each other",
            stage=Stage.DELIVERED,
            modes="A",
            looks="ztunnel: `http status: 401`, `tls error`, `peer certificate revoked`",
            unlike=(
                LookAlike("EC61", "there it is a policy that rejects"),
                LookAlike("EC63", "there the connection times out"),
            ),
            remedy="Look at certificates, trust domains and their aliases.",
            search=("401 Unauthorized", "trustDomainAliases"),
            sources=("istio/ztunnel src/proxy.rs",),
        ),
    ),
    CauseRule(
        finds=cut_off,
        cause=Cause(
            code="EC63",
            name="network-refuses",
            title="a NetworkPolicy or firewall lies before the gateway",
            stage=Stage.DELIVERED,
            modes="IGA",
            looks="`503 UF` after the connect timeout; ztunnel: `timed out, maybe a NetworkPolicy is blocking HBONE "
            "port 15008`",
            unlike=(
                LookAlike("EC54", "there the connection is refused at once"),
                LookAlike("EC82", "there the connection is refused at once"),
                LookAlike("EC55", "there the source's line has no address"),
            ),
            remedy="Allow the source to reach the gateway's port, in ambient mode the waypoint's port 15008.",
            fix="network-policy",
            search=("15008", "NetworkPolicy"),
            sources=(
                "istio/ztunnel src/proxy.rs",
                "envoyproxy/envoy source/common/tcp_proxy/tcp_proxy.cc",
                "istio/ztunnel#1229",
            ),
        ),
    ),
)
