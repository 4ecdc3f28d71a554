"""The seam of the findings: a `Rule` is a control and the function that finds it.

In: `AuditFacts`. Out: findings, e.g. `RULE.find(RULE.control, facts)`. A rule can only raise its own code, because
findings are made by the control that it is handed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from egressaudit.findings.control import Control
from egressaudit.model import Finding

if TYPE_CHECKING:
    from egressaudit.findings.facts import AuditFacts


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding: what is known about it, and how to find it."""

    control: Control
    find: Callable[[Control, AuditFacts], Iterable[Finding]]
