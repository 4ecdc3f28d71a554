"""The order in which istiod has objects: the oldest first; and what it is not known for.

In: objects. Out: the same, in order. Example: of two ServiceEntries for one host that istiod cannot tell apart by time,
the one whose name sorts first counts.

A snapshot of an older egressaudit has no times of creation, and neither have manifests that were not applied. Then each
order is possible, and `turned` is the world as it would be if names sorted the other way round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from egressaudit.mesh.apis import GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.untyped import moment, number, rows, table, text, words
from egressaudit.mesh.world import World
from egressaudit.model import Step

T = TypeVar("T")
ORDER = "objects whose time of creation is not known count in the order of their names"
"""The condition of an answer that depends on it."""
NEWEST = datetime.max.replace(tzinfo=UTC)

Age = tuple[Any, datetime, str, str]
"""What goes before all else, then when an object was made, its name and its namespace."""


def created(obj: Obj) -> datetime:
    """When an object was made. One that was never applied is made after all that are there: it says no time."""
    return moment(table(obj.raw.get("metadata")).get("creationTimestamp")) or NEWEST


def in_order(world: World, items: Iterable[T], age: Callable[[T], Age]) -> list[T]:
    """Items in istiod's order (istio/istio pilot/pkg/model/config.go configCompareByCreationTime)."""
    listed = sorted(items, key=age)
    if not world.once(_direction).turned:
        return listed
    ages = [age(each) for each in listed]
    places = sorted(range(len(listed)), key=lambda at: (*ages[at][:2], -at if ages[at][1] == NEWEST else at))
    return [listed[at] for at in places]


def turned(world: World) -> World | None:
    """The world in which objects of unknown age count the other way round; None if no order is in doubt."""
    return world.once(_turned)


def in_either_order(world: World, make: Callable[[World], Step]) -> Step:
    """What a proxy does with a call; where an order is in doubt and decides, both answers, the first with a condition.

    `make` says it of a world.
    """
    made = make(world)
    other = turned(world)
    if other is None or (twin := make(other)).choices == made.choices:
        return made
    first = (replace(each, when=(ORDER, *each.when)) for each in made.choices)
    return replace(made, choices=(*first, *twin.choices))


@dataclass(slots=True)
class _Direction:
    turned: bool = False


def _direction(_world: World) -> _Direction:
    return _Direction()


def _turned(world: World) -> World | None:
    if not any(times > 1 for times in Counter(_claims(world)).values()):
        return None
    twin = replace(world, _made={})
    twin.once(_direction).turned = True
    return twin


def _claims(world: World) -> Iterator[tuple[str, str]]:
    """What objects of unknown age claim: a host, a Sidecar's namespace, a Gateway's port, the parent of a route."""
    for kind in ("VirtualService", "ServiceEntry", "DestinationRule", "Sidecar"):
        for each in world.objects.all(ISTIO, kind):
            if created(each) != NEWEST:
                continue
            hosts = words(each.spec.get("hosts")) or (text(each.spec.get("host")) or each.namespace,)
            yield from ((kind, host) for host in dict.fromkeys(hosts))
    for each in world.objects.all(ISTIO, "Gateway"):
        ports = {number(table(server.get("port")).get("number")) for server in rows(each.spec.get("servers"))}
        yield from (("Gateway", str(port)) for port in ports if created(each) == NEWEST)
    for kind in ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"):
        for each in world.objects.all(GATEWAY_API, kind):
            parents = {text(parent.get("name")) for parent in rows(each.spec.get("parentRefs"))}
            yield from (("parent", name) for name in parents if created(each) == NEWEST)
