"""Judge groups of flows: what was seen against what was expected.

In: a group, and what decides about a host and port. Out: a `Ruling`, e.g. FAIL EA101 "it left directly instead of ...".

A flow has several facets: the host that the proxy's cluster names, and the addresses and ports that were really
reached. Every facet that a rule names is judged, and the worst verdict counts. A name that only the sender wrote can
make a verdict worse, never better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from egressaudit.judge.fate import MAY_HAVE_LEFT, OTHER_ENDPOINTS, STILL_OPEN
from egressaudit.judge.outcome import STRAIGHT, THROUGH, Worth, worth
from egressaudit.judge.words import REASONS, via_words, wanted_words, way_words
from egressaudit.model import Decision, FlowGroup, Judged, Outcome, Path

DEFAULT = "default"
"""The rule name of a policy's default."""

Decide = Callable[[FlowGroup, str, int | None], Decision]
"""Decides what is expected of a group, for this host and port."""

Tried = Callable[[FlowGroup], Iterable[tuple[str, int | None]]]
"""The address and port of every endpoint at which a request of a group may have been tried, not only at last."""

_WORSE = (Outcome.FAIL, Outcome.INCONCLUSIVE)
_NAMED_COUNTS = (*STRAIGHT, *THROUGH, Path.UNKNOWN, Path.BLOCKED)
"""The paths on which the name that the sender wrote can make the verdict worse."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A judged group, and the code of its verdict; '' for a plain PASS."""

    judged: Judged
    code: str

    @property
    def has_cause(self) -> bool:
        """Whether its cause is looked for: it falls under a control, or the mesh refused what no rule names."""
        judged = self.judged
        return judged.outcome is not Outcome.PASS and bool(self.code or judged.group.path is Path.BLOCKED)


def hosts_reached(groups: Iterable[FlowGroup]) -> dict[str, tuple[str, ...]]:
    """For each address the hosts that proxies reached there, by the names of their clusters; sorted."""
    found: dict[str, set[str]] = {}
    for group in groups:
        for ip, _ in group.reached if group.path in (Path.DIRECT, *THROUGH) else ():
            if group.host != ip:
                found.setdefault(ip, set()).add(group.host)
    return {ip: tuple(sorted(hosts)) for ip, hosts in found.items()}


def judge_group(
    group: FlowGroup,
    decide: Decide,
    hosts_at: Mapping[str, Sequence[str]] = MappingProxyType({}),
    tried: Tried = lambda _: (),
) -> Ruling:
    """The verdict on one group. `hosts_at`: the hosts at each address, as far as other flows show."""
    ruling = _judged(group, decide)
    if ruling.judged.outcome is not Outcome.FAIL:
        ruling = next(_tried_elsewhere(group, decide, tried), ruling)
    if ruling.code == "EA406" or _is_nameless_and_allowed(group, ruling):
        return next(_at_claimed_address(group, decide, hosts_at), ruling)
    return ruling


def _is_nameless_and_allowed(group: FlowGroup, ruling: Ruling) -> bool:
    """Whether only a default allows it, and no line names the host: it may be one that a rule names."""
    of_default = ruling.judged.decision.rule == DEFAULT and ruling.judged.outcome is None
    return of_default and not group.server_names and any(ip == group.host for ip, _ in group.reached)


def _tried_elsewhere(group: FlowGroup, decide: Decide, tried: Tried) -> Iterator[Ruling]:
    """What a rule would make of an earlier attempt: a line names the last endpoint alone."""
    if group.path not in (*STRAIGHT, *THROUGH):
        return
    for ip, port in tried(group):
        ruling = _rule_on(group, decide(group, ip, port))
        if ruling.judged.outcome is Outcome.FAIL and _by_rule(ruling):
            because = f"{REASONS[OTHER_ENDPOINTS]}, {ip} among them"
            yield Ruling(replace(ruling.judged, outcome=Outcome.INCONCLUSIVE, because=because), "EA309")


def _at_claimed_address(group: FlowGroup, decide: Decide, hosts_at: Mapping[str, Sequence[str]]) -> Iterator[Ruling]:
    """A flow that left without a name, for an address of a host that should leave another way.

    Hosts share addresses, so this proves no violation. But neither is it a flow about which nothing is expected.
    """
    for host in dict.fromkeys(host for ip, _ in group.reached for host in hosts_at.get(ip, ())):
        decision = decide(group, host, group.port)
        if group.path in STRAIGHT and decision.expected in THROUGH:
            because = (
                f"it left {way_words(group)} for an address of {host}, which should leave through "
                f"{wanted_words(decision)}; no line says which host it was for"
            )
            yield Ruling(Judged(group, decision, Outcome.INCONCLUSIVE, because), "EA309")


