"""What the configuration says about one host and port: the way that is meant, held against the way that istiod makes.

    meant (what the objects want) ─┐
                                   ├──▶ Claim
    routes (what the proxies do) ──┘

In: a world, a pod, a target. Out: `Claim(Path.VIA_GATEWAY, via=egress/gw, because=(...), faults=(...))`. Example: a
VirtualService without `mesh` means the gateway, and the sidecar sends straight to the host; the claim is the gateway,
with the fault that explains it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from egressaudit.addresses import host_matches
from egressaudit.mesh import way_fault_texts as fault
from egressaudit.mesh.pods import gateway_of
from egressaudit.mesh.routes.ages import ORDER
from egressaudit.mesh.routes.follow import way
from egressaudit.mesh.steering.gateways import template_gateway, templates
from egressaudit.mesh.steering.meant import meant, of_proxies
from egressaudit.mesh.steering.registry import entries
from egressaudit.mesh.steering.way_faults import way_faults
from egressaudit.mesh.world import World
from egressaudit.model import (
    Act,
    Call,
    Claim,
    Fault,
    ObjectRef,
    Path,
    Pod,
    Reporter,
    RouteDestination,
    Scheme,
    Target,
    Way,
    WayEnd,
)

Ends = tuple[WayEnd, ...]
_STATUS = "condition-false"
"""What a controller itself said counts, whatever we make of the same objects."""


def claim(world: World, source: Pod, target: Target) -> Claim:
    """What the configuration says about one host and port, as seen from a pod; path None if it claims nothing.

    Where every way that istiod makes of it leaves through one gateway or waypoint, that is the claim. Else it is what
    was meant, with the faults that are in the way.
    """
    said = meant(world, source, target)
    found = way(world, source, call_of(target))
    ends = found.ends
    last = None if found.first is None else _carrier(world, found, ends)
    if last is None:
        of_steps = (each for step in found.steps for each in step.faults)
        known = (*said.faults, *of_proxies(world, source, said))
        faults = _once((*known, *way_faults(ends, target.host, said.path, explained=bool(known)), *of_steps))
        return replace(said, faults=faults, way=found if found.first else None, rivalled=_is_rivalled(ends))
    kept = tuple(each for each in said.faults if each.slug == _STATUS)
    if said.via == last.ref and said.path is last.path:
        because, passing = said.because, said.passing
    else:
        because, passing = _because(world, ends, target), _others(ends, last.ref)
    made = Claim(last.path, last.ref, _pods(world, last), because, passing=passing, way=found)
    faults = _once((*kept, *_elsewhere(ends, target), *of_proxies(world, source, made)))
    return replace(made, faults=faults)


def _once(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(dict.fromkeys(faults))


def call_of(target: Target) -> Call:
    """The call that a client makes to a target. An empty path is one that is not known."""
    sni = target.host if target.scheme is Scheme.HTTPS else ""
    return Call(target.host, target.port, target.scheme, sni=sni, path=target.path or None)


def _is_rivalled(ends: Ends) -> bool:
    """Whether it leaves through one gateway or another by an order that the snapshot does not tell."""
    last = {end.proxies[-1] for end in ends if end.proxies}
    return len(last) > 1 and any(ORDER in end.when for end in ends)


@dataclass(frozen=True, slots=True)
class _Carrier:
    path: Path
    ref: ObjectRef
    reporter: Reporter


def _carrier(world: World, found: Way, ends: Ends) -> _Carrier | None:
    """The gateway or waypoint through which all of it leaves; None where some does not, or where it is not proven.

    What may be refused or answered on the way goes around nothing.
    """
    counted = [each for each in ends if not _is_none_of_it(found, each)]
    leaving = [each for each in counted if each.to is not None or each.choice.act is Act.PASSTHROUGH]
    stopped = [each for each in counted if each not in leaving]
    if not found.complete or not leaving or not all(each.when for each in stopped):
        return None
    if not all(each.to is not None and _outside(each.to) for each in leaving):
        return None
    last = {(each.passed[-1].reporter, each.passed[-1].proxy) for each in leaving}
    if len(last) != 1:
        return None
    [(reporter, ref)] = last
    if reporter.path is None or not _is_proven(world, reporter, ref):
        return None
    return _Carrier(reporter.path, ref, reporter)


def _is_none_of_it(found: Way, end: WayEnd) -> bool:
    """Whether an end is a client's that has the address from elsewhere: what is meant is meant for the mesh's own."""
    by_ztunnel = end.passed[-1].reporter is Reporter.ZTUNNEL and end.choice.act is Act.PASSTHROUGH
    return by_ztunnel and found.first is not None and any(each.to for each in found.first.step.choices)


def _outside(to: RouteDestination) -> bool:
    return bool(to.host) and not to.host.endswith(".svc.cluster.local")


def _is_proven(world: World, reporter: Reporter, ref: ObjectRef) -> bool:
    if any(gateway_of(pod) == ref for pod in world.proxies.get(reporter, ())):
        return True
    return any(template_gateway(world, each) == ref for each in templates(world, reporter))


def _pods(world: World, carrier: _Carrier) -> tuple[Pod, ...]:
    running = world.proxies.get(carrier.reporter, ())
    return tuple(pod for pod in running if pod.ready and gateway_of(pod) == carrier.ref)


def _because(world: World, ends: Ends, target: Target) -> tuple[str, ...]:
    known = [str(each) for each in entries(world.objects, target.host)]
    rules = [rule.object for end in ends for rule in end.rules]
    return tuple(dict.fromkeys((*known, *rules)))


def _others(ends: Ends, last: ObjectRef) -> tuple[ObjectRef, ...]:
    return tuple(dict.fromkeys(each for end in ends for each in end.proxies if each != last))


def _elsewhere(ends: Ends, target: Target) -> Iterable[Fault]:
    """That a gateway sends it on to another host than was called, and no rule says that it is that host's."""
    for end in ends:
        if end.to is not None and end.rules and not _is_meant(end, end.to, target):
            yield fault.sent_to_other_host(end.rules[-1], target.host, end.to.host)


def _is_meant(end: WayEnd, to: RouteDestination, target: Target) -> bool:
    return host_matches(to.host, target.host) or bool(end.choice.tunnel) or end.choice.authority == to.host
