"""What changed since an earlier report: flows and findings that are new, gone or different.

Example: `Drift("audit-1.json", <its window>, (DriftRow(DriftChange.NEW, DriftOf.FINDING, "9f2c...", ...),))`: a
workload goes around the gateway that did not do so before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from egressaudit.model.flows import Window
from egressaudit.model.verdicts import Outcome, Severity


class DriftChange(StrEnum):
    """What became of something between two reports."""

    NEW = "new"
    CHANGED = "changed"
    """It has another outcome, severity or waiver."""
    GONE = "gone"
    """The logs would show it, and do not."""
    NOT_SEEN = "not-seen"
    """It is absent, and the logs that were read do not prove that it is gone."""


class DriftOf(StrEnum):
    """What changed."""

    FINDING = "finding"
    FLOW = "flow"


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One change."""

    change: DriftChange
    of: DriftOf
    fingerprint: str
    subject: str
    """Who it is about: `shop/Deployment/cart`."""
    text: str
    """What changed, in one sentence."""
    code: str = ""
    """The finding's code; '' for a flow."""
    severity: Severity | None = None
    before: Outcome | None = None
    after: Outcome | None = None
    violation: bool = False
    """Whether it is a violation that counts, and was none before: it was not there, not one, or waived."""


@dataclass(frozen=True, slots=True)
class Drift:
    """All changes since one earlier report, sorted: new first, the most severe first."""

    baseline: str
    """What the earlier report is called: its file, or its run in a history."""
    window: Window | None
    """The earlier report's own window; None if there is no earlier report."""
    rows: tuple[DriftRow, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader of the changes must know, one sentence each: another policy, a shorter window."""
    compared: bool = True
    """Whether the two could be compared; `notes` says why not. Then nothing is known from before."""

    @property
    def new_violations(self) -> int:
        """How many findings are violations that were none before."""
        return sum(each.violation for each in self.rows if each.of is DriftOf.FINDING)

    def count(self, change: DriftChange, of: DriftOf) -> int:
        """How many rows say so."""
        return sum(each.change is change and each.of is of for each in self.rows)
