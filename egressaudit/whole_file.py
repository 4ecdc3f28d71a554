"""Files that are written whole or not at all, and that nobody else may read.

In: a path and what is to be in the file. Out: the file under its name, only once all of it is on the disk.
Example: `replace_file(File("report.json"), b"{}\\n")`.

New files have mode 0600 and new folders 0700. A file that is there keeps its mode; so `touch` and `chmod` choose it.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path as File
from typing import BinaryIO

from egressaudit.signals import SIGNALS

_PRIVATE = 0o600
_removed: dict[File, os.stat_result] = {}
_SPARE = 4
"""Files that removing a folder opens at the same time, with some to spare."""
_DESCRIPTORS = (File("/dev/fd"), File("/proc/self/fd"))


@contextmanager
def whole_file(file: File) -> Iterator[BinaryIO]:
    """A stream for what a file is to hold; the file has it once the block ends. OSError.

    Until then a reader finds the old file, and still does if the block fails: `remove_file` is for that. A symbolic
    link stays one: the file that it names is written. Pipes and devices are written as they are.
    """
    there = _status(file)
    if _is_open(file) or (there is not None and not stat.S_ISREG(there.st_mode)):
        # What is open already may be in the middle of a file.
        with file.open("ab" if _is_open(file) else "wb") as stream:
            yield stream
        return
    import tempfile

    target = file.resolve()
    try:
        number, name = tempfile.mkstemp(prefix=".egressaudit-", dir=target.parent)
    except PermissionError:
        # The file may be changed, but not the folder: one file that is mounted into a container.
        with _in_place(target) as stream:
            yield stream
        return
    try:
        with os.fdopen(number, "wb") as stream:
            _as_before(number, there or _removed.get(target))
            yield stream
            stream.flush()
            os.fsync(number)
        _put(File(name), target)
    finally:
        with suppress(OSError):
            File(name).unlink()


def replace_file(file: File, data: bytes) -> None:
    """Write a file in one step: a reader finds the old one or the new one, whole. OSError."""
    with whole_file(file) as stream:
        stream.write(data)


def remove_file(file: File) -> None:
    """Nothing of an earlier run stays: the file is gone, or, where it can only be changed, empty.

    If it is written again, it gets its mode and its owner back.
    """
    if is_regular(file):
        target = file.resolve()
        try:
            _removed[target] = target.stat()
            target.unlink()
        except OSError:
            with suppress(OSError):
                os.truncate(file, 0)


def is_regular(file: File) -> bool:
    """Whether it is there, and neither a pipe nor a device."""
    try:
        there = _status(file)
    except OSError:
        return False
    return there is not None and stat.S_ISREG(there.st_mode) and not _is_open(file)


def private_folder(folder: File) -> None:
    """Make a folder, and those above it, for its owner alone; one that is there stays as it is. OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def temporary_folder() -> Iterator[File]:
    """A folder in TMPDIR, removed however the block ends, also if no more files may be opened then. OSError."""
    import tempfile

    with ExitStack() as spare:
        for _ in range(_SPARE):
            spare.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        name = tempfile.mkdtemp(prefix="egressaudit-")
        try:
            yield File(name)
        finally:
            with SIGNALS.held():
                spare.close()
                shutil.rmtree(name, ignore_errors=True)


def opened_private(path: str, flags: int) -> int:
    """An opener for `open`: a new file is its owner's alone."""
    return os.open(path, flags, _PRIVATE)


def _put(written: File, target: File) -> None:
    try:
        written.replace(target)
    except OSError:
        # A file that is mounted cannot be replaced, and one of another owner in /tmp neither.
        with written.open("rb") as source, _in_place(target) as stream:
            shutil.copyfileobj(source, stream)


@contextmanager
def _in_place(file: File) -> Iterator[BinaryIO]:
    try:
        with open(file, "wb", opener=opened_private) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        with suppress(OSError):
            os.truncate(file, 0)
        raise


def _as_before(number: int, there: os.stat_result | None) -> None:
    """The mode of the file that is replaced, and its owner where we may."""
    if there is None:
        return
    with suppress(OSError):
        os.fchown(number, there.st_uid, there.st_gid)
    with suppress(OSError):
        os.fchmod(number, stat.S_IMODE(there.st_mode))


def _is_open(file: File) -> bool:
    """Whether the path names a descriptor of this process."""
    return file.parent in _DESCRIPTORS or str(file) in {"/dev/stdout", "/dev/stderr"}


def _status(file: File) -> os.stat_result | None:
    try:
        return file.stat()
    except FileNotFoundError:
        return None
