"""Proxies asked for their own configuration, end to end: real Envoys, by exec, as `verify` does it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.lab_thread import RunningLab, running_lab
from support.runs import without_run

from egressaudit.cli import run
from egressaudit.cluster import Cluster
from egressaudit.mesh import RESOURCES, Mesh, trim
from egressaudit.model import Scheme, Target
from egressaudit.pipeline.asking import way_views
from egressaudit_lab.scenario import load_scenario
from egressaudit_lab.world import Fault

pytestmark = pytest.mark.e2e

FROM_CURL = ("--host", "docs.redhat.com", "--from", "deploy/curl", "-n", "curl")
DIRECT = "outbound|80||docs.redhat.com"
GW_CLUSTER = "outbound|80|rh-docs|egressgateway.egress-gateway.svc.cluster.local"


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    with running_lab(load_scenario("istio-apis")) as running:
        yield running


@pytest.fixture
def verify(lab: RunningLab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("KUBECONFIG", raising=False)

    def call(*args: str) -> tuple[int, dict[str, Any]]:
        code = run(["verify", *FROM_CURL, "-q", "-o", "json", "--kubeconfig", str(lab.kubeconfig), *args])
        return code, json.loads(capsys.readouterr().out)

    return call


def clusters(row: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    return [(to["cluster"], to["endpoints"]) for choice in row["programmed"]["choices"] for to in choice["clusters"]]


def test_a_pass_asks_nobody(verify: Any) -> None:
    code, report = verify()
    assert (code, report["proxies"]) == (0, [])


def test_of_a_verdict_that_is_not_pass_the_sidecar_and_the_gateway_say_what_they_have(verify: Any) -> None:
    code, report = verify("--expect", "direct")
    assert code in (3, 10)
    sidecar, gateway = report["proxies"]
    assert (sidecar["reporter"], sidecar["port"], sidecar["error"]) == ("sidecar", 80, "")
    [(name, ends)] = clusters(sidecar)
    assert name == GW_CLUSTER
    assert sidecar["observed"] == {"cluster": GW_CLUSTER, "route": ""}
    # The gateway is at the endpoint that the sidecar's own configuration has.
    assert ends is not None
    assert [each.rpartition(":")[2] for each in ends] == ["8080"]
    assert (gateway["reporter"], gateway["port"]) == ("egress-gateway", 8080)
    assert [name for name, _ in clusters(gateway)] == ["outbound|80||docs.redhat.com"]
    assert sidecar["differences"] == gateway["differences"] == []


def test_a_port_that_the_mesh_does_not_know_is_the_virtual_listeners(verify: Any) -> None:
    _, report = verify("--port", "8888", "--expect", "blocked")
    [sidecar] = report["proxies"]
    assert sidecar["programmed"]["listener"] == "virtualOutbound"
    assert [each["act"] for each in sidecar["programmed"]["choices"]] == ["passthrough"]


def test_in_ambient_mode_the_waypoint_says_what_it_has(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with running_lab(load_scenario("ambient")) as lab:
        probe = ["--host", "httpbin.org", "--from", "egress-gateway/test-pod", "--expect", "direct"]
        run(["verify", *probe, "-q", "-o", "json", "--kubeconfig", str(lab.kubeconfig)])
    [waypoint] = json.loads(capsys.readouterr().out)["proxies"]
    assert (waypoint["reporter"], waypoint["port"], waypoint["error"]) == ("waypoint", 80, "")
    assert [name for name, _ in clusters(waypoint)] == ["inbound-vip|80|http|httpbin.org"]


def test_without_a_request_the_proxies_can_be_asked_too(lab: RunningLab) -> None:
    cluster = Cluster.connect(kubeconfig=str(lab.kubeconfig))
    mesh = Mesh.of([trim(each) for each in cluster.objects(RESOURCES)], cluster.read)
    [pod] = [each for each in mesh.pods if each.namespace == "curl"]
    target = Target("docs.redhat.com", 80, Scheme.HTTP)
    views = way_views(cluster, mesh, pod, target, time.monotonic() + 10)
    assert [(view.asked.reporter.value, view.observed, view.asked.error) for view in views] == [
        ("sidecar", None, ""),
        ("egress-gateway", None, ""),
    ]


def test_it_can_be_left_out(verify: Any) -> None:
    _, report = verify("--expect", "direct", "--no-ask-proxies")
    assert report["proxies"] == []


def test_a_saved_run_tells_it_again(verify: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = verify("--expect", "direct", "--save-logs", str(tmp_path / "saved"))
    assert run(["verify", "--replay", str(tmp_path / "saved"), "-o", "json"]) == code
    assert without_run(json.loads(capsys.readouterr().out)) == without_run(report)
    saved = (tmp_path / "saved" / "programmed.json").read_text("utf-8")
    assert "virtual_hosts" not in saved


def test_a_gateway_that_may_not_be_asked_is_said_and_changes_no_verdict(lab: RunningLab, verify: Any) -> None:
    without, first = verify("--expect", "direct")
    gateway = next(each["pod"] for each in first["proxies"] if each["reporter"] == "egress-gateway")
    with lab.faulty(Fault("*", "pods/exec", name=gateway.partition("/")[2], status=403)):
        code, report = verify("--expect", "direct")
    assert code == without
    asked = report["proxies"][1]
    assert (asked["pod"], asked["programmed"]) == (gateway, None)
    assert "pods/exec" in asked["error"]


def test_a_gateway_without_pods_has_no_endpoint_at_the_sidecar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with running_lab(load_scenario("gateway-down")) as lab:
        assert run(["verify", *FROM_CURL, "-q", "-v", "--kubeconfig", str(lab.kubeconfig)]) == 3
    text = " ".join(capsys.readouterr().out.split())
    assert "asked for its own configuration" in text
    assert f"programmed {GW_CLUSTER} endpoints none, of {GW_CLUSTER} observed {GW_CLUSTER}" in text


def test_a_sidecar_that_istiod_has_not_told_yet_differs_from_the_objects(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The objects have the gateway; the sidecar still has what it had before: the host's own cluster."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    scenario = load_scenario("istio-apis")
    sidecars = scenario.behaviour.sidecars
    old = tuple(replace(each, cluster=DIRECT, gateway="", http2=False, name="default") for each in sidecars.routes)
    behaviour = replace(scenario.behaviour, sidecars=replace(sidecars, routes=old))
    with running_lab(replace(scenario, behaviour=behaviour)) as lab:
        assert run(["verify", *FROM_CURL, "-q", "-o", "json", "--kubeconfig", str(lab.kubeconfig)]) == 10
    [sidecar] = json.loads(capsys.readouterr().out)["proxies"]

    def names(step: str) -> list[str]:
        return [to["cluster"] for choice in sidecar[step]["choices"] for to in choice["clusters"]]

    assert (names("declared"), names("programmed"), sidecar["observed"]["cluster"]) == ([GW_CLUSTER], [DIRECT], DIRECT)
    [difference] = sidecar["differences"]
    assert difference.startswith(f"the objects declare: {GW_CLUSTER} (by VirtualService curl/egress-vs spec.http[0]); ")
    assert "istiod has not sent it to this proxy yet" in difference
