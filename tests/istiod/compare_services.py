"""What istiod tells ztunnel of services, against what the model says that it tells.

In: the world of a case, and istiod's answer. Out: `Disagreement`s. Example: a ServiceEntry that istiod binds to no
waypoint, and the model to `egress/waypoint`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from egressaudit.mesh.routes.ambient_services import AmbientService, AmbientServices
from egressaudit.mesh.routes.waypoints import Waypoint, conditions
from egressaudit.mesh.world import World
from istiod.disagreement import Disagreement

Told = dict[str, Any]


def of_services(world: World, case: str, answer: Mapping[str, Any]) -> Iterator[Disagreement]:
    """The services of which they say something else, or that only one of them knows."""
    if "services" not in answer:
        return
    theirs = {f"{each['namespace']}/{each['hostname']}": istiod_tells(each) for each in answer["services"]}
    found = (each for several in AmbientServices.of(world).by_host.values() for each in several)
    ours = {f"{each.namespace}/{each.host}": model_tells(each) for each in found}
    for name in sorted({*theirs, *ours}):
        told, said = theirs.get(name, {}), ours.get(name, {})
        if told != said:
            keys = [key for key in {**told, **said} if told.get(key) != said.get(key)]
            classes = (_class(told, keys), _class(said, keys))
            yield Disagreement(case, "service", name, str(told), str(said), classes)


def istiod_tells(said: Mapping[str, Any]) -> Told:
    """A service of the program's answer."""
    weighted = said.get("weighted") or ({said["waypoint"]: 100} if said.get("waypoint") else {})
    return {
        "source": said["source"],
        "addresses": sorted(said.get("addresses", ())),
        "ports": sorted(said.get("ports", ())),
        "bound": said.get("bound", ""),
        "shares": {name: share for name, share in weighted.items() if share},
        "conditions": {key: (one["status"], one["reason"]) for key, one in sorted(said.get("conditions", {}).items())},
    }


def model_tells(service: AmbientService) -> Told:
    """The same of a service of the model."""
    binding = service.binding
    return {
        "source": str(service.origin),
        "addresses": sorted([*service.addresses, *map(str, service.ranges)]),
        "ports": sorted(f"{port}:{target}" for port, target in service.ports.items()),
        "bound": "" if binding.waypoint is None else str(binding.waypoint.ref),
        "shares": {_found_by(waypoint): share for waypoint, share in binding.shares},
        "conditions": dict(sorted(conditions(binding, service.origin, service.host).items())),
    }


def _found_by(waypoint: Waypoint) -> str:
    return f"{waypoint.ref.namespace}/{waypoint.host}" if waypoint.host else waypoint.address


def _class(told: Told, keys: list[str]) -> str:
    return ", ".join(keys) if told else "not there"
