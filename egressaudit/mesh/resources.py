"""All kinds of objects that a snapshot reads; nothing among them holds secrets.

From this one list follow what a snapshot lists and keeps (`trim`), what it says where a kind could not be read
(`unread`), and the ClusterRole that permits it (`tools/permissions.py`). To add a kind: a `Resource` in the
`RESOURCES` of the module that reads it. A steering API or a mode brings its own.

In: the `RESOURCES` of each module. Out: one list with each kind once.
Example: the `Resource` of ServiceEntries is in `steering/registry.py`, and from there in this list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from egressaudit.mesh import (
    control_planes,
    envoyfilter_shape,
    identity,
    mesh_config,
    network,
    owners,
    pod_shape,
    ranges,
)
from egressaudit.mesh.apis import Resource
from egressaudit.mesh.logging import attachment, telemetry
from egressaudit.mesh.modes import MODES
from egressaudit.mesh.routes import waypoints
from egressaudit.mesh.services import cluster_endpoints, cluster_policy, endpoints, services
from egressaudit.mesh.steering import STEERING, registry

_BASE = (
    *identity.RESOURCES,
    *pod_shape.RESOURCES,
    *services.RESOURCES,
    *ranges.RESOURCES,
    *owners.RESOURCES,
    *endpoints.RESOURCES,
    *registry.RESOURCES,
    *cluster_endpoints.RESOURCES,
    *cluster_policy.RESOURCES,
    *envoyfilter_shape.RESOURCES,
    *telemetry.RESOURCES,
    *attachment.RESOURCES,
    *mesh_config.RESOURCES,
    *control_planes.RESOURCES,
    *waypoints.RESOURCES,
    *network.RESOURCES,
)


def _merged(listed: Iterable[Resource]) -> tuple[Resource, ...]:
    """Each kind once: two modules may read one kind, and then what either needs of it is kept."""
    found: dict[str, Resource] = {}
    for each in listed:
        first = found.setdefault(each.name, each)
        if first is not each:
            more = replace(first, keep=first.keep | each.keep, without=first.without or each.without)
            found[each.name] = more
    return tuple(found.values())


RESOURCES = _merged(
    (
        *_BASE,
        *(resource for steering in STEERING for resource in steering.RESOURCES),
        *(resource for mode in MODES for resource in mode.RESOURCES),
    )
)
