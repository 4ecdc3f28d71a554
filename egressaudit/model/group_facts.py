"""All that judging a group of flows reads, so that it can be judged again without its logs and its snapshot.

Example: `GroupFacts(group, claims=(("docs.example.com", 443, Decision(Path.VIA_GATEWAY, (egress/gw,))),))`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from egressaudit.model.flows import FlowGroup
from egressaudit.model.probes import Scheme
from egressaudit.model.verdicts import Decision, Outcome


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A group as it was joined, before groups with the same verdict were merged, and what the snapshot said of it."""

    group: FlowGroup
    """Without its lines. Its number of flows and its times are those of one run."""
    tried: tuple[tuple[str, int | None], ...] = ()
    """Other endpoints at which its requests may have been tried."""
    asked: tuple[tuple[str, int, Scheme], ...] = ()
    """What was asked for, if the gateway sent it on by another name."""
    hosts_at: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """The hosts that flows of the same window reached at its addresses."""
    claims: tuple[tuple[str, int | None, Decision], ...] = ()
    """What the mesh configuration claimed for the hosts and addresses that it may be judged by, without faults."""


@dataclass(frozen=True, slots=True)
class JudgedFacts:
    """A group with the verdict that it got."""

    facts: GroupFacts
    outcome: Outcome | None
    code: str
    """The code of its control; '' for a plain PASS."""
    waived: bool
    flow: str
    """The fingerprint of its flows."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run in a history."""

    number: int
    """Counted from 1 in the order in which runs were stored."""
    created: datetime
    start: datetime
    end: datetime
    outcome: Outcome
    policy: str
    policy_digest: str
    cluster_uid: str
    version: str
    """Of egressaudit."""
    fraction: float | None
    """Of the expected log time that was covered; None if no log was expected."""
    groups: int
    findings: int
    violations: int
    unproven: int
    """Findings that are not about flows, and make the report INCONCLUSIVE: a log that is missing."""
    trusted: tuple[str, ...]
    """The gateways and waypoints that were believed because the policy or --trust named them."""
