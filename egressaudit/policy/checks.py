"""What is wrong between the parts of a policy that are right by themselves.

In: the parts of a policy file that can be read. Out: for each error the place, what is wrong, and what to do.
Example: two rules have the name `a`. The error is at `spec.rules[1].name`: `'a' is already the name of spec.rules[0]`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations

from egressaudit.mesh.trust import KINDS
from egressaudit.model import ObjectRef
from egressaudit.policy.document import Ref, RuleForm, TrustedForm, TrustedZtunnelForm, TrustForm
from egressaudit.policy.hosts import HostPattern
from egressaudit.policy.rules import DEFAULT, PolicyRule
from egressaudit.policy.trust_form import contradictions as untrusted
from egressaudit.policy.trust_form import trust_of
from egressaudit.policy.yaml_text import Step

Complaint = tuple[tuple[Step, ...], str, str]
"""Where, what, and what to do."""

_MANY = 50
"""With more rules for one host than this, comparing each with each takes long."""

_LISTS = {"gateway": "gateways", "waypoint": "waypoints"}


@dataclass(frozen=True, slots=True)
class PolicyParts:
    """The parts of a policy that can be read, each with its place in its list, although others may not be."""

    rules: Sequence[tuple[int, RuleForm]]
    names: Sequence[tuple[int, str]]
    """The names of all rules, also of those that are wrong otherwise."""
    waived: Sequence[tuple[int, str]]
    """The rules that waivers name, also of those that are wrong otherwise."""
    lists: dict[str, tuple[Ref, ...] | None]
    """`gateways` and `waypoints`, None if one of them is wrong."""
    default: str
    trust: TrustForm | None = None
    """None if it is wrong, or not there."""
    tried: Sequence[tuple[int, str]] = ()
    """The rules that the bypass section names."""


def complaints(parts: PolicyParts, rules: Sequence[tuple[int, PolicyRule]]) -> Iterator[Complaint]:
    """Everything that is wrong; `rules` are the same as in the parts, made ready."""
    yield from _of_names(parts.names)
    for kind, refs in parts.lists.items():
        yield from _twice(("spec", kind), refs or ())
    for number, form in parts.rules:
        yield from _of_way(("spec", "rules", number), form, parts.lists)
    yield from _of_waivers(parts)
    yield from _of_trust(parts)
    yield from _of_bypass(parts)
    yield from contradictions(rules)


def _of_names(names: Sequence[tuple[int, str]]) -> Iterator[Complaint]:
    first: dict[str, int] = {}
    for number, name in names:
        where = ("spec", "rules", number, "name")
        if name == DEFAULT:
            yield (
                where,
                f"a rule cannot be called {DEFAULT}: that name means that no rule matched",
                "Choose another name.",
            )
        elif name in first:
            yield where, f"{name!r} is already the name of spec.rules[{first[name]}]", "Give each rule its own name."
        first.setdefault(name, number)


def _twice(where: tuple[Step, ...], refs: Sequence[Ref | TrustedForm | TrustedZtunnelForm]) -> Iterator[Complaint]:
    for number, ref in enumerate(refs):
        if ref in refs[:number]:
            yield (*where, number), f"{ref.namespace}/{ref.name} is listed twice", "Remove one."


def _of_way(where: tuple[Step, ...], form: RuleForm, lists: dict[str, tuple[Ref, ...] | None]) -> Iterator[Complaint]:
    own = _LISTS.get(form.via)
    for kind, refs in (("gateways", form.gateways), ("waypoints", form.waypoints)):
        if refs and kind != own:
            yield (
                (*where, kind),
                f"a rule with `via: {form.via}` cannot have {kind}",
                f"Remove {kind}, or change `via`.",
            )
    if own is None or (known := lists[own]) is None:
        return
    # A rule that named no gateway would be satisfied by any gateway that anybody runs.
    if not known:
        yield (
            (*where, "via"),
            f"spec.{own} is empty, so nothing can carry this traffic",
            f"List the allowed ones in spec.{own}.",
        )
        return
    narrowed = form.gateways if own == "gateways" else form.waypoints
    for number, ref in enumerate(narrowed):
        if ref not in known:
            text = f"{ref.namespace}/{ref.name}"
            hint = _did_you_mean(text, [f"{each.namespace}/{each.name}" for each in known])
            yield (*where, own, number), f"{text} is not in spec.{own}", hint


def _of_waivers(parts: PolicyParts) -> Iterator[Complaint]:
    names = [name for _, name in parts.names]
    for number, rule in parts.waived:
        where = ("spec", "waivers", number, "rule")
        if rule == DEFAULT:
            if parts.default != "deny":
                yield (
                    where,
                    f"`default: {parts.default}` forbids nothing, so there is nothing to waive",
                    "Remove the waiver.",
                )
        elif rule not in names:
            yield where, f"unknown rule {rule[:80]!r}", _did_you_mean(rule, [*names, DEFAULT])


def _of_bypass(parts: PolicyParts) -> Iterator[Complaint]:
    names = [name for _, name in parts.names]
    direct = {form.name for _, form in parts.rules if form.via == "direct"}
    for number, rule in parts.tried:
        where = ("spec", "bypass", "rules", number)
        if rule not in names:
            yield where, f"unknown rule {rule[:80]!r}", _did_you_mean(rule, names)
        elif rule in direct:
            yield where, f"rule {rule} says direct, so there is nothing to get around", "Remove it here."


def _of_trust(parts: PolicyParts) -> Iterator[Complaint]:
    if parts.trust is None:
        return
    for kind in KINDS:
        yield from _twice(("spec", "trust", kind), getattr(parts.trust, kind))
    ways = {kind: [ObjectRef(each.namespace, each.name) for each in refs or ()] for kind, refs in parts.lists.items()}
    for where, clause in untrusted(trust_of(parts.trust), ways):
        yield ("spec", *where), clause, "Add it to the trust section, or remove it."


def contradictions(rules: Sequence[tuple[int, PolicyRule]]) -> Iterator[Complaint]:
    """Pairs of rules that match some traffic alike and say different ways, so that neither can hold before the other.

    Two host patterns that are equally specific and have a host in common are the same pattern, whatever their kind:
    suffixes of one name with the same length are equal, and so are networks of one address with the same prefix.
    """
    by_host: defaultdict[HostPattern, list[int]] = defaultdict(list)
    for at, (_, rule) in enumerate(rules):
        for pattern in dict.fromkeys(rule.hosts):
            by_host[pattern].append(at)
    ready = [rule for _, rule in rules]
    compared: set[tuple[int, int]] = set()
    for pattern, having in by_host.items():
        for pair in _pairs(ready, having):
            if pair in compared:
                continue
            compared.add(pair)
            (_, one), (number, other) = rules[pair[0]], rules[pair[1]]
            if one.way != other.way and _meet(one, other):
                yield _contradiction(number, one, other, pattern)


def _pairs(rules: Sequence[PolicyRule], having: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The pairs among these rules that may meet; where there are many, only those that have a name in common."""
    if len(having) <= _MANY:
        yield from combinations(having, 2)
        return
    for near in _by_key(having, lambda at: rules[at].namespaces.keys):
        for nearer in [near] if len(near) <= _MANY else _by_key(near, lambda at: rules[at].workloads.keys):
            yield from combinations(nearer, 2)


