"""What changed since an earlier report: flows and findings that are new, gone or different.

Example: `Drift("audit-1.json", <its window>, (DriftRow(DriftChange.NEW, DriftOf.FINDING, "9f2c…", ...),))`: a workload
goes around the gateway that did not do so before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from egressaudit.model.flows import Window
from egressaudit.model.verdicts import Outcome, Severity


class DriftChange(StrEnum):
    """What became of something between two reports."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"


class DriftOf(StrEnum):
    """What changed."""

    FLOW = "flow"
    FINDING = "finding"


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


@dataclass(frozen=True, slots=True)
class Drift:
    """All changes since one earlier report, sorted: new first, the most severe first."""

    baseline: str
    """What the earlier report is called: its file, or its run in a history."""
    window: Window
    """The earlier report's own window."""
    rows: tuple[DriftRow, ...] = ()
