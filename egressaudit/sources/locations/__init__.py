"""Where logs are kept: each kind of place is one module here, and gives its contents as streams of bytes.

In: what a user named (`-`, `must-gather/`, `app.log.gz`). Out: `Found` streams, one after the other; what was passed
over, and what could not be read, goes into an `Account`.

To add a kind of place, say an object store: a module here with a class that does what `Source` says, and its line in
`SOURCES`, before `file`. Compression, archives, layouts and wrappers are handled by whoever reads the bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import BinaryIO, Protocol

from egressaudit.errors import NotFound
from egressaudit.model import LogSource

SOURCES: tuple[str, ...] = (
    "egressaudit.sources.locations.standard_input:StandardInput",
    "egressaudit.sources.locations.folder:Folder",
    "egressaudit.sources.locations.file:SingleFile",
)
"""Every kind of place as `module:class`; the first that takes a path reads it. The last one takes any."""


@dataclass(frozen=True, slots=True)
class LogAsRead:
    """What was known of a log when it was first read: which pod's it is, and its name in its archive."""

    source: LogSource | None
    member: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One stream of bytes, which is open until the next one is asked for; `path` also says whose log it is.

    Where it is a log as it was read before, `kept` says what was known of it then, and it is not unpacked again.
    """

    path: str
    raw: BinaryIO
    kept: LogAsRead | None = None


@dataclass(slots=True)
class Account:
    """What was not read: `skipped` counts by reason; `broken` has one sentence for each that cannot be read."""

    skipped: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    shown: Callable[[str], str] = str
    """What a path is called where it is mentioned."""

    def not_read(self, path: str, why: str) -> None:
        """Note what cannot be read."""
        self.broken.append(f"{self.shown(path)} cannot be read: {why}")


class Source(Protocol):
    """A kind of place where logs are kept."""

    def takes(self, path: str) -> bool:
        """Whether what the user named is such a place."""

    def is_there(self, path: str) -> bool:
        """Whether it exists, as far as can be known before it is read."""

    def size(self, path: str, containers: frozenset[str]) -> int | None:
        """How many bytes would be read, None if that cannot be known."""

    def found(self, path: str, containers: frozenset[str], account: Account) -> Iterator[Found]:
        """Its streams, each to be read before the next; logs of containers that are not among these are passed over."""


@cache
def sources() -> tuple[Source, ...]:
    """One of each kind, in the order in which they are asked."""
    made = (each.split(":") for each in SOURCES)
    return tuple(getattr(import_module(module), name)() for module, name in made)


def source_of(path: str) -> Source:
    """The kind of place that a path names."""
    return next(each for each in sources() if each.takes(path))


def check_there(paths: Iterable[str], hint: str, kept_at: Callable[[str], Source] = source_of) -> None:
    """NotFound, with this hint, for the first path that is not there."""
    for path in paths:
        if not kept_at(path).is_there(path):
            raise NotFound(f"{path} does not exist", hint=hint)
