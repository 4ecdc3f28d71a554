"""One container's log in a window: its current run, and the run before a restart.

In: e.g. shop/cart-1/istio-proxy and the plan. Out: its file, and a `CollectedLog` with what it covers and what is
missing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path as File

from egressaudit.attempts import Backoff, persist
from egressaudit.collect.copy.log_copy import Copy, WindowLogs
from egressaudit.collect.copy.proven import LogReading, ProvenSpan, covered, earlier_run, joined, runs_lost
from egressaudit.errors import ClusterError, Forbidden, Unauthorized
from egressaudit.evidence.collection import CollectedLog, PreviousLog, State
from egressaudit.evidence.saved_files import has_names
from egressaudit.mesh import container_runs
from egressaudit.mesh.untyped import moment
from egressaudit.model import ContainerRun, LogSource, ObjectRef

MAX_BYTES = 4 * 1024**3
"""How much of one log is kept. Kubelets rotate at 10 MiB by default, so only a node that does not rotate reaches it."""
PATIENCE = 60.0
"""Seconds without progress after which a log is given up: an API server's restart takes less."""


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """What is the same for all logs of a collection. `patience` is in seconds, `max_bytes` for each file."""

    folder: File
    since: datetime | None
    until: datetime
    previous: bool = False
    """Whether the log before a restart is copied too."""
    max_bytes: int = MAX_BYTES
    patience: float = PATIENCE


