"""`egressaudit snapshot`: the mesh as it is now, as `mesh.json`."""

from __future__ import annotations

import sys
from pathlib import Path as File
from typing import TYPE_CHECKING

import click

from egressaudit.errors import EgressAuditError, ExitCode, UsageError

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster

_STDOUT = "-"


def take_snapshot(cluster: Cluster, output: str) -> int:
    """Write the snapshot, then on standard error what is in it and what could not be read; the exit code."""
    from egressaudit.pipeline.collecting import save_snapshot, saved_form, snapshot
    from egressaudit.report.safe import printable

    file = None if output == _STDOUT else File(output)
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        raise UsageError(f"-o {output}: that is a folder, or is in none", hint="Name a file, or - for standard output.")
    mesh, gaps = snapshot(cluster)
    if file is not None:
        save_snapshot(mesh, file)
    else:
        _to_stdout(saved_form(mesh))
    for gap in gaps:
        click.echo(f"not read: {printable(gap)}", err=True)
    click.echo(f"{len(mesh.objects)} objects, {len(mesh.pods)} pods", err=True)
    return ExitCode.PASS


def _to_stdout(text: str) -> None:
    try:
        click.echo(text, nl=False)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise EgressAuditError(
            f"the snapshot could not be written to standard output: {error.strerror or error}"
        ) from error
