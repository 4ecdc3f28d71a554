"""The audit of a window: logs and a snapshot to a report.

sources ─▶ hop tables ─▶ store ─▶ flow groups ─▶ rulings ─▶ findings ─▶ report
mesh ──────────────────────┴───────────┴────────────┴──▶ coverage ─┘
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

import duckdb

from egressaudit.collect import Collection
from egressaudit.errors import BadLogs
from egressaudit.flows import Flows, HopStore, Surroundings, disk_full, flows_of, span, workload_of
from egressaudit.judge.findings import Facts, PolicyFacts, findings
from egressaudit.judge.groups import hosts_reached, judge_group
from egressaudit.judge.merging import merged, merged_groups
from egressaudit.mesh import Mesh, Trust
from egressaudit.model import DataplaneMode, LogSource, Reporter
from egressaudit.parse import format_set, unproven, unreadable
from egressaudit.pipeline.accounting import mirrored, not_asked, unsure
from egressaudit.pipeline.coverage import Account, coverage
from egressaudit.pipeline.decide import by_mesh, by_policy
from egressaudit.pipeline.files import LogFile, LogFiles, hashes
from egressaudit.pipeline.forgeable import Suspicions
from egressaudit.pipeline.policing import Used, last_day
from egressaudit.pipeline.proof import doubts_of, marked, shown_lines, with_evidence
from egressaudit.pipeline.reading import Reading
from egressaudit.pipeline.relying import trusted_for_window
from egressaudit.pipeline.trusting import check_outside, missing_trust
from egressaudit.pipeline.unproven import unproven_logs, unproven_proxies
from egressaudit.sources import Origin, Sources
from egressaudit.sources.streams import Watch
from egressaudit.window import Confidence, FlowGroup, Judged, Window, WindowReport

if TYPE_CHECKING:
    from egressaudit.policy import Policy


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """What to audit and how. Without `start` and `end` the window is all that the logs hold."""

    policy: Policy | None = None
    start: datetime | None = None
    end: datetime | None = None
    fail_below: float = 0.0
    """The fraction of coverage that is required, 0 to 1."""
    memory_limit: str = "1GB"
    containers: frozenset[str] = frozenset({"istio-proxy"})
    namespaces: frozenset[str] | None = None
    """Whose sidecars are audited, None for all; gateways, waypoints and ztunnels always are."""
    trust: Trust = field(default_factory=Trust)
    """Who is believed beside the evidence; the mesh that is audited was read with it."""


def audit_window(
    paths: tuple[str, ...],
    mesh: Mesh,
    settings: WindowSettings,
    collection: Collection | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> WindowReport:
    """The report on the logs at these paths. BadLogs where there are none, or the disk is full.

    UsageError where a network that is declared as outside is the cluster's.
    """
    check_outside(mesh)
    with (
        closing(LogFiles(format_set(mesh.custom_formats), hashed=hashes(collection))) as files,
        _joined(paths, mesh, settings, collection, say, files.watch) as (reading, flows, window),
    ):
        return _report(reading, flows, window, mesh, settings, collection, paths, files.found())


def window_groups(
    paths: tuple[str, ...],
    mesh: Mesh,
    settings: WindowSettings,
    collection: Collection | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[FlowGroup, ...]:
    """The groups of flows that an audit of these paths would judge, without their lines. BadLogs as for an audit."""
    with _joined(paths, mesh, settings, collection, say) as (_, flows, _window):
        chosen = _chosen(mesh, settings, collection)
        return tuple(merged_groups(group for group, _ in flows.groups if _concerns(group, mesh, chosen)))


@contextmanager
def _joined(
    paths: tuple[str, ...],
    mesh: Mesh,
    settings: WindowSettings,
    collection: Collection | None,
    say: Callable[[str], None],
    watch: Callable[[Origin], Watch] | None = None,
) -> Iterator[tuple[Reading, Flows, Window]]:
    """The logs at these paths, read to their ends, and the flows of the window; the store is there within the block."""
    surroundings = Surroundings.of(mesh)
    with tempfile.TemporaryDirectory(prefix="egressaudit-") as folder:
        try:
            with HopStore(surroundings, File(folder), memory_limit=settings.memory_limit) as store:
                reading = Reading(store, Suspicions.of(mesh))
                sources = Sources(paths, containers=settings.containers, watch=watch)
                reading.read(sources, format_set(mesh.custom_formats), say)
                window = _window(store, settings, collection)
                reading.forget_forgeable()
                say("joining hops")
                yield reading, flows_of(store, window), window
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise disk_full(error, File(folder)) from error


def _window(store: HopStore, settings: WindowSettings, collection: Collection | None) -> Window:
    """What was asked for, else what was collected, else all that the hops span."""
    found = span(store)
    start = settings.start or (collection.since if collection else None) or (found.start if found else None)
    end = settings.end or (collection.until if collection else None) or (found.end if found else None)
    if start is None or end is None:
        raise BadLogs(
            "the logs hold no line about traffic that left, or was to leave, the mesh",
            hint="Say which time was to be audited: --since and --until. Are these the logs of the snapshot's proxies?",
        )
    if start >= end:
        raise BadLogs(
            f"the window is empty: it would begin at {start:%Y-%m-%dT%H:%M:%SZ} and end at {end:%Y-%m-%dT%H:%M:%SZ}"
        )
    return Window(start, end)


def _report(
    reading: Reading,
    flows: Flows,
    window: Window,
    mesh: Mesh,
    settings: WindowSettings,
    collection: Collection | None,
    paths: tuple[str, ...],
    files: tuple[LogFile, ...],
) -> WindowReport:
    chosen = _chosen(mesh, settings, collection)
    used, today = Used(), last_day(window)
    decide = by_policy(settings.policy, mesh, today, used.note) if settings.policy else by_mesh(mesh)
    hosts_at = hosts_reached(group for group, _ in flows.groups)
    kept = merged(
        (judge_group(group, decide, hosts_at), proofs)
        for group, proofs in flows.groups
        if _concerns(group, mesh, chosen)
    )
    shown = [(ruling.judged.group, proofs) for ruling, proofs in kept]
    texts = shown_lines(shown, reading, paths, settings.containers)
    groups = with_evidence(shown, reading, texts)
    rulings = tuple(
        replace(ruling, judged=marked(replace(ruling.judged, group=group)))
        for (ruling, _), group in zip(kept, groups, strict=True)
    )
    account = Account(tuple(reading.logs), reading.skipped, reading.broken, files)
    seen = coverage(mesh, account, window, collection, chosen, reading.forgeable)
    policy = used.facts(settings.policy, mesh, today) if settings.policy else PolicyFacts()
    copies = mirrored(mesh, groups, reading.store.inside_hosts())
    facts = Facts(
        rulings=rulings,
        coverage=seen,
        doubts=doubts_of(reading, texts, unproven_logs(mesh)),
        unsure=replace(unsure(mesh, account, collection, chosen, paths), mirrors=copies),
        policy=replace(policy, missing_trust=missing_trust(mesh)),
        unproven=unproven_proxies(mesh, reading),
        fail_below=settings.fail_below,
    )
    ignored = Counter({kind: n for kind, n in reading.store.ignored.items() if n and kind != "inside"})
    if flows.outside:
        ignored["outside-window"] = flows.outside
    if others := sum(each[0].flows for each in flows.groups) - sum(each.flows for each in groups):
        ignored["of-others"] = others
    return WindowReport(
        window=window,
        coverage=seen,
        judged=tuple(sorted((each.judged for each in rulings), key=_order)),
        findings=findings(facts),
        policy=settings.policy.name if settings.policy else "",
        policy_digest=settings.policy.digest if settings.policy else "",
        internal=reading.store.ignored["inside"],
        ignored=dict(sorted(ignored.items())),
        notes=(
            *_notes(mesh, collection),
            *reading.suspicions.note(each.source for each in reading.logs if each.source),
        ),
        not_asked=not_asked(mesh, chosen),
        trusted=trusted_for_window((each.judged for each in rulings), seen, mesh),
    )


def _notes(mesh: Mesh, collection: Collection | None) -> tuple[str, ...]:
    """What a reader must know of the snapshot and of the log formats that it says."""
    why = unreadable(mesh.custom_formats)
    unread = (f"{why}: Envoy's access lines count as unparsed and prove nothing",) if why else ()
    return (*(collection.notes if collection else ()), *unread, *unproven(mesh.custom_formats))


def _chosen(mesh: Mesh, settings: WindowSettings, collection: Collection | None) -> frozenset[LogSource]:
    """The logs that are to be there: those that were to be collected, else all in the namespaces.

    Those of gateways, waypoints and ztunnels always: a collection that leaves one out does not make it unnecessary.
    """
    if collection is not None:
        proxies = {source for source, reporter in mesh.expected_logs() if reporter is not Reporter.SIDECAR}
        return frozenset({each.source for each in collection.logs} | proxies)
    return frozenset(
        source
        for source, reporter in mesh.expected_logs()
        if settings.namespaces is None or reporter is not Reporter.SIDECAR or source.namespace in settings.namespaces
    )


def _concerns(group: FlowGroup, mesh: Mesh, chosen: frozenset[LogSource]) -> bool:
    """Whether a flow is of a workload whose log was to be read: a gateway logs those of all others too."""
    if group.confidence is not Confidence.REPORTED or not group.via or not group.workload:
        return True
    pods = [pod for pod in mesh.pods if workload_of(pod).name == group.workload and pod.namespace == group.namespace]
    logs = [log for pod in pods if pod.mode is DataplaneMode.SIDECAR and (log := mesh.proxy_log(pod)) is not None]
    return not logs or any(log in chosen for log in logs)


def _order(judged: Judged) -> tuple[object, ...]:
    group = judged.group
    via = tuple(str(each) for each in group.via)
    return (
        group.namespace,
        group.workload,
        group.host,
        group.port or 0,
        group.path,
        group.reason,
        via,
        group.confidence,
        group.scheme or "",
    )
