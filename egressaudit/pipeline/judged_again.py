"""Past days judged again by another policy: what `audit --history FILE --policy new.yaml --what-if` composes.

history ─▶ groups of all days, each shape once ─▶ rulings ─▶ report

In: a history, a policy, a span of time. Out: a `WhatIfReport`: who would break, and who would still escape.
Each day is judged as an audit of its evidence by this policy would judge it: waivers count as of that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from egressaudit.errors import UsageError
from egressaudit.findings.policy_usage import last_day
from egressaudit.history.past_flows import PastGroup, past_groups
from egressaudit.history.stored_runs import History
from egressaudit.judge.answers import answers_from
from egressaudit.judge.group_expectation import by_policy
from egressaudit.judge.groups import Ruling, judge_group
from egressaudit.mesh import Trust
from egressaudit.model import Outcome, Window
from egressaudit.model.group_facts import GroupFacts, RunSummary
from egressaudit.model.what_if import WhatIfReport, WhatIfRow, WouldBe
from egressaudit.pipeline.remembering import vouched
from egressaudit.policy import Policy
from egressaudit.report.wording import counted

_NAMED = "named "
_OTHER_TRUST = "Some runs trusted other proxies or ranges than this policy does: what rests on those is not proven."


@dataclass(frozen=True, slots=True)
class _RunClass:
    """What runs have in common that are judged alike."""

    day: date
    trusted: tuple[str, ...]


def judged_again(
    history: History, policy: Policy, trust: Trust, since: datetime | None, until: datetime | None
) -> WhatIfReport:
    """The report on all runs whose windows lie in this time. UsageError if there are none; NotFound, BadHistory.

    `trust` is what the policy and --trust say now.
    """
    within = _within(history.runs(), since, until)
    runs, notes = _chosen(within, history.left_out()) if within else ((), ())
    if not runs:
        raise UsageError(f"{history.file} has no run in this time", hint="`egressaudit history list FILE` shows all.")
    classes = _classes(runs, policy)
    numbers = {each: number for number, each in enumerate(dict.fromkeys(classes.values()))}
    known = {number: each for each, number in numbers.items()}
    now = vouched(trust)
    found: dict[WhatIfRow, WhatIfRow] = {}
    for past in past_groups(history, {run: numbers[each] for run, each in classes.items()}):
        run_class = known[past.run_class]
        ruling = rejudged(past.facts, policy, run_class.day)
        _add(found, _row(past, _doubted(ruling, run_class.trusted, now)))
    if any(each.trusted != now for each in numbers):
        notes = (*notes, _OTHER_TRUST)
    return WhatIfReport(
        history=history.file.name,
        window=Window(min(each.start for each in runs), max(each.end for each in runs)),
        runs=len(runs),
        policy=policy.name,
        policy_digest=policy.digest,
        rows=tuple(sorted(found.values(), key=_order)),
        incomplete=sum(each.unproven > 0 for each in runs),
        notes=notes,
    )


def rejudged(facts: GroupFacts, policy: Policy, day: date) -> Ruling:
    """The ruling on one group by a policy, as of a day."""
    answers = answers_from(facts)
    return judge_group(facts.group, by_policy(policy, answers, day), dict(facts.hosts_at), answers.tried)


def _within(runs: Iterable[RunSummary], since: datetime | None, until: datetime | None) -> list[RunSummary]:
    """The runs whose windows lie in this time, or partly."""
    return [each for each in runs if (since is None or each.end > since) and (until is None or each.start < until)]


def _chosen(
    within: Sequence[RunSummary], left_out: Mapping[int, frozenset[str]]
) -> tuple[tuple[RunSummary, ...], tuple[str, ...]]:
    """The runs of the newest run's cluster that no later one replaces; and what a reader must know of the choice.

    `left_out` are the workloads that a run was not asked about.
    """
    cluster = within[-1].cluster_uid
    own = [each for each in within if each.cluster_uid == cluster]
    kept = [each for number, each in enumerate(own) if not _is_replaced(each, own[number + 1 :], left_out)]
    chosen = tuple(sorted(kept, key=lambda each: (each.start, each.number)))
    notes = []
    if others := len(within) - len(own):
        notes.append(f"Left out: {others} of other clusters.")
    if again := len(own) - len(chosen):
        notes.append(f"Left out: {again} whose window was audited again later.")
    if any(after.start < before.end for before, after in pairwise(chosen)):
        notes.append("Windows overlap, so some flows are counted more than once.")
    if pauses := list(_pauses(chosen)):
        total = sum(pauses, timedelta())
        notes.append(f"Nothing is known of {total} between these runs, in {counted(len(pauses), 'pause')}.")
    return chosen, tuple(notes)


def _is_replaced(run: RunSummary, later: Iterable[RunSummary], left_out: Mapping[int, frozenset[str]]) -> bool:
    """Whether a later run has the same window, and was asked about all that this one was: not only about a part."""
    own = left_out.get(run.number, frozenset())
    return any(
        (each.start, each.end) == (run.start, run.end) and left_out.get(each.number, frozenset()) <= own
        for each in later
    )


def _pauses(runs: Iterable[RunSummary]) -> Iterator[timedelta]:
    """The times between runs, which are sorted by their starts, that are in no window."""
    covered: datetime | None = None
    for each in runs:
        if covered is not None and each.start > covered:
            yield each.start - covered
        covered = each.end if covered is None else max(covered, each.end)


def _classes(runs: Iterable[RunSummary], policy: Policy) -> Mapping[int, _RunClass]:
    """What each run has in common with others: their days are alike if the same waivers count."""
    ends = sorted({each.expires for each in policy.waivers})
    days: dict[int, date] = {}
    found = {}
    for run in runs:
        day = last_day(Window(run.start, run.end))
        alike = sum(end < day for end in ends)
        found[run.number] = _RunClass(days.setdefault(alike, day), run.trusted)
    return found


def _doubted(ruling: Ruling, then: tuple[str, ...], now: tuple[str, ...]) -> Ruling:
    """The same, but no PASS on the word of a proxy that was believed then because it was named, and is not now."""
    judged = ruling.judged
    if then == now or judged.outcome is not Outcome.PASS:
        return ruling
    lost = set(then) - set(now)
    doubted = [str(each) for each in judged.group.via if f"{_NAMED}{each}" in lost]
    listed = {each for each in set(then) ^ set(now) if not each.startswith(_NAMED)}
    if not doubted and not listed:
        return ruling
    whom = doubted[0] if doubted else "what it passed"
    because = f"{whom} was believed because of what was trusted then, and this policy trusts something else"
    return Ruling(replace(judged, outcome=Outcome.INCONCLUSIVE, because=because), "EA309")


def _row(past: PastGroup, ruling: Ruling) -> WhatIfRow:
    judged = ruling.judged
    group, decision = judged.group, judged.decision
    row = WhatIfRow(
        would=WouldBe.SAME,
        namespace=group.namespace,
        workload=group.workload,
        host=group.host,
        port=group.port,
        path=group.path,
        via=group.via,
        flows=group.flows,
        first=group.first,
        last=group.last,
        before=past.outcome,
        after=judged.outcome,
        code=ruling.code,
        rule=decision.rule,
        because=judged.because,
        waived=decision.waived if judged.outcome is Outcome.FAIL else None,
        was_waived=past.waived,
    )
    return replace(row, would=_would(row))


def _would(row: WhatIfRow) -> WouldBe:
    was = row.before is Outcome.FAIL and not row.was_waived
    if row.after is Outcome.FAIL and row.waived is None:
        return WouldBe.ESCAPES if was else WouldBe.BREAKS
    if row.after is Outcome.INCONCLUSIVE:
        return WouldBe.SAME if row.before is Outcome.INCONCLUSIVE else WouldBe.UNPROVEN
    return WouldBe.SETTLED if was or row.before is Outcome.INCONCLUSIVE else WouldBe.SAME


def _add(found: dict[WhatIfRow, WhatIfRow], row: WhatIfRow) -> None:
    """Flows that differ only in their address, number and time are one row."""
    key = replace(row, flows=0, first=row.first.min, last=row.last.min)
    there = found.get(key)
    found[key] = (
        row
        if there is None
        else replace(
            there,
            flows=there.flows + row.flows,
            first=min(there.first, row.first),
            last=max(there.last, row.last),
        )
    )


def _order(row: WhatIfRow) -> tuple[object, ...]:
    place = (row.namespace, row.workload, row.host, row.port or 0, row.path, tuple(map(str, row.via)))
    return (tuple(WouldBe).index(row.would), *place, row.code, row.because, str(row.before), row.was_waived)
