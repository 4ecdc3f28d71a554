"""Hold the groups of a window against what is expected of them. PASS and FAIL only on proof.

| expected          | seen                                              | outcome                                  |
|-------------------|---------------------------------------------------|------------------------------------------|
| gateway, waypoint | through one that is allowed                       | PASS                                     |
|                   | through another one                               | FAIL EA103                               |
|                   | direct, passthrough                               | FAIL EA101, EA102                        |
| direct            | direct, passthrough                               | PASS (never by the sender's own words)   |
|                   | through a gateway or waypoint                     | FAIL EA106                               |
| blocked           | blocked                                           | PASS                                     |
|                   | direct, passthrough, through a gateway            | FAIL EA104 (by default), EA105 (by rule) |
| any of these      | refused by the mesh, where it was to leave        | said EA107: nothing left                 |
|                   | failed                                            | said EA310: nothing left                 |
|                   | unknown                                           | INCONCLUSIVE EA303, EA309                |
|                   | unattributed                                      | INCONCLUSIVE EA201                       |
| nothing           | anything that left                                | INCONCLUSIVE EA406                       |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from egressaudit.model import Outcome, Path
from egressaudit.window import Decision, FlowGroup, Judged

_THROUGH = (Path.VIA_GATEWAY, Path.VIA_WAYPOINT)
_STRAIGHT = (Path.DIRECT, Path.PASSTHROUGH)

NOT_ANSWERED = "not-answered"
NO_GATEWAY_LINE = "no-gateway-line"
DEFAULT = "default"
"""The rule name of a policy's default."""

MAX_NAMES = 6
"""With so many names in a group there may be more that were not counted."""

Decide = Callable[[FlowGroup, str], Decision]
"""What is expected of a group, if its host is this one."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A judged group and the control that its verdict falls under, '' for a plain PASS."""

    judged: Judged
    code: str


def judge_group(group: FlowGroup, decide: Decide) -> Ruling:
    """The verdict on one group.

    What a sender calls a host no cluster names can only tell against it: a name that should have left another way is a
    violation, but only the address can satisfy a rule.
    """
    own = _rule_on(group, decide(group, group.host))
    if group.path not in (*_STRAIGHT, Path.UNKNOWN, Path.BLOCKED) or not group.server_names:
        return own
    named = [_rule_on(group, decide(group, name)) for name in group.server_names]
    worse = [each for each in named if each.judged.outcome is Outcome.FAIL and each.judged.decision.rule != DEFAULT]
    if worse:
        return worse[0]
    if own.judged.outcome is Outcome.PASS and group.path in _STRAIGHT and len(group.server_names) >= MAX_NAMES:
        return _ruling(
            group, own.judged.decision, Outcome.INCONCLUSIVE, "EA309", "it was called by too many names to check"
        )
    return own


def _rule_on(group: FlowGroup, decision: Decision) -> Ruling:
    seen = group.path
    if seen is Path.UNATTRIBUTED:
        return _ruling(group, decision, Outcome.INCONCLUSIVE, "EA201", "no line of a source fits the gateway's lines")
    if seen is Path.UNKNOWN:
        code = "EA303" if group.reason == NO_GATEWAY_LINE else "EA309"
        return _ruling(group, decision, Outcome.INCONCLUSIVE, code, REASONS.get(group.reason, group.reason))
    if seen is Path.FAILED:
        return _ruling(group, decision, None, "EA310", f"nothing left: {REASONS.get(group.reason, group.reason)}")
    match decision.expected:
        case Path.VIA_GATEWAY | Path.VIA_WAYPOINT:
            return _expected_through(group, decision)
        case Path.DIRECT:
            return _expected_direct(group, decision)
        case Path.BLOCKED:
            return _expected_blocked(group, decision)
        case _:
            return _nothing_expected(group, decision)


