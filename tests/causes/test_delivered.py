"""The causes of the fourth and fifth stage: the gateway, waypoint or host that does not take a flow."""

from __future__ import annotations

from typing import Any

import pytest
from support.causes import causes, found, line
from support.hops import CURL, GW, NO_UPSTREAM, WAYPOINT, ZTUNNEL, at_gateway, at_waypoint, straight, to_gateway, tunnel
from support.mesh import (
    AMBIENT,
    GW_HOST,
    HOST,
    ISTIO,
    MESH,
    Manifest,
    but,
    entry,
    listener,
    obj,
    route,
    service,
)

from egressaudit.model import Hop, Scheme

RESET = "upstream_reset_before_response_started{remote_connection_failure|%s}"
NONE = {"cluster_kind": None, "cluster_host": None, "cluster_port": None}
REFUSED_BY = "delayed_connect_error:_Connection_refused"
TLS_ERROR = "TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end"
UNTRUSTED = "TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end"


def failed(why: str, **more: Any) -> dict[str, Any]:
    """What a line has whose connection failed for a reason."""
    reason = {"upstream_transport_failure_reason": why, "response_code_details": RESET % why}
    return {"response_code": 503, "response_flags": "UF", "upstream_local_address": None, **reason, **more}


def timeout() -> dict[str, Any]:
    details = {"response_code_details": "upstream_reset_before_response_started{connection_timeout}"}
    return {"response_code": 503, "response_flags": "UF", "upstream_local_address": None, "duration": 10001, **details}


def answered(flag: str, details: str, code: int = 503, **more: Any) -> dict[str, Any]:
    """What a line has whose proxy chose no upstream."""
    said = {"response_code": code, "response_flags": flag, "response_code_details": details}
    return {**NO_UPSTREAM, **said, **more}


TO_GW = line(CURL, to_gateway())
CONNECTION = {"method": None, "path": None, "protocol": None, "authority": None}
NC = line(CURL, straight(**answered("NC", "cluster_not_found", **NONE)))
UH = line(CURL, to_gateway(**answered("UH", "no_healthy_upstream")))
UO = line(CURL, to_gateway(**answered("UO", "overflow")))
REFUSED = line(CURL, to_gateway(**failed(REFUSED_BY)))
CUT_OFF = line(CURL, to_gateway(**timeout()))
UNSAID = line(CURL, to_gateway(**failed("connection_failure")))
BROKEN_OFF = "TLS_error:|33554536:system_library:OPENSSL_internal:Connection_reset_by_peer:TLS_error_end"
RESET_LEG = line(CURL, to_gateway(**failed(BROKEN_OFF)))
TLS_LEG = line(CURL, to_gateway(**failed(TLS_ERROR)))
NO_CHAIN = line(GW, at_gateway(**answered("NR", "filter_chain_not_found", 0, **NONE, **CONNECTION)))
NO_ROUTE = line(GW, at_gateway(**answered("NR", "route_not_found", 404, **NONE)))
NO_CLUSTER = line(GW, at_gateway(**answered("NC", "cluster_not_found", **NONE)))
DENIED = answered("", "rbac_access_denied_matched_policy[none]", 403)
DENIED_BY = answered("", "rbac_access_denied_matched_policy[ns[egress]-policy[only]-rule[0]]", 403)
AUTHZ = answered("UAEX", "ext_authz_denied", 403)
REJECTED = "connection closed due to policy rejection: explicitly denied by: a/b"
GATEWAY: dict[str, Any] = {"expect": "gateway=egress/gw"}
IN_AMBIENT: dict[str, Any] = {"source": "amb/app-1", "container": "app"}


def at(**row: Any) -> tuple[Hop, ...]:
    """The lines of a request that the gateway took, and what the gateway's says."""
    return TO_GW, line(GW, at_gateway(**row))


def of_ztunnel(error: str, **more: Any) -> Hop:
    return line(ZTUNNEL, tunnel(error=error, bytes_sent=0, bytes_recv=0, **more))


def to(host: str = GW_HOST, **destination: Any) -> Manifest:
    """The VirtualService whose rule at `mesh` sends somewhere else."""
    return route(route=[{"destination": {"host": host, "port": {"number": 80}, **destination}}])


def routed(made: Manifest, *more: Manifest) -> tuple[Manifest, ...]:
    return (*but(MESH, "VirtualService egress/docs"), made, *more)


def rule(where: str, *subsets: str, **spec: Any) -> Manifest:
    named = [{"name": each} for each in subsets]
    return obj("DestinationRule", where, spec={"host": GW_HOST, "subsets": named, **spec})


