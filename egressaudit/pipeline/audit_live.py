"""The audit of a live cluster: what `audit` without paths composes.

snapshot and logs ─▶ a folder ─▶ the audit of that folder, as of any other

In: a cluster, `CollectSettings`, `AuditSettings`. Out: an `AuditReport` on the window that was collected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path as File
from typing import TYPE_CHECKING

from egressaudit.evidence.mesh_file import mesh_beside
from egressaudit.model import AuditReport
from egressaudit.pipeline.audit import Witness, audit_window
from egressaudit.pipeline.collecting import CollectSettings, collected
from egressaudit.pipeline.joined_logs import AuditSettings

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster


def audit_live(
    cluster: Cluster,
    choice: CollectSettings,
    settings: AuditSettings,
    say: Callable[[str], None],
    folder: File | None = None,
    witness: Witness | None = None,
) -> AuditReport:
    """The report on what was collected; it stays in `folder`, else nothing stays. Raises what both parts raise."""
    with collected(cluster, choice, say, folder) as (there, collection):
        mesh = mesh_beside(None, [there], settings.trust)
        window = replace(settings, start=choice.since, end=choice.until)
        return audit_window((str(there),), mesh, window, collection, say, witness)
