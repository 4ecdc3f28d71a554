"""Fixes that write a whole way: hosts that nothing leads to a gateway or waypoint.

In: `Wrong`. Out: what `egressaudit generate` would write, fitted to the mesh. Example: an ambient source and one
waypoint: a ServiceEntry with its label. Which gateway is known if one was expected, or if there is only one.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.errors import UsageError
from egressaudit.fixes.fix import Fix, FixRule
from egressaudit.fixes.gateway_ways import new_port
from egressaudit.fixes.known_hosts import entry_port, port_change, wanted_port
from egressaudit.fixes.waypoint_labels import admission, labelled
from egressaudit.fixes.wrong import Wrong
from egressaudit.manifests import Change, Manifest, Wanted, manifests, site_of
from egressaudit.mesh.apis import GATEWAY_API
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.pods import gateway_of
from egressaudit.mesh.services.services import selected
from egressaudit.model import DataplaneMode, ObjectRef


def _whole_way(wrong: Wrong) -> Iterator[Fix]:
    yield from _by_mode(wrong, "whole-way")


def _service_entry(wrong: Wrong) -> Iterator[Fix]:
    yield from _by_mode(wrong, "service-entry")


def _for_sidecars(wrong: Wrong) -> Iterator[Fix]:
    """A gateway for sources with sidecars, which use no waypoint."""
    yield from through_gateway(wrong, "gateway-for-sidecars")


def _entry_port(wrong: Wrong) -> Iterator[Fix]:
    """The port of the ServiceEntry; and where a gateway is meant that nothing leads the port to, the rest of the way.

    With the port alone, it would leave directly.
    """
    if wrong.found.via is None or wrong.found.via in wrong.waypoints() or any(wrong.rules_for_the_port()):
        yield from entry_port(wrong)
    elif any(wrong.rules_to_gateway()):
        yield from new_port(wrong, "entry-port")
    else:
        yield from through_gateway(wrong, "entry-port")


def _by_mode(wrong: Wrong, slug: str) -> Iterator[Fix]:
    if wrong.source is not None and wrong.source.mode is DataplaneMode.AMBIENT:
        yield from _through_waypoint(wrong, slug)
    else:
        yield from through_gateway(wrong, slug)


def _through_waypoint(wrong: Wrong, slug: str) -> Iterator[Fix]:
    there, via, port = wrong.waypoints(), wrong.found.via, wanted_port(wrong)
    waypoint = via if via in there else there[0] if len(there) == 1 else None
    if waypoint is None or port is None:
        return
    affects = (f"all ambient sources reach {wrong.host} through {waypoint} from then on",)
    title = f"lead {wrong.host} through waypoint {waypoint}"
    if wrong.entries:
        entry = wrong.entries[0]
        gateway = wrong.objects.one(GATEWAY_API, "Gateway", waypoint.namespace, waypoint.name)
        let_in = None if gateway is None else admission(gateway, entry.namespace)
        made = [labelled(entry, waypoint, entry.namespace), port_change(entry, port), let_in]
        yield Fix(slug, title, changes=tuple(each for each in made if each is not None), affects=affects)
        return
    for new in _generated(wrong, "ambient", waypoint, waypoint.namespace):
        yield Fix(slug, title, tuple(each for each in new if isinstance(each, Manifest)), affects=affects)


def through_gateway(wrong: Wrong, slug: str) -> Iterator[Fix]:
    """The way of the host and port through the mesh's egress gateway."""
    gateway = _gateway(wrong)
    if gateway is None:
        return
    mode, ref = gateway
    namespace = wrong.entries[0].namespace if len(wrong.entries) == 1 else ref.namespace
    ports: tuple[Change, ...] = ()
    port = wanted_port(wrong)
    if wrong.entries and port is not None and (made := port_change(wrong.entries[0], port)) is not None:
        ports = (made,)
    for new in _generated(wrong, mode, ref, namespace):
        # A second ServiceEntry of the host would be a rival of the first.
        kept = [each for each in new if not (each.kind == "ServiceEntry" and wrong.entries)]
        objects = tuple(each for each in kept if isinstance(each, Manifest))
        changes = (*ports, *(each for each in kept if isinstance(each, Change)))
        affects = (f"all sidecars that see the rules reach {wrong.host} through {ref} from then on",)
        yield Fix(slug, f"lead {wrong.host} through {ref}", objects, changes, (), affects)


def _gateway(wrong: Wrong) -> tuple[str, ObjectRef] | None:
    """The mode and the name of the gateway to use, as `generate` takes them."""
    services = [each for each in wrong.gateway_services() if wrong.found.via in (None, *_names(wrong, each))]
    if len(services) != 1:
        return None
    service = services[0]
    for ref in _names(wrong, service):
        if wrong.objects.one(GATEWAY_API, "Gateway", ref.namespace, ref.name) is not None:
            return "gateway-api", ref
    return "istio-apis", service.ref


def _names(wrong: Wrong, service: Obj) -> tuple[ObjectRef, ...]:
    """The names of the gateway behind a Service: its own, and those of the proven pods behind it."""
    pods = (gateway_of(pod) for pod in selected(wrong.mesh.world, service) if pod.role is not None)
    return tuple(dict.fromkeys((*pods, service.ref)))


def _generated(wrong: Wrong, mode: str, ref: ObjectRef, namespace: str) -> Iterator[tuple[Manifest | Change, ...]]:
    port = wanted_port(wrong)
    if port is None:
        return
    try:
        wanted = Wanted.of([wrong.host], [f"{port.number}/{port.protocol}"], str(ref), namespace)
        yield manifests(wanted, mode, site_of(wanted, mode, mesh=wrong.mesh))
    except UsageError:
        # Not a host that can be led: an address, or a name that is no host's.
        return


ROWS: tuple[FixRule, ...] = (
    FixRule("entry-port", _entry_port),
    FixRule("service-entry", _service_entry),
    FixRule("whole-way", _whole_way),
    FixRule("gateway-for-sidecars", _for_sidecars),
)
