"""Fixes at an egress gateway of Istio's APIs: its selector, Service, servers, subsets, and the rules for it.

In: `Wrong`. Out: fixes. Example: a host whose rule is for port 80 alone gets the rules, server and port for 443.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.fixes.fix import Fix, FixRule
from egressaudit.fixes.gateway_parts import (
    gateway_service,
    is_mutual,
    istio_gateways,
    others_of,
    own_subset,
    rules,
    rules_change,
    server_change,
    service_port,
    takes_mutual,
)
from egressaudit.fixes.known_hosts import port_change, wanted_port
from egressaudit.fixes.wrong import Wrong, change, few, spec
from egressaudit.manifests import Change, ExternalPort, Manifest, pointer
from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.services.services import full_name
from egressaudit.mesh.steering.istio_rules import MESH, RouteRule, gateways_of, rules_of, virtual_services
from egressaudit.mesh.untyped import number, rows, texts, words


def _name(host: str, port: ExternalPort) -> str:
    return f"{host.replace('.', '-')[:50].rstrip('-')}-{port.number}"


def new_port(wrong: Wrong, slug: str) -> Iterator[Fix]:
    """The whole way of one more port, beside the rules that there are."""
    port = wanted_port(wrong)
    for rule in list(wrong.rules_to_gateway())[:1]:
        service, gateways = gateway_service(wrong, rule), istio_gateways(wrong, rule.service)
        if port is None or service is None or len(gateways) != 1:
            continue
        gateway, name = gateways[0], _name(wrong.host, port)
        mutual = port.protocol.family != "tls"
        to = {
            "host": f"{service.name}.{service.namespace}.svc.cluster.local",
            "subset": name,
            "port": {"number": port.number},
        }
        new = rules(wrong.host, port, to, f"{gateway.namespace}/{gateway.name}")
        changes = [
            *(made for each in wrong.entries[:1] if (made := port_change(each, port)) is not None),
            service_port(service, port),
            server_change(gateway, wrong.host, port, mutual=mutual),
            rules_change(rule.service, port, new, f"Leads port {port.number} to the gateway, and on to the host."),
        ]
        affects = [f"sidecars in these namespaces follow it: {few(wrong.namespaces_that_see(rule.service))}"]
        if others := others_of(gateway, wrong.host, port):
            affects.append(f"{gateway} serves {few(others)} on port {port.number} too: look at what changes for them")
        subset = own_subset(service, name, wrong.host, port, mutual=mutual)
        listed = tuple(each for each in changes if each is not None)
        title = f"lead {wrong.host}:{port.number} through {service} as {rule.service} does for other ports"
        yield Fix(slug, title, (subset,), listed, (), tuple(affects))


def _rule_port(wrong: Wrong) -> Iterator[Fix]:
    yield from new_port(wrong, "rule-port")


def _rule_kind(wrong: Wrong) -> Iterator[Fix]:
    """A tls rule for TLS, http for HTTP; where only sniHosts are missing, those."""
    for rule in wrong.rules_to_gateway():
        if rule.kind == "tls" and wrong.found.port is not None:
            operations = [
                {"op": "add", "path": pointer("spec", "tls", rule.index, "match", n, "sniHosts"), "value": [wrong.host]}
                for n, each in enumerate(rows(rule.body.get("match")))
                if not words(each.get("sniHosts"))
            ]
            if operations:
                made = change(rule.service, operations, f"Matches the server name {wrong.host}.")
                affects = (f"TLS to {wrong.host} follows it from {few(wrong.namespaces_that_see(rule.service))}",)
                yield Fix("rule-kind", f"match the server name in {rule.service}", (), (made,), (), affects)
                return
    yield from new_port(wrong, "rule-kind")


# ---------------------------------------------------------------- the gateway itself


def _selector(wrong: Wrong) -> Iterator[Fix]:
    gateway, rule = wrong.object("Gateway"), next(wrong.rules_to_gateway(), None)
    service = gateway_service(wrong, rule) if rule is not None else wrong.object("Service")
    if gateway is None or service is None or gateway.group != ISTIO:
        return
    wanted, having = texts(service.spec.get("selector")), texts(gateway.spec.get("selector"))
    if not wanted or wanted == having:
        return
    selector = {**dict.fromkeys(having, None), **wanted}
    said = f"Selects the pods behind {service}."
    made = change(gateway, spec(selector=selector), said)
    hosts = [host for each in rows(gateway.spec.get("servers")) for host in words(each.get("hosts"))]
    affects = (
        f"the pods behind {service} serve all hosts of {gateway}: {few(hosts)}",
        f"pods with the labels {few(f'{key}={value}' for key, value in having.items())} serve them no longer",
    )
    yield Fix("gateway-selector", f"let {gateway} select the pods behind {service}", changes=(made,), affects=affects)


def _gateway_port(wrong: Wrong) -> Iterator[Fix]:
    """What does not listen: the Service lacks the port, or the Gateway makes no listener of it.

    Without a server for the host, or a rule from there on, istiod makes no listener, and connections are refused.
    """
    found = list(service_port_fix(wrong)) or list(_server(wrong)) or list(route_at_gateway(wrong))
    yield from (Fix("gateway-port", each.title, each.manifests, each.changes, (), each.affects) for each in found)


def service_port_fix(wrong: Wrong) -> Iterator[Fix]:
    """The port that the gateway's Service lacks."""
    service, port = wrong.object("Service"), wanted_port(wrong)
    rule = next(wrong.rules_for_the_port(), None)
    if service is None and rule is not None:
        service = gateway_service(wrong, rule)
    if service is None or port is None:
        return
    asked = {each.port for each in rule.destinations} if rule is not None else set()
    number_asked = next((each for each in asked if each is not None), port.number)
    made = service_port(service, ExternalPort(number_asked, port.protocol))
    if made is not None:
        affects = (f"who may reach {service} may use the port; the gateway needs a server for it",)
        yield Fix("gateway-port", f"add port {number_asked} to {service}", changes=(made,), affects=affects)


