"""Traffic that goes around a sidecar: which ports, addresses and containers it does not see."""

from __future__ import annotations

import pytest
from support.proxy_pods import APP, INJECTED, SIDECAR, pod, spots


def annotated(extra: str) -> str:
    return f'annotations: {{sidecar.istio.io/status: "{{}}", {extra}}}'


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
