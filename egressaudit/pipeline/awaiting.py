"""Await the lines that decide: judge whenever one arrives that can matter, and answer with the last of them.

In: a capture whose probes were sent, and the follower of its logs. Out: its report, and the capture with its lines.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from egressaudit.collect.follow.follower import Follower
from egressaudit.judge.awaited import any_awaited, awaited
from egressaudit.mesh import Mesh
from egressaudit.model import Capture, Verdict, VerifyReport

if TYPE_CHECKING:
    from egressaudit.policy import Policy

SETTLING = 3.0
"""Seconds after the last probe in which a line comes, if it comes: Envoy flushes its access log every second, as Istio
starts it (istio/istio pkg/envoy/proxy.go, --file-flush-interval-msec 1000)."""


def await_verdicts(
    capture: Capture, follower: Follower, deadline: float, policy: Policy | None
) -> tuple[VerifyReport, Capture]:
    """Judge whenever a line arrives that can matter; answer as soon as no further line can change a verdict.

    Where the snapshot or the lines say that nothing more is to be expected, it waits only until logs have settled.
    """
    settled = time.monotonic() + SETTLING
    # Import here: the proxies flush their logs about once a second, and the grammars load in that time.
    from egressaudit.hops.line_parser import prepare
    from egressaudit.pipeline.replay import Judging

    prepare()
    # Judge from the saved form, so that a replay of it gives the same verdicts.
    judging = Judging.of(capture, Mesh.from_json(capture.mesh), policy)
    gaps = capture.notes
    while True:
        capture = replace(capture, lines=follower.lines, notes=(*gaps, *follower.notes))
        parsed = judging.parsed(capture)
        report = judging.report(capture, parsed, explain=False)
        verdicts = (*report.verdicts, *(verdict for each in report.bypass for verdict in each.verdicts))
        until = wait_until(verdicts, deadline, settled)
        if time.monotonic() >= until:
            return judging.report(capture, parsed), capture
        tokens = awaited(verdicts)
        while (left := until - time.monotonic()) > 0:
            if any_awaited(follower.take(left), tokens):
                break


def wait_until(verdicts: Sequence[Verdict], deadline: float, settled: float) -> float:
    """When waiting ends, by the monotonic clock: at once, when the logs have settled, or at the deadline."""
    waiting = [verdict for verdict in verdicts if not verdict.final]
    if not waiting:
        return 0.0
    return min(deadline, settled) if all(verdict.soon for verdict in waiting) else deadline
