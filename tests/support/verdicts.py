"""The verdict on one probe, from its hops."""

from __future__ import annotations

from dataclasses import replace

from egressaudit.join.probe_hops import Vantage, join
from egressaudit.judge.verdict import judge
from egressaudit.model import (
    Expectation,
    Hop,
    LogSource,
    Probe,
    Verdict,
)
from support.probes import (
    EXTERNAL,
    GATEWAY_LOG,
    SIDECAR_LOG,
    SOURCE,
    VIA_GATEWAY,
    WAYPOINT_LOG,
    ZTUNNEL_LOG,
    counts,
    probe,
    sidecar,
    surroundings,
)


def verdict(
    *hops: Hop,
    expect: Expectation = VIA_GATEWAY,
    sent: Probe | None = None,
    ambient: bool = False,
    uncaptured: str = "",
    captured: bool = True,
    before: dict[LogSource, int] | None = None,
    mirrored: tuple[str, ...] = (),
) -> Verdict:
    log = ZTUNNEL_LOG if ambient else SIDECAR_LOG
    vantage = Vantage(
        source_log={str(SOURCE): log} if captured else {},
        addresses={
            SIDECAR_LOG: ("10.0.0.5",),
            GATEWAY_LOG: ("10.0.0.9",),
            WAYPOINT_LOG: ("10.0.0.8",),
            ZTUNNEL_LOG: ("10.0.0.2",),
        },
        before=before or {},
    )
    around = surroundings(log if captured else None, counts(SIDECAR_LOG, GATEWAY_LOG), uncaptured)
    [flow] = join(hops, [sent or probe()], vantage)
    return judge(flow, expect, replace(around, mirrored=mirrored))


def row(found: Verdict) -> tuple[str, str]:
    return found.outcome.value, found.path_seen.value


PASSING = {"cluster_kind": "passthrough", "cluster_host": None, "upstream_cluster": "PassthroughCluster"}


PASSTHROUGH = sidecar(**PASSING, upstream_host=EXTERNAL)
