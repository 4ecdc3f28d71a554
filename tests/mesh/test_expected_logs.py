"""What a snapshot says will be missing: expected logs, pods outside capture, traffic around sidecars, logging off."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.scenarios import mesh, parse

from egressaudit.mesh import Mesh, trim
from egressaudit.model import BlindSpot, LogSource, Reporter

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "accessLogFile: /dev/stdout"}
---
apiVersion: v1
kind: Namespace
metadata: {name: ambient, labels: {istio.io/dataplane-mode: ambient}}
---
"""
SIDECAR = "containers: [{name: app}, {name: istio-proxy}]"
INJECTED = 'annotations: {sidecar.istio.io/status: "{}"}'
ALONE = "containers: [{name: istio-proxy}]"
APP = "containers: [{name: app}]"


def pod(metadata: str, spec: str, namespace: str = "shop", status: str = "{}") -> str:
    about = f"{{name: p, namespace: {namespace}, {metadata}}}"
    return f"apiVersion: v1\nkind: Pod\nmetadata: {about}\nspec: {{{spec}}}\nstatus: {status}\n---\n"


def owned(workload: str, metadata: str, spec: str, namespace: str = "shop", above: str = "") -> str:
    """A pod of a Deployment or DaemonSet (`Kind/name`): what proves that it is the proxy that its marks say."""
    kind, _, name = workload.partition("/")
    owner = f"{{kind: {kind}, name: {name}, controller: true}}"
    near = owner if kind == "DaemonSet" else f"{{kind: ReplicaSet, name: {name}-5d8f, controller: true}}"
    made = pod(f"{metadata}, ownerReferences: [{near}]", spec, namespace)
    template = f"{{template: {{metadata: {{{metadata}}}, spec: {{{spec}}}}}}}"
    made += (
        f"apiVersion: apps/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: {namespace}, ownerReferences: [{above}]}}\nspec: {template}\n---\n"
    )
    if kind == "Deployment":
        about = f"{{name: {name}-5d8f, namespace: {namespace}, ownerReferences: [{owner}]}}"
        made += f"apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {about}\n---\n"
    return made


ASKS = "annotations: {inject.istio.io/templates: gateway}"
IS_ZTUNNEL = "labels: {app: ztunnel}"


def of_gateway(gateway_class: str, namespace: str = "shop") -> str:
    """A Gateway `edge`, and the Deployment and pod that istiod makes for it."""
    api = "gateway.networking.k8s.io"
    about = f"{{name: edge, namespace: {namespace}}}"
    asked = (
        f"apiVersion: {api}/v1\nkind: Gateway\nmetadata: {about}\nspec: {{gatewayClassName: {gateway_class}}}\n---\n"
    )
    labels = f"{api}/gateway-name: edge, {api}/gateway-class-name: {gateway_class}, app: edge"
    name = "edge" if gateway_class == "istio-waypoint" else f"edge-{gateway_class}"
    above = f"{{apiVersion: {api}/v1, kind: Gateway, name: edge}}"
    return asked + owned(f"Deployment/{name}", f"labels: {{{labels}}}", ALONE, namespace, above)


def snapshot(*documents: str) -> Mesh:
    return Mesh.of(parse(CONFIG + "\n---\n".join(documents)))


def spots(*documents: str) -> list[tuple[str, str]]:
    return [(each.kind, each.reason) for each in snapshot(*documents).blind_spots()]


def annotated(extra: str) -> str:
    return f'annotations: {{sidecar.istio.io/status: "{{}}", {extra}}}'


# ---------------------------------------------------------------- who should have a log


