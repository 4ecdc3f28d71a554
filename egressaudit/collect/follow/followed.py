"""Which logs a live run follows: those of every hop that a probe may take.

In: the pod that sends, what is expected, what the configuration claims and what istiod makes of it. Out: logs, e.g.
the sidecar's and those of both pods of the expected gateway.
"""

from __future__ import annotations

from egressaudit.mesh import Mesh
from egressaudit.model import Claim, Expectation, LogSource, Path, Pod


def followed_logs(mesh: Mesh, pod: Pod, expected: Expectation, claim: Claim) -> tuple[LogSource, ...]:
    """The logs of every hop: the source's sidecar or ztunnel, and all pods of each gateway and waypoint of the chain.

    Where `--expect` names a gateway, or nothing may leave, also those of the chain that the configuration claims, and
    of the gateways to which istiod sends it: whichever way it takes, its last line is read.
    """
    own = mesh.source_log(pod)
    chain = list(expected.passing)
    if expected.path in (Path.VIA_GATEWAY, Path.VIA_WAYPOINT, Path.BLOCKED):
        chain += [*((claim.via,) if claim.via else ()), *claim.passing]
        steps = () if claim.way is None else claim.way.steps
        chain += [each.proxy for each in steps if not each.reporter.at_source]
    logs = (*mesh.logs_of(expected.pods), *mesh.logs_of(mesh.proxies_of(chain)))
    return tuple(dict.fromkeys((*((own,) if own else ()), *logs)))