def policy(where: str, **spec: Any) -> Manifest:
    return obj("AuthorizationPolicy", where, "security.istio.io/v1", spec=spec)


def allowing(namespace: str, where: str = "egress/only") -> Manifest:
    rules = [{"from": [{"source": {"namespaces": [namespace]}}]}]
    return policy(where, selector={"matchLabels": {"istio": "gw"}}, action="ALLOW", rules=rules)


ELSEWHERE = obj("Gateway", "egress/gw", spec={
    "selector": {"istio": "other"}, "servers": [{"port": {"number": 80, "protocol": "HTTP"}, "hosts": [HOST]}],
})  # fmt: skip
NO_PORT = service("egress/gw", "10.96.0.1", {"istio": "gw"}, ports=[{"name": "http", "port": 8080, "targetPort": 8080}])
SUBSET = {"cluster_subset": "docs"}
UH_SUBSET = line(CURL, to_gateway(**answered("UH", "no_healthy_upstream"), **SUBSET))
LABELS = rule("egress/gw", subsets=[{"name": "docs", "labels": {"version": "v2"}}])
HIDDEN_RULE = (rule("curl/near"), rule("egress/far", "docs"))
SCOPE = obj("Sidecar", "curl/default", spec={"egress": [{"hosts": [f"*/{HOST}"]}]})
HIDDEN_ENTRY = (*but(MESH, "ServiceEntry egress/docs"), entry("curl/docs", exportTo=["."]))
UNLISTED = {**route(), "spec": {**route()["spec"], "gateways": ["mesh"]}}
ON_WAYPOINT = policy(
    "egress/deny",
    selector={"matchLabels": {"gateway.networking.k8s.io/gateway-name": "waypoint"}},
    action="DENY",
    rules=[{}],
)
THROUGH_WAYPOINT = (line(ZTUNNEL, tunnel()), line(WAYPOINT, at_waypoint()))


def served(*hosts: str, port: int = 80, protocol: str = "HTTP", **tls: Any) -> tuple[Manifest, ...]:
    """The mesh whose Gateway has this server alone."""
    return (*but(MESH, "Gateway egress/gw"), listener(*hosts, port=port, protocol=protocol, **tls))


ON_443 = (*but(MESH, "ServiceEntry egress/docs", "VirtualService egress/docs", "Gateway egress/gw"), entry(
    "egress/docs", port=443, protocol="TLS"), route(port=443, kind="tls"))  # fmt: skip
TLS_SERVER = listener(port=443, protocol="TLS", tls={"mode": "PASSTHROUGH"})
MUTUAL_SERVER = listener(port=443, protocol="TLS", tls={"mode": "ISTIO_MUTUAL"})
AT_443: dict[str, Any] = {**CONNECTION, "cluster_port": 443, "upstream_host": "10.0.0.9:8443"}
REFUSED_443 = line(CURL, to_gateway(**failed(REFUSED_BY), **AT_443))
HTTPS: dict[str, Any] = {"port": 443, "scheme": Scheme.HTTPS, **GATEWAY}
NO_RULE = route(port=443, kind="tls")
NO_RULE["spec"]["tls"].pop()
DIALED = (*but(MESH, "ServiceEntry egress/docs"), entry("egress/docs", resolution="NONE"))
API = "gateway.networking.k8s.io/v1"


def http_route(**backend: Any) -> Manifest:
    parents = [{"group": "networking.istio.io", "kind": "ServiceEntry", "name": "docs"}]
    return obj("HTTPRoute", "egress/docs", API, spec={"parentRefs": parents, "rules": [{"backendRefs": [backend]}]})


GONE_BACKEND = line(CURL, straight(**answered("NC", "cluster_not_found", 500, **NONE)))
NR_AT_SOURCE = line(CURL, straight(**answered("NR", "route_not_found", 404, **NONE)))
CANARY = route()
CANARY["spec"]["http"][0]["match"][0]["headers"] = {"x-canary": {"exact": "1"}}