def test_every_proxy_of_each_kind_should_have_a_log():
    assert snapshot(
        pod(INJECTED, SIDECAR, "a"),
        pod(INJECTED, f"{APP}, initContainers: [{{name: istio-proxy}}]", "b"),
        owned("Deployment/gw", ASKS, ALONE, "c"),
        of_gateway("istio-waypoint", "d"),
        owned("DaemonSet/ztunnel", IS_ZTUNNEL, f"{ALONE}, nodeName: n1", "kube-system"),
        pod("", APP, "f"),
        # Marks that nothing proves make no proxy: what it writes proves nothing, so no verdict needs it.
        pod(ASKS, ALONE, "g"),
        pod(IS_ZTUNNEL, ALONE, "h"),
    ).expected_logs() == (
        (LogSource("a", "p", "istio-proxy"), Reporter.SIDECAR),
        (LogSource("b", "p", "istio-proxy"), Reporter.SIDECAR),
        (LogSource("c", "p", "istio-proxy"), Reporter.EGRESS_GATEWAY),
        (LogSource("d", "p", "istio-proxy"), Reporter.WAYPOINT),
        (LogSource("kube-system", "p", "istio-proxy"), Reporter.ZTUNNEL),
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("{phase: Pending}", 0),
        ("{phase: Pending, initContainerStatuses: [{name: istio-proxy, state: {waiting: {}}}]}", 0),
        (
            (
                "{phase: Pending, initContainerStatuses:"
                " [{name: istio-proxy, state: {running: {startedAt: '2026-11-07T14:00:00Z'}}}]}"
            ),
            1,
        ),
        ("{phase: Running}", 1),
        ("{phase: Succeeded}", 1),
        ("{phase: Failed}", 1),
    ],
)
def test_a_proxy_has_a_log_once_it_has_started_and_also_after_it_ended(status, expected):
    assert len(snapshot(pod(INJECTED, SIDECAR, status=status)).expected_logs()) == expected


# ---------------------------------------------------------------- pods outside capture


@pytest.mark.parametrize(
    ("metadata", "spec", "namespace", "kind", "reason"),
    [
        ("", APP, "shop", "not-injected", "the pod has no sidecar and is not in ambient mode"),
        (
            'labels: {sidecar.istio.io/inject: "false"}',
            APP,
            "shop",
            "not-injected",
            "the pod has no sidecar (sidecar.istio.io/inject is 'false') and is not in ambient mode",
        ),
        (
            "",
            f"{APP}, hostNetwork: true",
            "ambient",
            "host-network",
            "the pod uses the host's network, which the mesh never captures",
        ),
        (INJECTED, f"{SIDECAR}, hostNetwork: true", "shop", "host-network", "the pod uses the host's network"),
        ("", SIDECAR, "shop", "not-injected", "its container istio-proxy was not injected"),
        ("", APP, "ambient", "not-enrolled", "it has no ambient.istio.io/redirection"),
        (
            "annotations: {ambient.istio.io/redirection: pending}",
            APP,
            "ambient",
            "not-enrolled",
            "ambient.istio.io/redirection is 'pending'",
        ),
        ("annotations: {ambient.istio.io/redirection: pending}", APP, "shop", "not-enrolled", "is 'pending'"),
        (
            "annotations: {ambient.istio.io/redirection: enabled}",
            f"{APP}, nodeName: n9",
            "ambient",
            "not-enrolled",
            "there is no ztunnel on its node n9",
        ),
        (
            "labels: {gateway.networking.k8s.io/gateway-class-name: istio-east-west}",
            ALONE,
            "shop",
            "not-read",
            "the pod is an east-west gateway",
        ),
        # Whoever labels a pod as a gateway or ztunnel keeps it out of capture, and makes it none.
        (ASKS, SIDECAR, "shop", "not-injected", "nothing proves its container istio-proxy to be the mesh's"),
        (ASKS, ALONE, "shop", "not-injected", "nothing proves its container istio-proxy to be the mesh's"),
        (IS_ZTUNNEL, f"{ALONE}, hostNetwork: true", "shop", "host-network", "the pod uses the host's network"),
        (IS_ZTUNNEL, SIDECAR, "ambient", "not-enrolled", "it has no ambient.istio.io/redirection"),
        ("", APP, "istio-system", "system", "the pod has no sidecar"),
        ("", f"{APP}, hostNetwork: true", "openshift-dns", "system", "the pod uses the host's network"),
        ("", APP, "openshifty", "not-injected", "the pod has no sidecar"),
    ],
)
def test_a_pod_outside_capture_is_named(metadata, spec, namespace, kind, reason):
    found = snapshot(pod(metadata, spec, namespace)).blind_spots()
    assert [(each.kind, each.subject, each.workload) for each in found] == [(kind, f"{namespace}/p", "Pod/p")]
    assert reason in found[0].reason


