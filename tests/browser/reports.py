"""Reports to look at: a planted mesh, one of ten thousand groups, one in which every name is hostile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path as File

from planted.check import audited
from planted.mesh import generate
from support.reports import AROUND, END, FULL, GATEWAY, START, TAKEN, WANTED

from egressaudit.model import AuditReport, Judged, ObjectRef, Outcome, Path
from egressaudit.pipeline.joined_logs import PARTS


def planted_report(folder: File) -> AuditReport:
    """The audit of a mesh with everything planted in it: of 60 workloads with 62 violations."""
    truth = generate(folder, seed=11, lines=9_000, workloads=60, violations=62, blind_spots=22)
    return audited(folder, truth, parts=PARTS)


def large_report(groups: int = 10_000) -> AuditReport:
    """Workloads and hosts by the hundred; one group in fifty went around the gateway."""
    judged = tuple(_judged(number) for number in range(groups))
    return replace(FULL, judged=judged)


def _judged(number: int) -> Judged:
    around = number % 50 == 0
    first = START + timedelta(seconds=number % 3000)
    group = replace(
        AROUND if around else TAKEN,
        workload=f"Deployment/app-{number % 400:03}",
        host=f"host-{number // 4 % 700}.example.com",
        port=443,
        flows=1 + number % 97,
        first=first,
        last=min(END, first + timedelta(minutes=5)),
        via=() if around else (GATEWAY,),
    )
    return Judged(group, WANTED, Outcome.FAIL if around else Outcome.PASS, "")


LOOP = tuple(
    Judged(
        replace(TAKEN, via=via, path=Path.VIA_GATEWAY, host=f"{number}.example.com"), WANTED, Outcome.PASS, "It left."
    )
    for number, via in enumerate(
        (
            (ObjectRef("a", "one"), ObjectRef("b", "two")),
            (ObjectRef("b", "two"), ObjectRef("a", "one")),
            (ObjectRef("a", "one"), ObjectRef("a", "one")),
        )
    )
)
"""Gateways that pass on to each other both ways."""
