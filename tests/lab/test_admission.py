"""Admission and capture in the lab: which pods are refused, and whose connections meet a sidecar."""

from __future__ import annotations

from typing import Any

import pytest

from egressaudit_lab.pods.injection import check_rules, redirected
from egressaudit_lab.scenario import AdmissionRule
from egressaudit_lab.world import AdmissionDenied

T = "traffic.sidecar.istio.io/"


def pod(user: int | None = None, labels: dict[str, str] | None = None, **annotations: str) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "curl"} | ({"securityContext": {"runAsUser": user}} if user else {})
    sidecar = {"name": "istio-proxy", "securityContext": {"runAsUser": 1337}}
    meta = {"name": "probe", "labels": labels or {}, "annotations": annotations}
    return {"metadata": meta, "spec": {"containers": [container, sidecar]}}


NO_OPT_OUT = AdmissionRule("no-opt-out", "stay", label="sidecar.istio.io/inject", value="false")
NO_RANGES = AdmissionRule("no-ranges", "stay", annotation=f"{T}excludeOutboundIPRanges")
ANY_MODE = AdmissionRule("any-mode", "stay", label="istio.io/dataplane-mode")


# One row: the rule, the pod, and whether it is refused.
@pytest.mark.parametrize(
    ("rule", "made", "refused"),
    [
        (NO_OPT_OUT, pod(labels={"sidecar.istio.io/inject": "false"}), True),
        (NO_OPT_OUT, pod(labels={"sidecar.istio.io/inject": "true"}), False),
        (NO_OPT_OUT, pod(), False),
        (NO_RANGES, pod(**{f"{T}excludeOutboundIPRanges": ""}), True),
        (NO_RANGES, pod(**{f"{T}excludeOutboundPorts": "80"}), False),
        (ANY_MODE, pod(labels={"istio.io/dataplane-mode": "none"}), True),
        (AdmissionRule("no-user", "stay", user=1000), pod(user=1000), True),
        (AdmissionRule("no-user", "stay", user=1000), pod(user=1001), False),
    ],
)
def test_a_rule_refuses_its_pods_alone(rule: AdmissionRule, made: dict[str, Any], *, refused: bool) -> None:
    if not refused:
        check_rules(made, [rule])
        return
    with pytest.raises(AdmissionDenied, match=f"ValidatingAdmissionPolicy '{rule.policy}' .* denied request: stay"):
        check_rules(made, [rule])


# One row: the pod, and whether its connection to 127.1.2.180:80 meets its sidecar.
@pytest.mark.parametrize(
    ("made", "captured"),
    [
        (pod(), True),
        (pod(**{"sidecar.istio.io/interceptionMode": "NONE"}), False),
        (pod(**{f"{T}excludeOutboundPorts": "443,80"}), False),
        (pod(**{f"{T}excludeOutboundPorts": "443"}), True),
        (pod(**{f"{T}excludeOutboundIPRanges": "0.0.0.0/0,::/0"}), False),
        (pod(**{f"{T}excludeOutboundIPRanges": "10.0.0.0/8"}), True),
        (pod(**{f"{T}includeOutboundIPRanges": ""}), False),
        (pod(**{f"{T}includeOutboundIPRanges": "*"}), True),
        (pod(**{f"{T}includeOutboundIPRanges": "127.0.0.0/8"}), True),
        (pod(user=1337), False),
        (pod(user=1000), True),
    ],
)
def test_what_is_redirected(made: dict[str, Any], *, captured: bool) -> None:
    assert redirected(made, "127.1.2.180", 80) is captured
