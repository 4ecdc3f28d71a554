"""Manifests for a new external host: everything that sends it through a gateway or waypoint. Nothing is applied.

In: the hosts, their ports, the gateway, the mode. Out: objects in the order in which to read them, or YAML of them.
Example: `manifests(Wanted(...), "ambient")` are a ServiceEntry with a waypoint's label, and the waypoint.
"""

from egressaudit.manifests.changes import Change, Merge, Operations, pointer, resource
from egressaudit.manifests.documents import Manifest, as_yaml, comment
from egressaudit.manifests.existing import replaced, site_of
from egressaudit.manifests.modes import MODES, manifests
from egressaudit.manifests.site import Site, usual_site
from egressaudit.manifests.wanted import ExternalPort, Protocol, Wanted

__all__ = [
    "MODES",
    "Change",
    "ExternalPort",
    "Manifest",
    "Merge",
    "Operations",
    "Protocol",
    "Site",
    "Wanted",
    "as_yaml",
    "comment",
    "manifests",
    "pointer",
    "replaced",
    "resource",
    "site_of",
    "usual_site",
]
