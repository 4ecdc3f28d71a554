"""Declared, programmed, observed: what is a difference, and what is none."""

from __future__ import annotations

import pytest
from support.probes import probe, sidecar
from support.verdicts import verdict

from egressaudit.judge.proxy_views import proxy_views
from egressaudit.mesh.programmed.step_differences import differences, step_words
from egressaudit.model import (
    Act,
    AskedProxy,
    Call,
    Choice,
    ObjectRef,
    Reporter,
    RouteDestination,
    RuleRef,
    Scheme,
    Step,
)

GW, DIRECT = "outbound|80||gw.egress.svc.cluster.local", "outbound|80||docs.redhat.com"
CALL = Call("docs.redhat.com", 80, Scheme.HTTP)
POD = ObjectRef("curl", "curl-1")


def to(*clusters: str, when: tuple[str, ...] = (), route: str = "") -> Choice:
    ends = tuple(RouteDestination(name, "h", 80, weight=100 // len(clusters)) for name in clusters)
    return Choice(Act.SEND, route, to=ends, when=when)


def step(*choices: Choice) -> Step:
    return Step(POD, Reporter.SIDECAR, CALL, "0.0.0.0_80", choices)


PASSTHROUGH = Choice(Act.PASSTHROUGH, "allow_any")
BLOCKED = Choice(Act.REFUSE, "block_all", reason="block-all")
NO_ROUTE = Choice(Act.REFUSE, reason="no-route")


@pytest.mark.parametrize(
    ("declared", "programmed"),
    [
        ((to(GW),), (to(GW, route="default"),)),
        ((to(GW, DIRECT),), (to(DIRECT, GW),)),
        ((to(GW, when=("path",)), NO_ROUTE), (to(GW, when=("path",)), BLOCKED)),
        ((), (to(GW),)),
        ((to(GW),), ()),
    ],
)
def test_the_same_ends_are_no_difference(declared: tuple[Choice, ...], programmed: tuple[Choice, ...]) -> None:
    assert differences(step(*declared), step(*programmed)) == ()


@pytest.mark.parametrize(
    ("declared", "programmed"),
    [
        ((to(GW),), (to(DIRECT),)),
        ((to(GW),), (PASSTHROUGH,)),
        ((to(GW),), (NO_ROUTE,)),
        ((to(GW),), (to(GW, DIRECT),)),
        ((to(GW, when=("path",)), to(DIRECT)), (to(DIRECT, when=("path",)), to(GW))),
    ],
)
def test_another_end_is_a_difference(declared: tuple[Choice, ...], programmed: tuple[Choice, ...]) -> None:
    [said] = differences(step(*declared), step(*programmed))
    assert said == (
        f"the objects declare: {step_words(step(*declared))}; the proxy has: {step_words(step(*programmed))}"
    )


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ((to(GW),), GW),
        ((to(GW, route="default"),), f"{GW} (route default)"),
        ((to(GW, DIRECT),), f"{GW} 50 % or {DIRECT} 50 %"),
        ((to(GW, when=("path", "method")), NO_ROUTE), f"if path and method: {GW}; refuse (no-route)"),
        ((PASSTHROUGH,), "PassthroughCluster (route allow_any)"),
        ((Choice(Act.SEND, to=to(GW).to, rule=RuleRef("VirtualService a/b", "")),), f"{GW} (by VirtualService a/b)"),
        ((Choice(Act.REFUSE, to=to(GW).to, reason="no-cluster"),), f"refuse (no-cluster {GW})"),
        ((), "nothing that could be read"),
    ],
)
def test_a_step_in_words(choices: tuple[Choice, ...], said: str) -> None:
    assert step_words(step(*choices)) == said


SENT = probe()
SAW = verdict(sidecar(upstream_cluster=DIRECT, cluster_host="docs.redhat.com"))
HOP_POD = ObjectRef(SAW.flow.hops[0].line.source.namespace, SAW.flow.hops[0].line.source.pod)


def asked(programmed: Step | None, **more: object) -> AskedProxy:
    return AskedProxy(SENT.nonce, HOP_POD, Reporter.SIDECAR, CALL, programmed, **more)  # type: ignore[arg-type]


def seen(one: AskedProxy, declared: Step | None = None) -> list[str]:
    [view] = proxy_views([SAW], [one], lambda _: declared)
    assert view.observed == (DIRECT, "")
    return list(view.differences)


def test_a_line_that_fits_the_proxys_configuration_is_no_difference() -> None:
    assert seen(asked(step(to(DIRECT)))) == []


def test_a_line_that_its_configuration_does_not_lead_to_is_a_difference() -> None:
    [said] = seen(asked(step(to(GW))))
    assert said.startswith(f"its line shows {DIRECT}, and now it has: {GW}; its configuration changed since")


def test_a_stale_proxy_differs_from_what_the_objects_declare() -> None:
    [said] = seen(asked(step(to(DIRECT))), step(to(GW)))
    assert said.startswith(f"the objects declare: {GW}; the proxy has: {DIRECT}; istiod has not sent it")


def test_an_update_that_the_proxy_refused_is_a_difference() -> None:
    [said] = seen(asked(step(to(DIRECT)), refused=("0.0.0.0_80: bad regex",)))
    assert said == "it refused an update from istiod, so it works with older configuration: 0.0.0.0_80: bad regex"


def test_a_proxy_that_could_not_be_asked_differs_in_nothing() -> None:
    assert seen(asked(None, error="no"), step(to(GW))) == []


def test_a_proxy_without_a_line_has_nothing_observed() -> None:
    other = AskedProxy(SENT.nonce, ObjectRef("egress", "gw-1"), Reporter.EGRESS_GATEWAY, CALL, step(to(GW)))
    [view] = proxy_views([SAW], [other], lambda _: None)
    assert (view.observed, view.differences) == (None, ())
