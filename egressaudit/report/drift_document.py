"""What changed since an earlier report, as types of the JSON report.

In: a `Drift`. Out: a `DriftPart`, the key `drift` of the report.
Example: `{"baseline": "audit-1.json", "compared": true, "new_violations": 1, "rows": [...], ...}`.
"""

from __future__ import annotations

from egressaudit.model import Outcome, Severity
from egressaudit.model.drift import Drift, DriftChange, DriftOf
from egressaudit.report.document_parts import Part, Span, Text


class DriftChangeRow(Part):
    """One change."""

    change: DriftChange
    """`not-seen` is absent, and the logs that were read do not prove that it is gone."""
    of: DriftOf
    fingerprint: str
    subject: Text
    text: Text
    """What changed; what is gone or not seen in the words of the earlier report."""
    code: Text
    """The finding's code; empty for a flow."""
    severity: Severity | None
    before: Outcome | None
    after: Outcome | None
    violation: bool
    """Whether it is a violation that counts, and was none before: it was not there, not one, or waived."""


class DriftPart(Part):
    """What changed since an earlier report."""

    baseline: Text
    """The earlier report: its file, or its run in a history."""
    window: Span | None
    """The window of the earlier report; null if there is none."""
    compared: bool
    """False if the two could not be compared, as `notes` says: then nothing is known from before."""
    new_violations: int | None
    """Findings that are violations and were none before; null if the two could not be compared, for then every
    violation counts as new."""
    notes: tuple[Text, ...]
    rows: tuple[DriftChangeRow, ...]
    """New first, then changed, gone, not seen; the most severe first."""

    @classmethod
    def of(cls, drift: Drift) -> DriftPart:
        """The part of a drift."""
        return cls(
            baseline=drift.baseline,
            window=None if drift.window is None else Span.of(drift.window),
            compared=drift.compared,
            new_violations=drift.new_violations if drift.compared else None,
            notes=drift.notes,
            rows=tuple(
                DriftChangeRow(
                    change=each.change,
                    of=each.of,
                    fingerprint=each.fingerprint,
                    subject=each.subject,
                    text=each.text,
                    code=each.code,
                    severity=each.severity,
                    before=each.before,
                    after=each.after,
                    violation=each.violation,
                )
                for each in drift.rows
            ),
        )
