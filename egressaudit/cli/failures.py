"""What ended a run, in words of our own: what a machine refuses is no bug of egressaudit, and a bug is called one.

In: any exception, e.g. `OSError(ENOSPC)`. Out: an error that can be shown: "no space left on device". The text of an
exception of a library is never shown, because it may hold what must stay secret.
"""

from __future__ import annotations

import errno
import os
import traceback
from pathlib import Path as File

import click

from egressaudit.cli.standard_streams import stdout_broken
from egressaudit.errors import EgressAuditError, ExitCode, Interrupted, OutputFailed, UsageError
from egressaudit.signals import SIGNALS, Interruption

_HINTS = {
    errno.ENOSPC: "Free some space, or set TMPDIR to a folder on a larger disk.",
    errno.EDQUOT: "Free some space, or set TMPDIR to a folder on a larger disk.",
    errno.EFBIG: "Raise the limit of a file's size: `ulimit -f` shows it.",
    errno.EMFILE: "Raise the limit of open files: `ulimit -n` shows it.",
    errno.ENFILE: "The machine has no more open files: end other programs.",
    errno.EROFS: "Choose a folder that can be written.",
    errno.EACCES: "Choose a file or folder that you may use.",
    errno.ENOMEM: "Free some memory, or raise the limit: `ulimit -v` shows it.",
}
_MEMORY = "Free some memory, or raise the limit: `ulimit -v` and the container's limit show it."
_PACKAGE = File(__file__).resolve().parents[1]


def failure_of(error: BaseException) -> EgressAuditError:
    """The same, as an error that can be reported."""
    if SIGNALS.received is not None:
        # Whatever a library made of the interruption that was raised within it.
        return Interrupted(ExitCode(128 + SIGNALS.received))
    if isinstance(error, EgressAuditError):
        return error
    if isinstance(error, KeyboardInterrupt | click.Abort):
        number = error.number if isinstance(error, Interruption) else 2
        return Interrupted(ExitCode(128 + number))
    if isinstance(error, click.ClickException):
        return UsageError(error.format_message())
    return _of_machine(error) or _bug(error)


def _of_machine(error: BaseException) -> EgressAuditError | None:
    """What the machine does not have or does not allow, None for anything else."""
    if isinstance(error, MemoryError):
        return EgressAuditError("not enough memory", hint=_MEMORY)
    if isinstance(error, ImportError | SystemError | SyntaxError):
        # The last two are what becomes of loading a module where memory is short.
        name = getattr(error, "name", None)
        return EgressAuditError(
            f"{f'the module {name}' if name else 'a library'} cannot be loaded",
            hint="Either memory is short, or the installation is incomplete: install egressaudit again.",
        )
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        return EgressAuditError("the machine cannot start any more threads", hint=_MEMORY)
    if isinstance(error, OSError) and error.errno is not None:
        unnamed = error.filename is None and error.errno in {errno.EPIPE, errno.EBADF}
        return OutputFailed(stdout_broken(error)) if unnamed else _refused(error)
    return None


def _refused(error: OSError) -> EgressAuditError:
    if error.errno == errno.ENOENT and error.filename is None:
        if _working_folder_is_gone():
            return EgressAuditError("the working directory no longer exists", hint="Change to one that does.")
        return EgressAuditError(
            "there is no folder for temporary files", hint="Set TMPDIR to a folder that can be written."
        )
    number = error.errno or 0
    named = isinstance(error.filename, str | bytes) and number not in {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
    where = f"{os.fsdecode(error.filename)}: " if named else ""
    return EgressAuditError(f"{where}{os.strerror(number)}", hint=_HINTS.get(number, ""))


def _working_folder_is_gone() -> bool:
    try:
        File.cwd()
    except OSError:
        return True
    return False


def _bug(error: BaseException) -> EgressAuditError:
    """Where it happened, not what a library says of it: that may hold anything."""
    ours = [each for each in traceback.extract_tb(error.__traceback__) if _PACKAGE in File(each.filename).parents]
    where = f" at {File(ours[-1].filename).relative_to(_PACKAGE)}:{ours[-1].lineno}" if ours else ""
    return EgressAuditError(
        f"this is a bug in egressaudit ({type(error).__name__}{where})",
        hint="Run it again with --debug before the command, and report the traceback.",
    )
