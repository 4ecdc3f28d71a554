"""From a capture to a report: the path that live runs and saved logs share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as File

from egressaudit.errors import BadLogs, NothingExpected, UsageError
from egressaudit.join import Vantage, join
from egressaudit.judge import Surroundings, judge
from egressaudit.logfiles import load
from egressaudit.mesh import Mesh
from egressaudit.model import (
    Capture,
    Expectation,
    LogSource,
    ObjectRef,
    Outcome,
    Path,
    Pod,
    Probe,
    Report,
    Reporter,
    Target,
)
from egressaudit.parse import Parsed, parse

_EXPECTED = {
    "gateway": Path.VIA_GATEWAY,
    "waypoint": Path.VIA_WAYPOINT,
    "direct": Path.DIRECT,
    "blocked": Path.BLOCKED,
}


def audit(folder: File) -> Report:
    """The report on a saved run; BadLogs where the folder does not hold one."""
    return report_on(load(folder))


def report_on(capture: Capture) -> Report:
    """Parse, join and judge a capture."""
    mesh = Mesh.from_json(capture.mesh)
    return judge_lines(capture, mesh, parse_lines(capture, mesh))


def parse_lines(capture: Capture, mesh: Mesh) -> Parsed:
    """The hops of a capture; every line of every log is counted, also in a log that has none."""
    return parse(capture.lines, reporters_of(capture.sources, mesh))


def judge_lines(capture: Capture, mesh: Mesh, parsed: Parsed) -> Report:
    """Join and judge hops that are parsed already."""
    own = ((str(probe.source), source_log(mesh, probe)) for probe in capture.probes)
    vantage = Vantage(
        source_log={source: log for source, log in own if log is not None},
        addresses={log: pod.addresses for pod in mesh.pods for log in mesh.logs_of((pod,))},
    )
    flows = join(parsed.hops, capture.probes, vantage)
    expectations = expectations_of(capture, mesh)
    verdicts = tuple(
        judge(flow, expectations[flow.probe.nonce], _around(flow.probe, capture, mesh, parsed)) for flow in flows
    )
    return Report(
        verdicts=verdicts,
        lines=parsed.lines,
        reporters=reporters_of(capture.sources, mesh),
        notes=capture.notes,
    )


def reporters_of(sources: tuple[LogSource, ...], mesh: Mesh) -> Mapping[LogSource, Reporter]:
    """The kind of proxy behind each log; BadLogs for a log of a pod that the snapshot does not know as a proxy."""
    reporters = {}
    for source in sources:
        reporter = mesh.reporter(source)
        if reporter is None:
            raise BadLogs(
                f"{source} is the log of no proxy that mesh.json knows",
                hint="Keep the folder as `--save-logs` wrote it: logs and mesh.json of the same run.",
            )
        reporters[source] = reporter
    return reporters


def source_of(mesh: Mesh, probe: Probe) -> Pod:
    """The pod that a probe was sent from; BadLogs where the snapshot does not have it."""
    pod = mesh.pod(probe.source)
    if pod is None:
        raise BadLogs(f"mesh.json has no pod {probe.source}, which a probe was sent from")
    return pod


def source_log(mesh: Mesh, probe: Probe) -> LogSource | None:
    """The log of the proxy that captures a probe's pod: its sidecar, or the ztunnel of its node."""
    pod = source_of(mesh, probe)
    return mesh.proxy_log(pod) or mesh.ztunnel_log(pod)


def expectations_of(capture: Capture, mesh: Mesh) -> dict[str, Expectation]:
    """What is expected of each probe, by nonce: a redirect inherits it where nothing claims its own target."""
    expectations: dict[str, Expectation] = {}
    for probe in capture.probes:
        try:
            expectations[probe.nonce] = expectation(mesh, source_of(mesh, probe), probe.target, capture.expect)
        except NothingExpected:
            before = expectations.get(probe.redirected_from or "")
            if before is None:
                raise
            claim = mesh.claim(source_of(mesh, probe), probe.target)
            expectations[probe.nonce] = Expectation(
                path=before.path,
                via=before.via,
                pods=before.pods,
                because=("the redirect comes from a host that is expected to go this way",),
                gaps=claim.gaps,
            )
    return expectations


def expectation(mesh: Mesh, source: Pod, target: Target, expect: str | None) -> Expectation:
    """The way a target should go: by `--expect`, else by the configuration; NothingExpected without either."""
    claim = mesh.claim(source, target)
    if expect is not None:
        path, ref = parse_expect(expect)
        if path in (Path.DIRECT, Path.BLOCKED):
            return Expectation(path=path, because=("--expect",))
        named = mesh.gateway(path, ref)
        return Expectation(
            path=path, via=named.via, pods=named.pods, because=("--expect",), gaps=(*named.gaps, *claim.gaps)
        )
    if claim.path is None:
        gaps = "; ".join(claim.gaps)
        raise NothingExpected(
            f"nothing in the mesh configuration says that {target.host}:{target.port} should leave through a gateway "
            f"or waypoint{': ' + gaps if gaps else ''}",
            hint="Say what you expect: --expect gateway[=NAMESPACE/NAME], waypoint[=NAMESPACE/NAME], direct or blocked.",
        )
    return Expectation(path=claim.path, via=claim.via, pods=claim.pods, because=claim.because, gaps=claim.gaps)


def parse_expect(text: str) -> tuple[Path, ObjectRef | None]:
    """`gateway[=NS/NAME]`, `waypoint[=NS/NAME]`, `direct` or `blocked`; UsageError for anything else."""
    word, equals, name = text.partition("=")
    path = _EXPECTED.get(word)
    namespace, slash, short = name.partition("/")
    if path is None or (equals and (path in (Path.DIRECT, Path.BLOCKED) or not (namespace and slash and short))):
        raise UsageError(
            f"--expect {text!r} is not understood",
            hint="Use gateway, gateway=NAMESPACE/NAME, waypoint, waypoint=NAMESPACE/NAME, direct or blocked.",
        )
    return path, ObjectRef(namespace, short) if equals else None


def outcome_of(report: Report) -> Outcome:
    """The outcome of a whole run: one FAIL outweighs all, nothing at all is INCONCLUSIVE."""
    outcomes = {verdict.outcome for verdict in report.verdicts}
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    return Outcome.PASS if outcomes == {Outcome.PASS} else Outcome.INCONCLUSIVE


def _around(probe: Probe, capture: Capture, mesh: Mesh, parsed: Parsed) -> Surroundings:
    source = source_of(mesh, probe)
    proxies: dict[str, tuple[Reporter, ObjectRef]] = {}
    logs: dict[str, LogSource] = {}
    for pod in mesh.pods:
        for log in mesh.logs_of((pod,)):
            reporter = mesh.reporter(log)
            if reporter in (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT):
                for address in pod.addresses:
                    proxies[address] = (reporter, mesh.gateway_of(pod))
                    if log in capture.sources:
                        logs[address] = log
    return Surroundings(
        mode=source.mode,
        uncaptured=mesh.uncaptured(source, probe.target.port, probe.result.remote_address),
        source_log=source_log(mesh, probe),
        proxies=proxies,
        addresses=mesh.addresses,
        lines=parsed.lines,
        logs=logs,
    )
