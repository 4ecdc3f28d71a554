"""Merge groups that differ only in the address that was reached, once each has its verdict.

A host has many addresses, and a rule may name one of them. So each address is judged on its own, and flows with the
same verdict become one group in the report.

In: rulings with their proofs, e.g. three for docs.example.com at three addresses. Out: one with all three addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from egressaudit.judge.groups import Ruling
from egressaudit.model import FlowGroup

SHOWN = 3
"""For how many flows of a group lines are shown."""


class Dated(Protocol):
    """Something that can be sorted by time."""

    @property
    def order(self) -> tuple[object, ...]:
        """When it began, then the place of its line."""


_Proof = TypeVar("_Proof", bound=Dated)


def merged(judged: Iterable[tuple[Ruling, tuple[_Proof, ...]]]) -> list[tuple[Ruling, tuple[_Proof, ...]]]:
    """The rulings; those with the same verdict for several addresses of one host are merged."""
    found: dict[object, list[tuple[Ruling, tuple[_Proof, ...]]]] = {}
    for ruling, proofs in judged:
        judged_group = ruling.judged
        group, decision = judged_group.group, judged_group.decision
        key = (_bare(group), decision, judged_group.outcome, judged_group.because, ruling.code)
        found.setdefault(key, []).append((ruling, proofs))
    return [_one(each) for each in found.values()]


def merged_groups(groups: Iterable[FlowGroup]) -> list[FlowGroup]:
    """The same for groups that were not judged."""
    found: dict[FlowGroup, list[FlowGroup]] = {}
    for group in groups:
        found.setdefault(_bare(group), []).append(group)
    return [_sum(each) for each in found.values()]


def _bare(group: FlowGroup) -> FlowGroup:
    """A group without everything that is counted or listed."""
    return replace(
        group, flows=0, first=group.first.min, last=group.last.min, server_names=(), reached=(), evidence=(), spread=()
    )


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
        spread=tuple(map(sum, zip(*(each.spread for each in groups), strict=True))),
        reached=tuple(sorted({one for each in groups for one in each.reached}, key=lambda one: (one[0], one[1] or 0))),
    )
