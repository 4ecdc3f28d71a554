"""The results of OpenReports: what each finding and each proven group of flows is there, and whose namespace it is in.

In: an `AuditReport`. Out: `PlacedResult`s, the most severe first. Example: the finding EA101 of shop/Deployment/cart is
a `fail` of the severity `high` in namespace `shop`.

`pass` is only what is proven. What is not proven is `error`, the violation that is waived `warn` (not met and not
scored), and what is only worth knowing `skip`. Raw lines stay out: whoever may read reports need not be allowed to read
logs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from egressaudit.findings import controls
from egressaudit.findings.fingerprints import fingerprint_of, flow_fingerprint
from egressaudit.model import AuditReport, Finding, Judged, Outcome
from egressaudit.report.safe import printable
from egressaudit.report.wording import flows_words, waiver

RESULTS = ("fail", "error", "warn", "skip", "pass")
"""The results that the API has, the most severe first."""
SOURCE = "egressaudit"
CATEGORY = "Egress"
NO_POLICY = "mesh-configuration"
"""Stands where a policy's name would: the API asks each result for one."""

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST = 1000
_LONGEST_WORD = 253
_APIS = {
    "DaemonSet": "apps/v1",
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
    "Pod": "v1",
}


@dataclass(frozen=True, slots=True)
class PlacedResult:
    """One entry of `results`, and the namespace whose report it belongs to; '' for the report on the cluster."""

    namespace: str
    result: dict[str, Any]

    @property
    def gravity(self) -> int:
        """Its place among RESULTS."""
        return RESULTS.index(self.result["result"])


def placed_results(report: AuditReport) -> list[PlacedResult]:
    """All findings, then the groups that no finding is about, sorted by what they are; else as the report has them."""
    known, own = namespaces_of(report), _own_subjects(report)
    found = [_of_finding(each, report, _namespace_of(each, own, known)) for each in report.findings]
    said = {each.judged for each in report.findings if each.judged is not None}
    found += [_of_group(each, report, known) for each in report.judged if each not in said]
    return sorted(found, key=lambda each: each.gravity)


def namespaces_of(report: AuditReport) -> frozenset[str]:
    """The namespaces that workloads of the snapshot have flows in: no sender can name another one."""
    return frozenset(name for each in report.judged if _NAMESPACE.fullmatch(name := each.group.namespace))


def _own_subjects(report: AuditReport) -> frozenset[str]:
    """The logs and pods that are only their own namespace's: without the others no namespace is proven."""
    logs = {each.name for each in report.coverage.sources if not each.critical}
    return frozenset(logs | {each.subject for each in report.coverage.blind_spots})


def _namespace_of(finding: Finding, own: frozenset[str], known: frozenset[str]) -> str:
    """Whose report has it; '' for what may be about others too."""
    if finding.judged is not None:
        namespace = finding.judged.group.namespace
    else:
        namespace, slash, _ = finding.subject.partition("/")
        if not slash or (finding.outcome is not None and finding.subject not in own):
            return ""
    return namespace if namespace in known else ""


def entry(report: AuditReport | None, result: str, rule: str, message: str, **more: Any) -> dict[str, Any]:
    """One result of a report, with the keys that the schema has; those without a value are left out.

    Without a report no audit was performed: nothing was decided by a policy, and at no time.
    """
    said = {
        "source": SOURCE,
        "policy": (_word(report.policy) if report else "") or NO_POLICY,
        "rule": _word(rule),
        "category": CATEGORY,
        "message": printable(message, _LONGEST),
        "timestamp": {"seconds": int(report.window.end.timestamp()), "nanos": 0} if report else {},
        "result": result,
        "scored": result in ("pass", "fail", "error"),
        **more,
    }
    return {key: value for key, value in said.items() if value not in ("", (), [], {}, None)}


def _of_finding(finding: Finding, report: AuditReport, namespace: str) -> PlacedResult:
    properties = {
        "fingerprint": fingerprint_of(finding),
        "subject": finding.subject,
        "rule": finding.rule,
        "controls": ", ".join(finding.controls),
        "confidence": finding.confidence.value,
        "lines": str(max(finding.evidence_total, len(finding.evidence))),
        **(_flow_properties(finding.judged) if finding.judged else {}),
    }
    if finding.evidence:
        properties["evidence"] = f"{finding.evidence[0].source}:{finding.evidence[0].line}"
    if finding.causes:
        properties["cause"] = f"{finding.causes[0].code} {finding.causes[0].cause.title}"
    if finding.waived is not None:
        properties["waived"] = f"until {finding.waived.expires}: {finding.waived.reason}"
    result = entry(
        report,
        _result_of(finding.outcome, waived=finding.waived is not None),
        _rule_of(finding.code),
        finding.message,
        severity=finding.severity.value,
        resources=_resources(finding.judged),
        properties=_words(properties),
    )
    return PlacedResult(namespace, result)


def _of_group(judged: Judged, report: AuditReport, known: frozenset[str]) -> PlacedResult:
    """A group without a finding: mostly one that is proven."""
    result = entry(
        report,
        "pass" if judged.outcome is Outcome.PASS else _result_of(judged.outcome, waived=waiver(judged) is not None),
        judged.decision.rule or "way",
        f"{flows_words(judged.group)}: {judged.because}",
        severity=judged.decision.severity.value,
        resources=_resources(judged),
        properties=_words({"fingerprint": flow_fingerprint(judged), **_flow_properties(judged)}),
    )
    return PlacedResult(judged.group.namespace if judged.group.namespace in known else "", result)


def _result_of(outcome: Outcome | None, *, waived: bool) -> str:
    """Never `pass`: a finding is something wrong or unseen."""
    if outcome is Outcome.FAIL:
        return "warn" if waived else "fail"
    return "error" if outcome is Outcome.INCONCLUSIVE else "skip"


def _rule_of(code: str) -> str:
    control = controls().get(code)
    return f"{code}-{control.name}" if control else code


def _flow_properties(judged: Judged) -> dict[str, str]:
    group = judged.group
    return {
        "host": group.host,
        "port": str(group.port or ""),
        "path": group.path.value,
        "via": ", ".join(map(str, group.via)),
        "flows": str(group.flows),
    }


def _resources(judged: Judged | None) -> list[dict[str, str]]:
    """The workload as an object reference."""
    if judged is None or not judged.group.workload:
        return []
    kind, _, name = judged.group.workload.partition("/")
    said = {
        "apiVersion": _APIS.get(kind, ""),
        "kind": _word(kind),
        "namespace": _word(judged.group.namespace),
        "name": _word(name),
    }
    return [{key: value for key, value in said.items() if value}]


def _words(properties: dict[str, str]) -> dict[str, str]:
    return {key: printable(value, _LONGEST) for key, value in properties.items() if value}


def _word(text: str) -> str:
    return printable(text, _LONGEST_WORD)
