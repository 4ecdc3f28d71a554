"""`egressaudit snapshot`: the mesh as it is now, as `mesh.json`.

In: a cluster. Out: the snapshot as JSON. Example: `egressaudit snapshot -o mesh.json`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path as File

import click

from egressaudit.cli.options import ConnectionOptions, connection_options, control_plane_options, named_planes, taking
from egressaudit.errors import EgressAuditError, ExitCode, UsageError

_STDOUT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotOptions(ConnectionOptions):
    """What `snapshot` was asked."""

    output: str
    istio_namespaces: tuple[str, ...]
    revisions: tuple[str, ...]


@click.command()
@click.option(
    "-o", "--output", metavar="FILE", default="-", show_default=True, help="Output file; - for standard output."
)
@control_plane_options
@connection_options
@taking(SnapshotOptions)
def snapshot(options: SnapshotOptions) -> int:
    """Write a snapshot of the mesh: the pods, gateways, waypoints, services and configuration of the whole cluster.

    An audit of stored logs needs this snapshot beside them, as mesh.json. It contains no Secrets and no
    header values; of environment variables, it keeps only the Istio switches that say what is captured. Taking it needs
    only get and list.

    \b
    egressaudit snapshot -o evidence/mesh.json
    """
    from egressaudit.evidence.mesh_file import save_snapshot
    from egressaudit.evidence.saved_files import json_text
    from egressaudit.pipeline.collecting import snapshot as take_snapshot
    from egressaudit.report.safe import printable

    planes = named_planes(options)
    cluster = options.connect()
    output = options.output
    file = None if output == _STDOUT else File(output)
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        raise UsageError(
            f"-o {output} is a directory, or its parent directory doesn't exist",
            hint="Name a file, or - for standard output.",
        )
    mesh, gaps = take_snapshot(cluster, planes)
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
        raise EgressAuditError(f"cannot write the snapshot to {where}: {error.strerror or error}") from error
    for gap in gaps:
        click.echo(f"not read: {printable(gap)}", err=True)
    click.echo(f"{len(mesh.objects)} objects, {len(mesh.pods)} pods", err=True)
    return ExitCode.PASS
