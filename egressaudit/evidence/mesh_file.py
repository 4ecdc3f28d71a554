"""`mesh.json`, the one place where it is written and read.

In: a `Mesh`. Out: a file that gives the same mesh again; `evidence/mesh.json` is next to the logs it is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path as File
from typing import TYPE_CHECKING

from egressaudit.errors import UsageError
from egressaudit.evidence.digests import sha256
from egressaudit.evidence.saved_files import MESH, json_object, json_text, read_data, read_json
from egressaudit.whole_file import replace_file

if TYPE_CHECKING:
    from egressaudit.mesh import Mesh, Trust

_TAKE_IT = "Take it with `egressaudit snapshot`."


def save_snapshot(saved: Mapping[str, object], file: File) -> str:
    """Write the saved form of a mesh (`Mesh.to_json`) in one step; the SHA-256 of the file. OSError."""
    data = json_text(saved).encode()
    replace_file(file, data)
    return sha256(data)


def read_snapshot(file: File, hint: str = _TAKE_IT) -> dict[str, object]:
    """The saved form in a file, for `Mesh.from_json`; BadLogs, with this hint, where it cannot be read."""
    return read_json(file, hint)


def load_mesh(file: File, trust: Trust | None = None) -> Mesh:
    """The mesh of a file, with the trust that was saved in it unless another is given; BadLogs if it holds none."""
    from egressaudit.mesh import Mesh

    data = read_data(file, _TAKE_IT)
    return replace(Mesh.from_json(json_object(data, file, _TAKE_IT), trust), digest=sha256(data))


def mesh_beside(file: File | None, folders: Sequence[File], trust: Trust | None = None) -> Mesh:
    """The mesh of a file, else of the first of these folders that has one; UsageError or BadLogs if none is.

    Only what this command trusts counts, and not what a run of `verify` saved beside its logs.
    """
    from egressaudit.mesh import Trust

    found = file or next((folder / MESH for folder in folders if (folder / MESH).is_file()), None)
    if found is None:
        raise UsageError(
            "no mesh snapshot found beside the logs",
            hint=f"Take one (`egressaudit snapshot -o {MESH}`) as close to the time of the logs as you can, and name "
            "it with --mesh.",
        )
    return load_mesh(found, trust or Trust())
