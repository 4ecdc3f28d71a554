"""The verdict on a fault, as `verify` gives it, and at which place it names the true cause.

In: `Fault`s. Out: `Ranked`, e.g. EC26 first.
"""

from __future__ import annotations

from dataclasses import dataclass

from support.loop_mesh import LOOPS, relocated, with_status
from support.loop_run import log_lines

from egressaudit.mesh import Mesh
from egressaudit.model import Capture, LogSource, Outcome, Verdict, VerifyReport
from egressaudit.pipeline.replay import report_on
from injected.fault import Fault, Seen
from injected.recordings import recording
from injected.saved import SavedFault


@dataclass(frozen=True)
class Ranked:
    """What was named for a fault."""

    fault: Fault | SavedFault
    verdict: Verdict

    @property
    def named(self) -> tuple[str, ...]:
        return tuple(each.code for each in self.verdict.causes)

    @property
    def rank(self) -> int:
        """1 for the first cause; 0 if it is not named."""
        return self.named.index(self.fault.code) + 1 if self.fault.code in self.named else 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing is said to be wrong."""
        return self.verdict.outcome is Outcome.PASS and not self.named

    def __str__(self) -> str:
        verdict = self.verdict
        said, named = f"{verdict.outcome} {verdict.path_seen} {verdict.code or '-'}", " ".join(self.named) or "-"
        return f"{self.fault.code or 'works':5} {self.rank} {self.fault.name:44} {said:32} {named}"


def ranked(fault: Fault | SavedFault) -> Ranked:
    """Judge what was seen of a fault."""
    if isinstance(fault, SavedFault):
        return Ranked(fault, fault.verdict())
    report = judged(fault)
    [verdict] = report.verdicts
    return Ranked(fault, verdict)


def judged(fault: Fault) -> VerifyReport:
    """The whole report."""
    seen, kept = _seen(fault), recording(fault)
    if fault.change is not None:
        fault.change(seen)
    with_proxy = {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in seen.objects
        if each["kind"] == "Pod" and "istio-proxy" in [container["name"] for container in each["spec"]["containers"]]
    }
    seen.lines = {log: texts for log, texts in seen.lines.items() if (log.namespace, log.pod) in with_proxy}
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


def _seen(fault: Fault) -> Seen:
    loop, kept = LOOPS[fault.mode](), recording(fault)
    source = LogSource("ztunnel", "ztunnel-1", "istio-proxy")
    if not loop.ambient:
        source = LogSource("curl", loop.source.name, "istio-proxy")
    return Seen(
        objects=relocated(with_status(loop, fault.objects), kept.places),
        lines={log: list(lines) for log, lines in kept.lines.items()},
        probe=kept.probe,
        source=source,
        via=LogSource("egress", loop.gateway.name, "istio-proxy"),
        outside=kept.outside,
    )
