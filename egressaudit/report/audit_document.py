"""The JSON report of `audit` as types: the schema in docs/schemas is made from them (tools/schemas.py).

In: values of an `AuditReport`. Out: an `AuditDocument`, whose fields stand in the order in which JSON has them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from egressaudit.model import Confidence, DataplaneMode, Outcome, Path, Reporter, Scheme, Severity
from egressaudit.report.document_parts import Counts, Failure, Lines, Moment, Part, Text, Tool


class Span(Part):
    """The time that was audited: `start` belongs to it, `end` does not."""

    start: Moment
    end: Moment


class Summary(Part):
    """How many findings count how, and what was proven."""

    violations: int
    """Findings with outcome FAIL that are not waived."""
    unproven: int
    """Findings with outcome INCONCLUSIVE that are not waived."""
    waived: int
    """Findings that are waived, whatever their outcome."""
    informational: int
    """Findings that change nothing."""
    flows_proven: int
    """Flows of the groups that are PASS."""
    groups: int
    """How many groups of flows were judged."""


class Policy(Part):
    """The policy that decided."""

    name: Text
    sha256: Text
    """Of the policy file."""


class Source(Part):
    """What was read of one proxy's log."""

    name: Text
    """`namespace/pod/container`, else the path."""
    reporter: Reporter | None
    """What kind of proxy wrote it; null where that is not known."""
    expected: bool
    """Whether the snapshot has a proxy that writes it."""
    read: bool
    critical: bool
    """Whether flows cannot be proven without it."""
    lines: Lines
    first: Moment | None
    """Time of its first line."""
    last: Moment | None
    expected_seconds: float
    """How much of the window the proxy was there."""
    covered_seconds: float
    """How much of that the log covers."""
    problems: tuple[Text, ...]


class Unseen(Part):
    """Traffic that no proxy logs."""

    kind: Text
    """`host-network`, `not-injected`, `excluded`, `proxy-user`, `logging-off`, `logging-filtered` ..."""
    subject: Text
    """`namespace/pod` or the proxy's log."""
    workload: Text
    reason: Text


class Covered(Part):
    """What was seen of what there was to see."""

    expected_logs: int
    read_logs: int
    """How many of the expected logs were read."""
    fraction: float | None
    """Seconds covered of seconds expected, over all expected logs, 0 to 1; null where no log was expected."""
    lines: Lines
    """Of all logs together."""
    sources: tuple[Source, ...]
    blind_spots: tuple[Unseen, ...]
    skipped: Counts
    """Files passed over, by reason."""
    broken: tuple[Text, ...]
    """Logs that could not be read to their end."""


class Line(Part):
    """One log line that proves something."""

    source: Text
    line: int
    """Counted from 1."""
    role: Text
    """Whose line it is: `source`, `gateway` or `waypoint`."""
    raw: Text
    """The whole line; what does not print is shown as an escape (`\\x1b`)."""


class Waiver(Part):
    """Why it does not count."""

    reason: Text
    expires: Text
    """Last day, ISO 8601."""


class FlowRow(Part):
    """The flows of one workload to one host and port that went one way, and what is thought of them."""

    outcome: Outcome | Literal["NOT_PERFORMED"] | None
    """Null where there is nothing to judge; NOT_PERFORMED in the single row of an audit that did not happen."""
    because: Text
    """One sentence."""
    namespace: Text
    """Empty where no pod of the snapshot owns the source address."""
    workload: Text
    """`Kind/name`, empty as above."""
    host: Text
    port: int | None
    path: Path | None
    """Which way it went; null only in the row of an audit that did not happen."""
    via: tuple[Text, ...] = ()
    """The gateways and waypoints on it, `namespace/name`, in order."""
    flows: int = 0
    first: Moment | None = None
    last: Moment | None = None
    mode: DataplaneMode | None = None
    """How the pod's traffic is captured."""
    scheme: Scheme | None = None
    """What the last proxy took it for; null where only a ztunnel saw it."""
    reason: Text = ""
    """A word for why the path is what it is (docs/evidence.md)."""
    confidence: Confidence | None = None
    """Which lines prove it."""
    server_names: tuple[Text, ...] = ()
    """TLS server names or authorities that are not the host, at most a few: the sender's words, never believed."""
    expected: Path | None = None
    """Which way it should go; null where nothing says anything."""
    expected_via: tuple[Text, ...] = ()
    """The gateways or waypoints that may carry it; empty where any may."""
    expected_because: tuple[Text, ...] = ()
    """The objects or rules that say so."""
    gaps: tuple[Text, ...] = ()
    """Faults of the mesh configuration that explain a bypass."""
    rule: Text = ""
    """The policy rule, `default`, or empty where the mesh configuration decides."""
    severity: Severity | None = None
    controls: tuple[Text, ...] = ()
    """Controls of compliance frameworks that the rule serves."""
    waived: Waiver | None = None
    """Only a FAIL can be waived."""
    evidence: tuple[Line, ...] = ()
    """The first few lines that prove it."""


class FindingRow(Part):
    """One thing that is wrong or could not be seen."""

    code: Text
    """`EA101` ...; `egressaudit controls EA101` explains it."""
    severity: Severity
    outcome: Outcome | None
    """FAIL, INCONCLUSIVE, or null where it changes nothing."""
    confidence: Confidence
    subject: Text
    message: Text
    advice: tuple[Text, ...]
    rule: Text
    controls: tuple[Text, ...]
    waived: Waiver | None
    """A waived finding does not count."""
    flow: FlowRow | None
    """The flows it is about, without their evidence; null where it is not about flows."""
    evidence_total: int
    """How many lines prove it, of which `evidence` holds the first few."""
    evidence: tuple[Line, ...]


class AuditDocument(Part):
    """The report of `egressaudit audit -o json` on a window of traffic."""

    model_config = ConfigDict(title="AuditReport")

    schema_version: Literal[1] = 1
    kind: Literal["egressaudit-window"] = "egressaudit-window"
    tool: Tool
    outcome: Outcome | Literal["NOT_PERFORMED"]
    """NOT_PERFORMED where no audit was performed; `error` says why."""
    error: Failure | None
    """Null where an audit was performed."""
    window: Span | None
    """Null where no audit was performed."""
    policy: Policy | None
    """Null where the mesh configuration decided."""
    summary: Summary
    coverage: Covered
    not_covered: tuple[Text, ...]
    """What the report says nothing about, one sentence each."""
    trusted: tuple[Text, ...]
    """Why the proxies that a PASS rests on are believed, and who could have changed their logs, one sentence each."""
    findings: tuple[FindingRow, ...]
    flows: tuple[FlowRow, ...]
    internal_flows: int
    """Flows inside the mesh, counted and not judged."""
    ignored_lines: Counts
    """Access lines that are no flow of their own, by kind."""
    notes: tuple[Text, ...]
