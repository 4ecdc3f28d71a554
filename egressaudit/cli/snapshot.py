"""`egressaudit snapshot`: the mesh as it is now, as `mesh.json`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path as File

import click

from egressaudit.cli.options import ConnectionOptions, connection_options, taking
from egressaudit.errors import EgressAuditError, ExitCode, UsageError

_STDOUT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotOptions(ConnectionOptions):
    """What `snapshot` was asked."""

    output: str


@click.command()
@click.option("-o", "--output", metavar="FILE", default="-", show_default=True, help="Where to; - is standard output.")
@connection_options
@taking(SnapshotOptions)
def snapshot(options: SnapshotOptions) -> int:
    """Write the mesh as it is now: pods, gateways, waypoints, services and configuration, of the whole cluster.

    It is the mesh.json that an audit of stored logs needs beside them. It holds no Secret, environment or header
    value; get and list are all the rights that it takes.

    \b
    egressaudit snapshot -o evidence/mesh.json
    """
    from egressaudit.evidence.mesh_file import save_snapshot
    from egressaudit.evidence.saved_files import json_text
    from egressaudit.pipeline.collecting import snapshot as take_snapshot
    from egressaudit.report.safe import printable

    cluster = options.connect()
    output = options.output
    file = None if output == _STDOUT else File(output)
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        raise UsageError(f"-o {output}: that is a folder, or is in none", hint="Name a file, or - for standard output.")
    mesh, gaps = take_snapshot(cluster)
    try:
        if file is not None:
            save_snapshot(mesh.to_json(), file)
        else:
            click.echo(json_text(mesh.to_json()), nl=False)
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "standard output" if file is None else str(file)
        said = f"the snapshot could not be written to {where}: {error.strerror or error}"
        raise EgressAuditError(said) from error
    for gap in gaps:
        click.echo(f"not read: {printable(gap)}", err=True)
    click.echo(f"{len(mesh.objects)} objects, {len(mesh.pods)} pods", err=True)
    return ExitCode.PASS
