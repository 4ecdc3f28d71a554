"""Standard input, output and error as a command can rely on them, whatever the process was started with.

In: descriptors 0, 1 and 2, any of them closed or full. Out: streams; what cannot be said on standard error is lost, and
what cannot be written to standard output is an OSError. Example: under `>&-` writing fails with EBADF.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from egressaudit.errors import OutputFailed, UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Unfailing(io.FileIO):
    """Takes everything, whether anybody can read it or not: messages never change how a run ends."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return memoryview(data).nbytes


def open_streams() -> None:
    """Before any file is opened: make sure that none gets the number of a standard stream that is closed."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is given. To write to standard output then fails as if it were closed.
            os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  for the whole run
    stream = io.BufferedWriter(_Unfailing(2, "w", closefd=False))
    encoding = "utf-8" if sys.stderr is None else sys.stderr.encoding
    sys.stderr = io.TextIOWrapper(stream, encoding, "backslashreplace", line_buffering=True)


def close_streams() -> None:
    """Write what is left; what cannot be written is given up, so that Python does not try again and complain."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def to_stdout(text: str | bytes, *, color: bool | None = None) -> None:
    """Write to standard output, all of it; OutputFailed where that is broken."""
    try:
        click.echo(text, nl=False, color=color)
        sys.stdout.flush()
    except OSError as error:
        raise OutputFailed(stdout_broken(error)) from error


def stdout_broken(error: OSError) -> str:
    """Why standard output cannot be written, in words."""
    known = {errno.EPIPE: "its reader is gone", errno.EBADF: "it is closed"}
    number = error.errno or 0
    return f"cannot write to standard output: {known.get(number) or os.strerror(number)}"


def check_binary(how: str) -> None:
    """UsageError where a binary format would go to a terminal; `how` says what to do."""
    if sys.stdout.isatty():
        raise UsageError("this format cannot go to a terminal", hint=how)
