"""The JSON report of `verify` as types: the schema in docs/schemas is made from them (tools/schemas.py).

In: values of a `VerifyReport`. Out: a `VerifyDocument`, whose fields stand in the order in which JSON has them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict
from pydantic.json_schema import SkipJsonSchema

from egressaudit.model import Act, BypassStanding, Confidence, Outcome, Path, Reporter, Scheme
from egressaudit.report.document_parts import (
    CauseRow,
    Failure,
    MadeFromPart,
    Moment,
    NetworkViewRow,
    Part,
    RunPart,
    Text,
    Tool,
)
from egressaudit.report.safe import printable


def _harmless(value: object) -> object:
    """JSON's own types as they are; times in ISO 8601; text made harmless."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, bool | int | float) else printable(str(value))


Value = Annotated[bool | int | float | str, BeforeValidator(_harmless)]


def _error_is_optional(schema: dict[str, Any]) -> None:
    # A field with a default is always written, but for this one.
    schema["required"].remove("error")


class Summary(Part):
    """The number of verdicts with each outcome."""

    PASS: int
    FAIL: int
    INCONCLUSIVE: int


class Sender(Part):
    """The container that the probe was sent from."""

    namespace: Text
    pod: Text
    container: Text


class Curl(Part):
    """What curl reported; null for what it did not report."""

    exit_code: int | None
    http_code: int | None
    local_address: Text | None
    """`IP:port` of curl's socket."""
    remote_address: Text | None
    redirect_url: Text | None
    error: Text | None


class Sent(Part):
    """One probe: one request by curl."""

    nonce: Text
    """The mark that identifies the probe's lines."""
    redirected_from: Text | None
    """The nonce of the probe whose redirect it follows."""
    started: Moment
    ended: Moment
    curl: Curl


class HopRow(Part):
    """One access line."""

    reporter: Reporter
    """The kind of proxy that wrote it."""
    source: Text
    """The log: `namespace/pod/container`."""
    line: int
    """Counted from 1."""
    dialect: Text
    clean: bool
    """False if the sender may have written fields."""
    joined_by: Text | None
    """What links the line to this probe; null for a line that proves nothing."""
    fields: dict[Text, Value]
    """By name, without absent ones (docs/json.md)."""
    raw: Text
    """The whole line; characters that do not print are escaped (`\\x1b`)."""


class VerdictRow(Part):
    """Which way one probe went, and whether that is the expected way."""

    outcome: Outcome
    path_seen: Path
    path_expected: Path | None
    """Null if nothing says which way it should leave."""
    via_expected: Text | None
    """The expected gateway or waypoint, `namespace/name`."""
    host: Text
    port: int
    scheme: Scheme
    url: Text
    reason: Text
    """What proves it, or what is missing."""
    advice: tuple[Text, ...]
    """What to do next."""
    expected_because: tuple[Text, ...]
    """The objects whose configuration claims the host."""
    code: Text
    """The control that it falls under (`egressaudit controls`); empty for a PASS."""
    causes: tuple[CauseRow, ...]
    """Why it is no PASS: the first is the cause, its look-alikes after it could not be told apart from it."""
    source: Sender
    probe: Sent
    hops: tuple[HopRow, ...]
    """The proof, in the order in which the flow passed the proxies."""
    not_clean: tuple[HopRow, ...]
    """Lines that may be about this probe but are not clean; never proof."""


class AskedCluster(Part):
    """A cluster that a proxy may take."""

    cluster: Text
    weight: int
    """In percent."""
    endpoints: tuple[Text, ...] | None
    """Its addresses (`IP:port`) at the proxy, without unhealthy ones; null if nobody asked."""


class AskedChoice(Part):
    """One thing that a proxy may do with the request."""

    act: Act
    clusters: tuple[AskedCluster, ...]
    route: Text
    """The route's name; empty for TCP, and for a rule without one."""
    rule: Text
    """The object that it was made of; empty if nobody says it."""
    when: tuple[Text, ...]
    """What must hold that the request does not tell."""
    reason: Text
    """Why it refuses, or how it answers by itself."""


class AskedStep(Part):
    """What a proxy does with the request: the first choice whose conditions hold."""

    listener: Text
    choices: tuple[AskedChoice, ...]


class AskedLine(Part):
    """What the line of the proxy shows."""

    cluster: Text
    route: Text


