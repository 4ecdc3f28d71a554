"""The causes of the third stage, with sidecars: rules that do not take the flow, or take it elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from support.causes import causes, found, line
from support.hops import CURL, GW, SPARE, at_gateway, straight, to_gateway
from support.mesh import BARE, GATEWAY_API, GW_HOST, HOST, ISTIO, MESH, Manifest, but, entry, listener, obj, route

from egressaudit.model import Hop, Scheme

DIRECT = line(CURL, straight())
AT_SPARE = {"downstream_local_address": "10.0.0.10:8080", "upstream_local_address": "10.0.0.10:60000"}
VIA_SPARE = (
    line(CURL, to_gateway(cluster_host="spare.egress.svc.cluster.local", upstream_host="10.0.0.10:8080")),
    line(SPARE, at_gateway(**AT_SPARE)),
)
VIA_GW = (line(CURL, to_gateway()), line(GW, at_gateway()))
GATEWAY: dict[str, Any] = {"expect": "gateway=egress/gw"}
HTTPS: dict[str, Any] = {"scheme": Scheme.HTTPS}
TLS_MESH = (*but(MESH, "ServiceEntry egress/docs"), entry("egress/docs", ports=[
    {"number": 80, "name": "http", "protocol": "HTTP"}, {"number": 443, "name": "tls", "protocol": "TLS"},
]))  # fmt: skip


def ruled(**spec: Any) -> tuple[Manifest, ...]:
    """The mesh with changes to its VirtualService's spec."""
    made = route()
    made["spec"] |= spec
    return (*but(MESH, "VirtualService egress/docs"), made)


def matched(**match: Any) -> tuple[Manifest, ...]:
    """The mesh whose rule at `mesh` asks for more."""
    made = route()
    own = made["spec"]["http"][0]["match"][0]
    if not {"sourceLabels", "sourceNamespace"}.isdisjoint(match):
        # Where a match names gateways, Istio asks nothing more of the source (route.go sourceMatchHTTP).
        del own["gateways"]
    own |= match
    return (*but(MESH, "VirtualService egress/docs"), made)


def sent(*destinations: tuple[str, int]) -> tuple[Manifest, ...]:
    """The mesh whose rule at `mesh` sends to these hosts by weight."""
    to = [{"destination": {"host": host, "port": {"number": 80}}, "weight": weight} for host, weight in destinations]
    return (*but(MESH, "VirtualService egress/docs"), route(route=to))


def shadowed() -> tuple[Manifest, ...]:
    made = route()
    made["spec"]["http"].insert(0, {"route": [{"destination": {"host": HOST}}]})
    return (*but(MESH, "VirtualService egress/docs"), made)


def of_api(kind: str = "HTTPRoute", where: str = "egress/docs", **parent: Any) -> Manifest:
    """A route of the Gateway API from the ServiceEntry to the gateway's Service."""
    named = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "docs", **parent}
    rules = [{"backendRefs": [{"name": "gw", "namespace": "egress", "port": 80}]}]
    return obj(kind, where, GATEWAY_API, spec={"parentRefs": [named], "rules": rules})


def by_api(*routes: Manifest, on_443: bool = False) -> tuple[Manifest, ...]:
    return (*but(TLS_MESH if on_443 else MESH, "VirtualService egress/docs"), *routes)


def open_rule(kind: str) -> tuple[Manifest, ...]:
    """The mesh with a port for TLS, and a rule of a kind that names neither port nor SNI."""
    rules = [{"route": [{"destination": {"host": GW_HOST}}]}]
    made = obj("VirtualService", "egress/docs", spec={"hosts": [HOST], kind: rules})
    return (*but(TLS_MESH, "VirtualService egress/docs"), made)


def refused(condition: str, reason: str) -> Manifest:
    made = of_api()
    said = {"type": condition, "status": "False", "reason": reason, "message": f"{reason}: it is so"}
    return made | {"status": {"parents": [{"conditions": [said]}]}}


MESHLESS = ruled(gateways=["egress/gw"])
SCOPE = obj("Sidecar", "curl/default", spec={"egress": [{"hosts": ["egress/gw.egress.svc.cluster.local"]}]})
RIVAL = obj(
    "VirtualService", "curl/other", spec={"hosts": [HOST], "http": [{"route": [{"destination": {"host": HOST}}]}]}
)
DOTTED = obj("VirtualService", "egress/dotted", spec={"hosts": [f"{HOST}."], "http": []})
ON_443: dict[str, Any] = {"port": 443, **HTTPS, **GATEWAY}
TO_443 = line(CURL, straight(cluster_port=443, upstream_host="203.0.113.7:443"))

