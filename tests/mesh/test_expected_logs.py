"""What a snapshot says will be missing: expected logs, pods outside capture, traffic around sidecars, logging off."""

from __future__ import annotations

import pytest
from support.proxy_pods import ALONE, APP, ASKS, INJECTED, SIDECAR, of_gateway, owned, pod, snapshot, spots

from egressaudit.model import LogSource, Reporter

IS_ZTUNNEL = "labels: {app: ztunnel}"


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
