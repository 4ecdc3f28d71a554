"""The columns of a judged group in formats of rows: CSV and Parquet hold the same, in this order.

In: a `Judged`. Out: its values by column, e.g. `{"outcome": "FAIL", "host": "docs.example.com", "port": 443, ...}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from egressaudit.findings.fingerprints import flow_fingerprint
from egressaudit.model import Judged
from egressaudit.report.safe import printable
from egressaudit.report.wording import NOT_PERFORMED, waiver

Cell = str | int | datetime | tuple[str, ...] | None

COLUMNS: Mapping[str, type] = {
    "outcome": str,
    "because": str,
    "namespace": str,
    "workload": str,
    "host": str,
    "port": int,
    "path": str,
    "via": tuple,
    "flows": int,
    "first": datetime,
    "last": datetime,
    "mode": str,
    "scheme": str,
    "reason": str,
    "confidence": str,
    "server_names": tuple,
    "expected": str,
    "expected_via": tuple,
    "expected_because": tuple,
    "gaps": tuple,
    "causes": tuple,
    "rule": str,
    "severity": str,
    "controls": tuple,
    "waived_reason": str,
    "waived_expires": str,
    "evidence": tuple,
    "fingerprint": str,
}
"""Name to type; the names are those of the JSON lines (docs/audit-reports.md). `tuple` is a list of strings."""


def cells(judged: Judged) -> dict[str, Cell]:
    """One row, its text harmless; absent is None."""
    group, decision, waived = judged.group, judged.decision, waiver(judged)
    row: dict[str, Cell] = {
        "outcome": judged.outcome,
        "because": judged.because,
        "namespace": group.namespace,
        "workload": group.workload,
        "host": group.host,
        "port": group.port,
        "path": group.path,
        "via": tuple(map(str, group.via)),
        "flows": group.flows,
        "first": group.first,
        "last": group.last,
        "mode": group.mode,
        "scheme": group.scheme,
        "reason": group.reason,
        "confidence": group.confidence,
        "server_names": group.server_names,
        "expected": decision.expected,
        "expected_via": tuple(map(str, decision.via)),
        "expected_because": decision.because,
        "gaps": decision.fault_texts,
        "causes": tuple(f"{each.code} {each.sentence}" for each in judged.causes),
        "rule": decision.rule,
        "severity": decision.severity,
        "controls": decision.controls,
        "waived_reason": waived.reason if waived else None,
        "waived_expires": waived.expires if waived else None,
        "evidence": tuple(f"{each.source}:{each.line}" for each in group.evidence),
        "fingerprint": flow_fingerprint(judged),
    }
    return {name: _harmless(value) for name, value in row.items()}


def error_cells(message: str, hint: str) -> dict[str, Cell]:
    """The row of an audit that did not happen: its outcome is no outcome, its reason says why."""
    said = printable(f"{message} {hint}".strip())
    return {**dict.fromkeys(COLUMNS), "outcome": NOT_PERFORMED, "because": said}


def _harmless(value: Cell) -> Cell:
    if isinstance(value, str):
        return printable(value)
    return tuple(map(printable, value)) if isinstance(value, tuple) else value