ROWS: list[tuple[str, tuple[Manifest, ...], tuple[Hop, ...], dict[str, Any]]] = [
    ("EC51", routed(to("gone.egress.svc.cluster.local")), (NC,), GATEWAY),
    ("EC51", (*MESH, SCOPE), (NC,), {}),
    ("EC80", routed(to(subset="docs")), (NC,), {}),
    ("EC80", routed(to(subset="docs"), *HIDDEN_RULE), (NC,), {}),
    ("EC80", routed(to(subset="docs"), LABELS), (UH_SUBSET,), {}),
    ("EC54", (*but(MESH, "Gateway egress/gw"), ELSEWHERE), (REFUSED,), {}),
    ("EC82", (*but(MESH, "Service egress/gw"), NO_PORT), (REFUSED,), {}),
    ("EC82", MESH, (REFUSED,), {}),
    ("EC82", (*but(MESH, "Service egress/gw"), NO_PORT), (NC,), {}),
    ("EC56", served("other.example.com"), (REFUSED,), {}),
    ("EC56", served("other.example.com"), (RESET_LEG,), {}),
    ("EC56", (*ON_443, MUTUAL_SERVER), (REFUSED_443,), HTTPS),
    ("EC57", (*but(ON_443, "VirtualService egress/docs"), NO_RULE, TLS_SERVER), (REFUSED_443,), HTTPS),
    ("EC82", (*ON_443, TLS_SERVER), (REFUSED_443,), HTTPS),
    ("EC58", served(protocol="HTTPS", tls={"mode": "ISTIO_MUTUAL"}), (TO_GW, NO_CHAIN), {}),
    ("EC68", DIALED, at(**answered("UH", "no_healthy_upstream")), {}),
    ("EC39", (*but(MESH, "VirtualService egress/docs"), http_route(name="gone", port=80)), (GONE_BACKEND,), GATEWAY),
    (
        "EC39 EC57",
        (*MESH, http_route(kind="Hostname", group=ISTIO.partition("/")[0], name=HOST, namespace="egress")),
        (TO_GW, NO_ROUTE),
        {},
    ),
    ("EC32", routed(CANARY), (NR_AT_SOURCE,), {}),
    ("EC55", but(MESH, "Pod egress/gw-1"), (UH,), {}),
    ("EC55", AMBIENT, (of_ztunnel("no healthy upstream: 10.0.0.8:15008"),), IN_AMBIENT),
    ("EC83 EC55", MESH, (UH,), {}),
    ("EC83", MESH, (UO,), {}),
    ("EC56", (*but(MESH, "Gateway egress/gw"), listener("other.example.com")), (TO_GW, NO_CHAIN), {}),
    ("EC56", MESH, (TO_GW, NO_CHAIN), {}),
    ("EC57", routed(UNLISTED), (TO_GW, NO_ROUTE), {}),
    ("EC57", MESH, (TO_GW, NO_ROUTE), {}),
    ("EC58", MESH, (TLS_LEG,), {}),
    ("EC59", (*MESH, allowing("curl")), at(**DENIED), {}),
    ("EC60", HIDDEN_ENTRY, (TO_GW, NO_CLUSTER), {}),
    ("EC60", HIDDEN_ENTRY, (TO_GW, NO_ROUTE), {}),
    ("EC61", (*MESH, allowing("shop")), at(**DENIED), {}),
    ("EC61", MESH, at(**DENIED_BY), {}),
    ("EC61", MESH, (line(CURL, to_gateway(**DENIED)),), {}),
    ("EC61", AMBIENT, (of_ztunnel(REJECTED),), IN_AMBIENT),
    ("EC62", (*AMBIENT, ON_WAYPOINT), THROUGH_WAYPOINT, {**IN_AMBIENT, "expect": "blocked"}),
    ("EC63", MESH, (CUT_OFF,), {}),
    ("EC82 EC63", MESH, (UNSAID,), {}),
    (
        "EC63",
        AMBIENT,
        (of_ztunnel("connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: deadline has elapsed"),),
        IN_AMBIENT,
    ),
    ("EC64", AMBIENT, (of_ztunnel("http status: 401 Unauthorized"),), IN_AMBIENT),
    ("EC64", AMBIENT, (of_ztunnel("tls error: peer certificate revoked by CRL"),), IN_AMBIENT),
    ("EC86", MESH, at(**AUTHZ), {}),
    ("EC93", MESH, (TO_GW, NO_CLUSTER), {}),
    ("EC65", MESH, at(**answered("UH", "no_healthy_upstream")), {}),
    ("EC65", MESH, at(**answered("DF", "dns_resolution_failure")), {}),
    ("EC66", MESH, at(**failed(REFUSED_BY)), {}),
    ("EC66", MESH, at(**timeout()), {}),
    ("EC66", MESH, (line(CURL, straight(**timeout())),), {"expect": "direct"}),
    ("EC67", MESH, at(**failed(TLS_ERROR)), {}),
    ("EC67", MESH, at(**failed(UNTRUSTED)), {}),
    ("EC68", MESH, at(upstream_host="10.0.0.9:8080"), {}),
    ("EC69", MESH, at(response_code=504, response_flags="UT", response_code_details="upstream_response_timeout"),
     {"exit_code": 28}),
    ("EC69", MESH, at(), {"exit_code": 56}),
]  # fmt: skip


