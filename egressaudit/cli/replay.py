"""A saved run of `verify` judged again: what `verify --replay DIR` does, and for one more release `audit DIR`.

In: a folder that `verify --save-logs` wrote. Out: the report and the exit code of that run. For any other folder or
file the error says what it is, and which command reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING

from egressaudit.cli.options import given_trust
from egressaudit.cli.output import Places, errors_reported, finish
from egressaudit.cli.this_run import of_this_run
from egressaudit.errors import BadLogs, NotFound, UsageError, why_refused
from egressaudit.evidence.saved_files import COLLECTION, MESH, PROBES

if TYPE_CHECKING:
    from egressaudit.report.redaction import Redaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The folder, what counts instead of what was saved in it, and what the reports do not show."""

    folder: File
    redaction: Redaction
    expect: str | None = None
    trusted: tuple[str, ...] = ()


def replayed(asked: Replay, outputs: Places, *, verbose: bool = False) -> int:
    """Judge the run again, write its reports, and return the exit code."""
    from egressaudit.pipeline.replay import audit

    with errors_reported("verify", outputs):
        check_saved_run(asked.folder)
        trust = given_trust(asked.trusted) if asked.trusted else None
        report = audit(asked.folder, trust, asked.expect)
    shown = of_this_run(report, asked.redaction, (asked.folder,))
    return finish(shown, outputs, redaction=asked.redaction, verbose=verbose)


def check_saved_run(folder: File) -> None:
    """Raise what says what a folder or file is that no `verify --save-logs` wrote."""
    from egressaudit.evidence.saved_run import is_saved_run

    try:
        if is_saved_run(folder):
            return
        if not folder.exists():
            raise NotFound(f"{folder} does not exist", hint="--replay reads a folder that `verify --save-logs` wrote.")
        what, reader = _what_is_there(folder)
    except OSError as error:
        raise BadLogs(f"cannot read {folder}: {why_refused(error)}") from error
    hint = "--replay reads the whole folder that `verify --save-logs` wrote."
    raise UsageError(f"{folder} is not a saved run of verify: {what}", hint=f"{reader}\n{hint}" if reader else hint)


def _what_is_there(path: File) -> tuple[str, str]:
    """What a file or folder that is no saved run holds, and a sentence on the command that reads it."""
    if not path.is_dir():
        if path.name == MESH:
            return "it is a mesh snapshot", f"`egressaudit audit LOGS --mesh {path}` audits logs with it."
        if path.name == PROBES:
            return "it is a file of a saved run", f"Name its folder: --replay {path.parent}"
        return "it is a file", f"`egressaudit audit {path} --mesh mesh.json` audits logs and archives of logs."
    if (path / COLLECTION).is_file():
        return "it holds the collected logs of a window", f"`egressaudit audit {path}` audits them."
    if inner := sorted(path.glob(f"*/{PROBES}")):
        return f"it holds {len(inner)} saved runs", f"Name one: --replay {inner[0].parent}"
    logs = any(path.rglob("*.log*"))
    if (path / MESH).is_file():
        what = "it holds a snapshot and logs" if logs else "it holds a snapshot without logs"
        return f"{what}, but no {PROBES}", f"`egressaudit audit {path}` audits logs with the snapshot beside them."
    if logs:
        what = f"it holds logs, but neither {PROBES} nor {MESH}"
        return what, f"`egressaudit audit {path} --mesh mesh.json` audits them, `egressaudit parse {path}` reads them."
    return f"it holds neither {PROBES} nor logs", ""
