"""A folder and everything below it: saved logs, a must-gather, a node's /var/log/pods, an unpacked archive.

Example: of `logs/` it gives `logs/shop/cart-0/istio-proxy.log` and passes over `logs/shop/cart-0/app.log`, for no proxy
wrote that, and `logs/notes.txt`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from egressaudit.errors import why_refused
from egressaudit.evidence.saved_files import COLLECTION, MESH, PROBES
from egressaudit.sources.layouts import place
from egressaudit.sources.locations import Account, Found
from egressaudit.sources.locations.file import opened

_BESIDE = (MESH, COLLECTION, PROBES, "policy.yaml")
"""Files next to saved logs that are not logs: they don't count as passed over."""

_DEEPEST = 64
"""Levels of folders: a must-gather has some ten."""


class Folder:
    """See `Source`. Files in the order of their names; links are not followed: they may lead out, or in a circle."""

    def takes(self, path: str) -> bool:
        """Whether it is a folder."""
        return Path(path).is_dir()

    def is_there(self, path: str) -> bool:
        """Whether it is a folder."""
        return self.takes(path)

    def size(self, path: str, containers: frozenset[str]) -> int:
        """The bytes of all files that would be read."""
        return sum(_size(each) for each in _walk(Path(path), containers, Account()))

    def found(self, path: str, containers: frozenset[str], account: Account) -> Iterator[Found]:
        """All files whose path may be that of a proxy's log."""
        for file in _walk(Path(path), containers, account):
            yield from opened(file, account)


def _size(file: Path) -> int:
    """Its bytes; 0 where it is gone by now, which is said when it is to be read."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _walk(folder: Path, containers: frozenset[str], account: Account, level: int = 1) -> Iterator[Path]:
    if level > _DEEPEST:
        account.not_read(folder.as_posix(), f"it is more than {_DEEPEST} levels deep")
        return
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda each: each.name)
    except OSError as error:
        account.not_read(folder.as_posix(), why_refused(error))
        return
    for entry in entries:
        file = folder / entry.name
        if entry.is_symlink():
            account.skipped["links"] += 1
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(file, containers, account, level + 1)
        elif entry.name in _BESIDE:
            continue
        elif not entry.is_file(follow_symlinks=False):
            account.skipped["devices and other special files"] += 1
        elif reason := place(file.as_posix(), containers).skip:
            account.skipped[reason] += 1
        else:
            yield file
