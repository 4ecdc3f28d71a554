"""Istio APIs: what VirtualServices and Gateways say about one host.

In: a host and port, as a pod sees them. Out: `Ways`. Example: a VirtualService with a rule for `mesh` that sends the
host to the egress gateway's Service, and one for that gateway that sends it on, is one `Steer` and one `Forward`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
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
    HostView,
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
from egressaudit.mesh.untyped import covers, number, picks, rows, table, text, texts, words
from egressaudit.mesh.world import World
from egressaudit.model import Fault, Pod, Target

_USUAL_PORT = {"http": 80, "tls": 443}


_WORDED = ("uri", "method", "authority", "scheme")
"""Conditions whose values are kept: what a request is for, and no secret."""
_NAMED = ("headers", "withoutHeaders", "queryParams")
"""Conditions of which only the names are kept: the values may be tokens."""
_PLAIN = (*ROUTABLE, "name", "destinationSubnets", "ignoreUriCase")
_AUTHORITY = (":authority", "host")


def _without_secrets(kept: dict[str, Any], _obj: Mapping[str, Any]) -> None:
    """Leave of conditions on headers and queries only their names, and of headers that are set only the Host."""
    for rules in table(kept.get("spec")).values():
        for rule in rules if isinstance(rules, list) else ():
            if not isinstance(rule, dict):
                continue
            if isinstance(rule.get("match"), list):
                rule["match"] = [_kept_match(each) for each in rule["match"] if isinstance(each, Mapping)]
            for where in (rule, *rows(rule.get("route"))):
                _keep_authority(where)


def _kept_match(match: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _kept_condition(key, value) for key, value in match.items()}


def _kept_condition(key: str, value: Any) -> Any:
    if key in _PLAIN:
        return value
    if key in _WORDED:
        return {how: said for how, said in texts(value).items() if how in ("exact", "prefix", "regex")}
    return {name: {} for name in table(value)} if key in _NAMED else {}


def _keep_authority(where: Any) -> None:
    """Of the headers that a rule sets, the Host alone: it says where the request goes."""
    if not isinstance(where, dict) or "headers" not in where:
        return
    request = table(table(where["headers"]).get("request"))
    found = {
        how: {key: value for key, value in texts(request.get(how)).items() if key.lower() in _AUTHORITY}
        for how in ("set", "add")
    }
    where["headers"] = {"request": {how: said for how, said in found.items() if said}}
    if not where["headers"]["request"]:
        del where["headers"]


_HEADERS = {"request": {"set": KEEP, "add": KEEP}}
_RULE = {
    "name": KEEP,
    "match": KEEP,
    "route": {"destination": KEEP, "weight": KEEP, "headers": _HEADERS},
    "redirect": {},
    "directResponse": {},
}
# Further tries, and copies of requests (`retries`, `mirrors`).
_HTTP_RULE = {
    **_RULE,
    "retries": TRIES,
    "rewrite": {"authority": KEEP},
    "fault": {"abort": {"percentage": KEEP}},
    "headers": _HEADERS,
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
    "spec": {
        "selector": KEEP,
        "servers": {"port": KEEP, "hosts": KEEP, "bind": KEEP, "tls": {"mode": KEEP, "httpsRedirect": KEEP}},
    },
    "status": STATUS,
}
RESOURCES: tuple[Resource, ...] = (
    Resource(ISTIO, ISTIO_VERSIONS, "gateways", "Gateway", keep=Shape(_GATEWAY, created=True)),
    Resource(
        ISTIO,
        ISTIO_VERSIONS,
        "virtualservices",
        "VirtualService",
        keep=Shape(_SERVICE, created=True, further=(_without_secrets,)),
        without="one may mirror requests to a place that no access log names",
    ),
)


@dataclass(frozen=True, slots=True)
class _Said:
    """What one rule of a VirtualService says of a host, whoever asks."""

    rule: RouteRule
    earlier: tuple[RouteRule, ...]
    """Those of its kind before it."""
    matches: tuple[Match, ...]
    """Those for the mesh; none where it is a rule of gateways alone."""
    to_gateways: tuple[tuple[Obj, Destination], ...]
    """Its destinations that are Services of gateways."""
    strays: tuple[Fault, ...]
    around: tuple[Fault, ...]
    ports: frozenset[int]
    """The ports of the host that it takes."""
    mistaken: Fault | None
    """That it names only ports that the host does not have."""
    rivals: tuple[Obj, ...]
    """Other VirtualServices for the mesh that say as much of the host, or more."""
    forward: Ways


def ways(world: World, source: Pod, target: Target) -> Ways:
    """The rules of VirtualServices for this host that send it to a gateway, or on from one."""
    view = View.of(world, source, target)
    return sum((_steer(view, each) + each.forward for each in world.once(_of_hosts)(target.host)), Ways())


def _of_hosts(world: World) -> Callable[[str], tuple[_Said, ...]]:
    """What the rules say of each host, kept for the next source that asks: of so many hosts as logs may name, a few."""
    return lru_cache(maxsize=1024)(lambda host: tuple(_of_host(HostView(world, host))))


def _of_host(view: HostView) -> Iterator[_Said]:
    for service in virtual_services(view.world.objects, view.host):
        for rule in rules_of(service):
            yield _said(view, rule)


def _said(view: HostView, rule: RouteRule) -> _Said:
    matches = rule.matches(MESH)
    # A rule without `gateways` in its match, in a VirtualService of gateways alone, is a rule of those.
    named = any(words(each.get("gateways")) for each in matches)
    if MESH not in gateways_of(rule.service) and not named:
        matches = ()
    to_gateways, others = [], []
    for each in rule.destinations if matches else ():
        service = service_named(view.world.objects, each.host, rule.service.namespace)
        if service is not None and leads_to_gateway(view.world, service):
            to_gateways.append((service, each))
        else:
            others.append((service, each))
    ports_of_rule, mistaken = _ports_taken(view, rule, matches)
    return _Said(
        rule,
        tuple(rule.earlier),
        matches,
        tuple(to_gateways),
        strays=tuple(
            fault.destination_missing(rule.service, view.host, each.host, field=f"{rule.field}.route")
            for service, each in others
            if service is None and not entries(view.world.objects, each.host) and not covers(each.host, view.host)
        ),
        around=tuple(
            fault.weight_around_gateway(rule.service, each.weight, view.host, each.host, field=f"{rule.field}.route")
            for _, each in others
            if each.weight
        ),
        ports=ports_of_rule,
        mistaken=mistaken,
        rivals=tuple(_rivals(view, rule.service)) if to_gateways else (),
        forward=forward(view, rule),
    )


def _rivals(view: HostView, service: Obj) -> Iterator[Obj]:
    for other in virtual_services(view.world.objects, view.host):
        if (
            other.ref != service.ref
            and MESH in gateways_of(other)
            # The most specific host wins; among equals the oldest VirtualService, which a snapshot does not tell.
            and specificity(other, view.host) >= specificity(service, view.host)
        ):
            yield other


def _steer(view: View, said: _Said) -> Ways:
    if not said.to_gateways:
        return Ways(strays=said.strays if _about(said.matches, view.target) else ())
    faults = (*_not_in_force(view, said), *_conditions(view, said), *said.around)
    return Ways(
        steers=tuple(_one_steer(view, said, service, each, faults) for service, each in said.to_gateways),
        strays=said.strays,
    )


def _about(matches: Iterable[Match], target: Target) -> bool:
    """Whether a rule takes the target's port, as far as its matches say."""
    return any(number(each.get("port")) in (None, target.port) for each in matches)


