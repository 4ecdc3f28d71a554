"""A policy of what was observed: what `policy infer PATH` composes.

logs and snapshot ─▶ flow groups ─▶ policy

In: paths, and the snapshot if it is not next to them. Out: the text of a policy.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as File

from egressaudit.evidence.beside import beside
from egressaudit.findings.policy_usage import inferred
from egressaudit.pipeline.joined_logs import AuditSettings, window_groups
from egressaudit.sources.locations import check_there


def infer_from_logs(
    paths: tuple[str, ...], mesh_file: File | None, settings: AuditSettings, say: Callable[[str], None]
) -> str:
    """The policy that allows exactly what these logs prove to have left through a gateway or waypoint."""
    check_there(paths, "Name files, folders or archives.")
    mesh, collection = beside(paths, mesh_file)
    return inferred(window_groups(paths, mesh, settings, collection, say), mesh)
