"""What lies beside stored logs: the snapshot of their mesh, and the account of their collection.

In: the paths of a command line. Out: a `Mesh`, and a `Collection` where a folder has one.
"""

from __future__ import annotations

import json
from pathlib import Path as File
from typing import TYPE_CHECKING

from egressaudit.errors import BadLogs, NotFound, UsageError

if TYPE_CHECKING:
    from egressaudit.collect import Collection
    from egressaudit.mesh import Mesh, Trust


def beside(
    paths: tuple[str, ...], mesh_file: File | None, trust: Trust | None = None
) -> tuple[Mesh, Collection | None]:
    """The snapshot, named or beside stored logs, and the account of their collection where there is one."""
    from egressaudit.collect import load_collection

    if missing := [path for path in paths if not File(path).exists()]:
        raise NotFound(f"{missing[0]} is not there", hint="Name files, folders or archives, or no path at all: live.")
    folders = [File(path) for path in paths if File(path).is_dir()]
    collection = load_collection(folders[0]) if len(paths) == 1 and folders else None
    return snapshot_of(mesh_file, folders, trust), collection


def snapshot_of(file: File | None, folders: list[File], trust: Trust | None = None) -> Mesh:
    """The snapshot of a file, else of the first of these folders that has one; UsageError or BadLogs where none is.

    Only what this command trusts counts, and not what a run of `verify` saved beside its logs.
    """
    from egressaudit.mesh import Mesh, Trust

    found = file or next((folder / "mesh.json" for folder in folders if (folder / "mesh.json").is_file()), None)
    if found is None:
        raise UsageError(
            "there is no snapshot of the mesh beside the logs",
            hint="Take one (`egressaudit snapshot -o mesh.json`), best at the time of the logs; name it with --mesh.",
        )
    try:
        document = json.loads(found.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadLogs(f"{found} cannot be read: {error}", hint="Take it with `egressaudit snapshot`.") from error
    return Mesh.from_json(document, trust or Trust())
