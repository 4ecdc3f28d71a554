"""Files that a user names: opened without waiting for ever, and where their form is fixed, read up to a size.

In: a path, e.g. `mesh.json`, or `/dev/fd/63` as a shell writes `<(zcat mesh.json.gz)`. Out: its bytes, or an open file.
OSError where the system refuses it; `NotRead` where it is there and is nothing to read: a folder, a device, a pipe that
nobody writes to, more bytes than such a file can have.
"""

from __future__ import annotations

import io
import os
import select
import stat
import time
from pathlib import Path as File
from typing import TYPE_CHECKING

from egressaudit.errors import NotRead

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PATIENCE = 5.0
"""Seconds that a pipe waits for somebody to write to it."""
_STEP_MS = 100
_CHUNK = 1024 * 1024
LARGEST = 1024 * 1024 * 1024
"""Bytes of a file whose form gives it no limit: a snapshot of 5,000 pods has four million."""


def read_given(file: File, most: int = LARGEST) -> bytes:
    """The bytes of a file, a pipe's to its end; NotRead if there are more than `most`."""
    found, size = [], 0
    with open_given(file) as stream:
        while data := stream.read(_CHUNK):
            found.append(data)
            size += len(data)
            if size > most:
                limit = f"{most // 1024**2} MiB" if most >= 1024**2 else f"{most} bytes"
                raise NotRead(f"it is larger than {limit}")
    return b"".join(found)


def open_given(file: File) -> io.FileIO:
    """The file, unbuffered; NotRead for what has no end or nobody writes to."""
    number = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check(number)
        ahead = _once_written(number) if stat.S_ISFIFO(os.fstat(number).st_mode) else b""
        os.set_blocking(number, True)
        return _Ahead(number, ahead)
    except BaseException:
        os.close(number)
        raise


def _check(number: int) -> None:
    if stat.S_ISDIR(os.fstat(number).st_mode):
        raise NotRead("it is a folder")
    if is_endless(number):
        raise NotRead("it is a device")


def is_endless(number: int) -> bool:
    """Whether an open file is a device, but for a terminal and for what is always empty."""
    status = os.fstat(number)
    if stat.S_ISBLK(status.st_mode):
        return True
    if not stat.S_ISCHR(status.st_mode) or os.isatty(number):
        return False
    return status.st_rdev != File(os.devnull).stat().st_rdev


def is_pipe(file: File) -> bool:
    """Whether it is a pipe, which can be read once."""
    try:
        return stat.S_ISFIFO(file.stat().st_mode)
    except OSError:
        return False


def _once_written(number: int) -> bytes:
    """Wait until somebody writes to a pipe; what was read to find that out. NotRead if nobody does."""
    waiting, until = select.poll(), time.monotonic() + _PATIENCE
    waiting.register(number, select.POLLIN)
    while time.monotonic() < until:
        if waiting.poll(_STEP_MS):
            return b""
        try:
            # Nobody who writes is the end of the file; somebody who has not written yet is none.
            if data := os.read(number, 1):
                return data
        except BlockingIOError:
            return b""
    raise NotRead("it is a pipe that nobody writes to")


class _Ahead(io.FileIO):
    """A file of which a first byte may have been read already."""

    def __init__(self, number: int, ahead: bytes) -> None:
        super().__init__(number, "rb")
        self._ahead = ahead

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """The number of bytes read into the buffer; 0 at the end."""
        if not self._ahead:
            return super().readinto(buffer) or 0
        memoryview(buffer).cast("B")[:1] = self._ahead
        self._ahead = b""
        return 1

    def read(self, size: int | None = -1, /) -> bytes:
        """Some bytes, b'' at the end."""
        ahead, self._ahead = self._ahead, b""
        return ahead or super().read(-1 if size is None else size) or b""
