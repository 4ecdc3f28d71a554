"""The causes of one probe in the small mesh of `support.mesh`: judged as `verify` judges, from lines that a test names.

    found([*MESH], line(CURL, straight()))   # the codes, the first one first

Rows are those of `support.hops`; a test that is about configuration changes objects, one about lines changes rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from egressaudit.causes.of_verdicts import with_causes
from egressaudit.judge.expected import Expectations
from egressaudit.judge.probe_surroundings import RunFacts
from egressaudit.judge.verdict import judge
from egressaudit.mesh import Mesh
from egressaudit.model import (
    Capture,
    CurlResult,
    Flow,
    FoundCause,
    Hop,
    LineCount,
    LogLine,
    LogSource,
    ObjectRef,
    Probe,
    Reporter,
    Scheme,
    Target,
    Verdict,
)
from support.hops import CURL, GW, SPARE, START, WAYPOINT, ZTUNNEL, Row, cluster
from support.mesh import HOST, READ, Manifest

REPORTERS = {
    CURL: Reporter.SIDECAR,
    GW: Reporter.EGRESS_GATEWAY,
    SPARE: Reporter.EGRESS_GATEWAY,
    WAYPOINT: Reporter.WAYPOINT,
    ZTUNNEL: Reporter.ZTUNNEL,
}
READ_LOGS = tuple(REPORTERS)


def line(log: LogSource, row: Row, reporter: Reporter | None = None) -> Hop:
    """A row as the hop of one line of a log; `reporter` for a proxy that is not of the small mesh."""
    fields = {"upstream_cluster": cluster(row), **row}
    return Hop(
        LogLine(log, 1, str(sorted(row.items(), key=str))),
        reporter or REPORTERS[log],
        "test",
        bool(row["clean"]),
        fields,
    )


def verdict(
    objects: Iterable[Manifest],
    *hops: Hop,
    host: str = HOST,
    port: int = 80,
    scheme: Scheme = Scheme.HTTP,
    source: str = "curl/curl-1",
    expect: str | None = None,
    container: str = "curl",
    redirected: bool = False,
    counts: dict[LogSource, LineCount] | None = None,
    unclean: tuple[Hop, ...] = (),
    ambiguous: str = "",
    **curl: Any,
) -> Verdict:
    """The verdict on one probe, with its causes."""
    mesh = Mesh.of(objects, READ)
    said = {"exit_code": 0, "http_code": None, "connected": True, "remote_address": "203.0.113.7:80", **curl}
    namespace, _, name = source.partition("/")
    probe = Probe(
        nonce="5f2b7c0a9d1e4f68",
        target=Target(host, port, scheme),
        source=ObjectRef(namespace, name),
        container=container,
        started=START,
        ended=START + timedelta(minutes=5),
        result=CurlResult(**said),
        redirected_from="before" if redirected else None,
    )
    capture = Capture(mesh.to_json(), expect, (probe,), (), sources=READ_LOGS)
    lines = dict.fromkeys(READ_LOGS, LineCount(read=5, access=5)) if counts is None else counts
    flow = Flow(probe, hops, joined_by=("",) * len(hops), unclean=unclean, ambiguous=ambiguous)
    expected = Expectations(mesh, capture.expect).of_probes(capture.probes)[probe.nonce]
    made = judge(flow, expected, RunFacts(mesh, capture.sources).around(probe, lines, {}))
    [judged] = with_causes([made], mesh, lines)
    return judged


def causes(objects: Iterable[Manifest], *hops: Hop, **asked: Any) -> tuple[FoundCause, ...]:
    """The causes of one probe."""
    return verdict(objects, *hops, **asked).causes


def found(objects: Iterable[Manifest], *hops: Hop, **asked: Any) -> str:
    """Their codes, the first one first: `EC17 EC27`."""
    return " ".join(each.code for each in causes(objects, *hops, **asked))
