"""Istio APIs: what VirtualServices and Gateways say about one host.

In: a host and port, as a pod sees them. Out: `Ways`. Example: a VirtualService with a rule for `mesh` that sends the
host to the egress gateway's Service, and one for that gateway that sends it on, is one `Steer` and one `Forward`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import ISTIO, ISTIO_VERSIONS, Resource
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.services.services import full_name, service_named, service_ports
from egressaudit.mesh.shapes import KEEP, STATUS, TRIES, Shape
from egressaudit.mesh.steering.gateways import leads_to_gateway
from egressaudit.mesh.steering.istio_gateways import forward
from egressaudit.mesh.steering.istio_rules import (
    MESH,
    ROUTABLE,
    Destination,
    Match,
    RouteRule,
    View,
    gateways_of,
    has_sni,
    rules_of,
    specificity,
    virtual_services,
)
from egressaudit.mesh.steering.registry import entries, not_imported, ports, ports_of_family
from egressaudit.mesh.steering.ways import RULE_KINDS, Steer, Ways, missing_port, on_ports
from egressaudit.mesh.untyped import covers, number, picks, table, text, texts, words
from egressaudit.mesh.world import World
from egressaudit.model import Fault, Pod, Target

_USUAL_PORT = {"http": 80, "tls": 443}


def _without_conditions(kept: dict[str, Any], _obj: Mapping[str, Any]) -> None:
    """Leave of a match's other conditions (uri, headers, ...) only that there are some: values may be tokens."""
    for rules in table(kept.get("spec")).values():
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict) and isinstance(rule.get("match"), list):
                rule["match"] = [
                    {key: value if key in ROUTABLE else {} for key, value in match.items()}
                    for match in rule["match"]
                    if isinstance(match, Mapping)
                ]


# Header values in rewrites may be tokens: of a route only its destinations are kept.
_RULE = {
    "name": KEEP,
    "match": KEEP,
    "route": {"destination": KEEP, "weight": KEEP},
    "redirect": {},
    "directResponse": {},
}
# Further tries, and copies of requests (`retries`, `mirrors`).
_HTTP_RULE = {
    **_RULE,
    "retries": TRIES,
    "delegate": {"name": KEEP, "namespace": KEEP},
    "mirror": KEEP,
    "mirrors": {"destination": KEEP, "percentage": KEEP},
    "mirrorPercentage": KEEP,
    "mirrorPercent": KEEP,
    "mirror_percent": KEEP,
}
_SERVICE = {
    "spec": {"hosts": KEEP, "gateways": KEEP, "exportTo": KEEP, "http": _HTTP_RULE, "tls": _RULE, "tcp": _RULE},
}
_GATEWAY = {
    "spec": {"selector": KEEP, "servers": {"port": KEEP, "hosts": KEEP, "tls": {"mode": KEEP}}},
    "status": STATUS,
}
RESOURCES: tuple[Resource, ...] = (
    Resource(ISTIO, ISTIO_VERSIONS, "gateways", "Gateway", keep=Shape(_GATEWAY)),
    Resource(
        ISTIO,
        ISTIO_VERSIONS,
        "virtualservices",
        "VirtualService",
        keep=Shape(_SERVICE, further=(_without_conditions,)),
        without="one may mirror requests to a place that no access log names",
    ),
)


def ways(world: World, source: Pod, target: Target) -> Ways:
    """The rules of VirtualServices for this host that send it to a gateway, or on from one."""
    view, found = View(world, source, target), Ways()
    for service in virtual_services(world.objects, target.host):
        for rule in rules_of(service):
            found += _steer(view, rule) + forward(view, rule)
    return found


def _steer(view: View, rule: RouteRule) -> Ways:
    matches = rule.matches(MESH)
    # A rule without `gateways` in its match, in a VirtualService of gateways alone, is a rule of those.
    named = any(words(each.get("gateways")) for each in matches)
    if not matches or (MESH not in gateways_of(rule.service) and not named):
        return Ways()
    to_gateways, others = [], []
    for each in rule.destinations:
        service = service_named(view.world.objects, each.host, rule.service.namespace)
        if service is not None and leads_to_gateway(view.world, service):
            to_gateways.append((service, each))
        else:
            others.append((service, each))
    strays = tuple(
        fault.destination_missing(rule.service, view.host, each.host, field=f"{rule.field}.route")
        for service, each in others
        if service is None and not entries(view.world.objects, each.host) and not covers(each.host, view.host)
    )
    if not to_gateways:
        return Ways(strays=strays if _about(matches, view.target) else ())
    around = tuple(
        fault.weight_around_gateway(rule.service, each.weight, view.host, each.host, field=f"{rule.field}.route")
        for _, each in others
        if each.weight
    )
    taken, mistaken = _ports_taken(view, rule, matches)
    faults = (*_not_in_force(view, rule.service), *_conditions(view, rule, matches), *around)
    made = (_one_steer(view, rule, service, each, faults) for service, each in to_gateways)
    return Ways(steers=tuple(replace(each, ports=taken, mistaken=mistaken) for each in made), strays=strays)


