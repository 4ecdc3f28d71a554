"""Proxies that do not log, or not all; and the blind spots of whole snapshots."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.proxy_pods import ALONE, APP, ASKS, CONFIG, INJECTED, SIDECAR, of_gateway, owned, pod, snapshot
from support.scenarios import mesh, parse

from egressaudit.mesh import Mesh, trim
from egressaudit.model import BlindSpot

# ---------------------------------------------------------------- proxies that do not log


def telemetry(spec: str, namespace: str = "shop", name: str = "t", made: str = "") -> str:
    made = f", creationTimestamp: '{made}'" if made else ""
    about = f"{{name: {name}, namespace: {namespace}{made}}}"
    return f"apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {about}\nspec: {{{spec}}}\n"


def logs_of(proxy: str, *telemetries: str, config: str = "accessLogFile: /dev/stdout") -> list[str]:
    configured = CONFIG.replace("accessLogFile: /dev/stdout", config)
    found = Mesh.of(parse(configured + "\n---\n".join((proxy, *telemetries)))).blind_spots()
    assert all(each.subject == "shop/p/istio-proxy" for each in found)
    return [each.kind for each in found]


SIDECAR_POD = pod(f"labels: {{app: web}}, {INJECTED}", SIDECAR)


GATEWAY_POD = of_gateway("istio")


WAYPOINT_POD = of_gateway("istio-waypoint")


ENVOY = "providers: [{name: envoy}]"


@pytest.mark.parametrize(
    ("config", "kinds"),
    [
        ("accessLogFile: /dev/stdout", []),
        ("accessLogFile: /dev/stderr", []),
        ("accessLogFile: /var/log/envoy.log", ["logging-off"]),
        ("accessLogEncoding: JSON", ["logging-off"]),
        ("{defaultProviders: {accessLogging: [envoy]}}", []),
        ("{defaultProviders: {accessLogging: [Envoy]}}", []),
        ("{defaultProviders: {accessLogging: [otel]}, accessLogFile: /dev/stdout}", ["logging-off"]),
        ("{defaultProviders: {accessLogging: [f]}, extensionProviders: [{name: f, envoyFileAccessLog: {}}]}", []),
        (
            (
                "{defaultProviders: {accessLogging: [f]},"
                " extensionProviders: [{name: f, envoyFileAccessLog: {path: /tmp/x}}]}"
            ),
            ["logging-off"],
        ),
    ],
)
def test_what_mesh_config_says_about_logging(config, kinds):
    assert logs_of(SIDECAR_POD, config=config) == kinds


OFF, FILTERED = ["logging-off"], ["logging-filtered"]


@pytest.mark.parametrize(
    ("telemetries", "kinds"),
    [
        ([telemetry("accessLogging: [{disabled: true}]")], OFF),
        ([telemetry("accessLogging: [{disabled: true}]", "istio-system")], OFF),
        ([telemetry("accessLogging: [{disabled: true}]", "other")], []),
        ([telemetry("selector: {matchLabels: {app: web}}, accessLogging: [{disabled: true}]")], OFF),
        ([telemetry("selector: {matchLabels: {app: db}}, accessLogging: [{disabled: true}]")], []),
        # One workload's counts only in its own namespace.
        ([telemetry("selector: {matchLabels: {app: web}}, accessLogging: [{disabled: true}]", "istio-system")], []),
        ([telemetry(f"accessLogging: [{{{ENVOY}, filter: {{expression: response.code >= 400}}}}]")], FILTERED),
        ([telemetry(f"accessLogging: [{{{ENVOY}, match: {{mode: SERVER}}}}]")], OFF),
        ([telemetry(f"accessLogging: [{{{ENVOY}, match: {{mode: CLIENT}}}}]")], []),
        ([telemetry("accessLogging: [{providers: [{name: otel}]}]")], OFF),
        ([telemetry("accessLogging: [{providers: [{name: otel}, {name: envoy}]}]")], []),
        ([telemetry("metrics: [{}]")], []),
        # The nearer overrides the wider, entry by entry.
        (
            [
                telemetry("accessLogging: [{disabled: true}]", "istio-system"),
                telemetry(f"accessLogging: [{{{ENVOY}}}]"),
            ],
            [],
        ),
        (
            [
                telemetry(f"accessLogging: [{{{ENVOY}}}]", "istio-system"),
                telemetry("accessLogging: [{disabled: true}]"),
            ],
            OFF,
        ),
        (
            [
                telemetry(f"accessLogging: [{{{ENVOY}}}]", "istio-system"),
                telemetry("accessLogging: [{match: {mode: SERVER}, disabled: true}]"),
            ],
            [],
        ),
        (
            [
                telemetry(f"accessLogging: [{{{ENVOY}, filter: {{expression: x}}}}]", "istio-system"),
                telemetry("accessLogging: [{match: {mode: CLIENT}}]"),
            ],
            FILTERED,
        ),
        # targetRefs are of gateways and waypoints, also where a pod has a gateway's name.
        (
            [
                telemetry(
                    "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: p}],"
                    " accessLogging: [{disabled: true}]"
                )
            ],
            [],
        ),
    ],
)
def test_what_telemetry_says_about_a_sidecar(telemetries, kinds):
    assert logs_of(SIDECAR_POD, *telemetries) == kinds


TO_EDGE = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: edge}]"


@pytest.mark.parametrize("proxy", [GATEWAY_POD, WAYPOINT_POD])
def test_telemetry_reaches_gateways_and_waypoints_by_target_refs(proxy):
    assert logs_of(proxy, telemetry(f"{TO_EDGE}, accessLogging: [{{disabled: true}}]")) == OFF
    assert logs_of(proxy, telemetry(f"{TO_EDGE.replace('edge', 'other')}, accessLogging: [{{disabled: true}}]")) == []


CLASS = "targetRefs: [{group: gateway.networking.k8s.io, kind: GatewayClass, name: istio-waypoint}]"


def test_telemetry_of_the_waypoint_class_counts_for_waypoints_beside_it_in_the_root_namespace():
    off = telemetry(f"{CLASS}, accessLogging: [{{disabled: true}}]", "istio-system")
    here = of_gateway("istio-waypoint", "istio-system")
    assert [each.kind for each in snapshot(here, off).blind_spots()] == OFF
    assert logs_of(WAYPOINT_POD, off) == []
    assert logs_of(GATEWAY_POD, off) == []
    assert logs_of(WAYPOINT_POD, telemetry(f"{CLASS}, accessLogging: [{{disabled: true}}]")) == []


def test_telemetry_reaches_gateways_by_istios_own_gateway_too():
    gateway = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: mine, namespace: shop}
spec: {selector: {app: edge}}
"""
    to = "targetRefs: [{group: networking.istio.io, kind: Gateway, name: mine}], accessLogging: [{disabled: true}]"
    assert logs_of(GATEWAY_POD, gateway, telemetry(to)) == OFF
    assert logs_of(GATEWAY_POD, gateway.replace("edge", "other"), telemetry(to)) == []
    assert logs_of(SIDECAR_POD, gateway.replace("edge", "web"), telemetry(to)) == []


