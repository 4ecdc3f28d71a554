"""`egressaudit snapshot`: the mesh as it is now, as `mesh.json`.

In: a cluster. Out: the snapshot as JSON. Example: `egressaudit snapshot -o mesh.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING

import click

from egressaudit.cli.options import ConnectionOptions, connection_options, control_plane_options, named_planes, taking
from egressaudit.cli.progress import steps_shown
from egressaudit.cli.standard_streams import to_stdout
from egressaudit.errors import ExitCode, OutputFailed, UsageError, why_refused
from egressaudit.signals import SIGNALS
from egressaudit.whole_file import remove_file

if TYPE_CHECKING:
    from egressaudit.mesh import Mesh

_STDOUT = ("-", "/dev/stdout")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotOptions(ConnectionOptions):
    """What `snapshot` was asked."""

    output: str
    istio_namespaces: tuple[str, ...]
    revisions: tuple[str, ...]
    quiet: bool


@click.command()
@click.option(
    "-o", "--output", metavar="FILE", default="-", show_default=True, help="Output file; - for standard output."
)
@click.option("-q", "--quiet", is_flag=True, help="Don't show progress on standard error.")
@control_plane_options
@connection_options
@taking(SnapshotOptions, held=True)
def snapshot(options: SnapshotOptions) -> int:
    """Write a snapshot of the mesh: the pods, gateways, waypoints, services and configuration of the whole cluster.

    An audit of stored logs needs this snapshot beside them, as mesh.json. It contains no Secrets and no
    header values; of environment variables, it keeps only the Istio switches that say what is captured. Taking it needs
    only get and list.

    \b
    egressaudit snapshot -o evidence/mesh.json
    """
    from egressaudit.evidence.saved_files import json_text
    from egressaudit.pipeline.collecting import snapshot as take_snapshot
    from egressaudit.report.safe import printable

    planes = named_planes(options)
    output = options.output
    file = None if output in _STDOUT else File(output)
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        raise UsageError(
            f"-o {output} is a directory, or its parent directory doesn't exist",
            hint="Name a file, or - for standard output.",
        )
    if file is not None:
        # An old snapshot would be taken for that of now, if this run fails.
        remove_file(file)
    SIGNALS.release()
    cluster = options.connect()
    with steps_shown(quiet=options.quiet) as say:
        say("reading the mesh configuration")
        mesh, gaps = take_snapshot(cluster, planes)
    if file is None:
        to_stdout(json_text(mesh.to_json()))
    else:
        _save(mesh, file)
    for gap in gaps:
        click.echo(f"not read: {printable(gap)}", err=True)
    click.echo(f"{len(mesh.objects)} objects, {len(mesh.pods)} pods", err=True)
    return ExitCode.PASS


def _save(mesh: Mesh, file: File) -> None:
    from egressaudit.evidence.mesh_file import save_snapshot

    try:
        save_snapshot(mesh.to_json(), file)
    except OSError as error:
        raise OutputFailed(f"cannot write the snapshot to {file}: {why_refused(error)}") from error
