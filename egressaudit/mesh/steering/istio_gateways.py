"""Istio Gateways: which rules of a VirtualService send a host on from a gateway, and on which ports.

In: one `RouteRule`, and the host. Out: `Ways` with a `Forward` for each Gateway that the rule is for.
"""

from __future__ import annotations

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.services.services import service_named
from egressaudit.mesh.steering.istio_rules import MESH, HostView, Match, RouteRule, gateways_of
from egressaudit.mesh.steering.registry import entries
from egressaudit.mesh.steering.ways import Forward, Ways, on_ports
from egressaudit.mesh.untyped import covers, number, rows, table, words


def forward(view: HostView, rule: RouteRule) -> Ways:
    """The halves of a way from each gateway that a rule is for to the external host."""
    service = rule.service
    if not any(_is_external(view, each.host, service) for each in rule.destinations):
        return Ways()
    forwards, strays = [], []
    for name in gateways_of(service):
        matches = rule.matches(name)
        if name == MESH or not matches:
            continue
        namespace, _, short = name.partition("/")
        gateway = view.world.objects.one(ISTIO, "Gateway", namespace, short)
        if gateway is None:
            strays.append(fault.gateway_missing(service, name))
        else:
            forwards.append(_one_forward(view, rule, gateway, matches))
    unbound = sorted(rule.named_gateways - {MESH} - set(gateways_of(service)))
    strays += [fault.gateway_not_listed(service, each) for each in unbound]
    return Ways(forwards=tuple(forwards), strays=tuple(strays))


def _is_external(view: HostView, host: str, service: Obj) -> bool:
    """Whether a destination is the external host: no Service, and the host itself or one that is registered."""
    if not host or service_named(view.world.objects, host, service.namespace) is not None:
        return False
    return covers(host, view.host) or bool(entries(view.world.objects, host))


def _one_forward(view: HostView, rule: RouteRule, gateway: Obj, matches: tuple[Match, ...]) -> Forward:
    service = rule.service
    serving, faults = _served(view.host, service, gateway), []
    if not serving:
        faults.append(fault.server_missing(gateway, view.host, service.namespace))
    wanted = {number(each.get("port")) for each in matches}
    taken = serving if None in wanted else serving & wanted
    if serving and not taken:
        asked = on_ports(frozenset(n for n in wanted if n is not None))
        faults.append(
            fault.served_on_other_port(
                service, asked, gateway, view.host, on_ports(serving), field=f"{rule.field}.match"
            )
        )
    if not view.exported(service, gateway.namespace):
        faults.append(fault.not_exported_to_gateway(service, gateway.namespace))
    if not any(view.exported(each, gateway.namespace) for each in view.entries()):
        faults += [fault.not_exported_to_gateway(each, gateway.namespace) for each in view.entries()]
    return Forward(service, gateway, taken, tuple(faults))


def _served(host: str, service: Obj, gateway: Obj) -> frozenset[int]:
    """The ports on which a Gateway serves a host for a VirtualService."""
    return frozenset(
        n
        for server in rows(gateway.spec.get("servers"))
        if any(_serves(each, host, service, gateway) for each in words(server.get("hosts")))
        and (n := number(table(server.get("port")).get("number"))) is not None
    )


def _serves(listed: str, host: str, service: Obj, gateway: Obj) -> bool:
    """A server host: `host`, or `namespace/host` for VirtualServices of that namespace (`.`: the gateway's, `*`)."""
    namespace, slash, pattern = listed.partition("/")
    if not slash:
        return covers(listed, host)
    wanted = gateway.namespace if namespace == "." else namespace
    return wanted in ("*", service.namespace) and covers(pattern, host)