@pytest.mark.parametrize(
    ("workload", "metadata", "spec", "namespace", "names"),
    [
        ("Deployment/gw", ASKS, SIDECAR, "shop", "app"),
        ("DaemonSet/ztunnel", IS_ZTUNNEL, f"{SIDECAR}, nodeName: n1", "ztunnel", "app"),
        (
            "Deployment/gw",
            ASKS,
            f"{ALONE}, initContainers: [{{name: fetch}}], ephemeralContainers: [{{name: debugger}}]",
            "shop",
            "fetch, debugger",
        ),
    ],
)
def test_nothing_captures_what_runs_beside_a_proxy(workload, metadata, spec, namespace, names):
    (found,) = snapshot(owned(workload, metadata, spec, namespace)).blind_spots()
    kind = "system" if namespace == "ztunnel" else "beside-proxy"
    assert (found.kind, found.subject, found.workload) == (kind, f"{namespace}/p", workload)
    assert f"nothing captures its containers {names}" in found.reason


@pytest.mark.parametrize(
    ("metadata", "spec", "namespace", "status"),
    [
        (INJECTED, SIDECAR, "shop", "{}"),
        (INJECTED, f"{APP}, initContainers: [{{name: istio-validation}}, {{name: istio-proxy}}]", "shop", "{}"),
        ("annotations: {ambient.istio.io/redirection: enabled}", f"{APP}, nodeName: n1", "ambient", "{}"),
        ("", APP, "shop", "{phase: Succeeded, podIP: 10.0.0.9}"),
        ("", APP, "shop", "{phase: Failed}"),
        ("", APP, "shop", "{phase: Pending}"),
    ],
)
def test_a_pod_that_is_captured_ended_or_waiting_is_no_blind_spot(metadata, spec, namespace, status):
    ztunnel = owned("DaemonSet/ztunnel", IS_ZTUNNEL, f"{ALONE}, nodeName: n1", "ztunnel")
    assert spots(ztunnel, pod(metadata, spec, namespace, status)) == []


def test_a_proxy_alone_in_its_pod_is_no_blind_spot():
    ztunnel = owned("DaemonSet/ztunnel", IS_ZTUNNEL, f"{ALONE}, hostNetwork: true, nodeName: n1", "ztunnel")
    assert spots(owned("Deployment/gw", ASKS, ALONE), ztunnel) == []


# ---------------------------------------------------------------- traffic around a sidecar

BY = "(annotations)"


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (
            'traffic.sidecar.istio.io/excludeOutboundPorts: "443,5432"',
            f"connections to port 443, 5432 go around its sidecar: excludeOutboundPorts {BY}",
        ),
        (
            "traffic.sidecar.istio.io/excludeOutboundIPRanges: 203.0.113.0/24",
            f"connections to 203.0.113.0/24 go around its sidecar: excludeOutboundIPRanges {BY}",
        ),
        (
            "traffic.sidecar.istio.io/excludeInterfaces: net1",
            f"connections through net1 go around its sidecar: excludeInterfaces {BY}",
        ),
        (
            "traffic.sidecar.istio.io/includeOutboundIPRanges: 10.0.0.0/8",
            f"only connections to 10.0.0.0/8 go through its sidecar: includeOutboundIPRanges {BY}",
        ),
        (
            'traffic.sidecar.istio.io/includeOutboundIPRanges: ""',
            f"no connection goes through its sidecar: includeOutboundIPRanges {BY}",
        ),
        (
            'traffic.sidecar.istio.io/includeOutboundIPRanges: "", traffic.sidecar.istio.io/includeOutboundPorts: "80"',
            f"only connections to port 80 go through its sidecar: includeOutboundIPRanges {BY}",
        ),
        # Istio drops a wildcard in a list.
        (
            'traffic.sidecar.istio.io/includeOutboundIPRanges: "*,10.0.0.0/8"',
            f"only connections to 10.0.0.0/8 go through its sidecar: includeOutboundIPRanges {BY}",
        ),
        (
            "sidecar.istio.io/interceptionMode: NONE",
            f"nothing is redirected to its sidecar: interceptionMode is NONE {BY}",
        ),
        # These capture everything.
        ('traffic.sidecar.istio.io/includeOutboundIPRanges: "*"', None),
        ('traffic.sidecar.istio.io/includeOutboundPorts: "80"', None),
        ('traffic.sidecar.istio.io/excludeOutboundPorts: ""', None),
        ("sidecar.istio.io/interceptionMode: REDIRECT", None),
    ],
)
def test_traffic_that_annotations_keep_from_the_sidecar_is_named(annotation, reason):
    found = spots(pod(annotated(annotation), SIDECAR))
    assert found == ([("excluded", reason)] if reason else [])