def _server(wrong: Wrong) -> Iterator[Fix]:
    """What the gateway takes fits to what sidecars send."""
    port = wanted_port(wrong)
    for rule in list(wrong.rules_for_the_port())[:1]:
        service = gateway_service(wrong, rule)
        if service is None or port is None:
            continue
        sent = rule.destinations[0]
        at = ExternalPort(sent.port or port.number, port.protocol)
        mutual = is_mutual(wrong, service, sent.subset, at.number) or False
        for gateway in istio_gateways(wrong, rule.service):
            if not mutual and takes_mutual(gateway, at):
                # The sender is what has to change: without mTLS the gateway would know no identity.
                yield from _mutual(wrong)
                continue
            made = server_change(gateway, wrong.host, at, mutual=mutual)
            if made is not None:
                others = others_of(gateway, wrong.host, at)
                affects = (f"other hosts of {gateway} on port {at.number}: {few(others)}",)
                yield Fix("gateway-server", f"let {gateway} take {wrong.host}", (), (made,), (), affects)


def route_at_gateway(wrong: Wrong) -> Iterator[Fix]:
    """Bind the rule to the Gateway that serves the host, and give it a rule from there."""
    port = wanted_port(wrong)
    for vs in virtual_services(wrong.objects, wrong.host):
        steering = [each for each in rules_of(vs) if each.matches(MESH)]
        named = sorted({name for each in rules_of(vs) for name in each.named_gateways} - {MESH} - {*gateways_of(vs)})
        affects = (f"the gateway forwards {wrong.host} for everybody whom it serves",)
        if named:
            made = change(vs, spec(gateways=[*words(vs.spec.get("gateways")), *named]), f"Adds {', '.join(named)}.")
            yield Fix("gateway-route", f"bind {vs} to {', '.join(named)}", changes=(made,), affects=affects)
        elif steering and port is not None:
            yield from _missing_rule(wrong, vs, port, affects)


def _missing_rule(wrong: Wrong, vs: Obj, port: ExternalPort, affects: tuple[str, ...]) -> Iterator[Fix]:
    for gateway in istio_gateways(wrong, vs):
        at = f"{gateway.namespace}/{gateway.name}"
        there = [each for each in rules_of(vs) if _takes(each, at, port)]
        if there:
            continue
        [_, onward] = rules(wrong.host, port, {}, at)
        made = rules_change(vs, port, [onward], f"Sends {wrong.host} on from {gateway}.")
        yield Fix("gateway-route", f"send {wrong.host} on from {gateway}", changes=(made,), affects=affects)