def _one_steer(view: View, said: _Said, service: Obj, to: Destination, faults: tuple[Fault, ...]) -> Steer:
    rule, own, because = said.rule, list[Fault](), ""
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
        ports=said.ports,
        service_port=to.port,
        because=(because,) if because else (),
        faults=(*faults, *own),
        mistaken=said.mistaken,
    )


def _ports_taken(view: HostView, rule: RouteRule, matches: tuple[Match, ...]) -> tuple[frozenset[int], Fault | None]:
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


def _not_in_force(view: View, said: _Said) -> tuple[Fault, ...]:
    """Why the source's sidecar does not follow a VirtualService at all."""
    service, namespace, faults = said.rule.service, view.source.namespace, list[Fault]()
    if MESH not in gateways_of(service):
        faults.append(fault.mesh_gateway_missing(service))
    if not view.exported(service, namespace):
        faults.append(fault.not_exported(service, namespace))
    if hidden := not_imported(view.world.objects, view.source, service, view.host):
        faults.append(hidden)
    rivals = (each for each in said.rivals if view.exported(each, namespace))
    return (*faults, *(fault.rival_rule(each, view.host, service) for each in rivals))


def _conditions(view: View, said: _Said) -> tuple[Fault, ...]:
    """Why a rule that is in force may still not take this flow."""
    rule, faults = said.rule, list[Fault]()
    if rule.kind not in RULE_KINDS[view.target.scheme]:
        faults.append(fault.rule_blind(rule.service, rule.kind, view.host, view.target.scheme, field=rule.field))
    # Where one of several matches takes the flow whatever it asks for, the others do not matter.
    if len(said.matches) == 1 or not rule.takes(view.source, view.target):
        faults += [every for each in said.matches for every in _of_match(view, rule, each)]
    faults += _shadowed(view, said)
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


def _shadowed(view: View, said: _Said) -> tuple[Fault, ...]:
    """That an earlier rule takes everything, so that this one is never reached."""
    first = next((each for each in said.earlier if each.takes(view.source, view.target)), None)
    if first is None:
        return ()
    return (fault.rule_shadowed(first.index + 1, said.rule.service, view.host, field=first.field),)