class AskedRow(Part):
    """One proxy that was asked for its own configuration: declared, programmed and observed, side by side."""

    nonce: Text
    """Of the probe that it was asked about."""
    reporter: Reporter
    pod: Text
    """`namespace/name`. Whoever may change this pod may have changed the answer."""
    host: Text
    port: int
    """The port at which the call reaches this proxy: a gateway's own, not its Service's."""
    declared: AskedStep | None
    """By the objects of the snapshot; null if they do not say it."""
    programmed: AskedStep | None
    """By the proxy's own configuration; null without an answer."""
    observed: AskedLine | None
    """By its line; null without one."""
    differences: tuple[Text, ...]
    """What does not fit together. It explains a verdict and never changes one."""
    error: Text
    """Why it could not be asked; empty if it answered."""


class MatrixEntry(Part):
    """One host from one source: what was asked for, and what became of it."""

    host: Text
    """As it was asked for; a wildcard or a network of a policy can be asked for and not probed."""
    port: int | None
    scheme: Scheme | None
    url: Text
    """Empty for what no request can go to."""
    source: Text
    """`namespace/workload`, the same in every run; empty if there is none."""
    pod: Text
    """`namespace/name` of the pod that sent it; empty if nothing was sent."""
    rule: Text
    """The rule of a policy that asks for it; empty without one."""
    outcome: Outcome | None
    """The worst of the host and its redirects; null for what can't be probed and doesn't count."""
    path_seen: Path | None
    """Of the verdict that decides; null if nothing was sent."""
    path_expected: Path | None
    code: Text
    """The control that it falls under; empty for a PASS."""
    cause: Text
    """The code of its first cause; empty for a PASS."""
    waived: Text
    """Until when and why a violation of the policy doesn't count; empty if it counts."""
    reason: Text
    """What proves it, or what is missing, or why it was not probed."""
    nonce: Text
    """Of its first probe; empty if nothing was sent. The verdicts with this nonce and those that follow it belong to
    it."""


class AttemptRow(Part):
    """One attempt to get around the gateway (docs/bypass.md)."""

    code: Text
    name: Text
    title: Text
    standing: BypassStanding
    because: Text
    """What shows that it left, what closed it, what is missing, or why it was not tried."""
    asked: Text
    """What curl was asked, or how the pod was changed."""
    control: Text
    """What the positive control showed; empty if none was needed."""
    confidence: Confidence | None
    """Which lines prove it; null if nothing is proven. `observed`: no line, but curl's word or the API server's."""
    advice: tuple[Text, ...]
    source: Sender | None
    """Where its probe was sent from; null if none was sent."""
    probe: Sent | None
    hops: tuple[HopRow, ...]
    """The lines about its probe, in the order in which it passed the proxies."""


class BatteryPart(Part):
    """All attempts on one host from one pod. FAIL: one is open. INCONCLUSIVE: one is not provable."""

    outcome: Outcome
    host: Text
    port: int
    scheme: Scheme
    url: Text
    source: Text
    """The pod that attempts are made from unless they need one of their own, `namespace/name`."""
    counts: dict[BypassStanding, int]
    attempts: tuple[AttemptRow, ...]
    """In the order of the catalogue."""


class LogRow(Part):
    """What was read of one log."""

    source: Text
    """`namespace/pod/container`."""
    reporter: Reporter | None
    """The kind of proxy that wrote it; null if unknown."""
    read: int
    access: int
    not_clean: int
    """Part of access: the sender may have written fields, so such a line proves nothing."""
    other: int
    """Known not to be access lines."""
    unparsed: int


class VerifyDocument(Part):
    """The report of `egressaudit verify -o json`."""

    model_config = ConfigDict(title="VerifyReport", json_schema_extra=_error_is_optional)

    schema_version: Literal[1] = 1
    tool: Tool
    run: RunPart
    made_from: MadeFromPart
    error: Failure | SkipJsonSchema[None] = None
    """Present only if no audit was performed."""
    outcome: Outcome | None
    """Of the whole run, as the exit code; null if no audit was performed."""
    policy: Text
    """The name of the policy that decided what was expected; empty if the mesh configuration or --expect did."""
    summary: Summary
    matrix: tuple[MatrixEntry, ...]
    """One for each host from each source, in the order in which they were asked for."""
    verdicts: tuple[VerdictRow, ...]
    """One for each probe: the requested host, then each redirect."""
    proxies: tuple[AskedRow, ...] = ()
    """Proxies that were asked for their own configuration, because a verdict is not PASS."""
    network: tuple[NetworkViewRow, ...] = ()
    """What policies of the network let the sources, gateways and waypoints of the probes do; empty if there is none."""
    bypass: tuple[BatteryPart, ...] = ()
    """Attempts to get around the gateway (`--bypass`), one entry for each host and source."""
    logs: tuple[LogRow, ...]
    trusted: tuple[Text, ...]
    """Why the proxies on the probes' paths are believed, and who could have changed their logs, one sentence each."""
    notes: tuple[Text, ...]
    """What a reader must know about the collection."""
