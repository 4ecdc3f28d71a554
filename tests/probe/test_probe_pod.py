"""The pod that a probe is sent from."""

from __future__ import annotations

import pytest

from egressaudit.probe import DEFAULT_IMAGE, pod_ready, probe_pod


def test_the_probe_pod_meets_the_restricted_profile_and_ends_by_itself() -> None:
    manifest = probe_pod("shop", DEFAULT_IMAGE, "ab12cd34", 90)
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
