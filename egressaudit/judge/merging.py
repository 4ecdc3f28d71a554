"""Groups that differ only in the address that was reached, put together again once each has its verdict.

A host has many addresses, and a rule may name one of them: so each address is judged by itself, and flows that got the
same answer are one group in the report.

In: pairs of a ruling and where its first flows stand. Out: fewer of them, in the order of their first ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from egressaudit.judge.groups import Ruling
from egressaudit.model import FlowGroup

SHOWN = 3
"""Flows of each group whose lines are shown."""


class Dated(Protocol):
    """What can be put in the order of time."""

    @property
    def order(self) -> tuple[object, ...]:
        """When it began, and where it stands."""


_Proof = TypeVar("_Proof", bound=Dated)


def merged(judged: Iterable[tuple[Ruling, tuple[_Proof, ...]]]) -> list[tuple[Ruling, tuple[_Proof, ...]]]:
    """The rulings, those put together that say the same of flows to several addresses of one host."""
    found: dict[object, list[tuple[Ruling, tuple[_Proof, ...]]]] = {}
    for ruling, proofs in judged:
        said = ruling.judged
        key = (_bare(said.group), said.decision, said.outcome, said.because, ruling.code)
        found.setdefault(key, []).append((ruling, proofs))
    return [_one(each) for each in found.values()]


def merged_groups(groups: Iterable[FlowGroup]) -> list[FlowGroup]:
    """The same of groups that nobody judged."""
    found: dict[FlowGroup, list[FlowGroup]] = {}
    for group in groups:
        found.setdefault(_bare(group), []).append(group)
    return [_sum(each) for each in found.values()]


def _bare(group: FlowGroup) -> FlowGroup:
    """A group less all that is counted or listed."""
    return replace(group, flows=0, first=group.first.min, last=group.last.min, server_names=(), reached=(), evidence=())


def _one(same: Sequence[tuple[Ruling, tuple[_Proof, ...]]]) -> tuple[Ruling, tuple[_Proof, ...]]:
    ruling = same[0][0]
    if len(same) == 1:
        return same[0]
    group = _sum([each.judged.group for each, _ in same])
    proofs = sorted((proof for _, some in same for proof in some), key=lambda each: each.order)
    return replace(ruling, judged=replace(ruling.judged, group=group)), tuple(proofs[:SHOWN])


def _sum(groups: Sequence[FlowGroup]) -> FlowGroup:
    return replace(
        groups[0],
        flows=sum(each.flows for each in groups),
        first=min(each.first for each in groups),
        last=max(each.last for each in groups),
        server_names=tuple(sorted({name for each in groups for name in each.server_names})),
        reached=tuple(sorted({one for each in groups for one in each.reached}, key=lambda one: (one[0], one[1] or 0))),
    )
