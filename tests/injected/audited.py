"""What `audit` makes of a fault, and at which place it names the true cause.

In: `Fault`s; the lines of all proxies are a window of some minutes, collected with its snapshot. Out: `Ranked`, by the
causes of the report's findings in the order in which it has them, e.g. EC26 first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from support.folders import mesh_of
from support.tools import SAMPLES

from egressaudit.evidence.collection import CollectedLog, Collection, State
from egressaudit.evidence.saved_run import load
from egressaudit.judge.believed import believed
from egressaudit.mesh import Mesh, Trust
from egressaudit.model import AuditReport, LogSource
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from egressaudit.policy import Policy, parse_policy
from injected.fault import Fault, Seen
from injected.judged import Ranked, of_report, seen_of
from injected.saved import SavedFault

_AROUND = timedelta(minutes=2)
"""What the window has before and after the call."""

_OF_PROBES = {
    "EC90": "what curl says is no line",
    "EC96": "both lines are of the gateway, so the flow went the right way whichever is its own",
}
_PASSES = {
    "istio-apis-denied-by-name-tls": "Envoy was connected to the host before its policy refused the first bytes: a "
    "flow that left the right way",
}


def is_of_audit(fault: Fault | SavedFault) -> bool:
    """Whether a window of logs shows that something is wrong."""
    return fault.code not in _OF_PROBES and fault.name not in _PASSES


def audited(fault: Fault | SavedFault) -> Ranked:
    """Audit what was seen of a fault."""
    report = _of_sample(fault.name) if isinstance(fault, SavedFault) else _of_recording(fault)
    return of_report(fault, report)


def of_sample(name: str) -> Ranked:
    """Audit a scenario of the lab that breaks nothing."""
    return audited(SavedFault(name, ""))


def _of_sample(name: str) -> AuditReport:
    """The logs that `verify` followed, which lack no line of the run; those of other proxies are not there."""
    folder = SAMPLES / name
    capture, mesh = load(folder), mesh_of(folder)
    start, end = capture.probes[0].started - _AROUND, capture.probes[-1].ended + _AROUND
    texts = {log: [each.text for each in capture.lines if each.source == log] for log in capture.sources}
    logs = tuple(_complete(log, texts[log], start, end) for log in sorted(texts))
    collection = Collection(start, end, end, "followed", logs, finished=end)
    policy = _policy(capture.expect, capture.probes[-1].target.host)
    return audit_window((str(folder),), mesh, AuditSettings(policy=policy), collection)


def _of_recording(fault: Fault) -> AuditReport:
    seen = seen_of(fault)
    policy = _policy(fault.expect, fault.call.host)
    settings = AuditSettings(policy=policy, trust=believed(Trust(), policy))
    mesh = Mesh.of(seen.objects, seen.read, settings.trust, outside=seen.outside)
    with tempfile.TemporaryDirectory() as folder:
        return audit_window((folder,), mesh, settings, _collected(seen, mesh, Path(folder)))


def _collected(seen: Seen, mesh: Mesh, folder: Path) -> Collection:
    """Write the logs as a collection leaves them; its account."""
    start, end = seen.probe.started - _AROUND, seen.probe.ended + _AROUND
    logs = []
    for source, _ in mesh.expected_logs():
        if (texts := seen.lines.get(source)) is None:
            logs.append(CollectedLog(source, State.FAILED, "not served after all attempts"))
            continue
        file = folder / f"{source}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_bytes(texts))
        logs.append(_complete(source, texts, start, end))
    return Collection(start, end, end, "injected", tuple(logs), finished=end)


def _bytes(texts: Sequence[str]) -> bytes:
    return "".join(f"{each}\n" for each in texts).encode("utf-8", "surrogateescape")


def _complete(log: LogSource, texts: Sequence[str], start: datetime, end: datetime) -> CollectedLog:
    size = len(_bytes(texts))
    return CollectedLog(log, State.COMPLETE, covered_from=start, covered_to=end, lines=len(texts), bytes=size)


def _policy(expect: str | None, host: str) -> Policy | None:
    """What the call is meant to do, as a policy says it; None where the mesh's own configuration is to say it."""
    if expect is None:
        return None
    kind, _, name = expect.partition("=")
    namespace, name = (name or ("egress/waypoint" if kind == "waypoint" else "egress/gw")).split("/")
    ways = "" if kind == "blocked" else f"  {kind}s: [{{namespace: {namespace}, name: {name}}}]\n"
    rule = f"{{name: call, to: {{hosts: [{host}]}}, via: {kind}}}"
    return parse_policy(
        "apiVersion: egressaudit.io/v1alpha1\nkind: EgressPolicy\nmetadata: {name: injected}\n"
        f"spec:\n{ways}  rules:\n  - {rule}\n  default: mesh\n".encode()
    )
