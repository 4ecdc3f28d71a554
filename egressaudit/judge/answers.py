"""What the snapshot answers about a group of flows: all that judging the group needs of it.

In: a `Mesh`, or what was kept of its answers. Out: `Answers`, e.g. `claimed(group, "docs.example.com", 443)` is the
decision that the mesh configuration claims. `facts_of` keeps the answers about one group, so that it can be judged
again without the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from egressaudit.judge.groups import Decide, Tried
from egressaudit.judge.outcome import STRAIGHT, THROUGH
from egressaudit.mesh.steering.asked_for import AskedHost
from egressaudit.model import Decision, FlowGroup
from egressaudit.model.group_facts import GroupFacts

AskedFor = Callable[[FlowGroup, str, int | None], Sequence[AskedHost]]
"""What was asked for, if the gateway sent a group on to this host and port by another name."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a snapshot answers."""

    claimed: Decide
    """What the mesh configuration claims for this host and port."""
    asked_for: AskedFor
    tried: Tried


def facts_of(group: FlowGroup, answers: Answers, hosts_at: Mapping[str, Sequence[str]]) -> GroupFacts:
    """All that judging a group reads. Faults are left out: they explain a verdict, and change none."""
    bare = replace(group, evidence=())
    tried = tuple(answers.tried(group))
    near = tuple((ip, tuple(hosts_at[ip])) for ip in _addresses(group) if ip in hosts_at)
    asked = answers.asked_for(group, group.host, group.port)
    claims = []
    for host, port in dict.fromkeys(_facets(bare, tried, near)):
        decision = answers.claimed(group, host, port)
        if decision.expected is not None:
            claims.append((host, port, replace(decision, faults=())))
    return GroupFacts(
        group=bare,
        tried=tried,
        asked=tuple((each.host, each.port, each.scheme) for each in asked),
        hosts_at=near,
        claims=tuple(claims),
    )


def answers_from(facts: GroupFacts) -> Answers:
    """What the snapshot answered about one group."""
    claims = {(host, port): decision for host, port, decision in facts.claims}
    asked = tuple(AskedHost(*each) for each in facts.asked)
    own = facts.group.host, facts.group.port
    return Answers(
        claimed=lambda _group, host, port: claims.get((host, port), Decision(None)),
        asked_for=lambda _group, host, port: asked if (host, port) == own else (),
        tried=lambda _group: facts.tried,
    )


def _facets(
    group: FlowGroup, tried: Sequence[tuple[str, int | None]], near: Sequence[tuple[str, Sequence[str]]]
) -> Iterator[tuple[str, int | None]]:
    """Every host and port that `groups.judge_group` may ask about."""
    yield group.host, group.port
    for ip, port in group.reached if group.path in (*STRAIGHT, *THROUGH) else ():
        yield ip, port
        yield group.host, port
    yield from tried
    for name in (*group.server_names, *(host for _, hosts in near for host in hosts)):
        yield name, group.port


def _addresses(group: FlowGroup) -> Iterator[str]:
    """The addresses of which it matters which hosts are there: `groups._at_claimed_address`."""
    return iter(dict.fromkeys(ip for ip, _ in group.reached)) if group.path in STRAIGHT else iter(())
