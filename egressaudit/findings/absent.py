"""Whether something that a report no longer has is gone, or only not seen: a log that was not read proves nothing.

In: a flow or finding of an earlier report, and what was read this time. Out: why it is not proven to be gone, or ''.
Example: `Absence(before, now, ...).why_flow(flow)` is `no log of shop/Deployment/cart was read`.
"""

from __future__ import annotations

from collections.abc import Collection

from egressaudit.findings.facts import NOT_LOGGING
from egressaudit.findings.stable_names import stable_workload
from egressaudit.model import Outcome, Path, Reporter
from egressaudit.model.kept import KeptCoverage, KeptFinding, KeptFlow, KeptLog

_AT_SOURCE = (Path.DIRECT, Path.PASSTHROUGH)
"""The ways for which the log of the source is enough."""


class Absence:
    """Whether the logs of a window would show what an earlier report has and this one lacks."""

    def __init__(self, before: KeptCoverage, now: KeptCoverage, flows: Collection[KeptFlow]) -> None:
        """`flows` are those that are there now."""
        self._now = now
        self._seen = {flow.fingerprint for flow in flows}
        self._unproven = {flow.fingerprint for flow in flows if flow.outcome is Outcome.INCONCLUSIVE}
        self._new_blind = {workload for workload, kind in now.unlogged - before.unlogged}
        self._not_logging = {workload for workload, kind in now.unlogged if kind in NOT_LOGGING}
        self._logs = {log.name for log in now.logs if log.read}

    def why_flow(self, flow: KeptFlow) -> str:
        """Why an absent flow may still be there; '' if the logs would show it."""
        if not flow.workload:
            return "the sender is not known, so no log is known to show it" if self._missing(self._now.logs) else ""
        sender = f"{flow.namespace}/{stable_workload(flow.workload)}"
        own = [log for log in self._now.logs if log.workload == sender]
        at_source = [log for log in self._now.logs if log.reporter is Reporter.ZTUNNEL] if flow.ambient else own
        if not at_source:
            return f"no log of {sender} was read"
        # What was ambient may have a sidecar by now: then its own logs have to show it, too.
        others = [] if flow.path in _AT_SOURCE else [log for log in self._now.logs if _carries(log)]
        if missing := self._missing((*at_source, *own, *others)):
            return f"the log of {missing} does not cover the window, or not all of its lines could be read"
        if not any(log.throughout for log in at_source):
            return f"no pod of {sender} was there for the whole window"
        return self._why_unlogged(sender)

    def why_finding(self, finding: KeptFinding) -> str:
        """The same for a finding. If its flows are there, they were judged, and it is gone unless nothing is proven."""
        if finding.flow is not None:
            if finding.outcome is Outcome.FAIL and finding.flow.fingerprint in self._unproven:
                return "its flows are there, and not proven"
            return "" if finding.flow.fingerprint in self._seen else self.why_flow(finding.flow)
        return f"no log of {finding.log} was read" if finding.log and finding.log not in self._logs else ""

    def _why_unlogged(self, sender: str) -> str:
        if sender in self._now.left_out:
            return f"not all logs of {sender} were requested"
        if {sender, ""} & self._not_logging:
            return f"not all proxies of {sender} log everything"
        return f"some traffic of {sender} is no longer captured" if self._is_blind(sender) else ""

    def _is_blind(self, sender: str) -> bool:
        return not {sender, ""}.isdisjoint(self._new_blind)

    @staticmethod
    def _missing(logs: tuple[KeptLog, ...]) -> str:
        """The first log that is not complete; '' if all are."""
        return next((log.workload or log.name for log in logs if not log.whole), "")


def _carries(log: KeptLog) -> bool:
    return log.reporter in (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT, Reporter.ZTUNNEL)
