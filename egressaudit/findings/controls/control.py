"""What is known about one kind of finding."""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.model import Outcome, Severity


@dataclass(frozen=True, slots=True)
class Control:
    """One entry of the catalogue: plain text, to be read in a terminal as well as in docs/controls.md."""

    code: str
    """`EA101`; never used again for anything else."""
    name: str
    """A word for it, as in `egressaudit controls`."""
    title: str
    """What happened, at most 39 characters: the list of all controls fits 80 columns."""
    severity: Severity
    """Where no policy rule says another one."""
    outcomes: tuple[Outcome | None, ...]
    """What a finding of it can be, as in `model.Finding`: None where it is only said."""
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
