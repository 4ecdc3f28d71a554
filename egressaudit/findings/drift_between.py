"""What changed between two reports: flows and findings by their fingerprints.

In: what is kept of an earlier report and of this one. Out: a `Drift`, e.g. with a NEW finding EA101. What is absent is
gone only if the logs of this time would show it (`absent`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from egressaudit.findings.absent import Absence
from egressaudit.model import Outcome, Severity
from egressaudit.model.drift import Drift, DriftChange, DriftOf, DriftRow
from egressaudit.model.kept import KeptFinding, KeptFlow, KeptReport
from egressaudit.times import rfc3339

_Kept = TypeVar("_Kept", KeptFinding, KeptFlow)
_WORST = (Outcome.FAIL, Outcome.INCONCLUSIVE, None, Outcome.PASS)
_WAIVED = 1.5
"""Worse than what is not judged, better than what is not proven."""
_SEVERITIES = (*Severity, None)
_CHANGES = tuple(DriftChange)


def drift_between(before: KeptReport, now: KeptReport) -> Drift:
    """The changes from one report to another. Reports of two clusters are not compared."""
    if before.cluster_uid and now.cluster_uid and before.cluster_uid != now.cluster_uid:
        why = f"Not compared: {before.name} is of cluster {before.cluster_uid}, this report of {now.cluster_uid}."
        return Drift(before.name, before.window, notes=(why,), compared=False)
    absence = Absence(before.coverage, now.coverage, now.flows)
    rows = (*_findings(before, now, absence), *_flows(before, now, absence))
    return Drift(before.name, before.window, tuple(sorted(rows, key=_order)), tuple(_notes(before, now)))


def first_of(name: str) -> Drift:
    """Of a report that has nothing before it."""
    return Drift(name, None, notes=(f"Not compared: {name} has no earlier run of this mesh.",), compared=False)


def _notes(before: KeptReport, now: KeptReport) -> Iterator[str]:
    if not (before.cluster_uid and now.cluster_uid):
        yield "It is not known whether both reports are of one cluster: one of them lacks the UID of kube-system."
    if before.policy_digest != now.policy_digest:
        was, by = before.policy or "the mesh configuration", now.policy or "the mesh configuration"
        other = f"{was} decided then, {by} now" if was != by else f"policy {was} has changed since"
        yield f"Changes may come from the policy: {other}."
    if before.window.start > now.window.start:
        yield f"{before.name} is of a later window, which starts at {rfc3339(before.window.start)}."
    if before.coverage.fraction is not None and before.coverage.fraction < 1:
        yield "What is new may have been there before: the earlier logs have gaps."
    then, here = (each.window.end - each.window.start for each in (before, now))
    if here < then:
        yield f"This window is shorter ({here} instead of {then}): rare traffic may be gone because of that."


def _findings(before: KeptReport, now: KeptReport, absence: Absence) -> Iterator[DriftRow]:
    was, here = _by_fingerprint(before.findings), _by_fingerprint(now.findings)
    for fingerprint in was.keys() | here.keys():
        old, new = was.get(fingerprint), here.get(fingerprint)
        shown = new or old
        assert shown is not None
        why = "" if old is None or new is not None else absence.why_finding(old)
        change = _change(old, new, why)
        if change is None:
            continue
        what = shown.message if old is None else f"{shown.message} ({why or _difference(old, new)})"
        yield DriftRow(
            change,
            DriftOf.FINDING,
            fingerprint,
            shown.subject,
            what,
            code=shown.code,
            severity=shown.severity,
            before=old.outcome if old else None,
            after=new.outcome if new else None,
            violation=_is_violation(new) and not _is_violation(old),
        )


def _flows(before: KeptReport, now: KeptReport, absence: Absence) -> Iterator[DriftRow]:
    was, here = _by_fingerprint(before.flows), _by_fingerprint(now.flows)
    ways = defaultdict(set)
    for each in before.flows:
        ways[each.namespace, each.workload, each.host, each.port].add(_way(each))
    for fingerprint in was.keys() | here.keys():
        old, new = was.get(fingerprint), here.get(fingerprint)
        shown = new or old
        assert shown is not None
        why = "" if old is None or new is not None else absence.why_flow(old)
        change = _change(old, new, why)
        if change is None:
            continue
        what = f"{shown.host}:{shown.port or '-'} {_way(shown)}"
        earlier = sorted(ways[shown.namespace, shown.workload, shown.host, shown.port])
        if old is not None:
            what += f" ({why or _difference(old, new)})"
        elif earlier:
            what += f" (before: {', '.join(earlier)})"
        yield DriftRow(
            change,
            DriftOf.FLOW,
            fingerprint,
            shown.sender,
            what,
            before=old.outcome if old else None,
            after=new.outcome if new else None,
            violation=_is_violation(new) and not _is_violation(old),
        )


def _change(old: KeptFinding | KeptFlow | None, new: KeptFinding | KeptFlow | None, why: str) -> DriftChange | None:
    """What became of it; None for nothing. `why` says why its absence proves nothing."""
    if old is None:
        return DriftChange.NEW
    if new is None:
        return DriftChange.NOT_SEEN if why else DriftChange.GONE
    return DriftChange.CHANGED if _state(old) != _state(new) else None


def _difference(old: KeptFinding | KeptFlow, new: KeptFinding | KeptFlow | None) -> str:
    return f"{_state(old)} before" if new is None else f"{_state(old)} before, {_state(new)} now"


def _state(each: KeptFinding | KeptFlow) -> str:
    """What can change of it: `FAIL high, waived`."""
    outcome = "not judged" if each.outcome is None else each.outcome.value
    severity = f" {each.severity}" if isinstance(each, KeptFinding) else ""
    return f"{outcome}{severity}{', waived' if each.waived else ''}"


def _is_violation(each: KeptFinding | KeptFlow | None) -> bool:
    return each is not None and each.outcome is Outcome.FAIL and not each.waived


def _by_fingerprint(kept: Iterable[_Kept]) -> Mapping[str, _Kept]:
    """The worst of each fingerprint: pods of one workload share it, and so do flows to two addresses of a host."""
    found: dict[str, _Kept] = {}
    for each in kept:
        worst = found.get(each.fingerprint)
        if worst is None or _badness(each) < _badness(worst):
            found[each.fingerprint] = each
    return found


def _badness(each: KeptFinding | KeptFlow) -> tuple[float, int]:
    severity = each.severity if isinstance(each, KeptFinding) else None
    return _WAIVED if each.waived else _WORST.index(each.outcome), _SEVERITIES.index(severity)


def _order(row: DriftRow) -> tuple[object, ...]:
    place = (_CHANGES.index(row.change), not row.violation, row.of.value, _SEVERITIES.index(row.severity))
    return (*place, _WORST.index(row.after or row.before), row.code, row.subject, row.text, row.fingerprint)


def _way(flow: KeptFlow) -> str:
    return " ".join((str(flow.path or "unknown"), *flow.via))
