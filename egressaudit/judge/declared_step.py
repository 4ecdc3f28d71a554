"""What the objects of a snapshot declare for a call at one proxy: the model of routes, asked for the proxy's own kind.

In: a snapshot, and a proxy that was asked about a call. Out: a `Step`, None for a proxy that the snapshot lacks.
Example: for the sidecar of curl/curl-1 and docs.example.com:80 it sends to `outbound|80||gw.egress.svc.cluster.local`.
"""

from __future__ import annotations

from egressaudit.mesh import Mesh
from egressaudit.mesh.routes import gateway, sidecar_proxy
from egressaudit.mesh.routes.waypoint_step import waypoint_step
from egressaudit.model import AskedProxy, Reporter, Step


def declared_step(mesh: Mesh, asked: AskedProxy) -> Step | None:
    """What the objects declare that the asked proxy does with the call."""
    pod = mesh.pod(asked.pod)
    if pod is None:
        return None
    match asked.reporter:
        case Reporter.SIDECAR:
            return sidecar_proxy.step(mesh.world, pod, asked.call)
        case Reporter.EGRESS_GATEWAY:
            return gateway.step(mesh.world, pod, asked.call)
        case Reporter.WAYPOINT:
            owner = mesh.role(asked.pod).gateway
            return None if owner is None else waypoint_step(mesh.world, owner, asked.call)
        case _:
            return None
