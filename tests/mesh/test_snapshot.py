"""The snapshot: what is kept, saved and read again; gateways by name; hostile shapes."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.junk import JUNK, junk_objects
from support.scenarios import NAMES, mesh, parse, scenario

from egressaudit.errors import BadLogs, NotFound, UsageError
from egressaudit.mesh import RESOURCES, Mesh, trim
from egressaudit.model import DataplaneMode, LogFormat, ObjectRef, Path, Pod, Scheme, Target

SOURCE = Pod("curl", "probe", ("10.0.9.9",), DataplaneMode.SIDECAR)
TARGETS = (
    Target("docs.redhat.com", 80, Scheme.HTTP),
    Target("docs.redhat.com", 443, Scheme.HTTPS),
    Target("httpbin.org", 80, Scheme.HTTP),
)


# ---------------------------------------------------------------- saved and read again


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_snapshot_reads_as_the_same(name):
    snapshot = mesh(name)
    saved = json.dumps(snapshot.to_json())
    again = Mesh.from_json(json.loads(saved))
    assert again == snapshot
    assert again.pods == snapshot.pods
    assert json.dumps(again.to_json()) == saved
    assert [again.claim(SOURCE, each) for each in TARGETS] == [snapshot.claim(SOURCE, each) for each in TARGETS]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.sampled_from(NAMES).flatmap(lambda name: st.permutations(scenario(name))))
def test_the_order_of_objects_changes_nothing(objects):
    shuffled, usual = Mesh.of(objects), Mesh.of(sorted(objects, key=lambda each: str(each["metadata"]["name"])))
    assert shuffled == usual
    assert [shuffled.claim(SOURCE, each) for each in TARGETS] == [usual.claim(SOURCE, each) for each in TARGETS]


@pytest.mark.parametrize(
    "saved", [{}, {"version": 1}, {"version": 2, "objects": []}, {"version": 1, "objects": {}}, [], None]
)
def test_a_file_that_is_no_snapshot_is_refused(saved):
    with pytest.raises(BadLogs):
        Mesh.from_json(saved)


# ---------------------------------------------------------------- what is kept

SECRETIVE = """
apiVersion: v1
kind: Pod
metadata:
  name: p
  namespace: curl
  managedFields: [{manager: HIDDEN}]
  annotations: {kubectl.kubernetes.io/last-applied-configuration: HIDDEN, team: HIDDEN}
