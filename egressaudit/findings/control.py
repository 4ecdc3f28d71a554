"""What is known about one code, and how its findings are made.

In: a subject and a message, e.g. `control.unproven("logs", "gw.log.gz is broken after line 7")`. Out: a `Finding` with
the control's code, severity and remedy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from egressaudit.model import Confidence, Evidence, Finding, Outcome, Severity


@dataclass(frozen=True, slots=True)
class Control:
    """One entry of the catalogue: plain text, to be read in a terminal as well as in docs/controls.md."""

    code: str
    """`EA101`; never used again for anything else."""
    name: str
    """A word for it, as in `egressaudit controls`; its file is named after it."""
    title: str
    """What happened, at most 39 characters: the list of all controls fits 80 columns."""
    severity: Severity
    """Where no policy rule says another one."""
    outcomes: tuple[Outcome | None, ...]
    """What a finding of it can be, as in `model.Finding`: None if it is informational."""
    what: str
    """What was seen that makes it a finding."""
    why: str
    """Why it matters."""
    remedy: str
    """What to do, one sentence; it stands as advice under each finding."""
    confidence: str
    """Which lines prove it, and what they do not prove."""
    passing: str
    """A short case that is not found."""
    failing: str
    """A short case that is found."""

    def unproven(
        self,
        subject: str,
        message: str,
        *,
        which: str = "",
        advice: Sequence[str] = (),
        evidence: tuple[Evidence, ...] = (),
        total: int = 0,
    ) -> Finding:
        """A finding that makes the report INCONCLUSIVE. `which` names one of several that the subject can have."""
        return Finding(
            code=self.code,
            severity=self.severity,
            outcome=Outcome.INCONCLUSIVE,
            confidence=Confidence.OBSERVED,
            subject=subject,
            message=message,
            advice=(*advice, self.remedy),
            evidence=evidence,
            evidence_total=total,
            about=which,
        )

    def note(
        self,
        subject: str,
        message: str,
        *,
        which: str = "",
        severity: Severity | None = None,
        confidence: Confidence = Confidence.OBSERVED,
        evidence: tuple[Evidence, ...] = (),
        total: int = 0,
    ) -> Finding:
        """A finding that is informational: it changes no outcome. `which` as above."""
        return Finding(
            code=self.code,
            severity=severity or self.severity,
            outcome=None,
            confidence=confidence,
            subject=subject,
            message=message,
            advice=(self.remedy,),
            evidence=evidence,
            evidence_total=total,
            about=which,
        )