def _expected_through(group: FlowGroup, decision: Decision) -> Ruling:
    if group.path is Path.BLOCKED:
        return _refused(group, decision)
    wanted = _wanted(decision)
    if group.path in _STRAIGHT:
        code = "EA101" if group.path is Path.DIRECT else "EA102"
        tried = " (no answer came)" if group.reason == NOT_ANSWERED else ""
        return _ruling(group, decision, Outcome.FAIL, code, f"it left {_way(group)}{tried} instead of through {wanted}")
    right = set(group.via).intersection(decision.via) if decision.via else group.path is decision.expected
    if right:
        return _ruling(group, decision, Outcome.PASS, "", f"it left through {_via(group)}")
    return _ruling(group, decision, Outcome.FAIL, "EA103", f"it left through {_via(group)} instead of {wanted}")


def _expected_direct(group: FlowGroup, decision: Decision) -> Ruling:
    if group.path is Path.BLOCKED:
        return _refused(group, decision)
    if group.path in _THROUGH:
        return _ruling(group, decision, Outcome.FAIL, "EA106", f"it left through {_via(group)} instead of directly")
    if group.reason == NOT_ANSWERED:
        return _ruling(group, decision, None, "EA310", "it was sent the right way, and not answered")
    return _ruling(group, decision, Outcome.PASS, "", f"it left {_way(group)}, as it may")


def _expected_blocked(group: FlowGroup, decision: Decision) -> Ruling:
    if group.path is Path.BLOCKED:
        return _ruling(group, decision, Outcome.PASS, "", f"the mesh refused it ({REASONS[group.reason]})")
    code = "EA104" if decision.rule == DEFAULT else "EA105"
    way = f"through {_via(group)}" if group.path in _THROUGH else _way(group)
    if group.reason == NOT_ANSWERED:
        return _ruling(group, decision, Outcome.INCONCLUSIVE, code, f"it was sent out {way}, and nothing answered")
    said = "no rule allows it" if code == "EA104" else "it is to be blocked"
    return _ruling(group, decision, Outcome.FAIL, code, f"it left {way}, and {said}")


def _nothing_expected(group: FlowGroup, decision: Decision) -> Ruling:
    if decision.rule == DEFAULT:
        return _ruling(group, decision, None, "", "the policy allows what no rule names")
    if group.path is Path.BLOCKED:
        return _ruling(group, decision, None, "", f"the mesh refused it ({REASONS[group.reason]})")
    way = f"through {_via(group)}" if group.path in _THROUGH else _way(group)
    return _ruling(
        group, decision, Outcome.INCONCLUSIVE, "EA406", f"it left {way}, and nothing says which way it should leave"
    )


def _refused(group: FlowGroup, decision: Decision) -> Ruling:
    return _ruling(group, decision, None, "EA107", f"the mesh refused it ({REASONS[group.reason]}): nothing left")


def _ruling(group: FlowGroup, decision: Decision, outcome: Outcome | None, code: str, because: str) -> Ruling:
    return Ruling(Judged(group, decision, outcome, because), code)


def _way(group: FlowGroup) -> str:
    return "directly" if group.path is Path.DIRECT else "as unregistered traffic (passthrough)"


def _via(group: FlowGroup) -> str:
    return " and ".join(str(each) for each in group.via)


def _wanted(decision: Decision) -> str:
    kind = "the gateway" if decision.expected is Path.VIA_GATEWAY else "the waypoint"
    return " or ".join([f"{kind} {each}" for each in decision.via] or [f"a{kind.removeprefix('the')}"])


REASONS = {
    "black-hole-cluster": "BlackHoleCluster",
    "block-all-route": "route block_all",
    "authorization-policy": "AuthorizationPolicy",
    "gateway-not-reached": "the gateway did not take the connection",
    "no-upstream": "the proxy had no place to send it to",
    "upstream-failed": "the far side did not answer in order",
    "inside-address": "it was sent to an address of this cluster that is no gateway's",
    "gateway-replaced": "it was sent to the gateway's Service, at an address that no gateway pod of the snapshot has",
    "not-a-pod": "it was sent to a Service, at an address that no pod of the snapshot has",
    "service-gone": "it was sent to a Service that the snapshot does not have",
    "no-address": "the line does not say which address it was sent to",
    "gateway-cluster": "the gateway sent it on through a cluster that names no host",
    NO_GATEWAY_LINE: "it was sent to a gateway or waypoint that has no line about it",
    NOT_ANSWERED: "no answer came",
}
"""Every `FlowGroup.reason` in words."""
