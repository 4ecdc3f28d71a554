"""Violations as OSCAL's risks: open ones, and those that a waiver of the policy excuses, as approved deviations.

In: the findings of a report. Out: a risk for each FAIL. A risk keeps its identifier from run to run, so that a plan of
action can follow it. What is INCONCLUSIVE is an observation and no risk. Example: a waived EA101 has the status
`deviation-approved`, the waiver's reason as a property, and the end of its last day (UTC) as its deadline.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Final

from egressaudit.findings import controls
from egressaudit.model import Outcome, Waived
from egressaudit.report.cause_words import told_apart
from egressaudit.report.oscal.observations import NamedFinding, Observed
from egressaudit.report.oscal.oscal_parts import NIST, Json, filled, identifier, marked, props
from egressaudit.times import rfc3339

_OPEN: Final = "open"
_WAIVED: Final = "deviation-approved"


def risk_id(observed: Observed, named: NamedFinding) -> str:
    """The identifier of a violation's risk: the same in every window of the same cluster."""
    made = observed.report.made_from
    return identifier("risk", made.cluster_uid or made.server, named.name)


def risks(observed: Observed) -> Iterator[Json]:
    """A risk for each violation."""
    for named in observed.findings:
        if named.finding.outcome is Outcome.FAIL:
            yield _risk(observed, named)


def _risk(observed: Observed, named: NamedFinding) -> Json:
    each = named.finding
    control = controls().get(each.code)
    waived = each.waived
    facet = {"name": "severity", "system": NIST, "value": each.severity.value}
    advice = [text for text in told_apart(each.advice, each.causes) if text]
    return filled(
        {
            "uuid": risk_id(observed, named),
            "title": marked(f"{each.code} {each.subject}"),
            "description": marked(each.message),
            "statement": marked(control.why if control else each.message),
            "props": props(
                [
                    ("code", each.code),
                    ("fingerprint", named.name),
                    *([("waiver-reason", waived.reason), ("waiver-expires", waived.expires)] if waived else []),
                ]
            ),
            "status": _WAIVED if waived else _OPEN,
            "origins": observed.origins,
            "characterizations": [{"origin": observed.origins[0], "facets": [facet]}],
            **_deadline(waived),
            "remediations": [
                {
                    "uuid": identifier("remediation", risk_id(observed, named), str(number)),
                    "lifecycle": "recommendation",
                    "title": "What to do",
                    "description": marked(text),
                }
                for number, text in enumerate(advice)
            ],
            "related-observations": [{"observation-uuid": observed.finding_id(named)}],
        }
    )


def _deadline(waived: Waived | None) -> Json:
    """The last moment of the waiver's last day, which is in UTC."""
    if waived is None:
        return {}
    try:
        day = datetime.fromisoformat(waived.expires).date()
    except ValueError:
        return {}
    return {"deadline": rfc3339(datetime.combine(day, time(23, 59, 59), tzinfo=UTC))}
