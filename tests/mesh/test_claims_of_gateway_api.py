"""What the mesh claims of a host by the Gateway API and in ambient mode, and what authorization takes away."""

from __future__ import annotations

import json

import pytest
from support.claims import API_GATEWAY, DOCS, HTTPBIN, IN_CURL, PROBE, WAYPOINT, changed
from support.scenarios import mesh, scenario

from egressaudit.mesh import Mesh
from egressaudit.model import Claim, DataplaneMode, ObjectRef, Path, Pod

# ---------------------------------------------------------------- Gateway API


TO_GATEWAY = "HTTPRoute egress-gateway/direct-httpbin-to-egress-gateway"


@pytest.mark.parametrize(
    ("kind", "old", "new", "gap"),
    [
        (
            "HTTPRoute",
            '"httpbin-ext"',
            '"httpbin"',
            f"{TO_GATEWAY} has as its parent ServiceEntry egress-gateway/httpbin, which does not exist",
        ),
        (
            "HTTPRoute",
            "httpbin-egress-gateway-istio",
            "httpbin-egress-gateway",
            f"{TO_GATEWAY} sends httpbin.org to Service egress-gateway/httpbin-egress-gateway, which does not exist",
        ),
        (
            "HTTPRoute",
            '"port": 80',
            '"port": 8080',
            "Service egress-gateway/httpbin-egress-gateway-istio has no port 8080, only 15021, 80",
        ),
        (
            "HTTPRoute",
            '"rules": [{',
            '"rules": [{"matches": [{"path": {"type": "Exact", "value": "/get"}}], ',
            f"{TO_GATEWAY} sends httpbin.org to the gateway only for some requests",
        ),
        (
            "HTTPRoute",
            '"kind": "Hostname"',
            '"kind": "Service"',
            "no rule forwards httpbin.org at a Gateway of Service egress-gateway/httpbin-egress-gateway-istio",
        ),
        (
            "Gateway",
            '"hostname": "httpbin.org"',
            '"hostname": "example.com"',
            "Gateway egress-gateway/httpbin-egress-gateway has no listener for httpbin.org",
        ),
        (
            "Gateway",
            '"spec":',
            '"status": {"conditions": [{"type": "Programmed", "status": "False", "message": "no address"}]}, "spec":',
            "Gateway egress-gateway/httpbin-egress-gateway is not Programmed: no address",
        ),
    ],
)
def test_a_fault_in_gateway_api_routes_leaves_the_claim_and_becomes_its_gap(kind, old, new, gap):
    found = changed("gateway-api", kind, old, new).claim(PROBE, HTTPBIN)
    assert (found.path, found.via) == (Path.VIA_GATEWAY, API_GATEWAY)
    assert [each for each in found.fault_texts if each.startswith(gap)], found.fault_texts


# ---------------------------------------------------------------- ambient


TEST_POD = ObjectRef("egress-gateway", "test-pod")


def ambient(old: str, new: str, kind: str = "ServiceEntry") -> Claim:
    snapshot = changed("ambient", kind, old, new)
    source = snapshot.pod(TEST_POD)
    assert source is not None
    return snapshot.claim(source, HTTPBIN)


def test_a_label_of_the_namespace_asks_for_a_waypoint_too():
    objects = scenario("ambient")
    for each in objects:
        if each["kind"] == "ServiceEntry":
            del each["metadata"]["labels"]
        if each["kind"] == "Namespace" and each["metadata"]["name"] == "egress-gateway":
            each["metadata"]["labels"]["istio.io/use-waypoint"] = "waypoint"
    snapshot = Mesh.of(objects)
    source = snapshot.pod(TEST_POD)
    found = snapshot.claim(source, HTTPBIN)
    assert (found.path, found.via, found.fault_texts) == (Path.VIA_WAYPOINT, WAYPOINT, ())


