"""The command line: run one, print its errors, choose the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path as File

import click

from egressaudit.cli.commands import cli
from egressaudit.cli.output import REPORTED, report_failure
from egressaudit.errors import EgressAuditError, ExitCode, Interrupted, OutputFailed
from egressaudit.report import AUDITED, Audited
from egressaudit.report.output_formats import names_of
from egressaudit.signals import SIGNALS
from egressaudit.whole_file import is_regular, remove_file

__all__ = ["run"]

_RESERVE = 4 * 1024 * 1024
"""Bytes that are given back when a run fails: what is to be said then needs some, also where memory is the failure."""
_COMPLETING = "_EGRESSAUDIT_COMPLETE"


def run(argv: Sequence[str]) -> int:
    """Run one command line; its exit code. The one place where errors are printed."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape, not a traceback.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    noted: set[str] = set()
    reserve = bytearray(_RESERVE)
    try:
        code = _called(argv, noted)
        # What came before the command began (`--help`), or was swallowed by a library.
        SIGNALS.release()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  the last line of defence: no traceback reaches a user
        del reserve
        try:
            return _failed(error, argv, reported=REPORTED in noted)
        except Exception:
            # Not even that can be done, as memory is short: no old report may look like one of this run.
            for _, _, file in _reports(argv):
                remove_file(file)
            raise
    return code


def _called(argv: Sequence[str], noted: set[str]) -> int:
    """The exit code of the command; `noted` takes what it notes in its context."""
    if _COMPLETING in os.environ:
        return int(cli.main(args=list(argv), prog_name="egressaudit", standalone_mode=False) or 0)
    try:
        # Not `cli.main`: it has words and exit codes of its own for a signal and for a broken pipe.
        with cli.make_context("egressaudit", list(argv), obj=noted) as context:
            return int(cli.invoke(context) or 0)
    except click.exceptions.Exit as leave:
        return leave.exit_code


def _failed(error: BaseException, argv: Sequence[str], *, reported: bool) -> int:
    """Say what ended the run, also in reports that do not say it yet; its exit code."""
    from egressaudit.cli.failures import failure_of

    failure = failure_of(error)
    of_user = isinstance(failure, Interrupted) or isinstance(error, click.ClickException)
    if os.environ.get("EGRESSAUDIT_DEBUG") and not of_user:
        raise error
    if not reported:
        _replace_reports(argv, failure)
    if isinstance(error, click.ClickException) and failure.exit_code is ExitCode.USAGE:
        from egressaudit.report.redaction.secret_text import scrubbed

        # It quotes what was typed.
        click.UsageError(scrubbed(error.format_message()), getattr(error, "ctx", None)).show()
    else:
        _print(failure)
    return failure.exit_code


def _replace_reports(argv: Sequence[str], failure: EgressAuditError) -> None:
    """Where the command line cannot be used, its reports are known all the same: no old one may stay."""
    for command, name, file in _reports(argv):
        # A pipe may have no reader yet; nothing old is in it.
        if is_regular(file) or not file.exists():
            report_failure(command, [(name, file)], failure)


def _reports(argv: Sequence[str]) -> Iterator[tuple[Audited, str, File]]:
    """The command that judges, and the format and the file of each of its reports."""
    named = next((each for each in argv if not each.startswith("-")), "")
    for command in AUDITED:
        if command == named:
            known = names_of(command)
            yield from ((command, name, file) for name, file in _files(argv) if name in known)


def _files(argv: Sequence[str]) -> Iterator[tuple[str, File]]:
    for word, following in pairwise([*argv, ""]):
        given = following if word in {"-o", "--output"} else word.removeprefix("--output=").removeprefix("-o")
        name, equals, file = given.partition("=")
        if equals and file and (given is following or given != word):
            yield name, File(file)


def _print(error: EgressAuditError) -> None:
    from egressaudit.report.redaction.secret_text import scrubbed
    from egressaudit.report.safe import printable

    usage = error.exit_code is ExitCode.USAGE or isinstance(error, OutputFailed)
    click.echo(f"{'error' if usage else 'no audit was performed'}: {printable(scrubbed(error.message))}", err=True)
    for line in error.hint.splitlines():
        click.echo(f"  {printable(scrubbed(line))}", err=True)