def _about(matches: Iterable[Match], target: Target) -> bool:
    """Whether a rule takes the target's port, as far as its matches say."""
    return any(number(each.get("port")) in (None, target.port) for each in matches)


def _one_steer(view: View, rule: RouteRule, service: Obj, to: Destination, faults: tuple[Fault, ...]) -> Steer:
    own, because = [], ""
    if missing := missing_port(service, to.port, service_ports(service)):
        own.append(missing)
    if to.subset:
        namespace, host = view.source.namespace, full_name(to.host, rule.service.namespace)
        defining = view.world.objects.subset(to.subset, host, namespace, service.namespace)
        if defining is None:
            own.append(fault.subset_undefined(rule.service, to.subset, host, namespace, field=f"{rule.field}.route"))
        else:
            because = str(defining)
    return Steer(
        rule=rule.service,
        service=service,
        ports=frozenset(),
        service_port=to.port,
        because=(because,) if because else (),
        faults=(*faults, *own),
    )


def _ports_taken(view: View, rule: RouteRule, matches: tuple[Match, ...]) -> tuple[frozenset[int], Fault | None]:
    """The ports of the host that a rule takes; and where it names only ports that the host lacks, that."""
    known = frozenset(n for entry in view.entries() for n, _ in ports(entry))
    named = [number(each.get("port")) for each in matches]
    if None in named:
        usual = _USUAL_PORT.get(rule.kind)
        registered = ports_of_family(view.world.objects, view.host, rule.kind)
        return registered or frozenset({usual} if usual and not known else ()), None
    wanted = frozenset(n for n in named if n is not None)
    if known and not wanted & known:
        return frozenset(), fault.matched_port_missing(
            rule.service, on_ports(wanted), view.host, field=f"{rule.field}.match"
        )
    return wanted, None


def _not_in_force(view: View, service: Obj) -> tuple[Fault, ...]:
    """Why the source's sidecar does not follow a VirtualService at all."""
    namespace, faults = view.source.namespace, []
    if MESH not in gateways_of(service):
        faults.append(fault.mesh_gateway_missing(service))
    if not view.exported(service, namespace):
        faults.append(fault.not_exported(service, namespace))
    if hidden := not_imported(view.world.objects, view.source, service, view.host):
        faults.append(hidden)
    rivals = (
        fault.rival_rule(other, view.host, service)
        for other in virtual_services(view.world.objects, view.host)
        if other.ref != service.ref
        and MESH in gateways_of(other)
        and view.exported(other, namespace)
        # The most specific host wins; among equals the oldest VirtualService, which a snapshot does not tell.
        and specificity(other, view.host) >= specificity(service, view.host)
    )
    return (*faults, *rivals)


def _conditions(view: View, rule: RouteRule, matches: tuple[Match, ...]) -> tuple[Fault, ...]:
    """Why a rule that is in force may still not take this flow."""
    faults = []
    if rule.kind not in RULE_KINDS[view.target.scheme]:
        faults.append(fault.rule_blind(rule.service, rule.kind, view.host, view.target.scheme, field=rule.field))
    # Where one of several matches takes the flow whatever it asks for, the others do not matter.
    if len(matches) == 1 or not rule.takes(view.source, view.target):
        faults += [every for each in matches for every in _of_match(view, rule, each)]
    faults += _shadowed(view, rule)
    return tuple(faults)


def _of_match(view: View, rule: RouteRule, match: Match) -> Iterator[Fault]:
    """Why one match may not take this flow."""
    service, source, place = rule.service, view.source, rule.field_of(match)
    if others := sorted(key for key in match if key not in ROUTABLE and key not in ("name", "destinationSubnets")):
        yield fault.match_conditional(service, view.host, others, field=place)
    if rule.kind == "tls" and not has_sni(match, view.host):
        yield fault.sni_hosts_missing(service, view.host, field=place)
    if not picks(texts(match.get("sourceLabels")), source.labels):
        yield fault.other_source_labels(service, source.ref, field=f"{place}.sourceLabels")
    if (namespace := text(match.get("sourceNamespace"))) and namespace != source.namespace:
        yield fault.other_source_namespace(service, namespace, field=f"{place}.sourceNamespace")


def _shadowed(view: View, rule: RouteRule) -> tuple[Fault, ...]:
    """That an earlier rule takes everything, so that this one is never reached."""
    first = next((each for each in rule.earlier if each.takes(view.source, view.target)), None)
    if first is None:
        return ()
    return (fault.rule_shadowed(first.index + 1, rule.service, view.host, field=first.field),)
