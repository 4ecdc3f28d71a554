"""The JSON report of `audit` as types: the schema in docs/schemas is made from them (tools/schemas.py).

In: values of an `AuditReport`. Out: an `AuditDocument`, whose fields stand in the order in which JSON has them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from egressaudit.model import Confidence, DataplaneMode, Outcome, Path, Reporter, Scheme, Severity
from egressaudit.report.document_parts import (
    CauseRow,
    Counts,
    Failure,
    Lines,
    MadeFromPart,
    Moment,
    NetworkRow,
    Part,
    RunPart,
    Span,
    Text,
    Tool,
)
from egressaudit.report.drift_document import DriftPart


class Summary(Part):
    """The numbers of findings by outcome, and how much was proven."""

    violations: int
    """Findings with outcome FAIL that are not waived."""
    unproven: int
    """Findings with outcome INCONCLUSIVE that are not waived."""
    waived: int
    """Findings that are waived, whatever their outcome."""
    informational: int
    """Findings that change no outcome."""
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
    """`namespace/pod/container`, or the path."""
    reporter: Reporter | None
    """The kind of proxy that wrote it; null if unknown."""
    expected: bool
    """Whether the snapshot has a proxy that writes this log."""
    read: bool
    critical: bool
    """Whether flows cannot be proven without this log."""
    lines: Lines
    first: Moment | None
    """Time of its first line."""
    last: Moment | None
    expected_seconds: float
    """How long the proxy ran within the window."""
    covered_seconds: float
    """How much of this time the log covers."""
    problems: tuple[Text, ...]
    workload: Text
    """Whose log it is, `namespace/Kind/name`; empty if the snapshot has no such pod."""


class Unseen(Part):
    """Traffic that no proxy logs."""

    kind: Text
    """`host-network`, `not-injected`, `excluded`, `proxy-user`, `logging-off`, `logging-filtered` ..."""
    subject: Text
    """`namespace/pod` or the proxy's log."""
    workload: Text
    reason: Text
    network: NetworkRow | None = None
    """Where the network lets its traffic go; null for what is about logs, or if its policies were not read."""


class Covered(Part):
    """How much of the expected logs was read, and what no log can show."""

    expected_logs: int
    read_logs: int
    """How many of the expected logs were read."""
    fraction: float | None
    """Covered seconds divided by expected seconds, over all expected logs, 0 to 1; null if no log was expected."""
    lines: Lines
    """Of all logs together."""
    sources: tuple[Source, ...]
    blind_spots: tuple[Unseen, ...]
    skipped: Counts
    """Files that were passed over, by reason."""
    broken: tuple[Text, ...]
    """Logs that could not be read to the end."""


class Line(Part):
    """One log line that proves something."""

    source: Text
    line: int
    """Counted from 1."""
    role: Text
    """Which proxy of the flow wrote the line: `source`, `gateway` or `waypoint`."""
    raw: Text
    """The whole line; characters that do not print are escaped (`\\x1b`)."""


class Waiver(Part):
    """Why the violation does not count."""

    reason: Text
    expires: Text
    """Last day, ISO 8601."""


class FlowRow(Part):
    """The flows of one workload to one host and port that went one way, and their outcome."""

    outcome: Outcome | Literal["NOT_PERFORMED"] | None
    """Null if there is nothing to judge; NOT_PERFORMED in the only row of an audit that was not performed."""
    because: Text
    """Why, in one sentence."""
    namespace: Text
    """Empty if no pod of the snapshot owns the source address."""
    workload: Text
    """`Kind/name`; empty in the same case."""
    host: Text
    port: int | None
    path: Path | None
    """Which way it went; null only in the row of an audit that was not performed."""
    via: tuple[Text, ...] = ()
    """The gateways and waypoints on it, `namespace/name`, in order."""
    flows: int = 0
    first: Moment | None = None
    last: Moment | None = None
    mode: DataplaneMode | None = None
    """How the pod's traffic is captured."""
    scheme: Scheme | None = None
    """How the last proxy handled it; null if only a ztunnel saw it."""
    reason: Text = ""
    """One word for why the path is what it is (docs/evidence.md)."""
    confidence: Confidence | None = None
    """Which lines prove it."""
    server_names: tuple[Text, ...] = ()
    """A few TLS server names or authorities that differ from the host. The sender chose them; they prove nothing."""
    expected: Path | None = None
    """Which way it should go; null if nothing says so."""
    expected_via: tuple[Text, ...] = ()
    """The gateways or waypoints that may carry it; empty if any may."""
    expected_because: tuple[Text, ...] = ()
    """The objects or rules that say so."""
    gaps: tuple[Text, ...] = ()
    """Faults in the mesh configuration that explain a bypass."""
    rule: Text = ""
    """The policy rule, or `default`; empty if the mesh configuration decides."""
    severity: Severity | None = None
    controls: tuple[Text, ...] = ()
    """Controls of compliance frameworks that the rule serves."""
    waived: Waiver | None = None
    """Only a FAIL can be waived."""
    causes: tuple[CauseRow, ...] = ()
    """Why it is no PASS: the first is the cause, its look-alikes after it could not be told apart from it."""
    evidence: tuple[Line, ...] = ()
    """The first few lines that prove it."""
    fingerprint: str = ""
    """The same in every report for the same workload, host, port and way; empty if no audit was performed."""


class FindingRow(Part):
    """One thing that is wrong or could not be seen."""

    code: Text
    """`EA101` ...; `egressaudit controls EA101` explains it."""
    severity: Severity
    outcome: Outcome | None
    """FAIL, INCONCLUSIVE, or null if it changes no outcome."""
    confidence: Confidence
    subject: Text
    message: Text
    advice: tuple[Text, ...]
    rule: Text
    controls: tuple[Text, ...]
    waived: Waiver | None
    """A waived finding does not count."""
    flow: FlowRow | None
    """The flows it is about, without their causes and evidence; null if it is not about flows."""
    causes: tuple[CauseRow, ...]
    """Why it is so: the first is the cause, its look-alikes after it could not be told apart from it."""
    evidence_total: int
    """How many lines prove it; `evidence` has the first few."""
    evidence: tuple[Line, ...]
    fingerprint: str
    """The same in every report for the same problem, whichever pods have it; several pods of a workload share it."""
    about: Text
    """If it is not about flows: what it is about, the same although pods are replaced; else empty."""


class AuditDocument(Part):
    """The report of `egressaudit audit -o json` on a window of traffic."""

    model_config = ConfigDict(title="AuditReport")

    schema_version: Literal[1] = 1
    kind: Literal["egressaudit-window"] = "egressaudit-window"
    tool: Tool
    run: RunPart
    made_from: MadeFromPart
    outcome: Outcome | Literal["NOT_PERFORMED"]
    """NOT_PERFORMED if no audit was performed; `error` says why."""
    error: Failure | None
    """Null if an audit was performed."""
    window: Span | None
    """Null if no audit was performed."""
    policy: Policy | None
    """Null if the mesh configuration decided."""
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
    """Access lines that were not counted as flows, by kind."""
    notes: tuple[Text, ...]
    drift: DriftPart | None
    """What changed since an earlier report (`--baseline`, `--history`); null if none was named."""
