"""What would be if another policy had decided: stored flows judged again, and what differs from their verdicts then.

Example: a `WhatIfRow` of shop/Deployment/cart to docs.example.com:443 that was PASS and would be FAIL: it would break.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from egressaudit.model.flows import Window
from egressaudit.model.paths import Path
from egressaudit.model.proxies import ObjectRef
from egressaudit.model.verdicts import Outcome, Waived


class WouldBe(StrEnum):
    """What another policy would make of flows, against the verdict that they got."""

    BREAKS = "breaks"
    """They were no violation that counted, and would be one: enforced, the policy would stop them."""
    ESCAPES = "escapes"
    """They were a violation that counted, and still would be."""
    UNPROVEN = "unproven"
    """They were decided, and would not be: too little is known, or nobody vouches for their gateway any more."""
    SETTLED = "settled"
    """They were a violation or not proven, and would be neither."""
    SAME = "same"
    """Anything else."""


@dataclass(frozen=True, slots=True)
class WhatIfRow:
    """Flows of one workload to one host and port that went one way, with both verdicts."""

    would: WouldBe
    namespace: str
    workload: str
    host: str
    port: int | None
    path: Path
    via: tuple[ObjectRef, ...]
    flows: int
    first: datetime
    last: datetime
    before: Outcome | None
    after: Outcome | None
    code: str
    """The code that it would have; '' for a plain PASS."""
    rule: str
    because: str
    waived: Waived | None = None
    """The waiver under which it would not count."""
    was_waived: bool = False

    @property
    def subject(self) -> str:
        """Who sent it, as in `FlowGroup`."""
        return f"{self.namespace}/{self.workload}" if self.workload else "(unknown)"


@dataclass(frozen=True, slots=True)
class WhatIfReport:
    """All flows of the runs that were judged again, the worst first."""

    history: str
    window: Window
    """From the first run's start to the last one's end."""
    runs: int
    policy: str
    policy_digest: str
    rows: tuple[WhatIfRow, ...]
    incomplete: int
    """Runs whose evidence had gaps then: judging again cannot close them."""
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """As of an audit: FAIL if any flow would be a violation that counts; PASS only if all would be proven."""
        counted = {each.after for each in self.rows if each.after is not Outcome.FAIL or each.waived is None}
        if Outcome.FAIL in counted:
            return Outcome.FAIL
        proven = Outcome.PASS in counted and Outcome.INCONCLUSIVE not in counted
        return Outcome.PASS if proven and not self.incomplete else Outcome.INCONCLUSIVE
