"""The verdict on a fault, as `verify` gives it, and at which place it names the true cause.

In: `Fault`s. Out: `Ranked`, e.g. EC26 first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from support.istiod_envoys import LOWEST, MOVED
from support.loop_mesh import LOOPS, relocated, with_status
from support.loop_run import log_lines
from worlds.broken import WorldFault

from egressaudit.mesh import Mesh
from egressaudit.model import AuditReport, Capture, LogSource, Outcome, VerifyReport
from egressaudit.pipeline.replay import report_on
from injected.fault import Fault, Seen
from injected.recordings import recording
from injected.saved import SavedFault

_SOCKET = re.compile(r"\b(127\.\d+\.\d+\.\d+):(\d+)\b")


@dataclass(frozen=True)
class Ranked:
    """What a command named for a fault."""

    fault: Fault | SavedFault | WorldFault
    named: tuple[str, ...]
    """The codes of the causes, the first one first."""
    outcome: Outcome
    said: str
    """What else was said, in short."""

    @property
    def rank(self) -> int:
        """1 for the first cause; 0 if it is not named."""
        return self.named.index(self.fault.code) + 1 if self.fault.code in self.named else 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing is said to be wrong."""
        return self.outcome is Outcome.PASS and not self.named

    def __str__(self) -> str:
        said, named = f"{self.outcome} {self.said}", " ".join(self.named) or "-"
        return f"{self.fault.code or 'works':5} {self.rank} {self.fault.name:44} {said:32} {named}"


def ranked(fault: Fault | SavedFault) -> Ranked:
    """Judge what was seen of a fault, as `verify` does."""
    verdict = fault.verdict() if isinstance(fault, SavedFault) else judged(fault).verdicts[0]
    named = tuple(each.code for each in verdict.causes)
    return Ranked(fault, named, verdict.outcome, f"{verdict.path_seen} {verdict.code or '-'}")


def of_report(fault: Fault | SavedFault | WorldFault, report: AuditReport) -> Ranked:
    """What an audit named: the causes of its findings, in their order, then those of flows that no finding is about."""
    listed = (*report.findings, *report.judged)
    named = dict.fromkeys(cause.code for each in listed for cause in each.causes)
    groups = " ".join(f"{each.group.path}:{each.group.reason or '-'}" for each in report.judged)
    codes = " ".join(each.code for each in report.findings)
    return Ranked(fault, tuple(named), report.outcome, f"{groups} | {codes}")


def judged(fault: Fault) -> VerifyReport:
    """The whole report."""
    seen, kept = seen_of(fault), recording(fault)
    mesh = Mesh.of(seen.objects, seen.read, outside=seen.outside)
    lines = {log: tuple(texts) for log, texts in seen.lines.items()}
    return report_on(
        Capture(
            mesh=mesh.to_json(),
            expect=fault.expect,
            probes=(seen.probe,),
            lines=log_lines(lines),
            sources=tuple(lines),
            before={log: kept.before[log] for log in lines if log in kept.before},
        )
    )


def seen_of(fault: Fault) -> Seen:
    """What a judge is given of a fault: objects, and the lines of the pods that have a proxy."""
    seen = _recorded(fault)
    if fault.change is not None:
        fault.change(seen)
    with_proxy = {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in seen.objects
        if each["kind"] == "Pod" and "istio-proxy" in [container["name"] for container in each["spec"]["containers"]]
    }
    seen.lines = {log: texts for log, texts in seen.lines.items() if (log.namespace, log.pod) in with_proxy}
    return seen


def _recorded(fault: Fault) -> Seen:
    loop, kept = LOOPS[fault.mode](), recording(fault)
    source = LogSource("ztunnel", "ztunnel-1", "istio-proxy")
    if not loop.ambient:
        source = LogSource("curl", loop.source.name, "istio-proxy")
    return Seen(
        objects=relocated(with_status(loop, fault.objects), kept.places),
        lines={log: [_unmoved(each) for each in lines] for log, lines in kept.lines.items()},
        probe=kept.probe,
        source=source,
        via=LogSource("egress", loop.gateway.name, "istio-proxy"),
        outside=kept.outside,
    )


def _unmoved(text: str) -> str:
    """The line with the ports that the mesh has: some were moved, since who is not root cannot bind them."""
    return _SOCKET.sub(lambda m: f"{m[1]}:{int(m[2]) - MOVED}" if 0 < int(m[2]) - MOVED < LOWEST else m[0], text)
