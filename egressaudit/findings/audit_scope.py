"""Which logs an audit was asked about, and which flows are therefore its business.

In: the snapshot, the collection, the namespaces that were named. Out: a set of logs; whether a group of flows counts.

Example: `audit -n shop` asks for the sidecars of `shop` and for all gateways, waypoints and ztunnels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from egressaudit.evidence.collection import Collection
from egressaudit.join.surroundings import Workload, workload_of
from egressaudit.mesh import Mesh
from egressaudit.model import Confidence, DataplaneMode, FlowGroup, LogSource, Reporter


class AuditScope:
    """The logs that the audit needs: those that the collection lists, else all in the namespaces (None: in all).

    Logs of gateways, waypoints and ztunnels are always needed, even if the collection leaves one out.
    """

    def __init__(self, mesh: Mesh, namespaces: frozenset[str] | None, collection: Collection | None) -> None:
        self.logs = _logs(mesh, namespaces, collection)
        self._sidecars = _sidecars(mesh)

    def concerns(self, group: FlowGroup) -> bool:
        """Whether a flow belongs to a workload in scope. A gateway's log also has the flows of all other workloads."""
        if group.confidence is not Confidence.REPORTED or not group.via or not group.workload:
            return True
        logs = self._sidecars.get((group.namespace, group.workload))
        return not logs or not logs.isdisjoint(self.logs)


def _logs(mesh: Mesh, namespaces: frozenset[str] | None, collection: Collection | None) -> frozenset[LogSource]:
    expected = mesh.expected_logs()
    if collection is not None:
        proxies = {source for source, reporter in expected if reporter is not Reporter.SIDECAR}
        return frozenset({each.source for each in collection.logs} | proxies)
    return frozenset(
        source
        for source, reporter in expected
        if namespaces is None or reporter is not Reporter.SIDECAR or source.namespace in namespaces
    )


def _sidecars(mesh: Mesh) -> Mapping[tuple[str, str], set[LogSource]]:
    """The logs of each workload's sidecars, by namespace and `Kind/name`."""
    found: defaultdict[tuple[str, str], set[LogSource]] = defaultdict(set)
    for pod in mesh.pods:
        workload: Workload = workload_of(pod)
        log = mesh.proxy_log(pod)
        if pod.mode is DataplaneMode.SIDECAR and log is not None:
            found[pod.namespace, workload.name].add(log)
    return found
