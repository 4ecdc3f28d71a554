"""Standard input, which a user names `-`.

In: `-`. Out: one `Found`, called `standard input`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from egressaudit.given_files import is_endless
from egressaudit.sources.locations import Account, Found

STDIN = "-"


class StandardInput:
    """See `Source`. It can be read once, and nobody knows its size."""

    def takes(self, path: str) -> bool:
        """Whether it is `-`."""
        return path == STDIN

    def is_there(self, _path: str) -> bool:
        """Always."""
        return True

    def size(self, _path: str, _containers: frozenset[str]) -> None:
        """Nobody knows."""
        return

    def found(self, _path: str, _containers: frozenset[str], account: Account) -> Iterator[Found]:
        """The one stream; a device has no end."""
        if is_endless(sys.stdin.fileno()):
            account.not_read("standard input", "it is a device")
            return
        yield Found("standard input", sys.stdin.buffer)
