"""The command line: run one, print its errors, choose the exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from egressaudit.cli.commands import cli
from egressaudit.cli.output import bug
from egressaudit.errors import EgressAuditError, ExitCode, Interrupted

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """Run one command line; its exit code. The one place where errors are printed."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape, not a traceback.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return int(cli.main(args=list(argv), prog_name="egressaudit", standalone_mode=False) or 0)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _report_error(Interrupted(ExitCode.INTERRUPTED))
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except EgressAuditError as error:
        if os.environ.get("EGRESSAUDIT_DEBUG"):
            raise
        return _report_error(error)
    except BrokenPipeError:
        # The reader left; what was to be said is lost, and Python must not try to flush it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.NOT_PERFORMED
    except Exception as error:  # the last line of defence: no traceback reaches a user
        if os.environ.get("EGRESSAUDIT_DEBUG"):
            raise
        return _report_error(bug(error))


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(ExitCode.TERMINATED)


def _report_error(error: EgressAuditError) -> int:
    from egressaudit.report.safe import printable

    head = "error" if error.exit_code is ExitCode.USAGE else "no audit was performed"
    click.echo(f"{head}: {printable(error.message)}", err=True)
    for line in error.hint.splitlines():
        click.echo(f"  {printable(line)}", err=True)
    return error.exit_code