def _by_key(having: Sequence[int], keys: Callable[[int], frozenset[str]]) -> list[list[int]]:
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for at in having:
        for key in keys(at):
            groups[key].append(at)
    return [groups[key] for key in sorted(groups)]


def _meet(one: PolicyRule, other: PolicyRule) -> bool:
    if bool(one.ports) != bool(other.ports) or (one.ports and not one.ports & other.ports):
        return False
    return one.namespaces.meets(other.namespaces) and one.workloads.meets(other.workloads)


def _contradiction(number: int, one: PolicyRule, other: PolicyRule, pattern: HostPattern) -> Complaint:
    ports = f" port {min(one.ports & other.ports)}" if one.ports else ""
    both = f"rule {other.name} says {_way(other)}, rule {one.name} says {_way(one)}"
    return (
        ("spec", "rules", number),
        f"for {pattern}{ports}, {both}; neither is more specific",
        "Make one of them more specific (a longer host, a workload, a namespace, ports), or remove the overlap.",
    )


def _way(rule: PolicyRule) -> str:
    refs: tuple[ObjectRef, ...] = rule.via
    return f"{rule.expected} {' or '.join(map(str, refs))}".strip()


def _did_you_mean(text: str, known: Sequence[str]) -> str:
    near = get_close_matches(text, known, n=3)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"The known ones are {', '.join(sorted(set(known))[:10])}." if known else ""
