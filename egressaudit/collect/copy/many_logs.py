"""The logs of many containers for one window of time, copied to a folder, a few at once."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path as File

from egressaudit.collect.copy.log_copy import Logs
from egressaudit.collect.copy.one_log import OneLog, Plan
from egressaudit.errors import BadLogs, EgressAuditError
from egressaudit.evidence.collection import CollectedLog, Collection, State, save_collection
from egressaudit.evidence.mesh_file import save_snapshot
from egressaudit.evidence.saved_files import MESH
from egressaudit.mesh import Mesh
from egressaudit.model import ContainerRun, LogSource, ObjectRef, Pod

MAX_BYTES = 4 * 1024**3
"""Kept of one log. Kubelets rotate at 10 MiB by default, so that only a node that does not rotate reaches it."""
PATIENCE = 60.0
"""Seconds without progress after which a log is given up: an API server's restart takes less."""
_SAVING = 1.0
"""Seconds between two writes of the manifest: with a thousand logs, one for each log would be most of the writing."""
_LEAVING = 3.0


def collect_window(
    cluster: Logs,
    mesh: Mesh,
    folder: File,
    *,
    since: datetime | None,
    until: datetime,
    sources: Sequence[LogSource],
    previous: bool = False,
    max_concurrency: int = 8,
    max_bytes: int = MAX_BYTES,
    patience: float = PATIENCE,
    notes: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Collection:
    """Copy the lines of [since, until) of these logs below `folder`, with `mesh.json` and `collection.json`.

    Each log becomes `<namespace>/<pod>/<container>.log`, byte for byte as the container wrote it; with `previous`, the
    run before a restart within the window becomes `<container>.previous.log`. Lines of a minute after the window are
    kept too. In memory there is never more than a piece of each of `max_concurrency` logs.

    What cannot be had of a log is said in its entry. Unauthorized ends the collection, and BadLogs where the folder
    cannot be written; then, as after an interruption, what was collected stays, and `collection.json` says what it is.
    """
    plan = Plan(folder, since, until, previous, max_bytes, patience)
    unique = tuple(dict.fromkeys(sources))
    entries = {source: CollectedLog(source) for source in unique}
    begun = Collection(
        since=since, until=until, collected_at=datetime.now(UTC), context=cluster.context, logs=(), notes=tuple(notes)
    )
    workers = _Workers(cluster, {pod.ref: pod for pod in mesh.pods}, plan, unique, max_concurrency)

    def save(*, finished: bool = False) -> Collection:
        collection = replace(begun, logs=tuple(entries.values()), finished=datetime.now(UTC) if finished else None)
        save_collection(collection, folder)
        return collection

    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_snapshot(mesh.to_json(), folder / MESH)
        save()
        saved = time.monotonic()
        try:
            workers.start()
            for done, entry in enumerate(workers.results(), start=1):
                entries[entry.source] = entry
                say(f"{done} of {len(unique)} logs: {entry.source} {entry.state}, {entry.lines} lines")
                if time.monotonic() - saved > _SAVING:
                    save()
                    saved = time.monotonic()
            return save(finished=True)
        except BaseException:
            for entry in workers.stop():
                entries[entry.source] = entry
            save()
            raise
    except OSError as error:
        raise BadLogs(
            f"cannot write the logs to {folder}: {error.strerror or error}",
            hint="What was written before is kept, and collection.json says what it is. Name a folder on a larger "
            "disk, or collect a shorter window.",
        ) from error


def summary(collection: Collection) -> str:
    """How many logs are in which state, in words."""
    states = Counter(entry.state for entry in collection.logs)
    return ", ".join(f"{states[state]} {state}" for state in State if states[state]) or "no logs"


class _Workers:
    """Threads that collect one log after the other; they end with the process, whatever they wait for."""

    def __init__(
        self, cluster: Logs, pods: dict[ObjectRef, Pod], plan: Plan, sources: Sequence[LogSource], threads: int
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
        """Begin."""
        for thread in self._threads:
            thread.start()

    def results(self) -> Iterator[CollectedLog]:
        """Each log as it is done; what a thread could not deal with is raised."""
        for _ in range(self._expected):
            result = self._done.get()
            if isinstance(result, BaseException):
                raise result
            yield result

    def stop(self) -> list[CollectedLog]:
        """End all threads; the logs that were done or begun meanwhile."""
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
                self._done.put(CollectedLog(source, State.FAILED, f"{type(error).__name__}: {error}"))

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