def _takes(rule: RouteRule, gateway: str, port: ExternalPort) -> bool:
    if rule.kind != port.protocol.family or gateway not in rule.named_gateways:
        return False
    return any(number(each.get("port")) in (None, port.number) for each in rule.matches(gateway))


# ---------------------------------------------------------------- DestinationRules of the gateway


def _subset(wrong: Wrong) -> Iterator[Fix]:
    """The subset that a rule names, where every sidecar sees it: beside the gateway's Service."""
    for rule in wrong.rules_to_gateway():
        service = gateway_service(wrong, rule)
        for each in rule.destinations:
            if service is None or not each.subset or _defined(wrong, service, each.subset):
                continue
            made = Manifest(
                {
                    "apiVersion": "networking.istio.io/v1",
                    "kind": "DestinationRule",
                    "metadata": {"name": f"{service.name}-{each.subset}"[:63], "namespace": service.namespace},
                    "spec": {"host": full_name(service.name, service.namespace), "subsets": [{"name": each.subset}]},
                },
                (f"Defines subset {each.subset} of the gateway's Service, all pods of it.",),
            )
            others = few(name for name in _using(wrong, each.subset) if name != str(rule.service))
            affects = (f"other rules that name subset {each.subset} of {service} and work from then on: {others}",)
            yield Fix("subset", f"define subset {each.subset} of {service}", (made,), affects=affects)


def _using(wrong: Wrong, subset: str) -> Iterator[str]:
    for service in wrong.objects.all(ISTIO, "VirtualService"):
        if any(each.subset == subset for rule in rules_of(service) for each in rule.destinations):
            yield str(service)


def _defined(wrong: Wrong, service: Obj, subset: str) -> bool:
    """Whether the Service's own namespace has it, for the source to see."""
    if wrong.found.source is None:
        return False
    client, host = wrong.found.source.namespace, full_name(service.name, service.namespace)
    found = wrong.objects.subset(subset, host, client, service.namespace)
    return found is not None and found.namespace == service.namespace


def _mutual(wrong: Wrong) -> Iterator[Fix]:
    """MTLS on the leg to the gateway, on both of its ends, by a subset of the host's own."""
    port = wanted_port(wrong)
    for rule in list(wrong.rules_to_gateway())[:1]:
        service, gateways = gateway_service(wrong, rule), istio_gateways(wrong, rule.service)
        if service is None or port is None or port.protocol.family == "tls" or len(gateways) != 1:
            continue
        sent = rule.destinations[0]
        at = ExternalPort(sent.port or port.number, port.protocol)
        name = _name(wrong.host, at)
        path = pointer("spec", rule.kind, rule.index, "route", 0, "destination")
        operations = [
            {"op": "test", "path": f"{path}/host", "value": sent.host},
            {"op": "add", "path": f"{path}/subset", "value": name},
        ]
        listed: list[Change | None] = [
            change(rule.service, operations, f"Sends to subset {name}, with mTLS."),
            server_change(gateways[0], wrong.host, at, mutual=True),
        ]
        others = others_of(gateways[0], wrong.host, at)
        affects = [f"sidecars in these namespaces send with mTLS: {few(wrong.namespaces_that_see(rule.service))}"]
        if others:
            affects.append(f"{few(others)} on port {at.number} of {gateways[0]} need mTLS from then on too")
        subset = own_subset(service, name, wrong.host, at, mutual=True)
        made = tuple(each for each in listed if each is not None)
        yield Fix("mutual-tls", f"use mTLS from sidecars to {service}", (subset,), made, (), tuple(affects))


ROWS: tuple[FixRule, ...] = (
    FixRule("rule-port", _rule_port),
    FixRule("rule-kind", _rule_kind),
    FixRule("gateway-selector", _selector),
    FixRule("gateway-port", _gateway_port),
    FixRule("gateway-server", _server),
    FixRule("subset", _subset),
    FixRule("mutual-tls", _mutual),
)