def test_the_label_none_asks_for_no_waypoint():
    assert ambient('"istio.io/use-waypoint": "waypoint"', '"istio.io/use-waypoint": "none"').path is None


@pytest.mark.parametrize(
    ("kind", "old", "new", "gap"),
    [
        (
            "ServiceEntry",
            '"istio.io/use-waypoint": "waypoint"',
            '"istio.io/use-waypoint": "egress"',
            "ServiceEntry egress-gateway/httpbin-ext asks for waypoint egress-gateway/egress, which does not exist",
        ),
        (
            "ServiceEntry",
            '"istio.io/use-waypoint": "waypoint"',
            '"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "infra"',
            "ServiceEntry egress-gateway/httpbin-ext asks for waypoint infra/waypoint, which does not exist",
        ),
        (
            "Gateway",
            '"istio-waypoint"',
            '"istio"',
            "Gateway egress-gateway/waypoint is of class istio, not istio-waypoint",
        ),
        (
            "Gateway",
            '"istio.io/gateway-for": "service"',
            '"istio.io/waypoint-for": "workload"',
            "Gateway egress-gateway/waypoint is labelled istio.io/waypoint-for: workload",
        ),
    ],
)
def test_a_fault_of_a_waypoint_becomes_a_gap(kind, old, new, gap):
    found = ambient(old, new, kind)
    assert found.path is Path.VIA_WAYPOINT
    assert [each for each in found.fault_texts if each.startswith(gap)], found.fault_texts


def chain(*replace: tuple[str, str]) -> Claim:
    """What is claimed of an ambient pod where a waypoint stands in front of a gateway, with texts replaced."""
    text = json.dumps(scenario("waypoint-gateway"))
    for old, new in replace:
        assert old in text
        text = text.replace(old, new)
    source = Pod("curl", "probe", ("10.0.9.9",), DataplaneMode.AMBIENT)
    return Mesh.of(json.loads(text)).claim(source, HTTPBIN)


def test_a_waypoint_in_front_of_a_gateway_is_one_chain_that_ends_at_the_gateway():
    found = chain()
    assert (found.path, found.via, found.passing, found.fault_texts) == (Path.VIA_GATEWAY, API_GATEWAY, (WAYPOINT,), ())
    assert found.because[:2] == ("ServiceEntry egress-gateway/httpbin-ext", "Gateway egress-gateway/waypoint")


def test_what_is_wrong_with_either_end_of_a_chain_is_its_gap():
    found = chain(('"port": 80}]}]', '"port": 81}]}]'), ('"istio.io/gateway-for"', '"istio.io/waypoint-for"'))
    assert (found.path, found.via) == (Path.VIA_GATEWAY, API_GATEWAY)
    assert "Service egress-gateway/httpbin-egress-gateway-istio has no port 81, only 15021, 80" in found.fault_texts
    served = '"istio.io/waypoint-for": "workload"'
    found = chain(('"istio.io/gateway-for": "service"', served))
    assert "Gateway egress-gateway/waypoint is labelled istio.io/waypoint-for: workload" in found.fault_texts[0]


ELSEWHERE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: httpbin, namespace: NAMESPACE}
spec:
  hosts: [httpbin.org]
  gateways: [mesh]
  exportTo: [EXPORTED]
  http:
    - match: [{port: 80}]
      route: [{destination: {host: egressgateway.egress-gateway.svc.cluster.local, port: {number: 80}}}]
