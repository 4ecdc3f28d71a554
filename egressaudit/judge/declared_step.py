"""What the objects of a snapshot declare for a call at one proxy.

In: a snapshot, and a proxy that was asked about a call. Out: a `Step`, None if nothing says it.
Example: for the sidecar of curl/curl-1 and docs.example.com:80 it sends to `outbound|80||gw.egress.svc.cluster.local`.
"""

from __future__ import annotations

from egressaudit.mesh import Mesh
from egressaudit.model import AskedProxy, Step


def declared_step(mesh: Mesh, asked: AskedProxy) -> Step | None:
    """What the objects declare that the asked proxy does with the call. Here the model of routes is to be asked."""
    del mesh, asked
    return None
