"""The tables that `query` has of an audit's report, and the rows of an answer as formats write them.

In: an `AuditReport`. Out: Arrow tables `flows` and `findings`, with the columns of docs/query.md. In: an answer. Out:
rows of plain values by column, e.g. `{"host": "docs.example.com", "total": 38}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite

import pyarrow as pa

from egressaudit.errors import UsageError
from egressaudit.model import AuditReport, Finding
from egressaudit.report.group_columns import COLUMNS, cells
from egressaudit.report.hop_row import plain
from egressaudit.report.safe import printable

_TEXT, _NUMBER, _MOMENT = pa.string(), pa.int64(), pa.timestamp("us", tz="UTC")
_LIST = pa.list_(pa.string())
_KINDS: dict[type, pa.DataType] = {str: _TEXT, int: _NUMBER, datetime: _MOMENT, tuple: _LIST}

FLOWS = pa.schema([(name, _KINDS[kind]) for name, kind in COLUMNS.items()])
"""A row for each judged group of flows: who sent how many where, which way, and what was expected."""
FINDINGS = pa.schema(
    [
        *(("code", _TEXT), ("severity", _TEXT), ("outcome", _TEXT), ("confidence", _TEXT), ("subject", _TEXT)),
        *(("message", _TEXT), ("rule", _TEXT), ("controls", _LIST), ("causes", _LIST), ("waived", pa.bool_())),
        *(("flows", _NUMBER), ("namespace", _TEXT), ("workload", _TEXT), ("host", _TEXT), ("port", _NUMBER)),
        *(("path", _TEXT), ("evidence", _LIST), ("evidence_total", _NUMBER)),
    ]
)
"""A row for each finding; the last ones are null if it is not about flows."""
LOGS = pa.schema(
    [
        *(("source", _TEXT), ("path", _TEXT), ("reporter", _TEXT), ("read", _NUMBER), ("access", _NUMBER)),
        *(("unclean", _NUMBER), ("other", _NUMBER), ("unparsed", _NUMBER), ("first", _MOMENT), ("last", _MOMENT)),
    ]
)
"""A row for each log that was read: what became of its lines."""


def flows_table(report: AuditReport) -> pa.Table:
    """The table `flows`."""
    return pa.Table.from_pylist([cells(each) for each in report.judged], schema=FLOWS)


def findings_table(report: AuditReport) -> pa.Table:
    """The table `findings`."""
    return pa.Table.from_pylist(list(map(_finding, report.findings)), schema=FINDINGS)


def _finding(finding: Finding) -> dict[str, object]:
    group = None if finding.judged is None else finding.judged.group
    row: dict[str, object] = {
        "code": finding.code,
        "severity": finding.severity.value,
        "outcome": None if finding.outcome is None else finding.outcome.value,
        "confidence": finding.confidence.value,
        "subject": printable(finding.subject),
        "message": printable(finding.message),
        "rule": printable(finding.rule),
        "controls": [printable(each) for each in finding.controls],
        "causes": [printable(f"{each.code} {each.sentence}") for each in finding.causes],
        "waived": finding.waived is not None,
        "evidence": [printable(f"{each.source}:{each.line}") for each in finding.evidence],
        "evidence_total": finding.evidence_total,
    }
    if group is not None:
        row |= {"flows": group.flows, "namespace": printable(group.namespace), "workload": printable(group.workload)}
        row |= {"host": printable(group.host), "port": group.port, "path": group.path.value}
    return row


def named_apart(rows: pa.Table) -> pa.Table:
    """The rows with harmless names of columns, no two the same: an answer may have two that are called `count`.

    Names can come from values of the logs (PIVOT).
    """
    names: list[str] = []
    for name in rows.column_names:
        shown, n = printable(name, 200), 1
        while (unique := shown if n == 1 else f"{shown}_{n}") in names:
            n += 1
        names.append(unique)
    return rows.rename_columns(names)


def rows_of(answer: pa.Table, *, nested: bool) -> Iterator[dict[str, object]]:
    """Each row by column. With `nested`, lists stay lists (JSON); else a value is one text, number or truth.

    UsageError for a value that cannot be written: DuckDB has times that nothing else has, e.g. in the year 290000.
    """
    for batch in answer.to_batches(max_chunksize=1000):
        try:
            rows = batch.to_pylist()
        except (ValueError, OverflowError, pa.ArrowException) as error:
            raise not_written() from error
        for row in rows:
            yield {name: _plain(value, nested=nested) for name, value in row.items()}


def not_written() -> UsageError:
    """The error for a value that DuckDB has and the asked format has not."""
    return UsageError(
        "a value of the answer cannot be written in this format",
        hint="It may be a time that is too far away, or too precise. Cast it to text: x::VARCHAR.",
    )


def _plain(value: object, *, nested: bool) -> object:
    if isinstance(value, list | tuple | dict):
        made = _inner(value)
        if nested:
            return made
        if isinstance(made, list) and all(isinstance(each, str) for each in made):
            return "; ".join(made)
        return json.dumps(made)
    return _single(value)


def _inner(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _inner(each) for key, each in value.items()}
    return [_inner(each) for each in value] if isinstance(value, list | tuple) else _single(value)


def _single(value: object) -> object:
    """A value that JSON has too."""
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        # Without a zone it is what the query made of it.
        return value.isoformat() if value.tzinfo is None else plain(value)
    if isinstance(value, date | time | timedelta):
        return value.isoformat() if isinstance(value, date | time) else str(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)
