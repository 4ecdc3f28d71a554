"""A policy against the mesh and its flows: what in it leads nowhere or did nothing.

In: a policy, the snapshot, each decision. Out: `PolicyProblems`, e.g. `unused_rules=("docs",)`. The other way round,
`inferred` makes a policy of flows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING

from egressaudit.findings.facts import PolicyProblems
from egressaudit.mesh import Mesh
from egressaudit.model import Decision, FlowGroup, ObjectRef, Path, Waived, Window

if TYPE_CHECKING:
    from egressaudit.policy import Policy


class PolicyUsage:
    """Which rules and waivers of the policy had something to decide."""

    def __init__(self) -> None:
        self._rules: set[str] = set()
        self._waivers: set[tuple[str, Waived]] = set()

    def note(self, decision: Decision) -> None:
        """Take one decision into account."""
        self._rules.add(decision.rule)
        if decision.waived is not None:
            self._waivers.add((decision.rule, decision.waived))

    def problems(self, policy: Policy, mesh: Mesh, today: date) -> PolicyProblems:
        """What is wrong with the policy itself."""
        there = carriers(mesh)
        named = [("gateway", Path.VIA_GATEWAY, policy.gateways), ("waypoint", Path.VIA_WAYPOINT, policy.waypoints)]
        return PolicyProblems(
            # A rule can only narrow these lists, so it names no other gateway or waypoint.
            missing=tuple((kind, ref) for kind, path, refs in named for ref in refs if ref not in there[path]),
            unused_rules=policy.unused_rules(self._rules),
            expired_waivers=policy.expired_waivers(today),
            unused_waivers=policy.unused_waivers(self._waivers, today),
        )


def last_day(window: Window) -> date:
    """The day (UTC) on which the window ends: waivers are valid to that day. Midnight belongs to the day before."""
    return (window.end.astimezone(UTC) - timedelta(microseconds=1)).date()


def carriers(mesh: Mesh) -> Mapping[Path, frozenset[ObjectRef]]:
    """The gateways (`VIA_GATEWAY`) and waypoints (`VIA_WAYPOINT`) that have a pod in the snapshot."""
    found: dict[Path, set[ObjectRef]] = defaultdict(set)
    for pod in mesh.pods:
        log = mesh.proxy_log(pod)
        reporter = None if log is None else mesh.reporter(log)
        if reporter is not None and reporter.path is not None:
            found[reporter.path].add(mesh.gateway_of(pod))
    return {path: frozenset(found[path]) for path in (Path.VIA_GATEWAY, Path.VIA_WAYPOINT)}


def inferred(groups: Iterable[FlowGroup], mesh: Mesh) -> str:
    """The text of a policy that allows what these groups left through; it lists no gateway that carried nothing."""
    from egressaudit.policy import infer

    seen, there = tuple(groups), carriers(mesh)
    by = {
        path: {ref for group in seen if group.path is path for ref in group.via} & there[path]
        for path in (Path.VIA_GATEWAY, Path.VIA_WAYPOINT)
    }
    return infer(seen, by[Path.VIA_GATEWAY], by[Path.VIA_WAYPOINT])
