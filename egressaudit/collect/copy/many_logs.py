"""The logs of many containers for one window of time, copied to a folder, a few at once.

In: a cluster, its mesh, and which logs. Out: the folder and its `Collection`, e.g. "12 complete, 1 partial".
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from egressaudit.collect.copy.log_copy import WindowLogs
from egressaudit.collect.copy.one_log import CopyPlan, OneLog
from egressaudit.errors import BadLogs, EgressAuditError, why_refused
from egressaudit.evidence.collection import CollectedLog, Collection, State, save_collection
from egressaudit.evidence.mesh_file import save_snapshot
from egressaudit.evidence.saved_files import MESH
from egressaudit.mesh import Mesh
from egressaudit.model import ContainerRun, LogSource, ObjectRef, Pod
from egressaudit.run_step import RunStep
from egressaudit.whole_file import private_folder

_SAVING = 1.0
"""Seconds between two writes of the manifest: with a thousand logs, one for each log would be most of the writing."""
_LEAVING = 3.0
"""Seconds that threads have to end when the collection is stopped."""


class Collecting:
    """One collection: the lines of [since, until) of some logs, copied to a folder with `mesh.json` beside them.

    Each log becomes `<namespace>/<pod>/<container>.log`, byte for byte as the container wrote it; with `previous`, the
    run before a restart within the window becomes `<container>.previous.log`. Lines of the minute after the window are
    kept too. Never more than a piece of each of `max_concurrency` logs is in memory.

    `entries` has what is known about each log so far, and `collection.json` the same: it is written at the start, every
    second, and at the end, so a collection that was killed says which of its logs may lack lines.
    """

    def __init__(
        self,
        cluster: WindowLogs,
        mesh: Mesh,
        plan: CopyPlan,
        sources: Sequence[LogSource],
        *,
        notes: Sequence[str] = (),
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.entries = {source: CollectedLog(source) for source in sources}
        self._cluster, self._mesh, self._plan, self._say = cluster, mesh, plan, say
        self._begun = Collection(
            since=plan.since,
            until=plan.until,
            collected_at=datetime.now(UTC),
            context=cluster.context,
            logs=(),
            notes=tuple(notes),
        )

    def run(self, max_concurrency: int = 8) -> Collection:
        """Copy all of them, `max_concurrency` at a time.

        What cannot be had of a log is said in its entry. Unauthorized ends the collection, and so does BadLogs where
        the folder cannot be written; then, as after an interruption, what was collected stays.
        """
        folder = self._plan.folder
        try:
            private_folder(folder)
            digest = save_snapshot(self._mesh.to_json(), folder / MESH)
            self._begun = replace(self._begun, snapshot_sha256=digest)
            self.save()
            self._copy_all(max_concurrency)
            return self.save(finished=True)
        except OSError as error:
            raise BadLogs(
                f"cannot write the logs to {folder}: {why_refused(error)}",
                hint="What was written before is kept, and collection.json says what it is. Name a folder on a larger "
                "disk, or collect a shorter window.",
            ) from error

    def save(self, *, finished: bool = False) -> Collection:
        """Write `collection.json` with the entries as they are now."""
        now = datetime.now(UTC) if finished else None
        collection = replace(self._begun, logs=tuple(self.entries.values()), finished=now)
        save_collection(collection, self._plan.folder)
        return collection

    def _copy_all(self, threads: int) -> None:
        pods = {pod.ref: pod for pod in self._mesh.pods}
        workers = _Workers(self._cluster, pods, self._plan, tuple(self.entries), threads)
        saved = time.monotonic()
        try:
            workers.start()
            for done, entry in enumerate(workers.results(), start=1):
                self.entries[entry.source] = entry
                self._say(RunStep("collecting logs", done, len(self.entries)))
                if time.monotonic() - saved > _SAVING:
                    self.save()
                    saved = time.monotonic()
        except BaseException:
            # Also Ctrl-C and SIGTERM: the user may audit what is there, if the manifest says what that is.
            for entry in workers.stop():
                self.entries[entry.source] = entry
            self.save()
            raise


def summary(collection: Collection) -> str:
    """How many logs are in which state, in words."""
    states = Counter(entry.state for entry in collection.logs)
    return ", ".join(f"{states[state]} {state}" for state in State if states[state]) or "no logs"


class _Workers:
    """Threads that each collect one log after the other. They are daemons, so they never keep the process alive."""

    def __init__(
        self,
        cluster: WindowLogs,
        pods: dict[ObjectRef, Pod],
        plan: CopyPlan,
        sources: Sequence[LogSource],
        threads: int,
    ) -> None:
        self._cluster, self._pods, self._plan = cluster, pods, plan
        self._sources = deque(sources)
        self._expected = len(sources)
        self._done: queue.SimpleQueue[CollectedLog | BaseException] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[OneLog] = set()
        self._threads = [
            threading.Thread(target=self._work, name=f"egressaudit-collect-{n}", daemon=True)
            for n in range(max(1, min(threads, len(sources))))
        ]

    def start(self) -> None:
        """Start all threads."""
        for thread in self._threads:
            thread.start()

    def results(self) -> Iterator[CollectedLog]:
        """Each log as it is done; raises what a thread could not handle."""
        for _ in range(self._expected):
            result = self._done.get()
            if isinstance(result, BaseException):
                raise result
            yield result

    def stop(self) -> list[CollectedLog]:
        """End all threads; returns the logs that were finished or begun meanwhile."""
        with self._lock:
            self._stopping.set()
            open_now = tuple(self._open)
        for each in open_now:
            each.close()
        until = time.monotonic() + _LEAVING
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))
        left = []
        while not self._done.empty():
            result = self._done.get()
            if isinstance(result, CollectedLog):
                left.append(result)
        return left

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                source = self._sources.popleft()
            except IndexError:
                return
            try:
                self._done.put(self._collect(source))
            except (EgressAuditError, OSError) as error:
                self._done.put(error)
                return
            except Exception as error:  # noqa: BLE001  a thread that dies in silence would hang the collection
                self._done.put(CollectedLog(source, State.FAILED, f"a bug in egressaudit ({type(error).__name__})"))

    def _collect(self, source: LogSource) -> CollectedLog:
        pod = self._pods.get(ObjectRef(source.namespace, source.pod))
        run = pod.run(source.container) if pod is not None else ContainerRun(source.container)
        one = OneLog(self._cluster, source, run, self._plan, self._stopping)
        with self._lock:
            if self._stopping.is_set():
                return CollectedLog(source)
            self._open.add(one)
        try:
            return one.collect()
        finally:
            with self._lock:
                self._open.discard(one)