def with_init(args: str, annotation: str = "a: b") -> str:
    return pod(annotated(annotation), f"{SIDECAR}, initContainers: [{{name: istio-init, args: [{args}]}}]")


def test_what_the_mesh_itself_excludes_is_read_from_the_flags_of_istio_init():
    args = "istio-iptables, -p, '15001', -u, '1337', -m, REDIRECT, -i, 10.0.0.0/8, -x, '', -b, '*', -o, '9000'"
    assert spots(with_init(args)) == [
        ("excluded", "connections to port 9000 go around its sidecar: excludeOutboundPorts (istio-init)"),
        ("excluded", "only connections to 10.0.0.0/8 go through its sidecar: includeOutboundIPRanges (istio-init)"),
    ]


def test_an_annotation_that_is_changed_after_the_pod_was_made_hides_nothing():
    args = "istio-iptables, -i, '*', -x, 203.0.113.0/24"
    assert spots(with_init(args, 'traffic.sidecar.istio.io/excludeOutboundIPRanges: ""')) == [
        ("excluded", "connections to 203.0.113.0/24 go around its sidecar: excludeOutboundIPRanges (istio-init)")
    ]


def with_env(*switches: str, container: str = "istio-proxy", more: str = "") -> str:
    env = ", ".join(f"{{name: {name}, value: '{value}'}}" for name, value in (each.split("=") for each in switches))
    inits = "" if container == "istio-proxy" else f", initContainers: [{{name: {container}, env: [{env}]}}]"
    env = env if container == "istio-proxy" else ""
    return pod(INJECTED, f"containers: [{{name: app}}, {{name: istio-proxy, env: [{env}]}}]{inits}{more}")


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        (
            with_env("DISABLE_ENVOY=true"),
            "nothing is redirected to its sidecar: DISABLE_ENVOY makes istio-proxy an agent without a proxy",
        ),
        (with_env("DISABLE_ENVOY=false"), None),
        # The mesh's own default is in no annotation.
        (
            with_env("ISTIO_META_INTERCEPTION_MODE=NONE"),
            "nothing is redirected to its sidecar: interceptionMode is NONE (ISTIO_META_INTERCEPTION_MODE)",
        ),
        (with_env("ISTIO_META_INTERCEPTION_MODE=REDIRECT"), None),
        (
            with_env("ISTIO_OUTBOUND_OWNER_GROUPS=101,java", container="istio-init"),
            "only processes of group 101, java go through its sidecar: ISTIO_OUTBOUND_OWNER_GROUPS",
        ),
        (
            with_env("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE=888", container="istio-init"),
            "processes of group 888 go around its sidecar: ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE",
        ),
        (with_env("ISTIO_OUTBOUND_OWNER_GROUPS=*", container="istio-init"), None),
        # With Istio's CNI plugin they are not heard.
        (with_env("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE=888"), None),
        # An application's own environment says nothing.
        (
            pod(
                INJECTED, "containers: [{name: app, env: [{name: DISABLE_ENVOY, value: 'true'}]}, {name: istio-proxy}]"
            ),
            None,
        ),
    ],
)
def test_switches_of_istios_own_containers_that_keep_traffic_from_the_sidecar_are_named(proxy, reason):
    assert spots(proxy) == ([("excluded", reason)] if reason else [])


@pytest.mark.parametrize(
    ("metadata", "init", "excluded"),
    [
        ('labels: {sidecar.istio.io/inject: "false"}', "istio-validation", True),
        ('labels: {sidecar.istio.io/inject: "false"}', "istio-init", False),
        ('labels: {sidecar.istio.io/inject: "true"}', "istio-validation", False),
    ],
)
def test_the_cni_plugin_leaves_a_sidecar_alone_that_is_not_to_be_injected(metadata, init, excluded):
    found = spots(pod(f"{metadata}, {INJECTED}", f"{SIDECAR}, initContainers: [{{name: {init}}}]"))
    why = "nothing is redirected to its sidecar: sidecar.istio.io/inject is 'false', and it has no istio-init"
    assert found == ([("excluded", why)] if excluded else [])