def test_a_waypoint_logs_as_a_server_and_a_gateway_as_a_client():
    for mode, gateway, waypoint in (("SERVER", OFF, []), ("CLIENT", [], OFF)):
        entry = telemetry(f"accessLogging: [{{{ENVOY}, match: {{mode: {mode}}}}}]")
        assert logs_of(GATEWAY_POD, entry) == gateway
        assert logs_of(WAYPOINT_POD, entry) == waypoint


def test_of_two_for_one_namespace_the_older_counts_and_where_that_is_unknown_both_are_heard():
    on, off = f"accessLogging: [{{{ENVOY}}}]", "accessLogging: [{disabled: true}]"
    old, new = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    assert logs_of(SIDECAR_POD, telemetry(on, name="a", made=old), telemetry(off, name="b", made=new)) == []
    assert logs_of(SIDECAR_POD, telemetry(on, name="a", made=new), telemetry(off, name="b", made=old)) == OFF
    assert logs_of(SIDECAR_POD, telemetry(on, name="a"), telemetry(off, name="b")) == OFF


def test_telemetry_counts_for_a_gateway_in_the_control_plane_too():
    gateway = owned("Deployment/gw", ASKS, ALONE, "istio-system")
    found = snapshot(gateway, telemetry("accessLogging: [{disabled: true}]", "istio-system")).blind_spots()
    assert [(each.kind, each.subject) for each in found] == [("logging-off", "istio-system/p/istio-proxy")]