@pytest.mark.parametrize(("codes", "objects", "hops", "asked"), ROWS)
def test_what_is_not_taken_has_its_cause(codes, objects, hops, asked) -> None:
    assert found(objects, *hops, **asked) == codes


@pytest.mark.parametrize(
    ("objects", "hops", "asked", "code"),
    [
        (routed(to(subset="docs")), (NC,), {}, "EC51"),
        (routed(to("gone.egress.svc.cluster.local")), (NC,), GATEWAY, "EC80"),
        (routed(to(subset="docs"), rule("egress/far", "docs")), (UH_SUBSET,), {}, "EC80"),
        # At once or late, with an address or without, by whose line: so the connections that fail are told apart.
        (MESH, (REFUSED,), {}, "EC54"),
        (MESH, (REFUSED,), {}, "EC63"),
        (MESH, (CUT_OFF,), {}, "EC54"),
        (MESH, (CUT_OFF,), {}, "EC82"),
        (MESH, (REFUSED,), {}, "EC55"),
        (MESH, at(**answered("UH", "no_healthy_upstream")), {}, "EC55"),
        (but(MESH, "Pod egress/gw-1"), (UH,), {}, "EC83"),
        (MESH, (UH,), {}, "EC65"),
        (MESH, (TO_GW, NO_ROUTE), {}, "EC56"),
        (MESH, (TO_GW, NO_CHAIN), {}, "EC57"),
        (HIDDEN_ENTRY, (TO_GW, NO_ROUTE), {}, "EC57"),
        (served("other.example.com"), (REFUSED,), {}, "EC82"),
        ((*ON_443, TLS_SERVER), (REFUSED_443,), HTTPS, "EC56"),
        ((*ON_443, TLS_SERVER), (REFUSED_443,), HTTPS, "EC57"),
        (MESH, (TO_GW, NO_CHAIN), {}, "EC58"),
        (served(protocol="HTTPS", tls={"mode": "ISTIO_MUTUAL"}), (TO_GW, NO_CHAIN), {}, "EC56"),
        (MESH, at(**answered("UH", "no_healthy_upstream")), {}, "EC68"),
        (DIALED, at(**answered("UH", "no_healthy_upstream")), {}, "EC65"),
        (MESH, (NC,), {}, "EC39"),
        ((*but(MESH, "Service egress/gw"), NO_PORT), (NC,), {}, "EC51"),
        (MESH, (TO_GW, NO_CLUSTER), {}, "EC60"),
        (HIDDEN_ENTRY, (TO_GW, NO_CLUSTER), {}, "EC93"),
        (MESH, at(**failed(TLS_ERROR)), {}, "EC58"),
        (MESH, (TLS_LEG,), {}, "EC67"),
        (MESH, at(**failed(TLS_ERROR)), {}, "EC66"),
        # With mutual TLS the gateway knows the source: its SNI is there, and the policy is about somebody else.
        ((*MESH, allowing("curl")), at(**DENIED, requested_server_name=HOST), {}, "EC59"),
        ((*MESH, allowing("shop")), at(**DENIED), {}, "EC59"),
        ((*MESH, allowing("curl")), at(**DENIED), {}, "EC61"),
        (MESH, at(response_code=403), {"exit_code": 22}, "EC61"),
        (AMBIENT, THROUGH_WAYPOINT, {**IN_AMBIENT, "expect": "blocked"}, "EC62"),
        (AMBIENT, (of_ztunnel("http status: 401 Unauthorized"),), IN_AMBIENT, "EC63"),
        (MESH, at(**DENIED), {}, "EC86"),
        (MESH, at(**AUTHZ), {}, "EC61"),
        (MESH, at(), {"exit_code": 56}, "EC66"),
        (MESH, at(), {"exit_code": 56}, "EC68"),
        (MESH, at(**timeout()), {}, "EC69"),
    ],
)
def test_a_look_alike_is_not_taken_for_it(objects, hops, asked, code) -> None:
    assert code not in found(objects, *hops, **asked).split()


def test_the_refusing_policy_is_named() -> None:
    [cause] = causes(MESH, *at(**DENIED_BY))
    assert (cause.objects, cause.field) == (("AuthorizationPolicy egress/only",), "spec.rules")


def test_a_certificate_that_is_not_trusted_is_said_in_words() -> None:
    [cause] = causes(MESH, *at(**failed(UNTRUSTED)))
    assert cause.because[1] == "the host's certificate is not trusted, or is for another name"
    assert (cause.scheme, ISTIO) == (Scheme.HTTP, "networking.istio.io/v1")
