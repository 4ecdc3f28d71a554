"""The JSON report of `analyze` as types: the schema in docs/schemas is made from them (tools/schemas.py).

In: values of an `AnalyzeReport`. Out: an `AnalyzeDocument`, whose fields stand in the order in which JSON has them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict
from pydantic.json_schema import SkipJsonSchema

from egressaudit.model import DataplaneMode, Outcome, Path, Reporter, Scheme
from egressaudit.model.analysis import Effect, Logged
from egressaudit.report.document_parts import Failure, FixRow, MadeFromPart, NetworkViewRow, Part, RunPart, Text, Tool


def _error_is_optional(schema: dict[str, Any]) -> None:
    # A field with a default is always written, but for this one.
    schema["required"].remove("error")


class Counted(Part):
    """How many ways have each outcome, and what is wrong."""

    PASS: int
    FAIL: int
    INCONCLUSIVE: int
    undeclared: int
    """Hosts and ports with no declared way."""
    faults: int


class WhereWritten(Part):
    """Where something is written."""

    file: Text
    line: int | None
    """Counted from 1; null if only the file is known."""


class Decides(Part):
    """What decides at a step: an object and a field of it."""

    object: Text
    field: Text


class LeadsTo(Part):
    """A cluster that a rule sends to."""

    cluster: Text
    host: Text
    port: int
    subset: Text
    weight: int
    """In percent."""


class ChoiceRow(Part):
    """One thing that a proxy may do with a call."""

    act: Text
    """`send`, `passthrough`, `refuse`, `answer`."""
    route: Text
    rule: Decides | None
    to: tuple[LeadsTo, ...]
    when: tuple[Text, ...]
    """What must hold for it; empty if it always holds."""
    reason: Text


class StepRow(Part):
    """What one proxy does with a call."""

    proxy: Text
    reporter: Reporter
    listener: Text
    choices: tuple[ChoiceRow, ...]


class WayRow(Part):
    """What is declared for one host and port from some groups of sources."""

    outcome: Outcome
    """PASS: a way without a fault. FAIL: a fault leads around it. INCONCLUSIVE: anything else, or no way."""
    host: Text
    port: int
    scheme: Scheme
    sources: tuple[Text, ...]
    """Names of `sources` below."""
    path: Path | None
    """null if nothing is declared."""
    via: Text | None
    """The gateway or waypoint where it leaves, `namespace/name`."""
    passing: tuple[Text, ...]
    """Other gateways and waypoints in front of it."""
    because: tuple[Text, ...]
    """The objects that declare it, as `Kind namespace/name`."""
    faults: tuple[int, ...]
    """Places in `faults` below, from 0."""
    steps: tuple[StepRow, ...]
    """What each proxy on the way does by its configuration; empty if it was not worked out."""


class FaultRow(Part):
    """A fault of the configuration, once."""

    code: Text
    """`egressaudit controls CODE` explains it."""
    slug: Text
    """Which fault it is, e.g. `mesh-gateway-missing`."""
    effect: Effect
    message: Text
    objects: tuple[Text, ...]
    """The objects to look at, the one to change first."""
    field: Text | None
    """The field of the first object."""
    written: WhereWritten | None
    """Where that is written; null if it did not come from a file."""
    fixes: tuple[FixRow, ...]
    """What would fix it, the smallest first; empty if no object does, or if it is not known. Never applied."""
    hosts: tuple[Text, ...]
    sources: tuple[Text, ...]


class SourceRow(Part):
    """Workloads that no rule tells apart."""

    name: Text
    namespace: Text
    mode: DataplaneMode
    marks: tuple[Text, ...]
    """The labels and annotations that tell them from others."""
    workloads: tuple[Text, ...]
    pods: int


class OutputRow(Part):
    """One place that a proxy writes its access log to."""

    where: Text
    encoding: Literal["text", "json"] | None
    """null if it is not known."""
    format: Text | None
    """The format string; null for Istio's default, or if it is not known."""
    read: bool
    """Whether it is the container's log, which egressaudit reads."""


class LoggingRow(Part):
    """Whether a hop writes an access log."""

    proxy: Text
    reporter: Reporter
    writes: Logged
    outputs: tuple[OutputRow, ...]
    reasons: tuple[Text, ...]


class ProxyRow(Part):
    """A gateway or waypoint."""

    kind: Reporter
    name: Text
    gateway_class: Text | None
    """Of a Gateway API Gateway; null for a workload alone."""
    programmed: Text | None
    """Status of the condition `Programmed`; null for a workload alone."""
    reason: Text
    ready_pods: int
    versions: tuple[Text, ...]
    """Tags of its proxies' images."""


class PermissionRow(Part):
    """Whether the caller may do one thing."""

    verb: Text
    group: Text
    resource: Text
    namespace: Text | None
    """null for the whole cluster."""
    name: Text | None
    """null for all objects."""
    commands: tuple[Text, ...]
    """The commands that need it."""
    allowed: bool | None
    """null if the server did not say."""
    without: Text
    """What is not known or not done without it."""


class ControlPlaneRow(Part):
    """An istiod."""

    name: Text
    revision: Text
    version: Text
    ready: bool


class OperatorRow(Part):
    """An object of the Sail operator."""

    kind: Text
    name: Text
    namespace: Text
    version: Text
    state: Text
    reason: Text


class ApiRow(Part):
    """An API group that the server has."""

    group: Text
    versions: tuple[Text, ...]
    kinds: tuple[Text, ...]


class LiveRow(Part):
    """What only a cluster can say."""

    permissions: tuple[PermissionRow, ...]
    grant: Text | None
    """Manifests that grant what is missing; null if nothing is."""
    control_planes: tuple[ControlPlaneRow, ...]
    operator: tuple[OperatorRow, ...]
    apis: tuple[ApiRow, ...]


class ProgrammedRow(Part):
    """What a proxy itself has, where that is not what the objects declare."""

    proxy: Text
    host: Text
    declared: Text
    programmed: Text
    reason: Text


class AnalyzeDocument(Part):
    """The report of `egressaudit analyze -o json`, and of `egressaudit verify --dry-run -o json`."""

    model_config = ConfigDict(title="AnalyzeReport", json_schema_extra=_error_is_optional)

    schema_version: Literal[1] = 1
    kind: Literal["egressaudit-analysis"] = "egressaudit-analysis"
    tool: Tool
    run: RunPart
    made_from: MadeFromPart
    error: Failure | SkipJsonSchema[None] = None
    """Present only if nothing was analyzed."""
    outcome: Outcome | Literal["NOT_PERFORMED"]
    """NOT_PERFORMED if nothing was analyzed; `error` says why."""
    summary: Counted
    ways: tuple[WayRow, ...]
    faults: tuple[FaultRow, ...]
    undeclared: tuple[Text, ...]
    """Hosts and ports with no declared way from at least one group of sources."""
    sources: tuple[SourceRow, ...]
    logging: tuple[LoggingRow, ...]
    proxies: tuple[ProxyRow, ...]
    network: tuple[NetworkViewRow, ...] = ()
    """What policies of the network let sources, gateways and waypoints do; empty if there is none."""
    live: LiveRow | None
    """null without a cluster."""
    programmed: tuple[ProgrammedRow, ...] | None
    """null if no proxy was asked."""
    undecided: tuple[Text, ...]
    """What is missing to decide, one sentence each."""
    notes: tuple[Text, ...]
