"""A run judged again: what `verify --replay` composes, and how a live run judges.

capture ─▶ parse ─▶ join ─▶ judge ─▶ report

In: a `Capture`, read from a folder or collected just now. Out: a `VerifyReport`, the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path as File

from egressaudit.errors import BadLogs, UsageError
from egressaudit.evidence.saved_files import PROBES
from egressaudit.evidence.saved_run import load
from egressaudit.findings.run_notes import run_notes
from egressaudit.findings.trust_notes import trusted_for_flows
from egressaudit.hops.forgeable_logs import Suspicions, forgeable_logs
from egressaudit.hops.line_parser import Parsed, format_set, parse
from egressaudit.hops.lines_since import lines_since
from egressaudit.hops.log_reporters import reporters_of
from egressaudit.join.probe_hops import Vantage, join
from egressaudit.judge.believed import mesh_of
from egressaudit.judge.expected import expectations_of, parse_expect, source_log
from egressaudit.judge.probe_surroundings import RunFacts
from egressaudit.judge.verdict import judge
from egressaudit.mesh import Mesh, Trust
from egressaudit.model import Capture, LineCount, LogSource, Outcome, Verdict, VerifyReport


def audit(folder: File, trust: Trust | None = None, expect: str | None = None) -> VerifyReport:
    """The report on a saved run, with the trust and the expectation saved with it unless others are given.

    BadLogs if the folder does not hold one, UsageError for an `expect` that cannot be.
    """
    if expect is not None:
        parse_expect(expect)
    capture = load(folder)
    try:
        return report_on(capture if expect is None else replace(capture, expect=expect), trust)
    except UsageError as error:
        if expect is not None:
            raise
        # What was expected stands in the folder, and not on this command line.
        raise BadLogs(f"{folder / PROBES} and mesh.json do not match: {error.message}") from error


def report_on(capture: Capture, trust: Trust | None = None) -> VerifyReport:
    """Parse, join and judge a capture; `trust` instead of what was saved with it."""
    mesh = mesh_of(capture.mesh, capture.expect, trust)
    return judge_lines(capture, mesh, parse_lines(capture, mesh))


def parse_lines(capture: Capture, mesh: Mesh) -> Parsed:
    """The hops of a capture; every line of every log is counted, also in a log that has none."""
    return parse(capture.lines, reporters_of(capture.sources, mesh), format_set(mesh.custom_formats))


def judge_lines(capture: Capture, mesh: Mesh, parsed: Parsed, *, explain: bool = True) -> VerifyReport:
    """Join and judge hops that are parsed already, and find the causes of what did not pass.

    Without `explain` no cause is looked for: a live run judges again with every line, and needs them once.
    """
    own = ((str(probe.source), source_log(mesh, probe)) for probe in capture.probes)
    vantage = Vantage(
        source_log={source: log for source, log in own if log is not None},
        addresses={log: pod.addresses for pod in mesh.pods for log in mesh.logs_of((pod,))},
        before=capture.before,
    )
    flows = join(parsed.hops, capture.probes, vantage)
    expectations = expectations_of(capture, mesh)
    suspicions = Suspicions.of(mesh)
    lines = lines_since(parsed, capture.before)
    run = RunFacts(capture, mesh, lines, forgeable_logs(parsed, suspicions))
    verdicts = tuple(judge(flow, expectations[flow.probe.nonce], run.around(flow.probe)) for flow in flows)
    report = VerifyReport(
        verdicts=_explained(verdicts, mesh, lines, run) if explain else verdicts,
        lines=parsed.lines,
        reporters=reporters_of(capture.sources, mesh),
        notes=run_notes(capture, mesh, parsed.hops, suspicions),
        trusted=trusted_for_flows(flows, mesh),
    )
    return with_views(report, capture, mesh)


def with_views(report: VerifyReport, capture: Capture, mesh: Mesh) -> VerifyReport:
    """The report with what the asked proxies have, beside what the objects declare and what the lines show."""
    if not capture.asked:
        return report
    # Import here: proxies are asked only if a verdict is not PASS.
    from egressaudit.judge.declared_step import declared_step
    from egressaudit.judge.proxy_views import proxy_views

    return replace(report, proxies=proxy_views(report.verdicts, capture.asked, partial(declared_step, mesh)))


def _explained(
    verdicts: tuple[Verdict, ...], mesh: Mesh, lines: Mapping[LogSource, LineCount], run: RunFacts
) -> tuple[Verdict, ...]:
    """The verdicts with their causes, and the causes with what would fix them."""
    if all(each.outcome is Outcome.PASS for each in verdicts):
        return verdicts
    # Import here: what passes has no cause, and does not wait for the catalogue.
    from egressaudit.causes.of_verdicts import with_causes
    from egressaudit.fixes.suggestions import with_fixes

    found = with_causes(verdicts, mesh, lines, run.forgeable)
    return tuple(replace(each, causes=with_fixes(each.causes, mesh)) for each in found)
