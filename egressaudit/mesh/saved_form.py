"""The saved form of a snapshot, `mesh.json`: whether this version reads it, and what is in it beside the rest.

In: the document of a file. Out: its objects and its trust, or BadLogs for what no egressaudit of this version wrote.
Example: `{"version": 1, "objects": []}` has no objects, and trusts nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egressaudit.errors import BadLogs
from egressaudit.mesh.trust import Trust

VERSION = 1


def saved_objects(saved: Mapping[str, Any]) -> list[object]:
    """The objects of a saved form; BadLogs if another program wrote it, or it has another version."""
    objects = saved.get("objects") if isinstance(saved, Mapping) else None
    if not isinstance(objects, list):
        raise BadLogs("mesh.json is not a mesh snapshot", hint="Use a folder that --save-logs wrote.")
    if saved.get("version") != VERSION:
        raise BadLogs(
            f"mesh.json is of version {saved.get('version')!r}, this egressaudit reads version {VERSION}",
            hint="Audit the folder with the egressaudit that wrote it, or save a new run.",
        )
    return objects


def saved_trust(saved: Mapping[str, Any]) -> Trust:
    """The trust that was saved with a snapshot; BadLogs if it cannot be read."""
    try:
        return Trust.from_json(saved.get("trust"))
    except ValueError as error:
        raise BadLogs(f"the trust in mesh.json cannot be read: {error}") from error
