"""Proxies asked about the ways that `analyze` found: what they have where that is not what the objects declare.

In: a cluster, its snapshot and an `AnalyzeReport`. Out: the report with what differs, and a note on what was not asked.
Example: the sidecar of shop/web-1 still sends docs.example.com:80 to PassthroughCluster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from egressaudit.judge.proxy_views import WHY_DIFFERENT
from egressaudit.mesh import Mesh
from egressaudit.mesh.programmed.step_differences import step_words
from egressaudit.model import DataplaneMode, Pod, ProxyView, Target
from egressaudit.model.analysis import AnalyzeReport, ProgrammedDifference
from egressaudit.pipeline.asking import way_views

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster

MOST_ASKED = 30
"""Pairs of a pod and a host about which proxies are asked."""
LONGEST = 30.0
"""Seconds for all of them."""

Views = Callable[[Pod, Target], tuple[ProxyView, ...]]


def with_programmed(cluster: Cluster, mesh: Mesh, report: AnalyzeReport) -> AnalyzeReport:
    """The report with what the proxies of each group's example have themselves."""
    deadline = time.monotonic() + LONGEST
    return compared(report, lambda pod, target: way_views(cluster, mesh, pod, target, deadline))


def compared(report: AnalyzeReport, views: Views) -> AnalyzeReport:
    """The same for any way to ask."""
    pairs = list(_pairs(report))
    found: dict[tuple[str, str], ProgrammedDifference] = {}
    unasked: dict[str, str] = {}
    for pod, target in islice(pairs, MOST_ASKED):
        for view in views(pod, target):
            proxy, host = f"{view.asked.reporter.noun} {view.asked.pod}", f"{target.host}:{target.port}"
            if view.asked.error:
                unasked.setdefault(proxy, view.asked.error)
            elif view.differences:
                found[proxy, host] = _difference(proxy, host, view)
    notes = [f"{proxy} could not be asked for its own configuration: {why}" for proxy, why in sorted(unasked.items())]
    if len(pairs) > MOST_ASKED:
        notes.append(f"proxies were asked about {MOST_ASKED} of {len(pairs)} ways: name hosts with --host, or a source")
    return replace(report, programmed=tuple(found[key] for key in sorted(found)), notes=(*report.notes, *notes))


def _pairs(report: AnalyzeReport) -> Iterator[tuple[Pod, Target]]:
    """A pod of each group that has a sidecar, and each host that is declared for it; a wildcard is none."""
    examples = {each.name: each.example for each in report.groups if each.mode is DataplaneMode.SIDECAR}
    for way in report.ways:
        for name in way.sources:
            if name in examples and "*" not in way.host:
                yield examples[name], Target(way.host, way.port, way.scheme)


def _difference(proxy: str, host: str, view: ProxyView) -> ProgrammedDifference:
    declared, programmed = view.declared, view.asked.step
    refused = [each for each in view.differences if each.startswith("it refused")]
    return ProgrammedDifference(
        proxy=proxy,
        host=host,
        declared="not known" if declared is None else step_words(declared),
        programmed="not known" if programmed is None else step_words(programmed),
        reason="; ".join(refused) or WHY_DIFFERENT,
    )
