"""The mesh as its configuration describes it: a snapshot of objects, and what they say about one host.

    objects ──▶ trim ──▶ Mesh ──▶ pods, roles, modes, logging  who is there, and whether the mesh sees its traffic
                          ├─────▶ places, services             where an address leads, what is behind a host
                          └─────▶ steering                     which way a host should leave, and what is wrong with it

`resources.RESOURCES` is the one list of what is read; a snapshot, its permissions and what it lacks follow from it.
`steering.STEERING` and `modes.MODES` are the two lists to which something is added.
Pure: no I/O. Objects come from a cluster that others write to, so nothing here trusts their shape.
"""

from egressaudit.mesh.apis import Resource
from egressaudit.mesh.control_planes import NamedPlanes
from egressaudit.mesh.identity import made_from
from egressaudit.mesh.logging.log_formats import configured_formats
from egressaudit.mesh.logging.versions import ProxyVersion, Standing
from egressaudit.mesh.mesh import Mesh
from egressaudit.mesh.objects import planes_in_doubt, still_to_read
from egressaudit.mesh.pods import container_runs
from egressaudit.mesh.resources import RESOURCES
from egressaudit.mesh.services.backends import Backing
from egressaudit.mesh.trim import trim
from egressaudit.mesh.trust import Trust, TrustedProxy
from egressaudit.mesh.unread import Unread

__all__ = [
    "RESOURCES",
    "Backing",
    "Mesh",
    "NamedPlanes",
    "ProxyVersion",
    "Resource",
    "Standing",
    "Trust",
    "TrustedProxy",
    "Unread",
    "configured_formats",
    "container_runs",
    "made_from",
    "planes_in_doubt",
    "still_to_read",
    "trim",
]
