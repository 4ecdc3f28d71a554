"""Which logs a live run follows: those of every hop that a probe may take.

In: the pod that sends, what is expected, what the configuration claims and what istiod makes of it. Out: logs, e.g.
the sidecar's and those of both pods of the expected gateway.
"""

from __future__ import annotations

from egressaudit.mesh import Mesh
from egressaudit.model import Claim, Expectation, LogSource, Pod


def followed_logs(mesh: Mesh, pod: Pod, expected: Expectation, claim: Claim) -> tuple[LogSource, ...]:
    """The logs of every hop: the source's sidecar or ztunnel, and all pods of each gateway and waypoint of the chain.

    Whatever is expected, also those of the chain that the configuration claims, and of the gateways to which istiod
    sends it: whichever way it takes, its last line is read.
    """
    own = mesh.source_log(pod)
    steps = () if claim.way is None else claim.way.steps
    gateways = (each.proxy for each in steps if not each.reporter.at_source)
    chain = (*expected.passing, *((claim.via,) if claim.via else ()), *claim.passing, *gateways)
    logs = (*mesh.logs_of(expected.pods), *mesh.logs_of(mesh.proxies_of(chain)))
    return tuple(dict.fromkeys((*((own,) if own else ()), *logs)))
