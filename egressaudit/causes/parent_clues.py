"""The table of routes of the Gateway API that do not take the flow: their parents, their backends, their kind.

In: `Symptoms`. Out: `Because`. Example: an HTTPRoute for a TLS connection is EC37.
"""

from __future__ import annotations

from egressaudit.causes.cause_rule import Because, CauseRule, because_of
from egressaudit.causes.steering_clues import http_route_alone, other_parent_port, refused_backend
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.apis import GATEWAY_API
from egressaudit.mesh.steering.gateway_api import ROUTES
from egressaudit.model import Cause, LookAlike, Scheme, Stage


def _blind_route(seen: Symptoms) -> Because | None:
    faults = (each for kind in ROUTES for each in seen.faults_of("rule-blind", kind=kind))
    found = because_of(faults)
    if found is None:
        return http_route_alone(seen)
    wanted = "TLSRoute" if seen.target.scheme is Scheme.HTTPS else "TCPRoute"
    unread = f"{GATEWAY_API}/{wanted}" not in seen.mesh.read
    more = (f"{wanted} could not be read here: its CRD may be missing",) if unread and seen.mesh.read else ()
    return Because((*found.facts, *more), found.objects, found.field)


def _no_parent(seen: Symptoms) -> Because | None:
    missing = [each for each in seen.faults_of("parent-missing") if "ServiceEntry" in str(each)]
    refused = [each for each in seen.faults_of("condition-false", kind="Route") if "is not Accepted" in str(each)]
    return because_of((*missing, *refused), "spec.parentRefs")


def _consumer_route(seen: Symptoms) -> Because | None:
    faults = (each for kind in ROUTES for each in seen.faults_of("other-source-namespace", kind=kind))
    return because_of(faults, "metadata.namespace")


_GATEWAY_API = "istio/istio pilot/pkg/config/kube/gateway/conversion.go"


ROWS = (
    CauseRule(
        finds=_no_parent,
        cause=Cause(
            code="EC35",
            name="parent-missing",
            title="the route's parent ServiceEntry is not found",
            stage=Stage.STEERED,
            modes="G",
            looks="the host's own cluster; the route is not Accepted: `parent service entry ... not found`",
            unlike=(LookAlike("EC38", "there the parent is found, and has not that port"),),
            remedy="Correct name and namespace of the ServiceEntry in parentRefs.",
            fix="parent",
            search=("NoMatchingParent", "Accepted=False"),
            sources=(_GATEWAY_API,),
        ),
    ),
    CauseRule(
        finds=refused_backend,
        at=(Stage.STEERED, Stage.DELIVERED),
        cause=Cause(
            code="EC39",
            name="backend-refused",
            title="the route's backend is refused",
            stage=Stage.STEERED,
            modes="G",
            looks="`500` or `NC` at the source or the gateway; ResolvedRefs is False",
            unlike=(LookAlike("EC51", "there the rule is a VirtualService"),),
            remedy="Add a ReferenceGrant, drop the namespace of a Hostname backend, or correct kind and name.",
            fix="backend",
            search=("RefNotPermitted", "BackendNotFound", "InvalidKind"),
            sources=(_GATEWAY_API,),
        ),
    ),
    CauseRule(
        finds=_consumer_route,
        cause=Cause(
            code="EC36",
            name="consumer-route",
            title="the route holds only for its own namespace",
            stage=Stage.STEERED,
            modes="G",
            looks="flows of the route's namespace go through the gateway, those of others directly",
            unlike=(LookAlike("EC32", "there the split follows labels, paths or headers"),),
            remedy="Put the route into the namespace of the ServiceEntry.",
            fix="route-namespace",
            search=("GEP-1294",),
            sources=("gateway-api.sigs.k8s.io/geps/gep-1294", _GATEWAY_API),
        ),
    ),
    CauseRule(
        finds=other_parent_port,
        at=(Stage.STEERED, Stage.KNOWN),
        cause=Cause(
            code="EC38",
            name="parent-port",
            title="the route's parent is another port of the host",
            stage=Stage.STEERED,
            modes="G",
            looks="that port goes directly; `port` or `sectionName` of parentRefs is another one's",
            unlike=(LookAlike("EC27", "there the parentRef names no port"),),
            remedy="Correct port and sectionName of the parentRef, or leave them out.",
            fix="parent-port",
            search=("NoMatchingParent",),
            sources=(_GATEWAY_API,),
        ),
    ),
    CauseRule(
        finds=_blind_route,
        cause=Cause(
            code="EC37",
            name="route-kind",
            title="the route does not see what the client speaks",
            stage=Stage.STEERED,
            modes="G",
            looks="TLS goes directly, plain HTTP through the gateway: there is an HTTPRoute, and no TLSRoute",
            unlike=(LookAlike("EC28", "there the rule is a VirtualService's"),),
            remedy="Add a TLSRoute (for bytes a TCPRoute) with the ServiceEntry as its parent; its CRD must be there.",
            fix="tls-route",
            search=("IST0156", "IST0172", "IST0176"),
            sources=(_GATEWAY_API,),
        ),
    ),
)