@pytest.mark.parametrize(
    ("addresses", "switches", "excluded"),
    [
        ("10.0.0.1, fd00::1", [], True),
        ("10.0.0.1, fd00::1", ["ISTIO_DUAL_STACK=true"], False),
        ("10.0.0.1, fd00::1", ["ISTIO_DUAL_STACK=false"], True),
        ("fd00::1, 10.0.0.1", [], False),
        ("10.0.0.1", [], False),
        ("fd00::1", [], False),
    ],
)
def test_ipv6_of_a_pod_with_both_families_goes_around_the_sidecar_without_dual_stack(addresses, switches, excluded):
    ips = ", ".join(f"{{ip: '{each}'}}" for each in addresses.split(", "))
    document = with_env(*switches).replace("status: {}", f"status: {{podIPs: [{ips}]}}")
    why = "connections over IPv6 go around its sidecar: the pod has IPv4 first, and ISTIO_DUAL_STACK is not set"
    assert spots(document) == ([("excluded", why)] if excluded else [])


def test_an_istio_init_without_ranges_redirects_nothing():
    assert spots(with_init("istio-iptables, -p, '15001', -m, REDIRECT")) == [
        ("excluded", "no connection goes through its sidecar: includeOutboundIPRanges (istio-init)")
    ]


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("containers: [{name: app, securityContext: {runAsUser: 1337}}, {name: istio-proxy}]", "app"),
        (f"{SIDECAR}, ephemeralContainers: [{{name: debug, securityContext: {{runAsUser: 1337}}}}]", "debug"),
        ("containers: [{name: app, securityContext: {runAsGroup: 1337}}, {name: istio-proxy}]", "app"),
        (f"securityContext: {{runAsUser: 1337}}, {SIDECAR}", "app"),
        # The container's own setting beats the pod's.
        (
            (
                "securityContext: {runAsUser: 1337},"
                " containers: [{name: app, securityContext: {runAsUser: 8}}, {name: istio-proxy}]"
            ),
            "",
        ),
        ("containers: [{name: app, securityContext: {runAsUser: 1336}}, {name: istio-proxy}]", ""),
        # OpenShift gives the proxy a number of the namespace's range; 1337 is then nobody special.
        (
            (
                "containers: [{name: app, securityContext: {runAsUser: 1000700001}},"
                " {name: istio-proxy, securityContext: {runAsUser: 1000700001, runAsGroup: 1000700001}}]"
            ),
            "app",
        ),
        (
            (
                "containers: [{name: app, securityContext: {runAsUser: 1337}},"
                " {name: istio-proxy, securityContext: {runAsUser: 1000700001, runAsGroup: 1000700001}}]"
            ),
            "",
        ),
        # With TPROXY the proxy itself is root, and so may others be.
        (
            (
                "containers: [{name: app, securityContext: {runAsUser: 0}},"
                " {name: istio-proxy, securityContext: {runAsUser: 0, runAsGroup: 1337}}]"
            ),
            "",
        ),
        (f"{SIDECAR}, initContainers: [{{name: istio-validation, securityContext: {{runAsUser: 1337}}}}]", ""),
    ],
)
def test_containers_that_run_as_the_proxy_are_named(spec, names):
    reason = f"what {names} sends goes around its sidecar: it runs as the proxy's user or group"
    assert spots(pod(INJECTED, spec)) == ([("proxy-user", reason)] if names else [])


@pytest.mark.parametrize(
    ("containers", "init", "names"),
    [
        (SIDECAR, "{name: istio-init}, {name: migrate}", "migrate"),
        (SIDECAR, "{name: fetch}, {name: migrate}", "fetch, migrate"),
        (SIDECAR, "{name: istio-validation}, {name: istio-init}", ""),
        (APP, "{name: early}, {name: istio-proxy}, {name: migrate}", "early"),
        (APP, "{name: istio-proxy}, {name: migrate}", ""),
    ],
)
def test_init_containers_that_run_before_the_sidecar_are_named(containers, init, names):
    reason = f"what init containers {names} send is not logged: its sidecar starts later"
    found = spots(pod(INJECTED, f"{containers}, initContainers: [{init}]"))
    assert found == ([("init-container", reason)] if names else [])


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