def _judged(group: FlowGroup, decide: Decide) -> Ruling:
    own = _rule_on(group, decide(group, group.host, group.port))
    reached = [each for each in _reached(group, decide) if _by_rule(each)]
    if reached and not _by_rule(own):
        # If a rule names one facet, the default does not apply to the others.
        own = reached[0]
    worst = min([own, *reached], key=_rank)
    named = list(_named(group, decide))
    against = [each for each in named if each.judged.outcome is Outcome.FAIL and each.judged.decision.rule != DEFAULT]
    if against and group.path in _NAMED_COUNTS:
        return against[0]
    stopped = [each for each in named if each.code == "EA107"]
    if stopped and not worst.code and worst.judged.outcome is None:
        # The mesh refused what a rule lets go, if the name is true: a note, which makes nothing better.
        return stopped[0]
    if _is_only_named(group, worst, named):
        because = "the sender chose the address: only the name that it called says that a rule allows it"
        return Ruling(Judged(group, worst.judged.decision, Outcome.INCONCLUSIVE, because), "EA309")
    return worst


def _reached(group: FlowGroup, decide: Decide) -> Iterator[Ruling]:
    """Rulings by the addresses and ports that were really reached: a name is a claim, an address is a fact."""
    if group.path not in (*STRAIGHT, *THROUGH):
        return
    seen = {(group.host, group.port)}
    for ip, port in group.reached:
        for facet in ((ip, port), (group.host, port)):
            if facet not in seen:
                seen.add(facet)
                yield _rule_on(group, decide(group, *facet))


def _named(group: FlowGroup, decide: Decide) -> Iterator[Ruling]:
    for name in group.server_names:
        yield _rule_on(group, decide(group, name, group.port))


def _by_rule(ruling: Ruling) -> bool:
    return ruling.judged.decision.rule not in ("", DEFAULT)


def _is_only_named(group: FlowGroup, worst: Ruling, named: list[Ruling]) -> bool:
    """Whether the flow of a registered host breaks only the default, and its name, if true, would be allowed."""
    by_default = worst.judged.outcome is Outcome.FAIL and worst.judged.decision.rule == DEFAULT
    allowed = bool(named) and all(each.judged.outcome is not Outcome.FAIL and _by_rule(each) for each in named)
    return by_default and allowed and group.path is not Path.PASSTHROUGH


def _rank(ruling: Ruling) -> int:
    outcome = ruling.judged.outcome
    return _WORSE.index(outcome) if outcome in _WORSE else len(_WORSE)


def _rule_on(group: FlowGroup, decision: Decision) -> Ruling:
    found = worth(
        decision.expected,
        group.path,
        right=_is_right(group, decision),
        certain=group.reason not in (MAY_HAVE_LEFT, STILL_OPEN),
        by_default=decision.rule == DEFAULT,
        reason=group.reason,
    )
    return Ruling(Judged(group, decision, found.outcome, _because(group, decision, found)), found.code)


def _is_right(group: FlowGroup, decision: Decision) -> bool:
    """Whether every hop is allowed and the last one is right: passing the right gateway somewhere is not enough."""
    if not decision.via:
        return group.path is decision.expected
    if not group.via or not set(group.via) <= {*decision.via, *decision.passing}:
        return False
    # A rule names the gateways that it may leave through, so the last one counts. A claim of the configuration is about
    # a whole chain.
    return group.via[-1] in decision.via or (not decision.rule and bool(set(group.via) & set(decision.via)))


def _because(group: FlowGroup, decision: Decision, found: Worth) -> str:
    reason = REASONS.get(group.reason, group.reason)
    way = f"through {via_words(group)}" if group.path in THROUGH else way_words(group)
    sentences = {
        "EA101": f"it left {way} instead of through {wanted_words(decision)}",
        "EA103": f"it left {way} instead of {wanted_words(decision)}",
        "EA104": f"it left {way}, and no rule allows it",
        "EA105": f"it left {way}, and it is to be blocked",
        "EA106": f"it left {way} instead of directly",
        "EA107": f"the mesh refused it ({reason}): nothing left",
        "EA201": "no line of a source fits the gateway's lines",
        "EA303": reason,
        "EA310": f"nothing left: {reason}",
        "EA314": f"it was sent {way}, which is not the way it should go; no line proves that it was connected",
        "EA406": f"it left {way}, and nothing says which way it should leave",
    }
    if found.code == "EA310" and group.reason in (MAY_HAVE_LEFT, STILL_OPEN):
        return f"it was sent {way}, and no line says that it arrived"
    same = {"EA102": "EA101", "EA309": "EA303"}
    return sentences.get(same.get(found.code, found.code)) or _quietly(group, decision, way, reason)


def _quietly(group: FlowGroup, decision: Decision, way: str, reason: str) -> str:
    if group.path is Path.BLOCKED:
        return f"the mesh refused it ({reason})"
    if decision.expected is None:
        return "the policy allows what no rule names"
    return f"it left {way}" if group.path in THROUGH else f"it left {way}, as it may"


def order_of(judged: Judged) -> tuple[object, ...]:
    """What reports sort judged groups by."""
    group = judged.group
    via = tuple(str(each) for each in group.via)
    place = (group.namespace, group.workload, group.host, group.port or 0)
    return (*place, group.path, group.reason, via, group.confidence, group.scheme or "")
