"""Istio APIs: what VirtualServices and Gateways say about one host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from egressaudit.mesh.apis import ISTIO, ISTIO_VERSIONS, Resource
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.services.services import World, full_name, service_named, service_ports
from egressaudit.mesh.shapes import KEEP, STATUS, TRIES, Shape
from egressaudit.mesh.steering.gateways import leads_to_gateway
from egressaudit.mesh.steering.registry import entries, not_imported, ports, ports_of_family
from egressaudit.mesh.steering.ways import RULE_KINDS, Forward, Steer, Ways, missing_port, on_ports
from egressaudit.mesh.values import covers, number, picks, rows, table, text, texts, words
from egressaudit.model import Pod, Target

MESH = "mesh"
"""The name by which a VirtualService means all sidecars."""
_ROUTABLE = ("gateways", "port", "sniHosts", "sourceLabels", "sourceNamespace")
"""The conditions of a match that say which source and port a rule is for, and nothing of the request."""
_USUAL_PORT = {"http": 80, "tls": 443}


def _without_conditions(kept: dict[str, Any], _obj: Mapping[str, Any]) -> None:
    """Leave of a match's other conditions (uri, headers, ...) only that there are some: values may be tokens."""
    for rules in table(kept.get("spec")).values():
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict) and isinstance(rule.get("match"), list):
                rule["match"] = [
                    {key: value if key in _ROUTABLE else {} for key, value in match.items()}
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
    found = Ways()
    for service in virtual_services(world, target.host):
        for kind, index, rule in _rules(service):
            found += _steer(world, source, target, service, kind, index, rule)
            found += _forward(world, target, service, rule)
    return found


def virtual_services(world: World, host: str) -> tuple[Obj, ...]:
    """The VirtualServices that have this host."""
    return tuple(
        each
        for each in world.objects.all(ISTIO, "VirtualService")
        if any(covers(pattern, host) for pattern in words(each.spec.get("hosts")))
    )


def _nearest(vs: Obj, host: str) -> tuple[bool, int]:
    """How specific a VirtualService is about a host: an exact host before any wildcard, a longer one before a short."""
    return max((not each.startswith("*"), len(each)) for each in words(vs.spec.get("hosts")) if covers(each, host))


def gateways_of(service: Obj) -> tuple[str, ...]:
    """The gateways a VirtualService binds to, as `mesh` or `namespace/name`; without a list it is the mesh."""
    return tuple(_gateway_name(each, service.namespace) for each in words(service.spec.get("gateways"))) or (MESH,)


def _gateway_name(name: str, namespace: str) -> str:
    """istio/istio pilot/pkg/model/gateway.go resolveGatewayName: `name`, `./name`, `ns/name`, `name.ns.svc...`."""
    if name == MESH:
        return MESH
    first, slash, rest = name.partition("/")
    if slash:
        return f"{namespace if first == '.' else first}/{rest}"
    short, dot, domain = name.partition(".")
    return f"{domain.split('.')[0]}/{short}" if dot else f"{namespace}/{name}"


def _rules(service: Obj) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    for kind in ("http", "tls", "tcp"):
        for index, rule in enumerate(rows(service.spec.get(kind))):
            yield kind, index, rule


def _matches(rule: Mapping[str, Any], service: Obj, gateway: str) -> tuple[Mapping[str, Any], ...]:
    """The match entries of a rule that apply at a gateway; one empty entry where the rule has none."""
    listed = rows(rule.get("match")) or ({},)
    return tuple(each for each in listed if gateway in _match_gateways(each, service, gateway))


def _match_gateways(match: Mapping[str, Any], service: Obj, otherwise: str) -> tuple[str, ...]:
    named = words(match.get("gateways"))
    return tuple(_gateway_name(each, service.namespace) for each in named) or (otherwise,)


def _destinations(rule: Mapping[str, Any]) -> tuple[tuple[Mapping[str, Any], int], ...]:
    """The destinations of a rule with their weights; a single one carries all."""
    routes = rows(rule.get("route"))
    weights = [number(each.get("weight")) for each in routes]
    if len(routes) == 1:
        weights = [weights[0] or 100]
    return tuple((table(each.get("destination")), weight or 0) for each, weight in zip(routes, weights, strict=True))


# ---------------------------------------------------------------- from the mesh to a gateway


def _steer(world: World, source: Pod, target: Target, vs: Obj, kind: str, index: int, rule: Mapping[str, Any]) -> Ways:
    matches = _matches(rule, vs, MESH)
    # A rule without `gateways` in its match, in a VirtualService of gateways alone, is a rule of those.
    if not matches or (MESH not in gateways_of(vs) and not any(words(each.get("gateways")) for each in matches)):
        return Ways()
    steers, strays, around = [], [], []
    for destination, weight in _destinations(rule):
        host = text(destination.get("host"))
        service = service_named(world.objects, host, vs.namespace)
        if service is not None and leads_to_gateway(world, service):
            steers.append((service, destination))
            continue
        if service is None and not entries(world.objects, host) and not covers(host, target.host):
            strays.append(f"{vs} sends {target.host} to {host or 'no host'}, which is no Service of the mesh")
        if weight:
            around.append(f"{vs} sends {weight}% of {target.host} to {host}, not to the gateway")
    if not steers:
        return Ways(strays=tuple(strays) if _about(matches, target) else ())
    ports, mistaken = _steer_ports(world, target, vs, kind, matches)
    common = (*_not_in_force(world, source, target, vs), *_conditions(source, target, vs, kind, index, matches))
    made = tuple(
        _one_steer(world, source, vs, ports, mistaken, service, destination, (*common, *around))
        for service, destination in steers
    )
    return Ways(steers=made, strays=tuple(strays))


def _about(matches: tuple[Mapping[str, Any], ...], target: Target) -> bool:
    """Whether a rule takes the target's port, as far as its matches say."""
    return any(number(each.get("port")) in (None, target.port) for each in matches)


def _one_steer(
    world: World,
    source: Pod,
    vs: Obj,
    ports: frozenset[int],
    mistaken: str,
    service: Obj,
    destination: Mapping[str, Any],
    gaps: tuple[str, ...],
) -> Steer:
    port = number(table(destination.get("port")).get("number"))
    missing = missing_port(service, port, service_ports(service))
    subset, found = text(destination.get("subset")), list(gaps)
    because: tuple[str, ...] = ()
    if missing:
        found.append(missing)
    if subset:
        host = full_name(text(destination.get("host")), vs.namespace)
        defining = world.objects.subset(subset, host, source.namespace, service.namespace)
        if defining is None:
            found.append(
                f"{vs} names subset {subset} of {host}, which no DestinationRule defines for namespace "
                f"{source.namespace}"
            )
        else:
            because = (str(defining),)
    return Steer(vs, service, ports, port, because, tuple(found), mistaken)


def _steer_ports(
    world: World, target: Target, vs: Obj, kind: str, matches: tuple[Mapping[str, Any], ...]
) -> tuple[frozenset[int], str]:
    """The ports of the host that a rule takes; and where it names only ports that the host lacks, that."""
    known = frozenset(n for entry in entries(world.objects, target.host) for n, _ in ports(entry))
    named = [number(each.get("port")) for each in matches]
    if None in named:
        usual = _USUAL_PORT.get(kind)
        registered = ports_of_family(world.objects, target.host, kind)
        return registered or frozenset({usual} if usual and not known else ()), ""
    wanted = frozenset(n for n in named if n is not None)
    if known and not wanted & known:
        return frozenset(), f"{vs} matches {on_ports(wanted)} in the mesh, which no ServiceEntry of {target.host} has"
    return wanted, ""


def _not_in_force(world: World, source: Pod, target: Target, vs: Obj) -> tuple[str, ...]:
    """Why the source's sidecar does not follow a VirtualService at all."""
    gaps = []
    if MESH not in gateways_of(vs):
        gaps.append(f"{vs} does not list the `{MESH}` gateway, so sidecars do not follow its rules")
    if not world.objects.exported(vs, source.namespace):
        gaps.append(f"{vs} is not exported to namespace {source.namespace}")
    if hidden := not_imported(world.objects, source, vs, target.host):
        gaps.append(hidden)
    rivals = (
        f"{other} has {target.host} for the mesh too; Istio follows only one of it and {vs}"
        for other in virtual_services(world, target.host)
        if other.ref != vs.ref
        and MESH in gateways_of(other)
        and world.objects.exported(other, source.namespace)
        # The most specific host wins; among equals the oldest VirtualService, which a snapshot does not tell.
        and _nearest(other, target.host) >= _nearest(vs, target.host)
    )
    return (*gaps, *rivals)


def _conditions(
    source: Pod, target: Target, vs: Obj, kind: str, index: int, matches: tuple[Mapping[str, Any], ...]
) -> tuple[str, ...]:
    """Why a rule that is in force may still not take this flow."""
    gaps = []
    if kind not in RULE_KINDS[target.scheme]:
        gaps.append(f"{vs} has an {kind} rule for {target.host}, which does not see {target.scheme}")
    for each in matches:
        if others := sorted(key for key in each if key not in _ROUTABLE and key not in ("name", "destinationSubnets")):
            gaps.append(f"{vs} sends {target.host} to the gateway only where {', '.join(others)} match")
        hosts = words(each.get("sniHosts"))
        if kind == "tls" and not any(covers(pattern, target.host) for pattern in hosts):
            gaps.append(f"{vs} has no sniHosts for {target.host} in its tls rule")
        if not picks(texts(each.get("sourceLabels")), source.labels):
            gaps.append(f"{vs} takes only sources with other labels than {source.ref}")
        if (namespace := text(each.get("sourceNamespace"))) and namespace != source.namespace:
            gaps.append(f"{vs} takes only sources of namespace {namespace}")
    if gaps and len(matches) > 1 and _unconditional(source, target, kind, matches):
        gaps = [each for each in gaps if "does not see" in each]
    return (*gaps, *_shadowed(source, target, vs, kind, index))


def _unconditional(source: Pod, target: Target, kind: str, matches: tuple[Mapping[str, Any], ...]) -> bool:
    """Whether one of the matches takes the flow whatever the request says."""
    return any(
        number(each.get("port")) in (None, target.port)
        and all(key in _ROUTABLE or key == "name" for key in each)
        and (kind != "tls" or any(covers(pattern, target.host) for pattern in words(each.get("sniHosts"))))
        and picks(texts(each.get("sourceLabels")), source.labels)
        and text(each.get("sourceNamespace")) in ("", source.namespace)
        for each in matches
    )


def _shadowed(source: Pod, target: Target, vs: Obj, kind: str, index: int) -> tuple[str, ...]:
    """Istio takes the first rule that matches: an earlier one for everything hides this one."""
    for number_of, rule in enumerate(rows(vs.spec.get(kind))[:index]):
        matches = _matches(rule, vs, MESH)
        if matches and _unconditional(source, target, kind, matches):
            return (f"rule {number_of + 1} of {vs} takes {target.host} before the rule that sends it to the gateway",)
    return ()


# ---------------------------------------------------------------- from a gateway to the host


def _forward(world: World, target: Target, vs: Obj, rule: Mapping[str, Any]) -> Ways:
    if not any(_external(world, text(each.get("host")), vs, target) for each, _ in _destinations(rule)):
        return Ways()
    forwards, strays = [], []
    for name in gateways_of(vs):
        matches = _matches(rule, vs, name)
        if name == MESH or not matches:
            continue
        namespace, _, short = name.partition("/")
        gateway = world.objects.one(ISTIO, "Gateway", namespace, short)
        if gateway is None:
            strays.append(f"{vs} names Gateway {name}, which does not exist")
            continue
        forwards.append(_one_forward(world, target, vs, gateway, matches))
    named = {each for match in rows(rule.get("match")) for each in _match_gateways(match, vs, MESH)}
    unbound = sorted(named - {MESH} - set(gateways_of(vs)))
    strays += [f"{vs} has a rule for Gateway {each}, which its `gateways` do not list" for each in unbound]
    return Ways(forwards=tuple(forwards), strays=tuple(strays))


def _external(world: World, host: str, vs: Obj, target: Target) -> bool:
    """Whether a destination is the external host: no Service, and the host itself or one that is registered."""
    if not host or service_named(world.objects, host, vs.namespace) is not None:
        return False
    return covers(host, target.host) or bool(entries(world.objects, host))


def _one_forward(
    world: World, target: Target, vs: Obj, gateway: Obj, matches: tuple[Mapping[str, Any], ...]
) -> Forward:
    serving = {
        n
        for server in rows(gateway.spec.get("servers"))
        if any(_serves(each, target.host, vs, gateway) for each in words(server.get("hosts")))
        and (n := number(table(server.get("port")).get("number"))) is not None
    }
    gaps = []
    if not serving:
        gaps.append(f"{gateway} has no server for {target.host} of namespace {vs.namespace}")
    wanted = {number(each.get("port")) for each in matches}
    ports = frozenset(serving) if None in wanted else frozenset(serving & wanted)
    if serving and not ports:
        asked = on_ports(frozenset(n for n in wanted if n is not None))
        gaps.append(f"{vs} matches {asked} at {gateway}, which serves {target.host} on {on_ports(frozenset(serving))}")
    if not world.objects.exported(vs, gateway.namespace):
        gaps.append(f"{vs} is not exported to namespace {gateway.namespace}")
    if not any(world.objects.exported(each, gateway.namespace) for each in entries(world.objects, target.host)):
        gaps += [
            f"{each} is not exported to namespace {gateway.namespace}, where the gateway is"
            for each in entries(world.objects, target.host)
        ]
    return Forward(vs, gateway, ports, tuple(gaps))


def _serves(listed: str, host: str, vs: Obj, gateway: Obj) -> bool:
    """A server host: `host`, or `namespace/host` for VirtualServices of that namespace (`.`: the gateway's, `*`)."""
    namespace, slash, pattern = listed.partition("/")
    if not slash:
        return covers(listed, host)
    wanted = gateway.namespace if namespace == "." else namespace
    return wanted in ("*", vs.namespace) and covers(pattern, host)
