"""The kind of proxy behind each log of a run.

In: logs and the mesh. Out: e.g. shop/cart-1/istio-proxy and `Reporter.SIDECAR`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from egressaudit.errors import BadLogs
from egressaudit.mesh import Mesh
from egressaudit.model import LogSource, ObjectRef, Reporter


def reporters_of(sources: Sequence[LogSource], mesh: Mesh) -> Mapping[LogSource, Reporter]:
    """The kind of proxy behind each log; BadLogs for a log of a pod that the snapshot does not know as a proxy.

    A pod that only looks like a proxy, without proof, is left out: its lines prove nothing.
    """
    reporters = {}
    for source in sources:
        reporter = mesh.reporter(source)
        if reporter is None:
            if mesh.role(ObjectRef(source.namespace, source.pod)).unproven:
                continue
            raise BadLogs(
                f"{source} is the log of no proxy that mesh.json knows",
                hint="Keep the folder as `--save-logs` wrote it: logs and mesh.json of the same run.",
            )
        reporters[source] = reporter
    return reporters