spec: {containers: [{name: app, env: [{name: TOKEN, value: HIDDEN}], args: [HIDDEN]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, namespace: curl}
spec:
  hosts: [docs.redhat.com]
  http:
    - match: [{headers: {x-token: {exact: HIDDEN}}, port: 80}]
      headers: {request: {set: {authorization: HIDDEN}}}
      route: [{destination: {host: docs.redhat.com}, headers: {request: {set: {a: HIDDEN}}}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: a, namespace: curl}
spec: {rules: [{when: [{key: 'request.headers[x-token]', values: [HIDDEN]}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: curl}
spec:
  rules:
    - matches: [{headers: [{name: x-token, value: HIDDEN}]}]
      filters: [{requestHeaderModifier: {set: [{name: a, value: HIDDEN}]}}]
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: curl, annotations: {a: HIDDEN}}
data: {password: HIDDEN}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  other: HIDDEN
  mesh: "accessLogFile: /dev/stdout\\ndefaultConfig: {proxyMetadata: {TOKEN: HIDDEN}}\\nca: {address: HIDDEN}\\n"
"""


def test_a_saved_snapshot_holds_no_environment_header_value_or_secret():
    saved = json.dumps(Mesh.of(parse(SECRETIVE)).to_json())
    assert "HIDDEN" not in saved
    assert "/dev/stdout" in saved


@pytest.mark.parametrize("name", NAMES)
def test_trimming_twice_is_trimming_once(name):
    for each in [*scenario(name), *parse(SECRETIVE)]:
        once = trim(each)
        assert trim(once) == once


def test_no_resource_of_a_snapshot_holds_secrets_and_config_maps_are_read_by_name():
    kinds = {each.kind: each for each in RESOURCES}
    assert "Secret" not in kinds
    assert kinds["ConfigMap"].only == ObjectRef("istio-system", "istio")
    assert [each.kind for each in RESOURCES if each.only] == ["ConfigMap"]
    assert {each.kind for each in RESOURCES if each.required} == {"Namespace", "Pod", "Service"}


# ---------------------------------------------------------------- gateways by name


@pytest.mark.parametrize(
    ("name", "path", "ref"),
    [
        ("istio-apis", Path.VIA_GATEWAY, ObjectRef("egress-gateway", "egressgateway")),
        ("istio-apis", Path.VIA_GATEWAY, ObjectRef("egress-gateway", "egress-gw")),
        ("istio-apis", Path.VIA_GATEWAY, None),
        ("gateway-api", Path.VIA_GATEWAY, ObjectRef("egress-gateway", "httpbin-egress-gateway")),
        ("gateway-api", Path.VIA_GATEWAY, ObjectRef("egress-gateway", "httpbin-egress-gateway-istio")),
        ("ambient", Path.VIA_WAYPOINT, ObjectRef("egress-gateway", "waypoint")),
        ("ambient", Path.VIA_WAYPOINT, None),
    ],
)
def test_a_gateway_is_found_by_any_of_its_names_or_as_the_only_one(name, path, ref):
    found = mesh(name).gateway(path, ref)
    assert found.path is path
    assert ref is None or found.via == ref
    assert [each.namespace for each in found.pods] == ["egress-gateway"]
    assert found.fault_texts == ()


def test_a_gateway_without_pods_is_found_and_says_so():
    found = mesh("gateway-down").gateway(Path.VIA_GATEWAY, None)
    assert (str(found.via), found.pods) == ("egress-gateway/egressgateway", ())
    assert found.fault_texts == ("egress-gateway/egressgateway has no ready pod",)


@pytest.mark.parametrize(
    ("name", "path", "ref", "hint"),
    [
        ("istio-apis", Path.VIA_GATEWAY, ObjectRef("curl", "egressgateway"), "gateway=egress-gateway/egressgateway"),
        ("istio-apis", Path.VIA_GATEWAY, ObjectRef("curl", "curl"), "gateway=egress-gateway/egressgateway"),
        ("istio-apis", Path.VIA_WAYPOINT, None, "is a waypoint"),
        ("ambient", Path.VIA_GATEWAY, None, "is a gateway"),
        ("ambient", Path.VIA_GATEWAY, ObjectRef("egress-gateway", "waypoint"), "is a gateway"),
        ("gateway-api", Path.VIA_WAYPOINT, ObjectRef("egress-gateway", "httpbin-egress-gateway"), "is a waypoint"),
    ],
)
def test_a_gateway_that_is_not_there_is_answered_with_those_that_are(name, path, ref, hint):
    with pytest.raises(NotFound) as caught:
        mesh(name).gateway(path, ref)
    assert hint in caught.value.hint


def test_of_several_gateways_one_must_be_named():
    objects = scenario("istio-apis")
    gateway = [each for each in objects if each["metadata"].get("namespace") == "egress-gateway"]
    renamed = json.dumps(gateway).replace("egress-gateway", "ingress").replace("egressgateway", "ingress")
    with pytest.raises(UsageError) as caught:
        Mesh.of([*objects, *json.loads(renamed)]).gateway(Path.VIA_GATEWAY, None)
    assert caught.value.message == "there are 2 gateways in this cluster"
    assert "gateway=egress-gateway/egressgateway, --expect gateway=ingress/ingress" in caught.value.hint


# ---------------------------------------------------------------- hostile shapes

READ = tuple(each.name for each in RESOURCES)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(junk_objects() | JUNK, max_size=5))
def test_objects_of_any_shape_are_read_without_error(objects):
    snapshot = Mesh.of(objects, READ)
    snapshot.backing()
    assert Mesh.from_json(json.loads(json.dumps(snapshot.to_json()))) == snapshot
    for target in TARGETS:
        snapshot.claim(SOURCE, target)
    for pod in snapshot.pods:
        snapshot.uncaptured(pod, 80, "192.0.2.1:80")
        snapshot.source_log(pod)


@st.composite
def damaged_scenarios(draw):
    """A scenario in which one value, anywhere, was replaced by junk."""
    objects = json.loads(json.dumps(scenario(draw(st.sampled_from(NAMES)))))
    at = objects[draw(st.integers(0, len(objects) - 1))]
    while True:
        key = draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not (isinstance(at[key], dict | list) and at[key]) or draw(st.booleans()):
            at[key] = draw(JUNK)
            return objects
        at = at[key]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(damaged_scenarios())
def test_a_scenario_with_any_value_damaged_is_read_without_error(objects):
    snapshot = Mesh.of(objects, READ)
    snapshot.backing()
    for target in TARGETS:
        snapshot.claim(SOURCE, target)
    for path in (Path.VIA_GATEWAY, Path.VIA_WAYPOINT):
        with suppress(UsageError):
            snapshot.gateway(path, None)


USED = "{defaultProviders: {accessLogging: [mine]}"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("accessLogFile: /dev/stdout", ()),
        ("accessLogFormat: '%START_TIME% x'", (LogFormat("meshConfig.accessLogFormat", "%START_TIME% x"),)),
        (
            '{accessLogFormat: \'{"a": "%PROTOCOL%"}\', accessLogEncoding: JSON}',
            (LogFormat("meshConfig.accessLogFormat", labels='{"a": "%PROTOCOL%"}'),),
        ),
        ("extensionProviders: [{name: mine, envoyFileAccessLog: {logFormat: {text: x}}}]", ()),
        (
            f"{USED}, extensionProviders: [{{name: mine, envoyFileAccessLog: {{logFormat: {{text: x}}}}}}]}}",
            (LogFormat("log provider mine", "x"),),
        ),
        (
            f"{USED}, extensionProviders: [{{name: mine, envoyFileAccessLog: {{omitEmptyValues: true}}}}]}}",
            (LogFormat("log provider mine", "", omit_empty=True),),
        ),
    ],
)
def test_custom_access_log_formats_are_known(config: str, expected: tuple[LogFormat, ...]) -> None:
    metadata = {"name": "istio", "namespace": "istio-system"}
    snapshot = Mesh.of([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mesh": config}}])
    assert snapshot.custom_formats == expected