---
apiVersion: v1
kind: Service
metadata: {name: egressgateway, namespace: egress-gateway}
spec: {selector: {gateway.networking.k8s.io/gateway-name: httpbin-egress-gateway}, ports: [{port: 80}]}
"""


@pytest.mark.parametrize(
    ("namespace", "exported", "path"),
    [
        ("egress-gateway", '"*"', Path.VIA_GATEWAY),
        # A waypoint follows the routes beside the ServiceEntry or itself alone, whoever else they are meant for.
        ("curl", '"*"', Path.VIA_WAYPOINT),
        ("egress-gateway", "curl", Path.VIA_WAYPOINT),
    ],
)
def test_a_waypoint_follows_the_routes_beside_it_that_its_namespace_sees(namespace, exported, path):
    more = ELSEWHERE.replace("NAMESPACE", namespace).replace("EXPORTED", exported)
    gone = ("HTTPRoute/direct-httpbin-to-egress-gateway",)
    source = Pod("curl", "probe", ("10.0.9.9",), DataplaneMode.AMBIENT)
    found = mesh("waypoint-gateway", more, without=gone).claim(source, HTTPBIN)
    assert found.path is path


def test_a_pod_with_a_sidecar_does_not_use_waypoints():
    found = mesh("ambient").claim(PROBE, HTTPBIN)
    assert found.fault_texts[0] == "pod egress-gateway/probe has a sidecar, and sidecars do not use waypoints"


def test_an_ambient_source_does_not_follow_routing_rules():
    source = Pod("curl", "probe", ("10.0.9.9",), DataplaneMode.AMBIENT)
    found = mesh("istio-apis").claim(source, DOCS)
    assert found.path is Path.VIA_GATEWAY
    assert "pod curl/probe is in ambient mode: ztunnel alone does not follow routing rules" in found.fault_texts


# ---------------------------------------------------------------- access logs and authorization


TELEMETRY = """
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {{name: logs, namespace: {namespace}}}
spec: {{accessLogging: [{entry}]}}
"""


@pytest.mark.parametrize(
    ("namespace", "entry", "gap"),
    [
        ("istio-system", "{disabled: true}", "turns access logging off at egress-gateway/egressgateway"),
        ("egress-gateway", "{disabled: true}", "turns access logging off at egress-gateway/egressgateway"),
        ("curl", "{disabled: true}", "turns access logging off at curl/probe"),
        ("other", "{disabled: true}", ""),
        ("egress-gateway", "{match: {mode: SERVER}, disabled: true}", "logs only the other side of a connection"),
        ("egress-gateway", "{filter: {expression: 'response.code >= 400'}}", "log only where response.code >= 400"),
        ("egress-gateway", "{providers: [{name: envoy}]}", ""),
        ("egress-gateway", "{providers: [{name: otel}]}", "names log provider otel, which is not defined"),
    ],
)
def test_telemetry_that_hides_the_access_log_is_a_gap(namespace, entry, gap):
    found = mesh("istio-apis", TELEMETRY.format(namespace=namespace, entry=entry)).claim(IN_CURL, DOCS)
    assert found.path is Path.VIA_GATEWAY
    assert any(gap in each for each in found.fault_texts) if gap else found.fault_texts == ()


AUTHORIZATION = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: rule, namespace: {namespace}}}
spec: {spec}
"""


@pytest.mark.parametrize(
    ("namespace", "spec", "gap"),
    [
        ("egress-gateway", "{}", "lets nobody use egress-gateway/egressgateway"),
        ("egress-gateway", "{action: DENY, rules: [{}]}", "lets nobody use egress-gateway/egressgateway"),
        ("egress-gateway", "{rules: [{}]}", ""),
        ("egress-gateway", "{action: DENY}", ""),
        ("egress-gateway", "{action: AUDIT, rules: [{}]}", ""),
        ("egress-gateway", "{selector: {matchLabels: {app: web}}}", ""),
        ("istio-system", "{action: DENY, rules: [{to: [{operation: {ports: ['80']}}]}]}", "(DENY) limits who may use"),
        ("curl", "{}", ""),
    ],
)
def test_authorization_that_limits_the_gateway_is_a_gap(namespace, spec, gap):
    found = mesh("istio-apis", AUTHORIZATION.format(namespace=namespace, spec=spec)).claim(IN_CURL, DOCS)
    assert any(gap in each for each in found.fault_texts) if gap else found.fault_texts == ()
