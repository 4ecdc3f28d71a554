"""What is declared for a call (its steps) against what the line says: which of the two is the cause."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.causes import line
from support.hops import CURL, NO_UPSTREAM, straight, to_gateway
from support.mesh import GW_HOST, HOST, MESH, READ

from egressaudit.causes.diagnosis import diagnose
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh import Mesh
from egressaudit.model import (
    Act,
    Call,
    Choice,
    Hop,
    ObjectRef,
    Path,
    Reporter,
    RouteDestination,
    RuleRef,
    Scheme,
    Step,
    Target,
)

CURL_POD = ObjectRef("curl", "curl-1")
OURS = RuleRef("VirtualService egress/docs", "spec.http[0]")
RIVAL = RuleRef("VirtualService curl/other", "spec.http[0]")
STRAIGHT = line(CURL, straight())
PASSED = line(CURL, straight(cluster_kind="passthrough", cluster_host=None, cluster_port=None))
NOWHERE = line(CURL, straight(**NO_UPSTREAM, cluster_kind="blackhole", cluster_host=None, response_flags="UH"))
TO_GW = line(CURL, to_gateway(response_flags="UH", **NO_UPSTREAM))
PASS_ON, REFUSE = Choice(Act.PASSTHROUGH), Choice(Act.REFUSE, reason="no-filter-chain")


def send(host: str, rule: RuleRef | None = None) -> Choice:
    return Choice(Act.SEND, rule=rule, to=(RouteDestination(f"outbound|80||{host}", host, 80),))


def seen(hop: Hop, *choices: Choice, path: Path = Path.DIRECT) -> Symptoms:
    mesh = Mesh.of(MESH, READ)
    step = Step(CURL_POD, Reporter.SIDECAR, Call(HOST, 80, Scheme.HTTP), choices=choices)
    return Symptoms(
        mesh=mesh,
        target=Target(HOST, 80, Scheme.HTTP),
        path=path,
        code="EA101",
        source=mesh.pod(CURL_POD),
        expected=Path.VIA_GATEWAY,
        via=ObjectRef("egress", "gw"),
        hops=(hop,),
        steps=(step,),
    )


def found(symptoms: Symptoms) -> str:
    return " ".join(each.code for each in diagnose(symptoms))


@pytest.mark.parametrize(
    ("hop", "choices", "codes"),
    [
        # The objects lead it to the gateway, and its proxy does something else.
        (STRAIGHT, (send(GW_HOST, OURS),), "EC89"),
        (PASSED, (send(GW_HOST, OURS),), "EC89"),
        (STRAIGHT, (REFUSE,), "EC89"),
        (STRAIGHT, (PASS_ON,), "EC89"),
        # Its proxy does what the objects say: the rule that says so is named.
        (STRAIGHT, (send(HOST, OURS),), "EC84"),
        (STRAIGHT, (send(GW_HOST, OURS), send(HOST, OURS)), "EC84"),
        (STRAIGHT, (send(HOST, RIVAL),), "EC30"),
    ],
)
def test_what_is_declared_decides_between_the_two(hop: Hop, choices: tuple[Choice, ...], codes: str) -> None:
    assert found(seen(hop, *choices)) == codes


@pytest.mark.parametrize(
    ("hop", "choice"), [(STRAIGHT, send(HOST)), (PASSED, PASS_ON), (NOWHERE, REFUSE), (TO_GW, send(GW_HOST, OURS))]
)
def test_a_line_that_is_as_declared_contradicts_nothing(hop: Hop, choice: Choice) -> None:
    assert "EC89" not in found(seen(hop, choice))


def test_without_steps_the_claim_alone_is_held_against_the_line() -> None:
    assert found(replace(seen(STRAIGHT), steps=())) == "EC89"
    assert "EC30" not in found(replace(seen(STRAIGHT), steps=()))


def test_the_sentence_has_both_sides() -> None:
    [cause] = diagnose(seen(STRAIGHT, send(GW_HOST, OURS)))
    given = f"the objects give curl/curl-1 outbound|80||{GW_HOST} by VirtualService egress/docs spec.http[0]"
    assert cause.because == (f"{given}, and its line has outbound|80||{HOST}",)
    assert cause.objects == ("VirtualService egress/docs",)
