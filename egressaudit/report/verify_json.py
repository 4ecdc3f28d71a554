"""The report as JSON, written by hand so that the schema stays while the insides change (docs/json.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from egressaudit import __version__
from egressaudit.model import Hop, LineCount, Outcome, Verdict, VerifyReport
from egressaudit.report.safe import printable

SCHEMA_VERSION = 1


def render_json(report: VerifyReport) -> str:
    """One JSON object; keys in a fixed order, so that the same report gives the same bytes."""
    return json.dumps(_document(report), indent=2, ensure_ascii=True) + "\n"


def render_json_error(message: str, hint: str) -> str:
    """The same schema with `error` and no verdicts: nothing that a reader could take for a result."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "egressaudit", "version": __version__},
        "error": {"message": printable(message), "hint": printable(hint)},
        "summary": {outcome.value: 0 for outcome in Outcome},
        "verdicts": [],
        "logs": [],
        "trusted": [],
        "notes": [],
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _document(report: VerifyReport) -> dict[str, object]:
    counts = {outcome: sum(v.outcome is outcome for v in report.verdicts) for outcome in Outcome}
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "egressaudit", "version": __version__},
        "summary": {outcome.value: count for outcome, count in counts.items()},
        "verdicts": [_verdict(verdict) for verdict in report.verdicts],
        "logs": [
            {
                "source": str(source),
                "reporter": str(report.reporters[source]) if source in report.reporters else None,
                **_count(count),
            }
            for source, count in sorted(report.lines.items())
        ],
        "trusted": [printable(sentence) for sentence in report.trusted],
        "notes": [printable(note) for note in report.notes],
    }


def _verdict(verdict: Verdict) -> dict[str, object]:
    probe, expectation = verdict.flow.probe, verdict.expectation
    return {
        "outcome": verdict.outcome.value,
        "path_seen": verdict.path_seen.value,
        "path_expected": expectation.path.value,
        "via_expected": str(expectation.via) if expectation.via else None,
        "host": probe.target.host,
        "port": probe.target.port,
        "scheme": probe.target.scheme.value,
        "url": printable(str(probe.target)),
        "reason": printable(verdict.reason),
        "advice": [printable(each) for each in verdict.advice],
        "expected_because": list(expectation.because),
        "source": {"namespace": probe.source.namespace, "pod": probe.source.name, "container": probe.container},
        "probe": {
            "nonce": probe.nonce,
            "redirected_from": probe.redirected_from,
            "started": _value(probe.started),
            "ended": _value(probe.ended),
            "curl": {
                "exit_code": probe.result.exit_code,
                "http_code": probe.result.http_code,
                "local_address": probe.result.local_address,
                "remote_address": probe.result.remote_address,
                "redirect_url": _value(probe.result.redirect_url),
                "error": _value(probe.result.error),
            },
        },
        "hops": [_hop(hop, key) for hop, key in zip(verdict.flow.hops, verdict.flow.joined_by, strict=True)],
        "not_clean": [_hop(hop, None) for hop in verdict.flow.unclean],
    }


def _hop(hop: Hop, joined_by: str | None) -> dict[str, object]:
    return {
        "reporter": hop.reporter.value,
        "source": str(hop.line.source),
        "line": hop.line.number,
        "dialect": hop.dialect,
        "clean": hop.clean,
        "joined_by": joined_by,
        "fields": {name: _value(value) for name, value in sorted(hop.fields.items()) if value is not None},
        "raw": printable(hop.line.text),
    }


def _count(count: LineCount) -> Mapping[str, int]:
    return {
        "read": count.read,
        "access": count.access,
        "not_clean": count.unclean,
        "other": count.other,
        "unparsed": count.unparsed,
    }


def _value(value: object) -> object:
    """JSON's own types as they are; times in ISO 8601; text made harmless."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool | int | float) or value is None:
        return value
    return printable(str(value))
