"""JSON of the report of `audit --what-if`: its types, from which the schema is made, and its writer.

In: a `WhatIfReport`. Out: one JSON object in ASCII, a line for each row. Example of a row:
`{"would": "breaks", "workload": "Deployment/cart", "before": "PASS", "after": "FAIL", ...}`.
"""

from __future__ import annotations

import json
from typing import BinaryIO, Literal

from pydantic import ConfigDict

from egressaudit import __version__
from egressaudit.model import Outcome, Path
from egressaudit.model.what_if import WhatIfReport, WhatIfRow, WouldBe
from egressaudit.report.document_parts import Failure, Moment, Part, Span, Text, Tool
from egressaudit.report.hop_row import json_line
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.screen import Screen
from egressaudit.report.wording import NOT_PERFORMED
from egressaudit.times import rfc3339


class JudgedTwice(Part):
    """Flows of one workload to one host and port that went one way, with the verdict of then and of now."""

    would: WouldBe
    """`breaks`: no violation then, one now. `escapes`: a violation then and now. `unproven`: no longer decided.
    `settled`: a violation or not proven then, neither now. `same`: anything else."""
    namespace: Text
    workload: Text
    host: Text
    port: int | None
    path: Path
    via: tuple[Text, ...]
    flows: int
    first: Moment
    last: Moment
    before: Outcome | None
    was_waived: bool
    after: Outcome | None
    waived: bool
    """Whether a waiver of the policy keeps it from counting."""
    code: Text
    """The code of the control that it would fall under; empty for a plain PASS."""
    rule: Text
    because: Text

    @classmethod
    def of(cls, row: WhatIfRow) -> JudgedTwice:
        """The part of a row."""
        return cls(
            would=row.would,
            namespace=row.namespace,
            workload=row.workload,
            host=row.host,
            port=row.port,
            path=row.path,
            via=tuple(map(str, row.via)),
            flows=row.flows,
            first=rfc3339(row.first, "microseconds"),
            last=rfc3339(row.last, "microseconds"),
            before=row.before,
            was_waived=row.was_waived,
            after=row.after,
            waived=row.waived is not None,
            code=row.code,
            rule=row.rule,
            because=row.because,
        )


class WhatIfDocument(Part):
    """The report of `egressaudit audit --what-if -o json`."""

    model_config = ConfigDict(title="WhatIfReport")

    schema_version: Literal[1] = 1
    kind: Literal["egressaudit-what-if"] = "egressaudit-what-if"
    tool: Tool
    outcome: Outcome | Literal["NOT_PERFORMED"]
    error: Failure | None
    history: Text
    """The file of the history."""
    window: Span | None
    """From the start of the first run to the end of the last."""
    runs: int
    """How many runs were judged again."""
    incomplete: int
    """How many of them had gaps in their evidence, which judging again cannot close."""
    policy: Text
    policy_sha256: Text
    notes: tuple[Text, ...]
    flows: tuple[JudgedTwice, ...]


def _write(report: WhatIfReport, out: BinaryIO, _screen: Screen) -> None:
    document = WhatIfDocument(
        tool=Tool(version=__version__),
        outcome=report.outcome,
        error=None,
        history=report.history,
        window=Span.of(report.window),
        runs=report.runs,
        incomplete=report.incomplete,
        policy=report.policy,
        policy_sha256=report.policy_digest,
        notes=report.notes,
        flows=(),
    ).model_dump(mode="json", exclude={"flows"})
    out.write(json.dumps(document, indent=2)[:-2].encode() + b',\n  "flows": [')
    before = "\n    "
    for row in report.rows:
        out.write(f"{before}{json_line(JudgedTwice.of(row).model_dump(mode='json')).rstrip()}".encode())
        before = ",\n    "
    out.write(b"]\n}\n" if not report.rows else b"\n  ]\n}\n")


def _error(message: str, hint: str) -> bytes:
    document = WhatIfDocument(
        tool=Tool(version=__version__),
        outcome=NOT_PERFORMED,
        error=Failure(message=message, hint=hint),
        history="",
        window=None,
        runs=0,
        incomplete=0,
        policy="",
        policy_sha256="",
        notes=(),
        flows=(),
    )
    return (json.dumps(document.model_dump(mode="json"), indent=2) + "\n").encode()


WHAT_IF = ReportWriter(_write, _error)
