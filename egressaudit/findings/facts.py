"""Everything that findings are made of: plain values, collected by the pipeline before the first rule runs.

Example: `AuditFacts(rulings=(), coverage=Coverage(), fail_below=0.95)` has one finding, EA308, and EA311 beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from egressaudit.model import Coverage, Evidence, Fault, ObjectRef, Waived

if TYPE_CHECKING:
    from egressaudit.judge.groups import Ruling

NOT_LOGGING = ("logging-off", "logging-filtered", "logging-unknown")
"""The kinds of `BlindSpot` that are about a proxy's log; the others are about traffic that no proxy captures."""


@dataclass(frozen=True, slots=True)
class PolicyProblems:
    """What is wrong with the policy itself: names that lead nowhere, rules and waivers that do nothing."""

    missing: tuple[tuple[str, ObjectRef], ...] = ()
    """Gateways and waypoints that it names (`gateway` or `waypoint`) and the snapshot does not have."""
    missing_trust: tuple[str, ...] = ()
    """Proxies that are trusted by name (`gateway NS/NAME`) and that the snapshot does not have."""
    unused_rules: tuple[str, ...] = ()
    expired_waivers: tuple[tuple[str, Waived], ...] = ()
    """The rule of each, and the waiver."""
    unused_waivers: tuple[tuple[str, Waived], ...] = ()


@dataclass(frozen=True, slots=True)
class UnjudgedLines:
    """Lines that were read and prove nothing, by log: how many, and the first few of them."""

    unclean: tuple[tuple[str, int, tuple[Evidence, ...]], ...] = ()
    unparsed: tuple[tuple[str, int, tuple[Evidence, ...]], ...] = ()
    unknown_logs: tuple[tuple[str, int], ...] = ()
    """Logs of pods that the snapshot does not have, and their access lines."""
    foreign: tuple[tuple[str, int], ...] = ()
    """Logs with lines whose sockets are another pod's, and how many."""


@dataclass(frozen=True, slots=True)
class EvidenceProblems:
    """What is wrong with the evidence as a whole: files, copies of logs, kinds that were not read, EnvoyFilters."""

    mismatched: tuple[tuple[str, str], ...] = ()
    """Log, and how its file is not what `collection.json` says."""
    unlisted: tuple[tuple[str, bool], ...] = ()
    """Files that `collection.json` does not name, and whether their lines were judged as a proxy's."""
    listed_in: str = "collection.json"
    """What lists the files: that, or `probes.json` in a saved run of `verify`."""
    unread: tuple[tuple[str, str], ...] = ()
    """Kind of objects on which a verdict could depend, and how."""
    copies: tuple[tuple[str, str, int], ...] = ()
    """Log, the path of its copy, and on how many lines the two differ."""
    mirrors: tuple[tuple[str, str, int], ...] = ()
    """The rule and where its copies go, the host whose requests it copies, and how many flows there were."""
    filters: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """EnvoyFilter, what it touches ('' if that is nothing), and the logs of the proxies that it applies to."""


@dataclass(frozen=True, slots=True)
class UnprovenProxy:
    """A pod that looks like a proxy and that nothing proves to be one: its name, why, and how it matters."""

    subject: str
    why: str
    matters: str
    """'' if it wrote no access line and nothing was sent to it."""


@dataclass(frozen=True, slots=True)
class AuditFacts:
    """Everything that findings are made of."""

    rulings: tuple[Ruling, ...]
    coverage: Coverage
    unjudged: UnjudgedLines = field(default_factory=UnjudgedLines)
    evidence: EvidenceProblems = field(default_factory=EvidenceProblems)
    policy: PolicyProblems = field(default_factory=PolicyProblems)
    unproven: tuple[UnprovenProxy, ...] = ()
    unbound: tuple[tuple[str, Fault], ...] = ()
    """ServiceEntries that ask for a waypoint which cannot be bound, each with why."""
    fail_below: float = 0.0
    """The fraction of coverage that is required, 0 to 1."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """The workload of each pod, by `namespace/pod`: `shop/Deployment/cart`."""
