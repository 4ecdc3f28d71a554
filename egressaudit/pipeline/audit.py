"""The audit of a window: logs and a snapshot to a report.

sources ─▶ hop tables ─▶ engine ─▶ flow groups ─▶ rulings ─▶ findings ─▶ report
mesh ────────────────────┴───────────┴────────────┴──▶ coverage ─┘

In: paths, a `Mesh`, `AuditSettings`, the account of the collection where there is one. Out: an `AuditReport`.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path as File
from typing import TYPE_CHECKING

from egressaudit.evidence.collection import Collection
from egressaudit.findings import find_all
from egressaudit.findings.audit_scope import AuditScope
from egressaudit.findings.coverage.collection_check import hashes
from egressaudit.findings.coverage.log_files import LogFile, LogFiles
from egressaudit.findings.coverage.window_coverage import LogsRead, coverage
from egressaudit.findings.evidence_lines import marked, shown_lines, unjudged_lines, with_evidence
from egressaudit.findings.evidence_problems import evidence_problems, mirrored
from egressaudit.findings.facts import AuditFacts, PolicyProblems
from egressaudit.findings.notes import not_asked, notes_of
from egressaudit.findings.policy_usage import PolicyUsage, last_day
from egressaudit.findings.trust_notes import trusted_for_window
from egressaudit.findings.unproven import unproven_logs, unproven_proxies
from egressaudit.hops.forgeable_logs import Suspicions
from egressaudit.hops.line_parser import format_set
from egressaudit.join.engines import open_engine
from egressaudit.join.results import Flows, Proof
from egressaudit.join.surroundings import Surroundings
from egressaudit.join.window_hops import WindowHops, window_of
from egressaudit.judge.believed import check_outside, missing_trust
from egressaudit.judge.fate import fate_of
from egressaudit.judge.group_expectation import by_mesh, by_policy
from egressaudit.judge.groups import Decide, Ruling, hosts_reached, judge_group, order_of
from egressaudit.judge.merging import merged, merged_groups
from egressaudit.mesh import Mesh, Trust
from egressaudit.model import PROXY_CONTAINER, AuditReport, FlowGroup, Window
from egressaudit.sources import Origin, Sources
from egressaudit.sources.streams import Watch

if TYPE_CHECKING:
    from egressaudit.policy import Policy


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """What to audit and how. Without `start` and `end` the window is all that the logs hold."""

    policy: Policy | None = None
    start: datetime | None = None
    end: datetime | None = None
    fail_below: float = 0.0
    """The fraction of coverage that is required, 0 to 1."""
    memory_limit: str = "1GB"
    containers: frozenset[str] = frozenset({PROXY_CONTAINER})
    namespaces: frozenset[str] | None = None
    """Whose sidecars are audited, None for all; gateways, waypoints and ztunnels always are."""
    trust: Trust = field(default_factory=Trust)
    """Who is believed beside the evidence; the mesh that is audited was read with it."""
    engine: str = "duckdb"
    """One of `join.engines.ENGINES`."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of a window and joined, while the engine is open."""

    hops: WindowHops
    flows: Flows
    window: Window
    asked: AuditScope


