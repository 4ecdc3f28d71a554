"""A run judged again: what `verify --replay` composes, and how a live run judges.

capture ─▶ parse ─▶ join ─▶ judge ─▶ report

In: a `Capture`, read from a folder or collected just now. Out: a `VerifyReport`, the same for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date
from functools import partial
from pathlib import Path as File
from typing import TYPE_CHECKING

from egressaudit.errors import BadLogs, UsageError
from egressaudit.evidence.digests import digest_of_files
from egressaudit.evidence.saved_files import MESH, POLICY, PROBES
from egressaudit.evidence.saved_run import load
from egressaudit.findings.run_notes import run_notes
from egressaudit.findings.trust_notes import trusted_for_flows
from egressaudit.hops.forgeable_logs import Suspicions, forgeable_logs
from egressaudit.hops.line_parser import Parsed, format_set, parse
from egressaudit.hops.lines_since import lines_since
from egressaudit.hops.log_reporters import reporters_of
from egressaudit.join.probe_hops import Vantage, join, shared_sockets
from egressaudit.judge.believed import believed, mesh_of
from egressaudit.judge.expected import Expectations, parse_expect, source_log
from egressaudit.judge.network_views import network_views
from egressaudit.judge.probe_surroundings import ProbeSurroundings, RunFacts
from egressaudit.judge.verdict import judge
from egressaudit.mesh import Mesh, Trust, made_from
from egressaudit.model import (
    Battery,
    BypassReport,
    Capture,
    Expectation,
    LineCount,
    LogSource,
    MadeFrom,
    Outcome,
    Pod,
    Probe,
    Verdict,
    VerifyReport,
)

if TYPE_CHECKING:
    from egressaudit.policy import Policy


def audit(folder: File, trust: Trust | None = None, expect: str | None = None) -> VerifyReport:
    """The report on a saved run, with the trust and the expectation saved with it unless others are given.

    BadLogs if the folder does not hold one, UsageError for an `expect` that cannot be.
    """
    if expect is not None:
        parse_expect(expect)
    capture = load(folder)
    try:
        report = report_on(capture if expect is None else replace(capture, expect=expect), trust)
    except UsageError as error:
        if expect is not None:
            raise
        # What was expected stands in the folder, and not on this command line.
        raise BadLogs(f"{folder / PROBES} and mesh.json do not match: {error.message}") from error
    return with_digests(report, capture.digests)


def with_digests(report: VerifyReport, digests: Mapping[str, str]) -> VerifyReport:
    """The report with the digests of the files that its run was read from or saved to, by name."""
    logs = digest_of_files((name, digest) for name, digest in digests.items() if name.endswith(".log"))
    made = replace(report.made_from, snapshot_digest=digests.get(MESH, ""), logs_digest=logs)
    return replace(report, made_from=made)


def report_on(capture: Capture, trust: Trust | None = None) -> VerifyReport:
    """Parse, join and judge a capture; `trust` instead of what was saved with it."""
    policy = policy_of(capture)
    given = None if trust is None else believed(trust, policy)
    mesh = mesh_of(capture.mesh, capture.expect, given)
    judging = Judging.of(capture, mesh, policy)
    return judging.report(capture, judging.parsed(capture))


def policy_of(capture: Capture) -> Policy | None:
    """The policy that was saved with a run; None without one. PolicyError if it is none."""
    if not capture.policy:
        return None
    # Import here: most runs have no policy, and reading a policy's form takes long to import.
    from egressaudit.policy import parse_policy

    return parse_policy(capture.policy, POLICY)


@dataclass(frozen=True)
class Judging:
    """How the lines of a run are judged: what stays the same however many of them come."""

    mesh: Mesh
    expectations: Mapping[str, Expectation]
    facts: RunFacts
    vantage: Vantage
    wanted: Expectations
    policy: str = ""
    policy_digest: str = ""

    @classmethod
    def of(cls, capture: Capture, mesh: Mesh, policy: Policy | None) -> Judging:
        """The judging of a capture, whose probes have been sent."""
        day = max((probe.started.astimezone(UTC).date() for probe in capture.probes), default=date.min)
        wanted = Expectations(mesh, capture.expect, policy, day)
        sent = (*capture.probes, *(probe for battery in capture.batteries for probe in battery.probes))
        own = ((str(probe.source), source_log(mesh, probe)) for probe in sent)
        vantage = Vantage(
            source_log={source: log for source, log in own if log is not None},
            addresses={log: pod.addresses for pod in mesh.pods for log in mesh.logs_of((pod,))},
            before=capture.before,
            shared=shared_sockets(sent),
        )
        by = (policy.name, policy.digest) if policy else ()
        return cls(mesh, wanted.of_probes(capture.probes), RunFacts(mesh, capture.sources), vantage, wanted, *by)

    def parsed(self, capture: Capture) -> Parsed:
        """The hops of a capture; every line of every log is counted, also in a log that has none."""
        mesh = self.mesh
        return parse(capture.lines, reporters_of(capture.sources, mesh), format_set(mesh.custom_formats))

    def report(self, capture: Capture, parsed: Parsed, *, explain: bool = True) -> VerifyReport:
        """Join and judge hops that are parsed already, and find the causes of what did not pass.

        Without `explain` no cause is looked for: a live run judges again with every line, and needs them once.
        """
        mesh = self.mesh
        flows = join(parsed.hops, capture.probes, self.vantage)
        suspicions = Suspicions.of(mesh)
        lines = lines_since(parsed, capture.before)
        forgeable = forgeable_logs(parsed, suspicions)
        verdicts = tuple(
            judge(flow, self.expectations[flow.probe.nonce], self.facts.around(flow.probe, lines, forgeable))
            for flow in flows
        )
        bypass = tuple(self._bypass(each, parsed, lines, forgeable) for each in capture.batteries)
        believed_in = (*flows, *(verdict.flow for each in bypass for verdict in each.verdicts))
        report = VerifyReport(
            verdicts=_explained(verdicts, mesh, lines, forgeable) if explain else verdicts,
            lines=parsed.lines,
            reporters=reporters_of(capture.sources, mesh),
            notes=run_notes(capture, mesh, parsed.hops, suspicions),
            trusted=trusted_for_flows(believed_in, mesh),
            asked=capture.cells,
            policy=self.policy,
            network=network_views(mesh, _on_the_ways(verdicts, mesh)) if explain else (),
            bypass=bypass,
            made_from=replace(made_from(mesh), policy_digest=self.policy_digest) if explain else MadeFrom(),
            formats=mesh.custom_formats,
        )
        return with_views(report, capture, mesh)

    def _bypass(
        self,
        battery: Battery,
        parsed: Parsed,
        lines: Mapping[LogSource, LineCount],
        forgeable: Mapping[LogSource, str],
    ) -> BypassReport:
        # Import here: only `--bypass` needs the catalogue.
        from egressaudit.bypass.judging import BatteryFacts, bypass_report

        def around(probe: Probe) -> ProbeSurroundings:
            return self.facts.around(probe, lines, forgeable)

        return bypass_report(battery, BatteryFacts(self.mesh, parsed.hops, self.vantage, self.wanted, around))


def _on_the_ways(verdicts: tuple[Verdict, ...], mesh: Mesh) -> Iterator[Pod]:
    """The sources of the probes, and the gateways and waypoints that they should pass."""
    for verdict in verdicts:
        source = mesh.pod(verdict.flow.probe.source)
        yield from () if source is None else (source,)
        yield from verdict.expectation.pods


def with_views(report: VerifyReport, capture: Capture, mesh: Mesh) -> VerifyReport:
    """The report with what the asked proxies have, beside what the objects declare and what the lines show."""
    if not capture.asked:
        return report
    # Import here: proxies are asked only if a verdict is not PASS.
    from egressaudit.judge.declared_step import declared_step
    from egressaudit.judge.proxy_views import proxy_views

    return replace(report, proxies=proxy_views(report.verdicts, capture.asked, partial(declared_step, mesh)))


def _explained(
    verdicts: tuple[Verdict, ...], mesh: Mesh, lines: Mapping[LogSource, LineCount], forgeable: Iterable[LogSource]
) -> tuple[Verdict, ...]:
    """The verdicts with their causes, and the causes with what would fix them."""
    if all(each.outcome is Outcome.PASS for each in verdicts):
        return verdicts
    # Import here: what passes has no cause, and does not wait for the catalogue.
    from egressaudit.causes.of_verdicts import with_causes
    from egressaudit.fixes.suggestions import with_fixes

    found = with_causes(verdicts, mesh, lines, forgeable)
    return tuple(replace(each, causes=with_fixes(each.causes, mesh)) for each in found)
