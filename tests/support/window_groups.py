"""Groups of flows of a window in the small mesh of `support.mesh`, and the codes of the causes that are found for them.

found(MESH, group(Path.DIRECT))   # the codes, the first one first
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from egressaudit.causes.of_window import causes_of_rulings
from egressaudit.judge.group_expectation import by_mesh
from egressaudit.judge.groups import judge_group
from egressaudit.mesh import Mesh
from egressaudit.model import Coverage, Decision, Evidence, FlowGroup, Hop, ObjectRef, Path, Reporter, Scheme
from support.hops import START
from support.mesh import HOST, READ, Manifest

GATEWAY = ObjectRef("egress", "gw")
THROUGH = Decision(Path.VIA_GATEWAY, via=(GATEWAY,), rule="docs")
DENIED = Decision(Path.BLOCKED, rule="default")


def group(path: Path = Path.DIRECT, *shown: Hop, **changes: Any) -> FlowGroup:
    """A group of curl-1's flows to the host, with the lines that are shown of it."""
    roles = {Reporter.SIDECAR: "source", Reporter.EGRESS_GATEWAY: "gateway"}
    evidence = tuple(Evidence(str(each.line.source), each.line.number, "", roles[each.reporter]) for each in shown)
    made = FlowGroup(
        namespace="curl",
        workload="StatefulSet/curl",
        host=HOST,
        port=80,
        path=path,
        flows=10,
        first=START,
        last=START + timedelta(minutes=1),
        scheme=Scheme.HTTP,
        evidence=evidence,
    )
    return replace(made, **changes)


def found(
    objects: tuple[Manifest, ...],
    first: FlowGroup,
    *others: FlowGroup,
    shown: tuple[Hop, ...] = (),
    decision: Decision | None = None,
    coverage: Coverage | None = None,
) -> str:
    """The codes of the first group's causes."""
    mesh = Mesh.of(objects, READ)
    decide = by_mesh(mesh) if decision is None else lambda *_: decision
    rulings = [judge_group(each, decide) for each in (first, *others)]
    known = coverage or Coverage(blind_spots=mesh.blind_spots())
    hops = {(str(each.line.source), each.line.number): each for each in shown}
    return " ".join(each.code for each in causes_of_rulings(rulings, mesh, known, hops)[0].judged.causes)


UNKNOWN = group(Path.PASSTHROUGH, host="203.0.113.7", reached=(("203.0.113.7", 80),))
