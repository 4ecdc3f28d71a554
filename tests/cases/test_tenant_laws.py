"""What a tenant of the namespace `curl` may write turns no case that is wrong into a PASS, whatever it writes."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.lines import EVIL
from support.mesh import GATEWAY_API, GATEWAY_PORTS, GW_HOST, HOST, Manifest, deployed, obj, service
from worlds import run

from cases import asked, turned
from cases.asked import _IDP, _MIRROR, _PROXY
from cases.build import NONE, Case, write

WRONG = tuple(
    each for each in (*asked.CASES, *turned.CASES) if 0 not in each.exits and each.policy != NONE and each.probe is None
)
"""Cases of an audit by a policy that must not pass."""
_OWN, _EVIL = "own.curl.svc.cluster.local", "evil.example.com"
_HOSTS = st.sampled_from((HOST, _MIRROR, _PROXY, _IDP, _EVIL, "*.example.com", "*", GW_HOST, _OWN))
_PORTS = st.sampled_from((80, 443, 3128, 8080))
_EXPORTS = st.sampled_from((["."], ["*"], ["egress"], []))
_BINDINGS = st.lists(st.sampled_from(("mesh", "egress/gw", "curl/own")), min_size=1, unique=True)
_AGES = st.sampled_from((None, "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"))


@st.composite
def _virtual_services(draw: st.DrawFn) -> Manifest:
    to = {"host": draw(_HOSTS), "port": {"number": draw(_PORTS)}, **draw(st.sampled_from(({}, {"subset": "idp"})))}
    rule: Manifest = {"route": [{"destination": to, "weight": draw(st.sampled_from((0, 50, 100)))}]}
    rule |= draw(st.sampled_from(({}, {"rewrite": {"authority": HOST}}, {"mirror": {"host": _EVIL}},
                                  {"delegate": {"name": "out", "namespace": "egress"}})))  # fmt: skip
    host, kind = draw(_HOSTS), draw(st.sampled_from(("http", "tls", "tcp")))
    match: Manifest = draw(st.sampled_from(({}, {"port": 80}, {"headers": {"x-a": {"exact": "b"}}})))
    if kind == "tls":
        match = {"port": 443, "sniHosts": [host]}
    spec = {
        "hosts": [host],
        "gateways": draw(_BINDINGS),
        "exportTo": draw(_EXPORTS),
        kind: [{**rule, "match": [match]}],
    }
    return obj("VirtualService", "curl/mine", spec=spec)


@st.composite
def _entries(draw: st.DrawFn) -> Manifest:
    resolution = draw(st.sampled_from(("DNS", "NONE", "STATIC", "DYNAMIC_DNS")))
    port, protocol = draw(_PORTS), draw(st.sampled_from(("HTTP", "TLS", "TCP")))
    spec = {"hosts": [draw(_HOSTS)], "resolution": resolution, "exportTo": draw(_EXPORTS),
            "ports": [{"number": port, "name": "p", "protocol": protocol}],
            "location": draw(st.sampled_from(("MESH_EXTERNAL", "MESH_INTERNAL")))}  # fmt: skip
    if draw(st.booleans()):
        spec["endpoints"] = [{"address": draw(st.sampled_from((EVIL, "203.0.113.7", "192.0.2.50", "10.0.0.9")))}]
    return obj("ServiceEntry", "curl/entry", spec=spec)


@st.composite
def _rules(draw: st.DrawFn) -> Manifest:
    tunnel = {"tunnel": {"protocol": "CONNECT", "targetHost": draw(_HOSTS), "targetPort": 443}}
    policy = draw(st.sampled_from((tunnel, {"loadBalancer": {"simple": "PASSTHROUGH"}}, {})))
    subset = {"name": draw(st.sampled_from(("idp", "other", "v1"))), "trafficPolicy": policy}
    spec = {"host": draw(_HOSTS), "exportTo": draw(_EXPORTS), "subsets": [subset]}
    return obj("DestinationRule", "curl/rule", spec=spec | draw(st.sampled_from(({}, {"trafficPolicy": policy}))))


@st.composite
def _gateways(draw: st.DrawFn) -> Manifest:
    protocol = draw(st.sampled_from(("HTTP", "TLS", "TCP")))
    server = {"port": {"number": draw(_PORTS), "name": "s", "protocol": protocol}, "hosts": [draw(_HOSTS)]}
    if protocol == "TLS":
        server["tls"] = {"mode": "PASSTHROUGH"}
    return obj(
        "Gateway", "curl/own", spec={"selector": {"istio": draw(st.sampled_from(("gw", "own")))}, "servers": [server]}
    )


@st.composite
def _routes(draw: st.DrawFn) -> Manifest:
    kind = draw(st.sampled_from(("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")))
    parents: list[Manifest] = [
        {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "docs", "namespace": "egress"},
        {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "entry"},
        {"name": "gw", "namespace": "egress"},
        {"group": "", "kind": "Service", "name": "gw", "namespace": "egress"},
    ]
    backend = {"group": "networking.istio.io", "kind": "Hostname", "name": draw(_HOSTS), "port": draw(_PORTS)}
    spec: Manifest = {"parentRefs": [draw(st.sampled_from(parents))], "rules": [{"backendRefs": [backend]}]}
    if kind != "TCPRoute" and draw(st.booleans()):
        spec["hostnames"] = [draw(_HOSTS)]
    return obj(kind, "curl/route", GATEWAY_API, spec=spec)


_PROXIES = [
    *deployed("curl/own", "10.0.0.20", labels={"istio": "own"}, annotations={"inject.istio.io/templates": "gateway"}),
    service("curl/own", "10.96.0.20", {"istio": "own"}, ports=GATEWAY_PORTS),
]
_GRANT = {"from": [{"group": GATEWAY_API.partition("/")[0], "kind": "HTTPRoute", "namespace": "curl"}],
          "to": [{"group": "", "kind": "Service"}]}  # fmt: skip
_LISTENER = {"name": "h", "port": 80, "protocol": "HTTP"}
_FIXED: tuple[Manifest, ...] = (
    obj("Sidecar", "curl/sidecar", spec={"egress": [{"hosts": ["./*"]}]}),
    obj(
        "Sidecar",
        "curl/sidecar",
        spec={"outboundTrafficPolicy": {"mode": "ALLOW_ANY", "egressProxy": {"host": GW_HOST}}},
    ),
    obj("WorkloadEntry", "curl/vm", spec={"address": EVIL, "labels": {"istio": "gw"}}),
    obj(
        "EnvoyFilter", "curl/patch", spec={"configPatches": [{"applyTo": "CLUSTER", "patch": {"operation": "REMOVE"}}]}
    ),
    obj("ReferenceGrant", "curl/grant", "gateway.networking.k8s.io/v1beta1", spec=_GRANT),
    obj("Gateway", "curl/gw", GATEWAY_API, spec={"gatewayClassName": "istio", "listeners": [_LISTENER]}),
    service("curl/gw", "10.96.0.40", {"istio": "gw"}, ports=GATEWAY_PORTS),
    service("curl/alias", "10.96.0.41", None, type="ExternalName", externalName=GW_HOST),
    obj("ConfigMap", "curl/istio", "v1", data={"mesh": "accessLogFile: /dev/null\n"}),
    obj("VirtualService", "curl/part", spec={"http": [{"route": [{"destination": {"host": _EVIL}}]}]}),
)
_OBJECTS = st.one_of(_virtual_services(), _entries(), _rules(), _gateways(), _routes(), st.sampled_from(_FIXED))


@st.composite
def _of_tenant(draw: st.DrawFn) -> tuple[Manifest, ...]:
    made = draw(st.lists(_OBJECTS, min_size=1, max_size=4))
    dated = []
    for each, age in zip(made, [draw(_AGES) for _ in made], strict=True):
        times = {"creationTimestamp": age} if age else {}
        dated.append({**each, "metadata": {**each["metadata"], **times}})
    return (*dated, *(_PROXIES if draw(st.booleans()) else ()))


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(added=_of_tenant())
def test_no_object_of_a_tenant_turns_a_wrong_case_into_a_pass(case: Case, added: tuple[Manifest, ...]) -> None:
    there = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in case.objects}
    new = tuple(
        each for each in added if (each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]) not in there
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "case"
        write(replace(case, objects=(*case.objects, *new)), folder)
        judged = run.audit(folder)
    assert judged.exit_code != 0, judged.text[:3000]
