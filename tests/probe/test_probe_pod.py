"""The pod that a probe is sent from."""

from __future__ import annotations

import re

import pytest

from egressaudit.probe import DEFAULT_IMAGE, ProbePodOptions, pod_ready, probe_pod


def test_the_probe_pod_meets_the_restricted_profile_and_ends_by_itself() -> None:
    manifest = probe_pod("shop", ProbePodOptions(), "ab12cd34", 90)
    spec = manifest["spec"]
    (container,) = spec["containers"]
    assert manifest["metadata"]["name"] == "egressaudit-probe-ab12cd34"
    assert manifest["metadata"]["labels"]["egressaudit.io/run-id"] == "ab12cd34"
    assert manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "egressaudit"
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert set(container["resources"]) == {"requests", "limits"}
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert (spec["activeDeadlineSeconds"], spec["restartPolicy"]) == (90, "Never")
    assert "latest" not in DEFAULT_IMAGE


def status(curl: str, *, proxy_ready: bool | None = None, native: bool = False) -> dict[str, object]:
    proxy = {"name": "istio-proxy", "ready": proxy_ready, "state": {"running": {}}}
    key = "initContainer" if native else "container"
    pod: dict[str, dict[str, list[dict[str, object]]]] = {
        "spec": {"containers": [{"name": "curl"}]},
        "status": {"containerStatuses": [{"name": "curl", "ready": True, "state": {curl: {}}}]},
    }
    if proxy_ready is not None:
        pod["spec"].setdefault(f"{key}s", []).append({"name": "istio-proxy"})
        pod["status"].setdefault(f"{key}Statuses", []).append(proxy)
    return dict(pod)


@pytest.mark.parametrize(
    ("pod", "ready"),
    [
        ({}, "container curl is not running"),
        (status("waiting"), "container curl is not running"),
        (status("running"), True),
        (status("running", proxy_ready=False), "container istio-proxy is not ready"),
        (status("running", proxy_ready=True), True),
        (status("running", proxy_ready=False, native=True), "container istio-proxy is not ready"),
        (status("running", proxy_ready=True, native=True), True),
        ({"status": {"phase": "Failed", "reason": "DeadlineExceeded"}}, "it ended: DeadlineExceeded"),
    ],
)
def test_a_pod_is_ready_when_curl_runs_and_the_proxy_is_ready(pod: dict[str, object], ready: object) -> None:
    assert pod_ready(pod) == ready


TEMPLATE = {
    "metadata": {"name": "mine", "labels": {"team": "payments"}, "annotations": {"a": "1"}},
    "spec": {
        "priorityClassName": "low",
        "restartPolicy": "Always",
        "securityContext": {"runAsUser": 1000},
        "containers": [{"name": "curl", "resources": {"limits": {"cpu": "1"}}}, {"name": "other", "image": "x"}],
    },
}


def test_a_template_counts_before_our_defaults_and_not_before_what_makes_it_our_pod() -> None:
    pod = probe_pod("shop", ProbePodOptions(template=TEMPLATE), "ab12cd34", 90)
    curl, other = pod["spec"]["containers"]
    assert pod["metadata"]["name"] == "egressaudit-probe-ab12cd34"
    assert pod["metadata"]["labels"]["team"] == "payments"
    assert pod["metadata"]["labels"]["egressaudit.io/run-id"] == "ab12cd34"
    assert pod["metadata"]["annotations"]["a"] == "1"
    assert (pod["spec"]["priorityClassName"], pod["spec"]["restartPolicy"]) == ("low", "Never")
    assert pod["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "runAsUser": 1000,
    }
    assert (curl["image"], curl["command"]) == (DEFAULT_IMAGE, ["sleep", "90"])
    assert curl["resources"]["limits"] == {"cpu": "1", "memory": "64Mi"}
    assert other == {"name": "other", "image": "x"}
    assert "name" in TEMPLATE["metadata"], "the template itself stays as it is"


def test_options_count_before_the_template() -> None:
    wanted = ProbePodOptions(
        image="mirror/curl:1",
        service_account="billing",
        pull_secrets=("pull",),
        node_selector={"pool": "egress"},
        tolerations=({"key": "dedicated", "operator": "Exists"},),
        labels={"team": "billing"},
        annotations={"a": "2"},
        template=TEMPLATE,
    )
    pod = probe_pod("shop", wanted, "ab12cd34", 90)
    spec = pod["spec"]
    assert spec["containers"][0]["image"] == "mirror/curl:1"
    assert (spec["serviceAccountName"], spec["imagePullSecrets"]) == ("billing", [{"name": "pull"}])
    assert (spec["nodeSelector"], spec["tolerations"]) == (
        {"pool": "egress"},
        [{"key": "dedicated", "operator": "Exists"}],
    )
    assert (pod["metadata"]["labels"]["team"], pod["metadata"]["annotations"]["a"]) == ("billing", "2")
    assert spec["automountServiceAccountToken"] is False


@pytest.mark.parametrize("image", [DEFAULT_IMAGE])
def test_the_default_image_is_pinned_by_digest(image: str) -> None:
    assert re.fullmatch(r"docker\.io/curlimages/curl:8\.\d+\.\d+@sha256:[0-9a-f]{64}", image)
