"""What `analyze` says of proxies that have something else than the objects declare."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.lab_thread import running_lab

from egressaudit.cli import run
from egressaudit.model import (
    Act,
    AskedProxy,
    Call,
    Choice,
    DataplaneMode,
    Pod,
    ProxyView,
    Reporter,
    RouteDestination,
    Scheme,
    Step,
    Target,
)
from egressaudit.model.analysis import AnalyzeReport, DeclaredWay, SourceGroup
from egressaudit.pipeline import asked_ways
from egressaudit.pipeline.asked_ways import compared
from egressaudit_lab.scenario import load_scenario
from egressaudit_lab.world import Fault

POD = Pod("shop", "web-1", ("10.0.0.5",), DataplaneMode.SIDECAR)
GROUP = SourceGroup("shop", DataplaneMode.SIDECAR, (), ("Deployment/web",), 1, POD)
AMBIENT = SourceGroup("shop", DataplaneMode.AMBIENT, (), ("Deployment/api",), 1, replace(POD, name="api-1"))
GW, DIRECT = "outbound|80||gw", "outbound|80||a.com"


def way(host: str) -> DeclaredWay:
    return DeclaredWay(host, 80, Scheme.HTTP, (GROUP.name, AMBIENT.name), None)


def step(cluster: str) -> Step:
    call = Call("a.com", 80, Scheme.HTTP)
    return Step(POD.ref, Reporter.SIDECAR, call, "l", (Choice(Act.SEND, to=(RouteDestination(cluster, "h", 80),)),))


def view(cluster: str, *differences: str, error: str = "") -> ProxyView:
    asked = AskedProxy("", POD.ref, Reporter.SIDECAR, step(cluster).call, step(cluster), error=error)
    return ProxyView(asked, step(GW), None, differences)


def test_only_what_differs_is_shown_of_sidecars_and_hosts_that_can_be_asked_for() -> None:
    asked: list[str] = []

    def ask(pod: Pod, target: Target) -> tuple[ProxyView, ...]:
        asked.append(f"{pod.name} {target.host}")
        return (view(DIRECT, "differs") if target.host == "a.com" else view(GW),)

    report = compared(AnalyzeReport((way("a.com"), way("b.com"), way("*.c.com")), (), (GROUP, AMBIENT)), ask)
    assert asked == ["web-1 a.com", "web-1 b.com"]
    assert report.programmed is not None
    [found] = report.programmed
    assert (found.proxy, found.host, found.declared, found.programmed) == ("sidecar shop/web-1", "a.com:80", GW, DIRECT)
    assert found.reason.startswith("istiod has not sent it to this proxy yet")


def test_a_refused_update_is_the_reason() -> None:
    report = compared(AnalyzeReport((way("a.com"),), (), (GROUP,)), lambda _p, _t: (view(GW, "it refused an update"),))
    assert report.programmed is not None
    assert [each.reason for each in report.programmed] == ["it refused an update"]


def test_a_proxy_that_cannot_be_asked_is_noted_once() -> None:
    report = AnalyzeReport((way("a.com"), way("b.com")), (), (GROUP,))
    said = compared(report, lambda _p, _t: (view(GW, error="forbidden"),))
    assert said.notes == ("sidecar shop/web-1 could not be asked for its own configuration: forbidden",)
    assert said.programmed == ()


def test_more_ways_than_are_asked_about_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked_ways, "MOST_ASKED", 1)
    said = compared(AnalyzeReport((way("a.com"), way("b.com")), (), (GROUP,)), lambda _p, _t: (view(GW),))
    assert said.notes == ("proxies were asked about 1 of 2 ways: name hosts with --host, or a source",)


def test_without_a_cluster_no_proxy_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyze", "--mesh", "mesh.json", "--ask-proxies"]) == 2
    assert "--ask-proxies needs a cluster" in capsys.readouterr().err


@pytest.mark.e2e
def test_a_mesh_is_asked_only_on_request(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with running_lab(load_scenario("istio-apis")) as lab:
        usual = ["analyze", "-q", "-o", "json", "--kubeconfig", str(lab.kubeconfig)]
        run(usual)
        assert json.loads(capsys.readouterr().out)["programmed"] is None
        run([*usual, "--ask-proxies"])
        assert json.loads(capsys.readouterr().out)["programmed"] == []
        with lab.faulty(Fault("*", "pods/exec", status=403)):
            run([*usual, "--ask-proxies"])
        notes = " ".join(json.loads(capsys.readouterr().out)["notes"])
    assert "could not be asked for its own configuration" in notes
    assert "pods/exec" in notes
