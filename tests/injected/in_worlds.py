"""Faults of simulated meshes: what `audit` names, in the order of its report, against what was broken.

In: a seed and a `WorldFault`. Out: `Ranked`, e.g. EC26 first for a VirtualService without `mesh`, among other flows.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from worlds.broken import WorldFault, broken, well
from worlds.fault_table import faults
from worlds.folder import write
from worlds.model import World

from egressaudit.evidence.collection import load_collection
from egressaudit.evidence.mesh_file import load_mesh
from egressaudit.model import AuditReport
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from egressaudit.policy import load_policy
from injected.judged import Ranked, of_report
from injected.lot import by_cause

HEALTHY = WorldFault("works", "", "", lambda _: None, lambda *_: None)


def drawn(seed: int, count: int) -> list[tuple[int, WorldFault]]:
    """Faults by lot, each with the seed of its world."""
    return [(seed * 1000 + number, each) for number, each in enumerate(by_cause(seed, faults(), count))]


def audited_world(seed: int, fault: WorldFault = HEALTHY) -> Ranked:
    """Draw a world with the fault, or one that works, and audit its folder."""
    return of_report(fault, _report(well(seed) if fault is HEALTHY else broken(seed, fault)))


def _report(world: World) -> AuditReport:
    with tempfile.TemporaryDirectory(prefix="world-") as place:
        folder = Path(place) / "world"
        write(world, folder)
        settings = AuditSettings(policy=load_policy(folder / "policy.yaml"))
        return audit_window((str(folder),), load_mesh(folder / "mesh.json"), settings, load_collection(folder))