def audit_window(
    paths: tuple[str, ...],
    mesh: Mesh,
    settings: AuditSettings,
    collection: Collection | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> AuditReport:
    """The report on the logs at these paths. BadLogs where there are none, or the disk is full.

    UsageError where a network that is declared as outside is the cluster's.
    """
    check_outside(mesh)
    with (
        closing(LogFiles(format_set(mesh.custom_formats), hashed=hashes(collection))) as files,
        _joined(paths, mesh, settings, collection, say, files.watch) as read,
    ):
        return _report(read, mesh, settings, collection, paths, files.found())


def window_groups(
    paths: tuple[str, ...],
    mesh: Mesh,
    settings: AuditSettings,
    collection: Collection | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[FlowGroup, ...]:
    """The groups of flows that an audit of these paths would judge, without their lines. BadLogs as for an audit."""
    with _joined(paths, mesh, settings, collection, say) as read:
        return tuple(merged_groups(group for group, _ in read.flows.groups if read.asked.concerns(group)))


@contextmanager
def _joined(
    paths: tuple[str, ...],
    mesh: Mesh,
    settings: AuditSettings,
    collection: Collection | None,
    say: Callable[[str], None],
    watch: Callable[[Origin], Watch] | None = None,
) -> Iterator[_Read]:
    """The logs at these paths, read to their ends, and the flows of the window; the engine is open within the block."""
    with (
        tempfile.TemporaryDirectory(prefix="egressaudit-") as folder,
        open_engine(
            Surroundings.of(mesh), File(folder), fate_of, memory_limit=settings.memory_limit, name=settings.engine
        ) as engine,
    ):
        hops = WindowHops(engine, Suspicions.of(mesh))
        sources = Sources(paths, containers=settings.containers, watch=watch)
        hops.read(sources, format_set(mesh.custom_formats), say)
        start = settings.start or (collection.since if collection else None)
        window = window_of(engine, start, settings.end or (collection.until if collection else None))
        hops.forget_forgeable()
        say("joining hops")
        yield _Read(hops, engine.flows(window), window, AuditScope(mesh, settings.namespaces, collection))


def _report(
    read: _Read,
    mesh: Mesh,
    settings: AuditSettings,
    collection: Collection | None,
    paths: tuple[str, ...],
    files: tuple[LogFile, ...],
) -> AuditReport:
    hops, chosen, policy = read.hops, read.asked.logs, settings.policy
    used, today = PolicyUsage(), last_day(read.window)
    kept = merged(_judged(read, by_policy(policy, mesh, today, used.note) if policy else by_mesh(mesh)))
    shown = [(ruling.judged.group, proofs) for ruling, proofs in kept]
    texts = shown_lines(shown, hops, paths, settings.containers)
    groups = with_evidence(shown, hops, texts)
    rulings = tuple(
        replace(ruling, judged=marked(replace(ruling.judged, group=group)))
        for (ruling, _), group in zip(kept, groups, strict=True)
    )
    logs = LogsRead(tuple(hops.logs), hops.skipped, hops.broken, files)
    seen = coverage(mesh, logs, read.window, collection, chosen, hops.forgeable)
    facts = AuditFacts(
        rulings=rulings,
        coverage=seen,
        unjudged=unjudged_lines(hops, texts, unproven_logs(mesh)),
        evidence=replace(
            evidence_problems(mesh, logs, collection, chosen, paths),
            mirrors=mirrored(mesh, groups, hops.engine.inside_hosts()),
        ),
        policy=replace(
            used.problems(policy, mesh, today) if policy else PolicyProblems(), missing_trust=missing_trust(mesh)
        ),
        unproven=unproven_proxies(mesh, hops),
        fail_below=settings.fail_below,
    )
    return AuditReport(
        window=read.window,
        coverage=seen,
        judged=tuple(sorted((each.judged for each in rulings), key=order_of)),
        findings=find_all(facts),
        policy=policy.name if policy else "",
        policy_digest=policy.digest if policy else "",
        internal=hops.engine.ignored.get("inside", 0),
        ignored=_ignored(read, groups),
        notes=(*notes_of(mesh, collection), *hops.suspicions.note(each.source for each in hops.logs if each.source)),
        not_asked=not_asked(mesh, chosen),
        trusted=trusted_for_window((each.judged for each in rulings), seen, mesh),
    )


def _judged(read: _Read, decide: Decide) -> Iterator[tuple[Ruling, tuple[Proof, ...]]]:
    hosts_at = hosts_reached(group for group, _ in read.flows.groups)
    for group, proofs in read.flows.groups:
        if read.asked.concerns(group):
            yield judge_group(group, decide, hosts_at), proofs


def _ignored(read: _Read, groups: list[FlowGroup]) -> dict[str, int]:
    """Access lines that are no flow of this report, by kind."""
    found = Counter({kind: n for kind, n in read.hops.engine.ignored.items() if n and kind != "inside"})
    found["outside-window"] = read.flows.outside
    found["of-others"] = sum(group.flows for group, _ in read.flows.groups) - sum(each.flows for each in groups)
    return {kind: n for kind, n in sorted(found.items()) if n}
