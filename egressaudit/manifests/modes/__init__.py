"""The modes in which a mesh sends a host through a proxy. Each is a file with one function, and a line in `MODES`.

In: what is wanted, and what is already there. Out: the manifests of one mode, in the order in which to read them.
Example: `manifests(wanted, "istio-apis", site)` are ServiceEntry, Gateway, DestinationRule and VirtualService.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from egressaudit.manifests.changes import Change
from egressaudit.manifests.documents import Manifest
from egressaudit.manifests.modes import by_gateway_api, by_istio_apis, by_waypoint
from egressaudit.manifests.site import Site
from egressaudit.manifests.wanted import Wanted

MODES: Mapping[str, Callable[[Wanted, Site], tuple[Manifest | Change, ...]]] = {
    "istio-apis": by_istio_apis.manifests,
    "gateway-api": by_gateway_api.manifests,
    "ambient": by_waypoint.manifests,
}


def manifests(wanted: Wanted, mode: str, site: Site) -> tuple[Manifest | Change, ...]:
    """Everything that sends the wanted hosts through the gateway. UsageError, if the mode cannot do what is wanted."""
    return MODES[mode](wanted, site)
