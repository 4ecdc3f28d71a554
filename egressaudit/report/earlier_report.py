"""An earlier JSON report of `audit`, read to compare a new one with it: what `--baseline` names.

In: the bytes of the file, which anybody may have changed, so nothing in it is trusted to have the right type. Out: a
`KeptReport`. BadLogs for anything that cannot be compared.
Example: a finding `{"code": "EA101", "fingerprint": "9f2c...", "outcome": "FAIL", ...}` is a `KeptFinding`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Any, TypeVar

from egressaudit.errors import BadLogs
from egressaudit.findings.kept_reports import log_of
from egressaudit.mesh.untyped import moment, number, rows, table, text, words
from egressaudit.model import DataplaneMode, Outcome, Path, Severity, Window
from egressaudit.model.kept import KeptCoverage, KeptFinding, KeptFlow, KeptReport
from egressaudit.report.safe import printable
from egressaudit.report.story.report_file import report_document

_HINT = "--baseline takes what `egressaudit audit -o json` wrote for a window."
_FINGERPRINT = re.compile("[0-9a-f]{32}")
_Word = TypeVar("_Word", bound=StrEnum)


def earlier_report(content: bytes, where: str) -> KeptReport:
    """The report; `where` names it in errors, and in what is compared with it."""
    document = report_document(content, where, _HINT)
    if "flows" not in document:
        raise BadLogs(f"{where} is a report of verify, and has no flows to compare", hint=_HINT)
    if failed := table(document.get("error")):
        said = printable(text(failed.get("message")), 500)
        raise BadLogs(f"{where} says that no audit was performed: {said}", hint="Name a report of an audit that was.")
    if hidden := set(words(table(document.get("run")).get("redacted"))) - {"queries"}:
        raise BadLogs(
            f"{where} has pseudonyms for {', '.join(sorted(map(printable, hidden)))} (--redact)",
            hint="Compare with a report that is not redacted, or with a --history, which never is.",
        )
    window = table(document.get("window"))
    start, end = moment(window.get("start")), moment(window.get("end"))
    if start is None or end is None or end < start:
        raise BadLogs(f"{where} does not say which window it is of", hint=_HINT)
    findings, flows = rows(document.get("findings")), rows(document.get("flows"))
    if not all(_FINGERPRINT.fullmatch(text(each.get("fingerprint"))) for each in (*findings, *flows)):
        raise BadLogs(
            f"{where} has findings or flows without a fingerprint, as an older egressaudit wrote them",
            hint="Audit its evidence again with this version, and name that report.",
        )
    policy, coverage = table(document.get("policy")), table(document.get("coverage"))
    fraction, logs = coverage.get("fraction"), {text(each.get("name")) for each in rows(coverage.get("sources"))}
    return KeptReport(
        name=where,
        window=Window(start, end),
        outcome=_word(Outcome, document.get("outcome")),
        policy=text(policy.get("name")),
        policy_digest=text(policy.get("sha256")),
        cluster_uid=text(table(document.get("made_from")).get("cluster_uid")),
        findings=tuple(_finding(each, logs) for each in findings),
        flows=tuple(map(_flow, flows)),
        coverage=KeptCoverage(fraction if isinstance(fraction, float | int) else None),
    )


def _finding(row: Mapping[str, Any], logs: AbstractSet[str]) -> KeptFinding:
    flow = table(row.get("flow"))
    return KeptFinding(
        fingerprint=text(row.get("fingerprint")),
        code=text(row.get("code")),
        severity=_word(Severity, row.get("severity")) or Severity.INFO,
        outcome=_word(Outcome, row.get("outcome")),
        subject=text(row.get("subject")),
        message=text(row.get("message")),
        about=text(row.get("about")),
        # Whatever the value is: a waived finding isn't a known violation.
        waived=row.get("waived") is not None,
        flow=_flow(flow) if flow else None,
        log=log_of(text(row.get("subject")), text(row.get("about")), logs),
    )


def _flow(row: Mapping[str, Any]) -> KeptFlow:
    return KeptFlow(
        fingerprint=text(row.get("fingerprint")),
        namespace=text(row.get("namespace")),
        workload=text(row.get("workload")),
        host=text(row.get("host")),
        port=number(row.get("port")),
        path=_word(Path, row.get("path")),
        via=words(row.get("via")),
        ambient=row.get("mode") == DataplaneMode.AMBIENT.value,
        outcome=_word(Outcome, row.get("outcome")),
        waived=row.get("waived") is not None,
    )


def _word(kind: type[_Word], value: object) -> _Word | None:
    try:
        return kind(text(value))
    except ValueError:
        return None