class OneLog:
    """Collects one log; `collect` once, in any thread. `close` ends it from another."""

    def __init__(
        self, logs: WindowLogs, source: LogSource, run: ContainerRun, plan: CopyPlan, stopping: threading.Event
    ) -> None:
        self._logs, self._source, self._plan, self._stopping = logs, source, plan, stopping
        self._run = run
        self._waiting = run.started is None and run.previous_started is not None
        """Whether it waits to be restarted: then the log that is served is of the previous run."""
        if self._waiting:
            self._run = replace(run, started=run.previous_started, ended=run.previous_ended)
        self._copies: list[Copy] = []
        self._reasons: list[str] = []

    def close(self) -> None:
        """End it; `collect` returns soon."""
        for copy in tuple(self._copies):
            copy.close()

    def collect(self) -> CollectedLog:
        """What was copied. Raises Unauthorized, and OSError for the file; other trouble is in the entry."""
        entry = CollectedLog(self._source, container_started_at=self._run.started, restart_count=self._run.restarts)
        if not has_names(self._source):
            return replace(entry, state=State.FAILED, reason="its name is not a Kubernetes name")
        copy = self._copy(entry.path, previous=False)
        try:
            copy.run()
        except Forbidden as error:
            return replace(entry, state=State.FORBIDDEN, reason=error.message)
        entry = replace(
            entry,
            truncated=copy.full or bool(copy.too_long),
            lines=copy.lines,
            bytes=copy.bytes,
            sha256=copy.sha256,
            first_time=copy.first,
            last_time=copy.last,
        )
        if self._stopping.is_set():
            return replace(entry, reason="the collection was interrupted")
        if copy.gone or (copy.problem and not copy.lines):
            return replace(entry, state=State.VANISHED if copy.gone else State.FAILED, reason=copy.problem)
        return self._judged(entry, copy)

    def _copy(self, path: str, *, previous: bool) -> Copy:
        plan = self._plan
        copy = Copy(
            self._logs,
            self._source,
            plan.folder / path,
            since=plan.since,
            until=plan.until,
            previous=previous,
            max_bytes=plan.max_bytes,
            patience=plan.patience,
            stopping=self._stopping,
        )
        self._copies.append(copy)
        return copy

    def _judged(self, entry: CollectedLog, copy: Copy) -> CollectedLog:
        """The entry of a log that was read at least in part: what it covers, and whether that is everything."""
        self._note_troubles(copy)
        # Ask for the beginning after the lines: so we notice if a file was rotated away meanwhile.
        begins = self._begins(previous=False)
        present = covered(LogReading(begins, self._reached(copy), self._run.started), self._plan.since)
        if (present.reason or present.begin is None) and not self._same_run(copy):
            entry = replace(entry, container_started_at=self._run.started, restart_count=self._run.restarts)
            present = covered(LogReading(begins, self._reached(copy), self._run.started), self._plan.since)
        whole = present
        before: PreviousLog | None = None
        if earlier_run(self._run, self._plan.since):
            before, earlier = self._earlier(copy)
            whole = joined(earlier, present, self._plan.since)
        if present.reason:
            self._reasons.append(present.reason)
        complete = not self._reasons and whole.begin is not None and not self._stopping.is_set()
        return replace(
            entry,
            state=State.COMPLETE if complete else State.PARTIAL,
            reason="; ".join(self._reasons),
            log_begins=begins,
            covered_from=whole.begin,
            covered_to=whole.end,
            rotated=whole.rotated or present.rotated,
            previous=before,
        )

    def _note_troubles(self, copy: Copy, which: str = "its log") -> None:
        if copy.node_message:
            self._reasons.append(f"the kubelet reported in {which}: {copy.node_message}")
        if copy.too_long:
            self._reasons.append(f"{copy.too_long} lines of {which} were too long and are left out")
        if copy.full:
            self._reasons.append(f"{which} is larger than {self._plan.max_bytes} bytes, and the rest was not kept")
        elif not copy.whole:
            self._reasons.append(f"{which} was not read to its end: {copy.problem or 'new lines kept arriving'}")

    def _reached(self, copy: Copy) -> datetime | None:
        """Up to when all lines were read."""
        return min(self._plan.until, copy.asked_at) if copy.whole else copy.last

    def _begins(self, *, previous: bool) -> datetime | None:
        backoff = Backoff(self._plan.patience, self._stopping)
        which = "the log before its restart" if previous else "its log"
        try:
            head = persist(lambda: self._logs.log_head(self._source, previous=previous), backoff)
        except Unauthorized:
            raise
        except ClusterError as error:
            self._reasons.append(f"the start of {which} could not be read: {error.message}")
            return None
        begins = moment(head.partition(b" ")[0].decode("ascii", "replace"))
        if begins is None:
            self._reasons.append(f"{which} is empty, so nothing shows how far back it goes")
        return begins

    def _same_run(self, copy: Copy) -> bool:
        """Whether the container is still in the run that the snapshot saw; if not, continues with the current one."""
        ref = ObjectRef(self._source.namespace, self._source.pod)
        try:
            pod = self._logs.pod(ref)
        except Unauthorized:
            raise
        except ClusterError:
            return True
        if pod is None:
            return True
        status = pod.get("status")
        runs = container_runs(status if isinstance(status, dict) else {})
        now = next((each for each in runs if each.container == self._source.container), None)
        if now is None or now.started is None or now.started == self._run.started:
            return True
        self._run = now
        if copy.first is not None and copy.first < now.started:
            self._reasons.append("its container restarted while its log was being read")
        return False

    def _earlier(self, present: Copy) -> tuple[PreviousLog, ProvenSpan]:
        """The log of the run before the present one, and what it covers."""
        nothing = ProvenSpan(None, None)
        run = self._run
        at = f" at {run.started:%Y-%m-%dT%H:%M:%SZ}" if run.started else ""
        if self._waiting:
            self._reasons.append("its container is waiting to restart, and only its last run has a log")
            return PreviousLog("missing"), nothing
        if not self._plan.previous:
            self._reasons.append(f"its container restarted{at}, and its earlier log was not requested")
            return PreviousLog("not-asked"), nothing
        if present.first is not None and run.started is not None and present.first < run.started:
            # The restart came while the log was read: the lines of the earlier run are in the file already.
            return PreviousLog("not-asked"), nothing
        copy = self._copy(CollectedLog(self._source).previous_path, previous=True)
        try:
            copy.run()
        except Forbidden as error:
            copy.problem = error.message
        if copy.problem and not copy.lines:
            self._reasons.append(f"its container restarted{at}, and the node no longer has its earlier log")
            return PreviousLog("missing"), nothing
        self._note_troubles(copy, "the log before its restart")
        earlier = covered(
            LogReading(self._begins(previous=True), self._reached(copy), run.previous_started),
            self._plan.since,
            "the log before its restart",
        )
        if earlier.reason:
            self._reasons.append(earlier.reason)
        if runs_lost(run, self._plan.since):
            self._reasons.append("its container restarted more than once, and only the last two runs have a log")
        fetched = PreviousLog(
            "fetched",
            lines=copy.lines,
            bytes=copy.bytes,
            first_time=copy.first,
            last_time=copy.last,
            sha256=copy.sha256,
        )
        return fetched, earlier if copy.whole else nothing
