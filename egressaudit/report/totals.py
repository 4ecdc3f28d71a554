"""What a report adds up where a list would be too long: flows by outcome and way, blind spots by kind and reason.

In: judged groups, or blind spots. Out: rows, e.g. 84120 flows of 180 workloads that are PASS and
went via-gateway istio-egress/gw.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from egressaudit.judge.network_words import blind_spot_words
from egressaudit.model import BlindSpot, Judged, Outcome
from egressaudit.report.wording import outcome_words, place, way

MAX_LISTED = 50
"""Groups of flows that are listed one by one where there is little room."""
_OUTCOMES = (Outcome.FAIL, Outcome.INCONCLUSIVE, None, Outcome.PASS)


@dataclass(frozen=True, slots=True)
class FlowTotal:
    """All flows of one outcome that went one way."""

    outcome: Outcome | None
    words: str
    """The outcome, and whether it is waived."""
    way: str
    workloads: int
    places: int
    """Hosts and ports."""
    groups: int
    flows: int


@dataclass(frozen=True, slots=True)
class BlindSpots:
    """Blind spots of one kind and reason."""

    kind: str
    words: str
    subjects: tuple[str, ...]
    """Each with its workload: `legacy/batch-1 (Deployment/batch)`."""


def flow_totals(judged: Iterable[Judged]) -> tuple[FlowTotal, ...]:
    """The totals, those of violations first, then the most flows first."""
    by: dict[tuple[str, str], list[Judged]] = {}
    for each in judged:
        by.setdefault((outcome_words(each), way(each.group)), []).append(each)
    totals = [_total(words, path, groups) for (words, path), groups in by.items()]
    return tuple(sorted(totals, key=lambda each: (_OUTCOMES.index(each.outcome), -each.flows, each.way)))


def blind_spot_rows(spots: Iterable[BlindSpot]) -> tuple[BlindSpots, ...]:
    """The blind spots by kind and reason, in the order of the first of each."""
    by: dict[tuple[str, str], list[str]] = {}
    for each in spots:
        workload = f" ({each.workload})" if each.workload else ""
        by.setdefault((each.kind, blind_spot_words(each)), []).append(f"{each.subject}{workload}")
    return tuple(BlindSpots(kind, words, tuple(subjects)) for (kind, words), subjects in by.items())


def _total(words: str, path: str, judged: Sequence[Judged]) -> FlowTotal:
    groups = [each.group for each in judged]
    return FlowTotal(
        outcome=judged[0].outcome,
        words=words,
        way=path,
        workloads=len({each.subject for each in groups}),
        places=len({place(each) for each in groups}),
        groups=len(groups),
        flows=sum(each.flows for each in groups),
    )
