"""What the lab's API server and its data plane share: container logs, running pods, injected faults.

The API server (`apiserver`) knows objects and protocols; the data plane (`dataplane`) knows processes. They meet
here and nowhere else.

Example: with `Fault("get", "pods/log", status=503, times=1)` the API server answers 503 to the next read of a log.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Manifest = dict[str, Any]
"""A Kubernetes object as YAML gives it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One log line without its newline, and when it was written (nanoseconds since the epoch)."""

    nanoseconds: int
    line: bytes


KEPT_LINES = 100_000
"""Of one container; a kubelet rotates logs too (10 MiB by default)."""


class ContainerLog:
    """The log of one container, append-only, as a kubelet keeps it. Readers may follow; old lines go."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._dropped = 0
        self._changed = asyncio.Condition()
        self._closed = False

    def __len__(self) -> int:
        """How many lines were written so far."""
        return self._dropped + len(self._entries)

    async def append(self, line: bytes, nanoseconds: int | None = None) -> None:
        """Add one line (no newline), written now or at another time, and wake the followers."""
        async with self._changed:
            # Strictly increasing, as a node's clock practically is: a reader may resume after a timestamp.
            last = self._entries[-1].nanoseconds if self._entries else 0
            self._entries.append(Entry(max(time.time_ns() if nanoseconds is None else nanoseconds, last + 1), line))
            if len(self._entries) > KEPT_LINES:
                self._dropped += KEPT_LINES // 2
                del self._entries[: KEPT_LINES // 2]
            self._changed.notify_all()

    def rotate(self) -> None:
        """Begin a new file: what was written so far is not served any more (kubernetes/kubernetes#59902)."""
        self._dropped += len(self._entries)
        self._entries.clear()

    async def grown_to(self, lines: int) -> None:
        """Return once so many lines were written, or no more will be."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self) >= lines or self._closed)

    async def close(self) -> None:
        """No more lines: followers come to their end."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def read(
        self, *, since: int | None = None, tail: int | None = None, follow: bool = False
    ) -> AsyncGenerator[Entry, None]:
        """The lines at or after `since` (nanoseconds), only the last `tail` of those there now; then new ones."""
        present = [entry for entry in self._entries if since is None or entry.nanoseconds >= since]
        if tail is not None:
            present = present[len(present) - min(tail, len(present)) :]
        position = len(self)
        for entry in present:
            yield entry
        while follow:
            async with self._changed:
                while position >= len(self) and not self._closed:
                    await self._changed.wait()
                fresh = self._entries[max(0, position - self._dropped) :]
                if not fresh:
                    return
                position = len(self)
            for entry in fresh:
                yield entry


class CommandNotFound(Exception):
    """The command of an exec is not in the container; `str()` is what the runtime says."""


class AdmissionDenied(Exception):
    """A pod that admission refuses; `str()` is what the API server says with its 403."""


class RunningPod(Protocol):
    """A pod's processes and logs. `logs` has an entry for each container, init containers included."""

    logs: MutableMapping[str, ContainerLog]

    async def exec(self, container: str, argv: Sequence[str]) -> asyncio.subprocess.Process:
        """Start a command with stdin, stdout and stderr piped; CommandNotFound where it is not there."""

    async def stop(self) -> None:
        """End its processes and close its logs."""


class DataPlane(Protocol):
    """What turns pod objects into running pods."""

    def admit(self, pod: Manifest) -> Manifest:
        """The pod as the mesh's webhook would make it (sidecar injected, annotations set); AdmissionDenied."""

    async def start(self, pod: Manifest) -> tuple[RunningPod, Manifest]:
        """Run an admitted pod; also its `status` (phase, podIPs, conditions, containerStatuses).

        Raises nothing for a pod that cannot run: its status says so (ErrImagePull, never ready).
        """


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong in the API server.

    `verb` is the RBAC verb (get, list, watch, create, delete, *), `resource` the RBAC resource, with its
    subresource as in `pods/log`; `namespace` and `name` narrow it, empty matches all. `times` is how often it
    happens, -1 forever.
    """

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""
    status: int = 0
    """Answer with this HTTP status (403 names verb and resource as Kubernetes does; 401, 429, 500, 503)."""
    cut_after_lines: int = -1
    """pods/log: cut the stream after so many lines."""
    cut_after_bytes: int = -1
    """pods/exec: cut the connection after so many bytes of stdout, without status."""
    times: int = -1


@dataclass(slots=True)
class Faults:
    """The faults in force; the API server consumes them."""

    rules: list[Fault] = field(default_factory=list)
