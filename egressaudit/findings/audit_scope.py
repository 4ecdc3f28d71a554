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
    """The logs that are to be there: those that were to be collected, else all in the namespaces (None: in all).

    Those of gateways, waypoints and ztunnels always: a collection that leaves one out does not make it unnecessary.
    """

    def __init__(self, mesh: Mesh, namespaces: frozenset[str] | None, collection: Collection | None) -> None:
        self.logs = _logs(mesh, namespaces, collection)
        self._sidecars = _sidecars(mesh)

    def concerns(self, group: FlowGroup) -> bool:
        """Whether a flow is of a workload whose log was to be read: a gateway logs those of all others too."""
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
