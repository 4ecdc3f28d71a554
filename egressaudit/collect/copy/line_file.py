"""A file that contains only whole lines, whatever happens while it is written.

In: lines, `b"first"`, and perhaps a full disk. Out: a file that ends with a newline, and its SHA-256.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path as File
from typing import BinaryIO

from egressaudit.whole_file import opened_private, private_folder

_BUFFER = 1024 * 1024


class LineFile:
    """Written in large pieces; after an error it ends with the last piece that was written whole. OSError."""

    def __init__(self, file: File) -> None:
        self._path = file
        self._file: BinaryIO | None = None
        self._waiting: list[bytes] = []
        self._size = 0
        self._written = 0
        self._sum = hashlib.sha256()

    def open(self) -> None:
        """Create the file, empty; does nothing if it is open."""
        if self._file is None:
            private_folder(self._path.parent)
            # Unbuffered: after a failed write we must know what it left in the file, to remove it.
            self._file = open(self._path, "wb", buffering=0, opener=opened_private)  # noqa: SIM115  Path.open has no opener

    def write(self, line: bytes) -> None:
        """Add a line and its newline."""
        self._waiting.append(line)
        self._size += len(line) + 1
        if self._size >= _BUFFER:
            self._flush()

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file, in hex; '' while there is no file."""
        return "" if self._file is None else self._sum.hexdigest()

    def close(self) -> None:
        """Write what is buffered, and close. Does nothing if it was never opened."""
        try:
            self._flush()
        finally:
            if self._file is not None:
                self._file.close()

    def _flush(self) -> None:
        if not self._waiting:
            return
        self.open()
        assert self._file is not None
        data = memoryview(b"\n".join([*self._waiting, b""]))
        self._waiting, self._size = [], 0
        try:
            done = 0
            while done < len(data):
                # Near a full disk a write may be partial; the next one then fails.
                done += self._file.write(data[done:])
            self._written += done
            self._sum.update(data)
        except OSError:
            with suppress(OSError):
                self._file.truncate(self._written)
            raise
