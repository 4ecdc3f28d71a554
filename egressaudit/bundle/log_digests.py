"""What each log was, byte for byte, while an audit read it.

In: the bytes of each log, as its reader takes them. Out: a `BundledLog` for each, with the root of its tree; and the
hashes of its lines, shortened to marks: by the four bytes of a mark a changed line is found and named.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from egressaudit.bundle.manifest import BundledLines, BundledLog
from egressaudit.bundle.merkle import HASH, LogTree
from egressaudit.sources import Origin
from egressaudit.sources.streams import Watch

_MARK = 4


def leaf_bytes(holds: BundledLines) -> int:
    """How many bytes of each line's hash a bundle has: all where it has no lines; none where it has those it proves."""
    return {BundledLines.ALL: _MARK, BundledLines.RELEVANT: 0, BundledLines.NONE: HASH}[holds]


def shortened(hashes: bytes, size: int) -> bytes:
    """The first bytes of each of these hashes."""
    if size == HASH:
        return hashes
    return np.frombuffer(hashes, dtype=np.uint8).reshape(-1, HASH)[:, :size].tobytes()


@dataclass(slots=True)
class LogDigest:
    """One log while it is read; `leaves` is over the shortened hashes of its lines."""

    size: int
    tree: LogTree = field(default_factory=LogTree)
    content: hashlib._Hash = field(default_factory=hashlib.sha256)
    leaves: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, data: bytes | memoryview) -> bytes:
        """Take the next bytes; the shortened hashes of the lines that end in them."""
        self.content.update(data)
        return self._noted(self.tree.add(data))

    def end(self) -> bytes:
        """The shortened hash of a last line without a newline."""
        return self._noted(self.tree.end())

    def _noted(self, hashes: bytes) -> bytes:
        short = shortened(hashes, self.size)
        self.leaves.update(short)
        return short


@dataclass(frozen=True, slots=True)
class DigestedLog:
    """A log that was read to its end, and the SHA-256 over the shortened hashes of its lines."""

    origin: Origin
    log: BundledLog
    leaves: str


class LogDigests:
    """All logs of an audit: their reader calls `watch`; `found` is for afterwards."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._seen: list[tuple[Origin, LogDigest]] = []

    def watch(self, origin: Origin) -> Watch:
        """A function that takes the bytes of this log as they are read."""
        account = LogDigest(self._size)
        self._seen.append((origin, account))

        def show(data: memoryview) -> None:
            account.add(data)

        return show

    def found(self) -> tuple[DigestedLog, ...]:
        """Each log, in the order in which they were read."""
        return tuple(_closed(origin, account) for origin, account in self._seen)


def _closed(origin: Origin, account: LogDigest) -> DigestedLog:
    account.end()
    tree = account.tree
    log = BundledLog(
        path=origin.path,
        name=origin.name,
        source=origin.source,
        member=origin.member,
        lines=tree.lines,
        bytes=tree.size,
        sha256=account.content.hexdigest(),
        root=tree.root.hex(),
    )
    return DigestedLog(origin, log, account.leaves.hexdigest())
