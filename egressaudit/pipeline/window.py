"""The audit of a window: logs and a snapshot to a report.

sources ─▶ hop tables ─▶ store ─▶ flow groups ─▶ rulings ─▶ findings ─▶ report
mesh ──────────────────────┴───────────┴────────────┴──▶ coverage ─┘
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path as File
from typing import TYPE_CHECKING

import duckdb
import pyarrow.compute as pc

from egressaudit.collect import Collection
from egressaudit.errors import BadLogs
from egressaudit.flows import HOP_NEEDS, Flows, HopStore, Proof, Surroundings, disk_full, flows_of, span, workload_of
from egressaudit.judge.findings import Doubts, Facts, PolicyFacts, findings
from egressaudit.judge.window import judge_group
from egressaudit.mesh import Mesh
from egressaudit.model import DataplaneMode, LogSource, Reporter
from egressaudit.pipeline.bulk import Counted, HopTable, hop_tables
from egressaudit.pipeline.coverage import Account, ReadLog, coverage
from egressaudit.pipeline.decide import by_mesh, by_policy
from egressaudit.pipeline.hops import NotParsed
from egressaudit.sources import Sources
from egressaudit.sources.lookup import lines_at
from egressaudit.window import Confidence, Decision, Evidence, FlowGroup, Judged, Waived, Window, WindowReport

if TYPE_CHECKING:
    from egressaudit.policy import Policy

_ROLES = {"sidecar": "source", "ztunnel": "source", "egress-gateway": "gateway", "waypoint": "waypoint"}
_SHOWN = 3
"""Lines that are shown of those that prove nothing, for each log."""


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


def audit_window(
    paths: tuple[str, ...],
    mesh: Mesh,
    settings: WindowSettings,
    collection: Collection | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> WindowReport:
    """The report on the logs at these paths. BadLogs where there are none, or the disk is full."""
    surroundings = Surroundings.of(mesh)
    with tempfile.TemporaryDirectory(prefix="egressaudit-") as folder:
        try:
            with HopStore(surroundings, File(folder), memory_limit=settings.memory_limit) as store:
                reading = _Reading(store)
                reading.read(Sources(paths, containers=settings.containers), say)
                window = _window(store, settings, collection)
                say("joining hops")
                flows = flows_of(store, window)
                return _report(reading, flows, window, mesh, settings, collection, paths)
        except duckdb.Error as error:
            raise disk_full(error, File(folder)) from error


class _Reading:
    """What is learned of the logs while their hops go into the store."""

    def __init__(self, store: HopStore) -> None:
        self.store = store
        self.logs: list[ReadLog] = []
        self.unclean: defaultdict[str, list[int]] = defaultdict(list)
        self.unparsed: defaultdict[str, list[Evidence]] = defaultdict(list)
        self.judged: set[str] = set()
        """The logs of proxies that the snapshot knows, by path."""
        self.skipped: dict[str, int] = {}
        self.broken: tuple[str, ...] = ()
        self._of: defaultdict[LogSource, list[int]] = defaultdict(list)

    def read(self, sources: Sources, say: Callable[[str], None]) -> None:
        """Read all logs to their ends."""
        begun: set[str] = set()
        for each in hop_tables(sources, columns=HOP_NEEDS):
            number, path = len(self.logs), each.origin.path
            if path not in begun:
                say(f"reading {path}")
                begun.add(path)
                if self.store.add_log(number, each.origin.name, each.origin.source):
                    self.judged.add(path)
            match each:
                case HopTable(_, table):
                    self.store.add(number, table)
                    if len(seen := self.unclean[path]) < _SHOWN:
                        lines = table.filter(pc.invert(table["clean"]))["line"].slice(0, _SHOWN - len(seen)).to_pylist()
                        seen += [line for line in lines if line is not None]
                case NotParsed(_, unparsed):
                    if len(shown := self.unparsed[path]) < _SHOWN:
                        shown.append(Evidence(each.origin.name, unparsed.line.number, unparsed.line.text, "unparsed"))
                case Counted():
                    self._end(number, each)
        self.skipped, self.broken = dict(sources.skipped), tuple(sources.broken)
        if not self.logs:
            raise BadLogs(
                "no log was found at these paths", hint="Name the folder that holds namespace/pod/container.log."
            )

    def _end(self, number: int, end: Counted) -> None:
        source, copies = end.origin.source, 0
        if source is not None:
            if self._of[source]:
                copies = self.store.remove_copies(self._of[source], number)
            self._of[source].append(number)
        self.logs.append(ReadLog(end.origin.name, end.origin.path, source, end.count, end.first, end.last, copies))


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
    reading: _Reading,
    flows: Flows,
    window: Window,
    mesh: Mesh,
    settings: WindowSettings,
    collection: Collection | None,
    paths: tuple[str, ...],
) -> WindowReport:
    chosen = _chosen(mesh, settings, collection)
    kept = [each for each in flows.groups if _concerns(each[0], mesh, chosen)]
    groups = _with_evidence(kept, reading, paths, settings.containers)
    used = _Used()
    decide = by_policy(settings.policy, mesh, window.end.date(), used.note) if settings.policy else by_mesh(mesh)
    rulings = tuple(judge_group(group, decide) for group in groups)
    account = Account(tuple(reading.logs), reading.skipped, reading.broken)
    seen = coverage(mesh, account, window, collection, chosen)
    facts = Facts(
        rulings=rulings,
        coverage=seen,
        doubts=_doubts(reading, paths, settings.containers),
        policy=used.facts(settings.policy, mesh, window.end.date()) if settings.policy else PolicyFacts(),
        fail_below=settings.fail_below,
    )
    ignored = Counter({kind: n for kind, n in reading.store.ignored.items() if n and kind != "internal"})
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
        internal=reading.store.ignored["internal"],
        ignored=dict(sorted(ignored.items())),
        notes=tuple(collection.notes) if collection else (),
    )


def _chosen(mesh: Mesh, settings: WindowSettings, collection: Collection | None) -> frozenset[LogSource]:
    """The logs that are to be there: those that were to be collected, else all in the namespaces."""
    if collection is not None:
        return frozenset(each.source for each in collection.logs)
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


def _with_evidence(
    flows: Iterable[tuple[FlowGroup, tuple[Proof, ...]]],
    reading: _Reading,
    paths: tuple[str, ...],
    containers: frozenset[str],
) -> list[FlowGroup]:
    """The groups with the lines that prove them, which are read again: keeping every line would take the logs' size."""
    wanted: defaultdict[str, set[int]] = defaultdict(set)
    logs = reading.logs
    for _, proofs in flows:
        for proof in proofs:
            for number, line in filter(None, (proof.sender, proof.last)):
                wanted[logs[number].path].add(line)
    texts = lines_at(Sources(paths, containers=containers), wanted)
    roles = {n: _ROLES[role] for n, role in reading.store.db.execute("SELECT log, role FROM logs").fetchall()}

    def evidence(ref: tuple[int, int]) -> Evidence:
        number, line = ref
        return Evidence(logs[number].name, line, texts.get((logs[number].path, line), ""), roles[number])

    return [
        replace(
            group,
            evidence=tuple(
                dict.fromkeys(
                    evidence(ref) for proof in proofs for ref in (proof.sender, proof.last) if ref is not None
                )
            ),
        )
        for group, proofs in flows
    ]


