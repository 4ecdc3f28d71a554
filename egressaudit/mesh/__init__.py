"""The mesh as its configuration describes it: a snapshot of objects, and what they say about one host.

    objects ──▶ trim ──▶ Mesh ──▶ pods, logs, capture          who is there, and whether the mesh sees its traffic
                          └─────▶ claim, gateway              which way a host should leave, and what is wrong with it

`routing` (Istio APIs), `gateway_api` and `waypoint` read one way of configuring each; `claim` puts them together.
Pure: no I/O. Objects come from a cluster that others write to, so nothing here trusts their shape.
"""

from egressaudit.mesh.apis import Resource
from egressaudit.mesh.logging.log_formats import configured_formats
from egressaudit.mesh.logging.versions import ProxyVersion, Standing
from egressaudit.mesh.pods import container_runs
from egressaudit.mesh.resources import RESOURCES
from egressaudit.mesh.services.backends import Backing
from egressaudit.mesh.snapshot import Mesh
from egressaudit.mesh.trim import trim
from egressaudit.mesh.trust import Trust, TrustedProxy
from egressaudit.mesh.unread import Unread

__all__ = [
    "RESOURCES",
    "Backing",
    "Mesh",
    "ProxyVersion",
    "Resource",
    "Standing",
    "Trust",
    "TrustedProxy",
    "Unread",
    "configured_formats",
    "container_runs",
    "trim",
]
