"""The OSCAL document of an audit: one result, with its metadata, its controls and what decided them.

In: an `AuditReport`. Out: JSON of one result. Coverage, findings and proofs are observations, with log lines as
evidence; violations are risks, waived ones are deviations; each control that is assessed has a finding with the state
`satisfied` or `not-satisfied`. Example: `egressaudit audit -A -o oscal=results.json`. docs/oscal.md says what stands
where, and why.

Identifiers come from fingerprints: the same report gives the same bytes, but for what `report.run` says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import BinaryIO

from egressaudit import __version__
from egressaudit.model import AuditReport, Coverage, Outcome, Window
from egressaudit.report.oscal.assessed_controls import Assessment, Decided
from egressaudit.report.oscal.observations import Observed
from egressaudit.report.oscal.oscal_parts import OSCAL, Json, filled, identifier, items, marked, plain, props
from egressaudit.report.oscal.risks import risk_id, risks
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.screen import Screen
from egressaudit.report.wording import NOT_PERFORMED, last_line, not_covered
from egressaudit.times import rfc3339

_TOOL = identifier("tool")
_PLATFORM = identifier("platform")
_ORIGINS: list[Json] = [{"actors": [{"type": "tool", "actor-uuid": _TOOL}]}]
_PLAN = (
    "OSCAL requires an assessment plan. Nobody wrote one in OSCAL: the plan is the egress policy, so it is named "
    "here. If you have a plan, put its address here."
)


def _write(report: AuditReport, out: BinaryIO, _screen: Screen) -> None:
    assessment, observed = Assessment(report), Observed(report, _result_id(report), _ORIGINS)
    result: Json = {
        "uuid": observed.result,
        "title": marked(f"Egress audit: {report.outcome.value}"),
        "description": marked(last_line(report)),
        "start": rfc3339(report.window.start),
        "end": rfc3339(report.window.end),
        "props": props(_made_from(report)),
        "local-definitions": filled({"inventory-items": observed.subjects(), "assessment-assets": _assets()}),
        "reviewed-controls": _reviewed(assessment),
        "observations": observed.observations(),
        "risks": risks(observed) if any(each.outcome is Outcome.FAIL for each in report.findings) else [],
        "findings": [_finding(each, observed) for each in assessment.decided],
        "remarks": items(not_covered(report)),
    }
    _to_json(out, _document(report, assessment, filled(result)))


def _error(message: str, hint: str) -> bytes:
    """Each control that would have been assessed is not satisfied: nothing that could be taken for a clean result."""
    now = datetime.now(UTC)
    nothing = AuditReport(Window(now, now), Coverage(), (), ())
    assessment = Assessment(nothing)
    said = marked(f"{NOT_PERFORMED}: no audit was performed. {message} {hint}")
    result = {
        "uuid": identifier("not-performed", said, rfc3339(now)),
        "title": NOT_PERFORMED,
        "description": said,
        "start": rfc3339(now),
        "local-definitions": {"assessment-assets": _assets()},
        "reviewed-controls": _reviewed(assessment),
        "findings": [_target(replace(each, why=said)) for each in assessment.decided],
    }
    out = BytesIO()
    _to_json(out, _document(nothing, assessment, result, NOT_PERFORMED))
    return out.getvalue()


def _document(report: AuditReport, assessment: Assessment, result: Json, outcome: str = "") -> Json:
    run = report.run
    about = [("run-id", run.id), ("runner", run.runner), *(("path", path) for path in run.paths)]
    about += [("redacted", level) for level in run.redacted]
    return {
        "assessment-results": {
            "uuid": identifier("document", result["uuid"], run.id),
            "metadata": filled(
                {
                    "title": marked(f"Egress audit: {outcome or report.outcome.value}"),
                    "last-modified": rfc3339(run.created or report.window.end),
                    "version": rfc3339(report.window.end),
                    "oscal-version": OSCAL,
                    "props": props(about),
                }
            ),
            "import-ap": {"href": f"#{_plan_id(report)}", "remarks": _PLAN},
            "local-definitions": {"objectives-and-methods": assessment.objectives()},
            "results": [result],
            "back-matter": {"resources": [_plan(report)]},
        }
    }


def _result_id(report: AuditReport) -> str:
    """The same for the same evidence under the same policy."""
    made, window = report.made_from, report.window
    return identifier(
        *("result", made.cluster_uid or made.server, made.snapshot_digest, made.logs_digest, report.policy_digest),
        *(rfc3339(window.start), rfc3339(window.end)),
    )


def _made_from(report: AuditReport) -> Iterator[tuple[str, str]]:
    made = report.made_from
    yield "outcome", report.outcome.value
    yield "policy", report.policy
    yield "policy-sha-256", report.policy_digest
    yield "server", made.server
    yield "cluster-uid", made.cluster_uid
    yield from (("mesh-version", each) for each in made.mesh_versions)
    yield "snapshot-sha-256", made.snapshot_digest
    yield "logs-sha-256", made.logs_digest


def _assets() -> Json:
    component = {
        "uuid": _TOOL,
        "type": "software",
        "title": "egressaudit",
        "description": "Proves by the proxies' own access logs which way traffic left a mesh.",
        "props": [{"name": "version", "value": plain(__version__)}],
        "status": {"state": "operational"},
    }
    platform = {"uuid": _PLATFORM, "title": "egressaudit audit", "uses-components": [{"component-uuid": _TOOL}]}
    return {"components": [component], "assessment-platforms": [platform]}


def _reviewed(assessment: Assessment) -> Json:
    ids = [{"objective-id": each.reviewed.objective_id} for each in assessment.decided]
    return {
        "description": "What the audit decides of each control is an objective that this document defines. It is less "
        "than the control requires, and its description says what it leaves open.",
        "control-selections": assessment.selections(),
        "control-objective-selections": [{"include-objectives": ids}],
    }


def _plan_id(report: AuditReport) -> str:
    return identifier("plan", report.policy, report.policy_digest)


def _plan(report: AuditReport) -> Json:
    plan = _plan_id(report)
    if not report.policy:
        words = "No egress policy was given: the mesh's own configuration decided what is right."
        return {"uuid": plan, "title": "Mesh configuration", "description": words}
    about = [("policy", report.policy), ("sha-256", report.policy_digest)]
    words = "The egress policy: who may reach which hosts, and which way."
    return {
        "uuid": plan,
        "title": marked(f"Egress policy {report.policy}"),
        "description": words,
        "props": props(about),
    }


def _finding(decided: Decided, observed: Observed) -> Json:
    """A control's finding with all that bears on it: coverage, what speaks against it, what is open, what proves it."""
    against = set(map(id, decided.against))
    named = [
        each
        for each in observed.findings
        if id(each.finding) in against or each.finding.outcome is Outcome.INCONCLUSIVE
    ]
    seen = [
        observed.coverage_id(),
        *(observed.finding_id(each) for each in named),
        *(observed.rule_id(rule) for rule in observed.proven),
    ]
    related = [risk_id(observed, each) for each in named if each.finding.outcome is Outcome.FAIL]
    return filled(
        {
            **_target(decided, observed),
            "related-observations": [{"observation-uuid": each} for each in seen],
            "related-risks": [{"risk-uuid": each} for each in related],
        }
    )