class _Used:
    """Which rules and waivers of the policy had something to decide."""

    def __init__(self) -> None:
        self._rules: set[str] = set()
        self._waivers: set[tuple[str, Waived]] = set()

    def note(self, decision: Decision) -> None:
        """Take one decision into account."""
        self._rules.add(decision.rule)
        if decision.waived is not None:
            self._waivers.add((decision.rule, decision.waived))

    def facts(self, policy: Policy, mesh: Mesh, today: date) -> PolicyFacts:
        """What the policy itself is found to be."""
        return PolicyFacts()


def _doubts(reading: _Reading, paths: tuple[str, ...], containers: frozenset[str]) -> Doubts:
    texts = lines_at(
        Sources(paths, containers=containers), {path: set(lines) for path, lines in reading.unclean.items() if lines}
    )
    unclean, unparsed, unknown = [], [], []
    for log in reading.logs:
        if log.count.unclean:
            lines = tuple(
                Evidence(log.name, line, texts.get((log.path, line), ""), "unclean")
                for line in reading.unclean[log.path]
            )
            unclean.append((log.name, log.count.unclean, lines))
        if log.count.unparsed:
            unparsed.append((log.name, log.count.unparsed, tuple(reading.unparsed[log.path])))
        if log.count.access and log.path not in reading.judged:
            unknown.append((log.name, log.count.access))
    return Doubts(tuple(unclean), tuple(unparsed), tuple(unknown))


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