def test_without_mesh_config_it_is_not_known_whether_proxies_log():
    found = Mesh.of(parse(SIDECAR_POD)).blind_spots()
    assert [(each.kind, each.subject) for each in found] == [("logging-unknown", "meshConfig")]


# ---------------------------------------------------------------- whole snapshots


def test_the_scenarios_have_the_blind_spots_that_they_are_named_for():
    assert [each.kind for each in mesh("no-sidecar").blind_spots() if each.subject.startswith("curl/")] == [
        "not-injected"
    ]
    assert "logging-off" in [each.kind for each in mesh("logging-off").blind_spots()]
    assert mesh("istio-apis").blind_spots() == ()


LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "NONE", "*", "istio-proxy", "istio-init", "-i", "DISABLE_ENVOY"])
)


ANY = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "args", "env", "value", "spec", "containers", "initContainers", "securityContext"])
            | st.sampled_from(["runAsUser", "annotations", "labels", "accessLogging", "providers", "filter", "match"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(spec=ANY, status=ANY, kind=st.sampled_from(["Pod", "Telemetry"]), annotations=ANY)
def test_no_shape_of_an_object_breaks_it_and_saving_changes_nothing(spec, status, kind, annotations):
    group = {"Pod": "v1", "Telemetry": "telemetry.istio.io/v1"}[kind]
    metadata = {"name": "p", "namespace": "shop", "annotations": annotations, "creationTimestamp": "x"}
    obj = {"apiVersion": group, "kind": kind, "metadata": metadata, "spec": spec, "status": status}
    found = Mesh.of([obj, *parse(CONFIG + SIDECAR_POD.replace("name: p,", "name: q,"))])
    assert Mesh.from_json(found.to_json()).blind_spots() == found.blind_spots()
    assert trim(trim(obj)) == trim(obj)


@given(order=st.permutations(range(5)))
def test_the_order_of_objects_changes_nothing(order):
    documents = parse(
        CONFIG
        + pod("", APP)
        + pod("", f"{APP}, hostNetwork: true", "z")
        + telemetry("accessLogging: [{disabled: true}]", "istio-system")
    )
    whole = Mesh.of(documents)
    assert Mesh.of([documents[n] for n in order]).blind_spots() == whole.blind_spots()
    assert [each.subject for each in whole.blind_spots()] == ["shop/p", "z/p"]


def test_a_saved_snapshot_holds_whom_containers_run_as_and_no_other_argument_or_setting():
    secret = {"name": "istio-init", "args": ["-i", "*", "--token", "hush"], "env": [{"name": "K", "value": "hush"}]}
    app = {
        "name": "app",
        "args": ["-x", "hush"],
        "securityContext": {"runAsUser": 7, "seLinuxOptions": {"level": "hush"}},
    }
    obj = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [app], "initContainers": [secret]}}
    kept = trim(obj)
    assert "hush" not in yaml.safe_dump(kept)
    assert kept["spec"]["initContainers"] == [{"name": "istio-init", "args": ["-i", "*"]}]
    assert kept["spec"]["containers"] == [{"name": "app", "securityContext": {"runAsUser": 7}}]


def test_of_environments_only_istios_own_switches_are_saved():
    env = [{"name": "TOKEN", "value": "hush"}, {"name": "ISTIO_DUAL_STACK", "value": "true"}]
    proxy, app = {"name": "istio-proxy", "env": env}, {"name": "app", "env": env}
    kept = trim({"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [app, proxy]}})
    assert kept["spec"]["containers"] == [
        {"name": "app"},
        {"name": "istio-proxy", "env": [{"name": "ISTIO_DUAL_STACK", "value": "true"}]},
    ]


def test_blind_spots_are_values_that_compare():
    assert snapshot(pod("", APP)).blind_spots() == (
        BlindSpot("not-injected", "shop/p", "Pod/p", "the pod has no sidecar and is not in ambient mode"),
    )