ROWS: list[tuple[str, tuple[Manifest, ...], tuple[Hop, ...], dict[str, Any]]] = [
    ("EC26", MESHLESS, (DIRECT,), {}),
    ("EC27", TLS_MESH, (TO_443,), ON_443),
    ("EC27", TLS_MESH, (TO_443,), {**ON_443, "redirected": True}),
    ("EC28", open_rule("http"), (TO_443,), ON_443),
    ("EC28", open_rule("tls"), (TO_443,), ON_443),
    ("EC29", ruled(exportTo=["."]), (DIRECT,), {}),
    ("EC30", (*MESH, RIVAL), (DIRECT,), {}),
    ("EC30", (*MESH, of_api()), (DIRECT,), {}),
    ("EC31", shadowed(), (DIRECT,), {}),
    ("EC32", matched(headers={"x-canary": {"exact": "1"}}), (DIRECT,), {}),
    ("EC32", matched(sourceLabels={"app": "other"}), (DIRECT,), {}),
    ("EC32", matched(sourceNamespace="shop"), (DIRECT,), {}),
    ("EC33", sent((GW_HOST, 90), (HOST, 10)), (DIRECT,), {}),
    ("EC34", (*but(MESH, "VirtualService egress/docs"), DOTTED), (DIRECT,), GATEWAY),
    ("EC35", by_api(refused("Accepted", "NoMatchingParent")), (DIRECT,), {}),
    ("EC36", by_api(of_api(where="shop/docs", namespace="egress")), (DIRECT,), {}),
    ("EC37", by_api(of_api(), on_443=True), (TO_443,), ON_443),
    ("EC37", by_api(of_api(port=80), on_443=True), (TO_443,), ON_443),
    ("EC38", by_api(of_api(port=8080)), (DIRECT,), GATEWAY),
    ("EC38", by_api(of_api("TLSRoute", port=8443), on_443=True), (TO_443,), ON_443),
    ("EC39", by_api(refused("ResolvedRefs", "RefNotPermitted")), (DIRECT,), {}),
    ("EC84", MESH, VIA_SPARE, {}),
    ("EC84", MESH, VIA_GW, {"expect": "direct"}),
    ("EC88", (*BARE, entry("egress/docs")), (DIRECT,), GATEWAY),
    ("EC89", MESH, (DIRECT,), {}),
]


@pytest.mark.parametrize(("codes", "objects", "hops", "asked"), ROWS)
def test_what_is_not_steered_has_its_cause(codes, objects, hops, asked) -> None:
    assert found(objects, *hops, **asked) == codes


@pytest.mark.parametrize(
    ("objects", "hops", "asked", "code"),
    [
        # A rule that is not for the mesh is so for every namespace; one that is not exported is for the mesh.
        (ruled(exportTo=["."]), (DIRECT,), {}, "EC26"),
        (MESHLESS, (DIRECT,), {}, "EC29"),
        (MESHLESS, (DIRECT,), {}, "EC27"),
        (shadowed(), (DIRECT,), {}, "EC30"),
        ((*MESH, RIVAL), (DIRECT,), {}, "EC31"),
        (by_api(of_api()), (DIRECT,), {}, "EC30"),
        (sent((GW_HOST, 90), (HOST, 10)), (DIRECT,), {}, "EC32"),
        (matched(headers={"x-canary": {}}), (DIRECT,), {}, "EC33"),
        (by_api(of_api(where="shop/docs", namespace="egress")), (DIRECT,), {}, "EC32"),
        (matched(sourceNamespace="shop"), (DIRECT,), {}, "EC36"),
        (by_api(of_api(), on_443=True), (TO_443,), ON_443, "EC28"),
        (open_rule("http"), (TO_443,), ON_443, "EC27"),
        (open_rule("http"), (TO_443,), ON_443, "EC37"),
        (TLS_MESH, (TO_443,), ON_443, "EC38"),
        (by_api(of_api(port=8080)), (DIRECT,), GATEWAY, "EC27"),
        (MESH, (DIRECT,), {}, "EC34"),
        (by_api(refused("ResolvedRefs", "RefNotPermitted")), (DIRECT,), {}, "EC35"),
        (by_api(refused("Accepted", "NoMatchingParent")), (DIRECT,), {}, "EC39"),
        (MESH, (DIRECT,), {}, "EC88"),
        (MESHLESS, (DIRECT,), {}, "EC89"),
        # A gateway on the way to the right one is none that it was sent to instead.
        (MESH, VIA_GW, {}, "EC84"),
    ],
)
def test_a_look_alike_is_not_taken_for_it(objects, hops, asked, code) -> None:
    assert code not in found(objects, *hops, **asked).split()


def test_an_envoy_filter_that_patches_the_routes_of_the_proxy_is_named() -> None:
    change = {"operation": "MERGE", "value": {"route": {"cluster": "out"}}}
    patch = {"applyTo": "HTTP_ROUTE", "match": {"context": "SIDECAR_OUTBOUND"}, "patch": change}
    filtered = obj("EnvoyFilter", "curl/patch", "networking.istio.io/v1alpha3", spec={"configPatches": [patch]})
    [cause] = causes((*MESH, filtered), DIRECT)
    assert (cause.code, cause.objects[0]) == ("EC89", "EnvoyFilter curl/patch")
    assert cause.because[1].startswith("EnvoyFilter curl/patch patches that proxy")
    [plain] = causes(MESH, DIRECT)
    assert len(plain.because) == 1


def test_the_mesh_of_these_rows_is_right() -> None:
    assert found((*BARE, entry("egress/docs"), listener(), route()), *VIA_GW, http_code=200) == ""
    assert ISTIO == "networking.istio.io/v1"
