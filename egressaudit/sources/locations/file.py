"""One file, whatever its name: a log, a compressed log, an archive.

In: a path, e.g. `logs/cart.log`. Out: one `Found` with that path and the open file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from egressaudit.errors import why_refused
from egressaudit.given_files import open_given
from egressaudit.sources.locations import Account, Found


class SingleFile:
    """See `Source`. It takes any path, so it is asked last."""

    def takes(self, _path: str) -> bool:
        """Always."""
        return True

    def is_there(self, path: str) -> bool:
        """Whether it exists."""
        return Path(path).exists()

    def size(self, path: str, _containers: frozenset[str]) -> int:
        """Its bytes; 0 for a device."""
        file = Path(path)
        return file.stat().st_size if file.is_file() else 0

    def found(self, path: str, _containers: frozenset[str], account: Account) -> Iterator[Found]:
        """The file."""
        yield from opened(Path(path), account)


def opened(file: Path, account: Account) -> Iterator[Found]:
    """The file as a stream; nothing where it cannot be opened."""
    path = file.as_posix()
    try:
        raw = open_given(file)
    except OSError as error:
        account.not_read(path, why_refused(error))
        return
    with raw:
        yield Found(path, raw)
