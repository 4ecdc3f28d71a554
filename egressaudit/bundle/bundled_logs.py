"""The logs of a bundle as a place where logs are kept: an audit reads them there as it read them when they were judged.

In: a bundle whose members were checked. Out: `Found` streams with the paths at which the logs once were.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path as File
from typing import TYPE_CHECKING

from egressaudit.bundle.archive_format import ReadMember, read_archive
from egressaudit.bundle.manifest import Predicate
from egressaudit.sources.locations import Account, Found, LogAsRead

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class BundledLogs:
    """See `Source`. It replaces all paths that were audited, so read it as one source."""

    def __init__(self, file: File, predicate: Predicate) -> None:
        self._file = file
        self._predicate = predicate

    def takes(self, _path: str) -> bool:
        """Always."""
        return True

    def is_there(self, _path: str) -> bool:
        """Always: the bundle is open."""
        return True

    def size(self, _path: str, _containers: frozenset[str]) -> int:
        """The bytes of all logs."""
        return sum(each.bytes for each in self._predicate.logs)

    def found(self, _path: str, _containers: frozenset[str], account: Account) -> Iterator[Found]:
        """All logs. What was passed over when they were read is passed over again."""
        account.skipped.update(self._predicate.skipped)
        account.broken.extend(self._predicate.broken)
        logs = iter(self._predicate.logs)
        with read_archive(self._file) as members:
            for member in members:
                if member.name.startswith("logs/"):
                    log = next(logs)
                    with MemberStream(member) as raw:
                        yield Found(log.path, raw, LogAsRead(log.source, log.member))  # type: ignore[arg-type]  # it reads as a BinaryIO does
                        raw.read_on()
                else:
                    member.skip()


class MemberStream(io.RawIOBase):
    """A member as a stream."""

    def __init__(self, member: ReadMember) -> None:
        super().__init__()
        self._pieces = member.pieces()
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """The number of bytes read into the buffer; 0 at the end."""
        view = memoryview(buffer).cast("B")
        self._left = self._left or memoryview(next(self._pieces, b""))
        count = min(len(view), len(self._left))
        view[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def read_on(self) -> None:
        """Go to the end."""
        for _ in self._pieces:
            pass
