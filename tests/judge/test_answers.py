"""What is kept of a group is all that judging it reads: each thing that a snapshot answers can decide a verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from egressaudit.judge.answers import Answers, answers_from, facts_of
from egressaudit.judge.group_expectation import by_policy
from egressaudit.judge.groups import judge_group
from egressaudit.mesh.steering.asked_for import AskedHost
from egressaudit.model import Decision, FlowGroup, ObjectRef, Outcome, Path, Scheme
from egressaudit.policy import Policy
from egressaudit.policy.loading import parse_policy

AT = datetime(2026, 11, 28, tzinfo=UTC)
DAY = date(2026, 11, 28)
GATEWAY = ObjectRef("egress", "gw")
NOTHING = Answers(lambda *_: Decision(None), lambda *_: (), lambda _: ())
DIRECT = FlowGroup("shop", "Deployment/cart", "docs.example.com", 80, Path.DIRECT, 3, AT, AT, scheme=Scheme.HTTP)
DIRECT = replace(DIRECT, reached=(("203.0.113.7", 80),))
THROUGH = replace(DIRECT, path=Path.VIA_GATEWAY, via=(GATEWAY,))
NAMELESS = replace(DIRECT, host="203.0.113.7", path=Path.PASSTHROUGH)
VIA_GATEWAY = Decision(Path.VIA_GATEWAY, via=(GATEWAY,), because=("VirtualService egress/docs",))


def claiming(host: str, port: int | None) -> Answers:
    return replace(NOTHING, claimed=lambda _, *asked: VIA_GATEWAY if asked == (host, port) else Decision(None))


def policy(default: str, rule: str = "") -> Policy:
    head = "apiVersion: egressaudit.io/v1alpha1\nkind: EgressPolicy\nmetadata: {name: p}\nspec:\n"
    gateways = "  gateways: [{namespace: egress, name: gw}]\n"
    rules = f"  rules:\n  - {{name: docs, {rule}}}\n" if rule else ""
    return parse_policy(f"{head}{gateways}{rules}  default: {default}\n".encode())


TO_DOCS = "to: {hosts: [docs.example.com]}, via: gateway"
TO_ALIAS = "to: {hosts: [alias.example.com]}, via: gateway"
NOT_THERE = "to: {hosts: [203.0.113.9]}, via: blocked"
ALIASED = replace(NOTHING, asked_for=lambda *_: (AskedHost("alias.example.com", 443, Scheme.HTTPS),))
RETRIED = replace(NOTHING, tried=lambda _: (("203.0.113.9", 80),))
NEAR = {"203.0.113.7": ("docs.example.com",)}

# The group, what the snapshot answers, the hosts at its addresses, the policy, the outcome with that and without it.
ROWS = {
    "asked for by another name": (THROUGH, ALIASED, {}, policy("deny", TO_ALIAS), Outcome.PASS, Outcome.FAIL),
    "tried elsewhere before": (
        *(replace(DIRECT, host="x.example.com"), RETRIED, {}),
        *(policy("allow", NOT_THERE), Outcome.INCONCLUSIVE, None),
    ),
    "an address of a host": (NAMELESS, NOTHING, NEAR, policy("allow", TO_DOCS), Outcome.INCONCLUSIVE, None),
    "an address of a claimed host": (
        *(NAMELESS, claiming("docs.example.com", 80), NEAR),
        *(policy("mesh"), Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE),
    ),
    "claimed host": (
        *(THROUGH, claiming("docs.example.com", 80), {}),
        *(policy("mesh"), Outcome.PASS, Outcome.INCONCLUSIVE),
    ),
    "claimed name": (
        *(replace(NAMELESS, server_names=("docs.example.com",)), claiming("docs.example.com", 80), {}),
        *(policy("mesh"), Outcome.FAIL, Outcome.INCONCLUSIVE),
    ),
}


@pytest.mark.parametrize(("group", "answers", "near", "by", "outcome", "without"), ROWS.values(), ids=ROWS)
def test_a_group_is_judged_again_as_it_was(group, answers, near, by, outcome, without) -> None:
    ruling = judge_group(group, by_policy(by, answers, DAY), near, answers.tried)
    facts = facts_of(group, answers, near)
    kept = answers_from(facts)
    again = judge_group(facts.group, by_policy(by, kept, DAY), dict(facts.hosts_at), kept.tried)
    bare = judge_group(group, by_policy(by, NOTHING, DAY))
    assert again == ruling != bare
    assert (ruling.judged.outcome, bare.judged.outcome) == (outcome, without)


def test_faults_explain_and_are_not_kept() -> None:
    facts = facts_of(THROUGH, claiming("docs.example.com", 80), {})
    assert facts.claims == (("docs.example.com", 80, VIA_GATEWAY),)
    assert facts_of(THROUGH, NOTHING, NEAR).hosts_at == ()
