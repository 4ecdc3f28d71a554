"""The audit of a window: logs and a snapshot to a report.

joined logs ─▶ rulings ─▶ causes ─▶ findings ─▶ report
mesh, files ────┴──▶ coverage ─┘

In: paths, a `Mesh`, `AuditSettings`, the account of the collection where there is one. Out: an `AuditReport`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Protocol

from egressaudit.evidence.collection import Collection
from egressaudit.findings import find_all
from egressaudit.findings.coverage.collection_check import FileAccount
from egressaudit.findings.coverage.log_files import LogFile, LogFiles, digest_of
from egressaudit.findings.coverage.window_coverage import LogsRead, coverage
from egressaudit.findings.evidence_lines import marked, shown_lines, unjudged_lines, with_evidence
from egressaudit.findings.evidence_problems import evidence_problems, mirrored
from egressaudit.findings.facts import AuditFacts, PolicyProblems
from egressaudit.findings.notes import not_asked, notes_of
from egressaudit.findings.policy_usage import PolicyUsage, last_day
from egressaudit.findings.stable_names import owners_of
from egressaudit.findings.trust_notes import trusted_for_window
from egressaudit.findings.unproven import unproven_logs, unproven_proxies
from egressaudit.hops.line_parser import format_set
from egressaudit.join.results import Proof
from egressaudit.judge.believed import check_outside, missing_trust
from egressaudit.judge.group_expectation import answers_of, by_policy
from egressaudit.judge.groups import Decide, Ruling, Tried, hosts_reached, judge_group, order_of
from egressaudit.judge.merging import merged
from egressaudit.mesh import Mesh, made_from
from egressaudit.model import AuditReport, Coverage, Finding, FlowGroup
from egressaudit.pipeline.file_account import account_of
from egressaudit.pipeline.joined_logs import AuditSettings, JoinedLogs, joined_logs, logs_at
from egressaudit.sources import Origin
from egressaudit.sources.streams import Watch

_MOST_FIXED = 100
"""Findings that get fixes."""


class Witness(Protocol):
    """Who sees what an audit is made from, to keep it."""

    def begin(
        self,
        paths: tuple[str, ...],
        mesh: Mesh,
        settings: AuditSettings,
        collection: Collection | None,
        account: FileAccount | None,
    ) -> None:
        """Take note of what is audited."""

    def watch(self, origin: Origin) -> Watch:
        """A function that takes the bytes of this log as they are read."""


def audit_window(
    paths: tuple[str, ...],
    mesh: Mesh,
    settings: AuditSettings,
    collection: Collection | None = None,
    say: Callable[[str], None] = lambda _: None,
    witness: Witness | None = None,
) -> AuditReport:
    """The report on the logs at these paths. BadLogs if there are none, or the disk is full.

    UsageError if a network that is declared as outside is the cluster's. A witness is told what is audited, and then
    shown the bytes of each log.
    """
    check_outside(mesh)
    account = account_of(paths, collection) if settings.kept is None else settings.kept.account
    if witness is not None:
        witness.begin(paths, mesh, settings, collection, account)
    hashed = settings.digest_logs or (account is not None and account.hashed)
    with (
        closing(LogFiles(format_set(mesh.custom_formats), hashed=hashed)) as files,
        joined_logs(paths, mesh, settings, collection, say, _both(files.watch, witness)) as joined,
    ):
        say("judging flows")
        found = files.found()
        report = _report(joined, mesh, settings, collection, paths, found, account)
    policy = settings.policy.digest if settings.policy else ""
    made = replace(made_from(mesh), policy_digest=policy, logs_digest=digest_of(found))
    return replace(report, made_from=made)


def _both(first: Callable[[Origin], Watch], witness: Witness | None) -> Callable[[Origin], Watch]:
    if witness is None:
        return first

    def watch(origin: Origin) -> Watch:
        one, other = first(origin), witness.watch(origin)

        def show(data: memoryview) -> None:
            one(data)
            other(data)

        return show

    return watch


def _report(
    joined: JoinedLogs,
    mesh: Mesh,
    settings: AuditSettings,
    collection: Collection | None,
    paths: tuple[str, ...],
    files: tuple[LogFile, ...],
    account: FileAccount | None,
) -> AuditReport:
    hops, chosen, policy = joined.hops, joined.scope.logs, settings.policy
    used, today = PolicyUsage(), last_day(joined.window)
    answers, hosts_at = answers_of(mesh), hosts_reached(group for group, _ in joined.flows.groups)
    decide = by_policy(policy, answers, today, used.note) if policy else answers.claimed
    judged = list(_judged(joined, decide, hosts_at, answers.tried))
    if settings.keep is not None:
        settings.keep([ruling for ruling, _ in judged], answers, hosts_at)
    kept = merged(judged)
    shown = [(ruling.judged.group, proofs) for ruling, proofs in kept]
    texts = shown_lines(shown, hops, logs_at(paths, settings))
    groups = with_evidence(shown, hops, texts)
    rulings = tuple(
        replace(ruling, judged=marked(replace(ruling.judged, group=group)))
        for (ruling, _), group in zip(kept, groups, strict=True)
    )
    logs = LogsRead(tuple(hops.logs), hops.skipped, hops.broken, files, account)
    seen = coverage(mesh, logs, joined.window, collection, chosen, hops.forgeable)
    rulings = _explained(rulings, mesh, seen)
    facts = AuditFacts(
        rulings=rulings,
        coverage=seen,
        unjudged=unjudged_lines(hops, texts, unproven_logs(mesh)),
        evidence=replace(
            evidence_problems(mesh, logs, chosen, hops.judged),
            mirrors=mirrored(mesh, groups, hops.engine.inside_hosts()),
        ),
        policy=replace(
            used.problems(policy, mesh, today) if policy else PolicyProblems(), missing_trust=missing_trust(mesh)
        ),
        unproven=unproven_proxies(mesh, hops),
        unbound=mesh.unbound_waypoints(),
        fail_below=settings.fail_below,
        owners=owners_of(mesh.pods),
    )
    return AuditReport(
        window=joined.window,
        coverage=seen,
        judged=tuple(sorted((each.judged for each in rulings), key=order_of)),
        findings=_explained_findings(find_all(facts), rulings, mesh, seen),
        policy=policy.name if policy else "",
        internal=hops.engine.ignored.get("inside", 0),
        ignored=_ignored(joined, groups),
        notes=(*notes_of(mesh, collection), *hops.suspicions.note(each.source for each in hops.logs if each.source)),
        not_asked=not_asked(mesh, chosen),
        trusted=trusted_for_window((each.judged for each in rulings), seen, mesh),
        formats=mesh.custom_formats,
    )


def _explained(rulings: tuple[Ruling, ...], mesh: Mesh, seen: Coverage) -> tuple[Ruling, ...]:
    """The rulings with the causes of what is wrong."""
    wrong = [each.judged.group for each in rulings if each.has_cause]
    if not wrong:
        return rulings
    # Import here, as below: what passes has no cause, and does not wait for the catalogue.
    from egressaudit.causes.of_window import causes_of_rulings
    from egressaudit.findings.evidence_hops import evidence_hops

    return causes_of_rulings(rulings, mesh, seen, evidence_hops(wrong, mesh))


def _explained_findings(
    findings: Iterable[Finding], rulings: tuple[Ruling, ...], mesh: Mesh, seen: Coverage
) -> tuple[Finding, ...]:
    """The findings with causes, the first of them with fixes: whoever has fixed a hundred causes audits again."""
    made = tuple(findings)
    if not made:
        return ()
    from egressaudit.causes.of_window import causes_of_findings
    from egressaudit.fixes.suggestions import with_fixes

    return tuple(
        replace(each, causes=with_fixes(each.causes, mesh)) if number < _MOST_FIXED and each.causes else each
        for number, each in enumerate(causes_of_findings(made, rulings, mesh, seen))
    )


def _judged(
    joined: JoinedLogs, decide: Decide, hosts_at: Mapping[str, Sequence[str]], tried: Tried
) -> Iterator[tuple[Ruling, tuple[Proof, ...]]]:
    for group, proofs in joined.flows.groups:
        if joined.scope.concerns(group):
            yield judge_group(group, decide, hosts_at, tried), proofs


def _ignored(joined: JoinedLogs, groups: list[FlowGroup]) -> dict[str, int]:
    """Access lines that are no flow of this report, by kind."""
    found = Counter({kind: n for kind, n in joined.hops.engine.ignored.items() if n and kind != "inside"})
    found["outside-window"] = joined.flows.outside
    found["of-others"] = sum(group.flows for group, _ in joined.flows.groups) - sum(each.flows for each in groups)
    return {kind: n for kind, n in sorted(found.items()) if n}
