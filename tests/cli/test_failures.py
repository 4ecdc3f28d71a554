"""What ended a run, in words of our own."""

from __future__ import annotations

import errno
from pathlib import Path

import click
import pytest

from egressaudit.cli.failures import failure_of
from egressaudit.errors import BadLogs
from egressaudit.signals import Interruption

SECRET = "Bearer c2VjcmV0"


def system(number: int, *more: str) -> OSError:
    return OSError(number, SECRET, *more)


def from_getcwd() -> OSError:
    return FileNotFoundError(errno.ENOENT, "No such file or directory")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BadLogs("the logs are broken"), 1, "the logs are broken"),
        (click.UsageError("--x is no option"), 2, "--x is no option"),
        (Interruption(1), 129, "interrupted by SIGHUP"),
        (KeyboardInterrupt(), 130, "interrupted by SIGINT"),
        (click.Abort(), 130, "interrupted by SIGINT"),
        (MemoryError(SECRET), 1, "not enough memory"),
        (ImportError(SECRET, name="_duckdb"), 1, "the module _duckdb cannot be loaded"),
        (SystemError(SECRET), 1, "a library cannot be loaded"),
        (RuntimeError("can't start new thread"), 1, "the machine cannot start any more threads"),
        (system(errno.ENOSPC, "a/report"), 1, "a/report: No space left on device"),
        (system(errno.EMFILE, "a/report"), 1, "Too many open files"),
        (system(errno.EROFS), 1, "Read-only file system"),
        (system(errno.EPIPE), 1, "cannot write to standard output: its reader is gone"),
        (system(errno.ENOENT), 1, "there is no folder for temporary files"),
        (RuntimeError(SECRET), 1, "this is a bug in egressaudit (RuntimeError)"),
        (OSError(SECRET), 1, "this is a bug in egressaudit (OSError)"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, BaseException) else str(each),
)
def test_no_word_of_a_library_is_shown(error: BaseException, code: int, said: str) -> None:
    failure = failure_of(error)
    assert (failure.exit_code, failure.message) == (code, said)
    assert SECRET not in failure.hint


def test_a_working_directory_that_is_gone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise from_getcwd()

    monkeypatch.setattr(Path, "cwd", gone)
    assert failure_of(from_getcwd()).message == "the working directory no longer exists"


def test_a_bug_says_where_it_is() -> None:
    from egressaudit.selectors import Selector

    with pytest.raises(TypeError) as raised:
        Selector.parse(None)  # type: ignore[arg-type]
    assert "TypeError at selectors.py:" in failure_of(raised.value).message
