"""What is next to stored logs: the snapshot of their mesh, and the account of their collection.

In: the paths of a command line, e.g. `("evidence",)`. Out: a `Mesh`, and a `Collection` where a folder has one.
"""

from __future__ import annotations

from pathlib import Path as File
from typing import TYPE_CHECKING

from egressaudit.evidence.collection import Collection, load_collection
from egressaudit.evidence.mesh_file import mesh_beside

if TYPE_CHECKING:
    from egressaudit.mesh import Mesh, Trust


def beside(
    paths: tuple[str, ...], mesh_file: File | None, trust: Trust | None = None
) -> tuple[Mesh, Collection | None]:
    """The snapshot, named or beside the logs, and the account of their collection where there is one.

    Raises what `mesh_beside` and `load_collection` raise.
    """
    folders = [File(path) for path in paths if File(path).is_dir()]
    collection = load_collection(folders[0]) if len(paths) == 1 and folders else None
    return mesh_beside(mesh_file, folders, trust), collection