def _target(decided: Decided, observed: Observed | None = None) -> Json:
    reviewed, control = decided.reviewed, decided.control
    made = observed.report.made_from if observed else None
    cluster = (made.cluster_uid or made.server) if made else ""
    return {
        "uuid": identifier("assessed", cluster, reviewed.named),
        "title": f"{reviewed.named} {control.title}",
        "description": f"{control.objective} Result: {decided.why}",
        "origins": _ORIGINS,
        "target": {
            "type": "objective-id",
            "target-id": reviewed.objective_id,
            "title": f"What an egress audit decides of {reviewed.named}",
            "status": {
                "state": "satisfied" if decided.satisfied else "not-satisfied",
                "reason": decided.reason,
                "remarks": decided.why,
            },
        },
    }


def _to_json(out: BinaryIO, document: Json) -> None:
    """Written piece by piece, so that memory does not grow with the observations."""
    out.writelines(piece.encode() for piece in _pieces(document, "\n"))
    out.write(b"\n")


def _pieces(value: object, end: str) -> Iterator[str]:
    """The JSON of a value, where an iterator is an array; `end` begins the line of its last bracket."""
    inner = f"{end}  "
    if isinstance(value, dict):
        for number, (key, each) in enumerate(value.items()):
            yield f"{',' if number else '{'}{inner}{json.dumps(key)}: "
            yield from _pieces(each, inner)
        yield f"{end}}}"
    elif isinstance(value, Iterator | list):
        before = "["
        for each in value:
            yield before + inner
            yield from _pieces(each, inner)
            before = ","
        yield "[]" if before == "[" else f"{end}]"
    else:
        yield json.dumps(value)


AUDIT = ReportWriter(_write, _error)
