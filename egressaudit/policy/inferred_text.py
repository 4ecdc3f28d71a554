"""The text of a policy that was inferred: YAML with comments, the same for equal facts.

In: `Facts`. Out: the YAML. Example: a `RuleText` for docs.redhat.com and port 443 becomes a rule with the line
`to: {hosts: [docs.redhat.com], ports: [443]}`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from egressaudit.model import ObjectRef, Path

_KEYS = {Path.VIA_GATEWAY: ("gateway", "gateways"), Path.VIA_WAYPOINT: ("waypoint", "waypoints")}


@dataclass(frozen=True, slots=True)
class RuleText:
    """One rule to be written: all of its workloads, hosts and ports, each with each."""

    namespace: str
    workloads: tuple[str, ...]
    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    path: Path
    via: tuple[ObjectRef, ...]
    flows: int = 0
    """How many were seen; 0 where the rule comes from the configuration."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is written; `refused` are headings with lines that become comments."""

    title: str
    gateways: tuple[ObjectRef, ...]
    waypoints: tuple[ObjectRef, ...]
    rules: tuple[RuleText, ...]
    refused: tuple[tuple[str, tuple[str, ...]], ...] = ()


def policy_text(facts: Facts) -> str:
    """The policy as YAML, which reads as valid and denies all that no rule allows."""
    lists = {Path.VIA_GATEWAY: facts.gateways, Path.VIA_WAYPOINT: facts.waypoints}
    lines = [
        f"# {facts.title}",
        "apiVersion: egressaudit.io/v1alpha1",
        "kind: EgressPolicy",
        "metadata: {name: inferred}",
        "spec:",
        *_refs("  gateways:", facts.gateways),
        *_refs("  waypoints:", facts.waypoints),
        "  rules:" if facts.rules else "  rules: []",
    ]
    numbers: Counter[tuple[str, Path]] = Counter()
    for rule in facts.rules:
        numbers[rule.namespace, rule.path] += 1
        lines += _rule(rule, numbers[rule.namespace, rule.path], lists[rule.path])
    lines.append("  default: deny")
    for heading, said in facts.refused:
        if said:
            lines += ["", f"# {heading}", *(f"#   {inert(each)}" for each in said)]
    return "\n".join(lines) + "\n"


def inert(text: str) -> str:
    """The text as one line that stays in its comment: what does not print is an escape."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode() for each in text
    )


def _rule(rule: RuleText, number: int, listed: tuple[ObjectRef, ...]) -> Iterator[str]:
    via, key = _KEYS[rule.path]
    if rule.flows:
        yield f"  # {rule.flows} {'flow' if rule.flows == 1 else 'flows'}"
    yield from (f"  # {inert(each)}" for each in rule.notes)
    yield f"  - name: {_flow(f'{rule.namespace}-{via}-{number}')}"
    yield f"    from: {{namespaces: {_flow([rule.namespace])}, workloads: {_flow(list(rule.workloads))}}}"
    yield f"    to: {{hosts: {_flow(list(rule.hosts))}, ports: {_flow(list(rule.ports))}}}"
    yield f"    via: {via}"
    if rule.via != listed:
        yield from _refs(f"    {key}:", rule.via)


def _refs(key: str, refs: tuple[ObjectRef, ...]) -> Iterator[str]:
    if refs:
        yield f"{key} {_flow([{'namespace': each.namespace, 'name': each.name} for each in refs])}"


def _flow(value: object) -> str:
    """A value on one line; PyYAML puts quotes where YAML would read something else."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True)
    return str(text).removesuffix("...\n").strip()
