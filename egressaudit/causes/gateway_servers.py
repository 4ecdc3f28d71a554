"""What the Gateways of a flow's gateway serve, where they do not take it: the port, the host, TLS, a rule behind it.

A port of Istio's Gateways without a filter chain has no listener (istio/istio pilot/pkg/networking/core/gateway.go), so
a connection is refused whether the port, the host, the TLS mode or the rule is missing: the objects tell which.

In: `Symptoms`. Out: `Because`, e.g. of `host_not_served`: "Gateway egress/docs serves port 443 for other.example.com".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from egressaudit.addresses import port_of
from egressaudit.causes.cause_rule import Because
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.apis import GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.steering.gateways import gateway_pods
from egressaudit.mesh.steering.istio_rules import RouteRule, gateways_of, rules_of, virtual_services
from egressaudit.mesh.untyped import covers, number, rows, table, text, words
from egressaudit.model import Scheme

Server = tuple[Obj, Mapping[str, Any]]

_PASSING = ("PASSTHROUGH", "AUTO_PASSTHROUGH")


def _selecting(seen: Symptoms) -> Iterator[Obj]:
    """Istio's Gateways that configure a pod of the expected gateway."""
    refs = {pod.ref for pod in seen.mesh.pods if seen.via is not None and pod.gateway == seen.via}
    for each in seen.mesh.world.objects.all(ISTIO, "Gateway"):
        if refs & {pod.ref for pod in gateway_pods(seen.mesh.world, each)}:
            yield each


def _on_port(seen: Symptoms) -> list[Server]:
    """The servers on the port to which the source sent it: the Service's, or the one that this leads to."""
    line = seen.source_line
    if line is None:
        return []
    ports = {line.get("cluster_port"), port_of(line.text("upstream_host"))} - {None}
    return [
        (gateway, server)
        for gateway in _selecting(seen)
        for server in rows(gateway.spec.get("servers"))
        if number(table(server.get("port")).get("number")) in ports
    ]


def _for_host(seen: Symptoms) -> list[Server]:
    return [each for each in _on_port(seen) if any(_covers(host, seen) for host in words(each[1].get("hosts")))]


def _covers(listed: str, seen: Symptoms) -> bool:
    return covers(listed.rpartition("/")[2], seen.target.host)


def _mode(server: Mapping[str, Any]) -> str:
    return text(table(server.get("tls")).get("mode"))


def host_not_served(seen: Symptoms) -> Because | None:
    """That the Gateway has a server on the port, and it is not for the host or not for TLS that is passed on."""
    on_port, for_host = _on_port(seen), _for_host(seen)
    if on_port and not for_host:
        gateway, server = on_port[0]
        named = ", ".join(words(server.get("hosts"))) or "no host"
        said = f"{gateway} serves port {_port(server)} for {named}, not for {seen.target.host}"
        return Because((said,), (str(gateway),), "spec.servers[].hosts")
    ending = [each for each in for_host if _mode(each[1]) not in (*_PASSING, "")]
    if seen.target.scheme is not Scheme.HTTPS or len(ending) < len(for_host) or not ending:
        return None
    kinds = {rule.kind for gateway, _ in ending for rule in _behind(seen, gateway)}
    if "tls" not in kinds:
        return None
    gateway, server = ending[0]
    said = f"{gateway} ends TLS on port {_port(server)} ({_mode(server)}), and the rule at it is for TLS that passes"
    return Because((said,), (str(gateway),), "spec.servers[].tls.mode")


def rule_missing(seen: Symptoms) -> Because | None:
    """That the Gateway serves the host on the port, and no rule at it leads on."""
    for_host = _for_host(seen)
    if not for_host or host_not_served(seen):
        return None
    port = _port(for_host[0][1])
    behind = [rule for gateway, _ in for_host for rule in _behind(seen, gateway)]
    wanted = "http" if seen.target.scheme is Scheme.HTTP else "tls"
    if any(rule.kind in (wanted, "tcp") for rule in behind):
        return None
    gateway = for_host[0][0]
    services = tuple(str(each) for each in virtual_services(seen.mesh.world.objects, seen.target.host))
    said = f"{gateway} serves {seen.target.host} on port {port}, and no {wanted} rule at it leads on"
    return Because((said,), (*services, str(gateway)), f"spec.{wanted}")


def route_missing(seen: Symptoms) -> Because | None:
    """That the Gateway of the Gateway API has a listener for TLS that passes, and no route is attached to it.

    istiod makes a listener of Envoy of the routes for TLS, not of the Gateway (istio/istio
    pilot/pkg/networking/core/gateway.go): without one the port is closed.
    """
    line, objects = seen.source_line, seen.mesh.world.objects
    if line is None or seen.target.scheme is Scheme.HTTP or seen.via is None:
        return None
    ports = {line.get("cluster_port"), port_of(line.text("upstream_host"))} - {None}
    gateway = objects.one(GATEWAY_API, "Gateway", seen.via.namespace, seen.via.name)
    listeners = rows(gateway.spec.get("listeners")) if gateway is not None else ()
    there = [each for each in listeners if number(each.get("port")) in ports]
    if gateway is None or not there or any(_attached(route, gateway, seen) for route in _tls_routes(seen)):
        return None
    said = f"{gateway} has a listener on port {number(there[0].get('port'))}, and no TLSRoute for {seen.target.host}"
    return Because((said,), (str(gateway),), "spec.parentRefs")


def _tls_routes(seen: Symptoms) -> Iterator[Obj]:
    for kind in ("TLSRoute", "TCPRoute"):
        yield from seen.mesh.world.objects.all(GATEWAY_API, kind)


def _attached(route: Obj, gateway: Obj, seen: Symptoms) -> bool:
    parents = rows(route.spec.get("parentRefs"))
    to_it = any(
        text(each.get("kind") or "Gateway") == "Gateway"
        and text(each.get("name")) == gateway.name
        and (text(each.get("namespace")) or route.namespace) == gateway.namespace
        for each in parents
    )
    hosts = words(route.spec.get("hostnames"))
    return to_it and (not hosts or any(covers(each, seen.target.host) for each in hosts))


def plaintext_to_tls(seen: Symptoms) -> Because | None:
    """That the source sends plaintext to a server that expects TLS: its connection has no SNI."""
    line = seen.proxy_line
    if line is None or line.text("requested_server_name") or seen.target.scheme is not Scheme.HTTP:
        return None
    ending = [each for each in _for_host(seen) if _mode(each[1]) not in (*_PASSING, "")]
    if not ending or len(ending) < len(_for_host(seen)):
        return None
    gateway, server = ending[0]
    said = f"{gateway} expects TLS on port {_port(server)} ({_mode(server)}), and the source sent plaintext"
    return Because((said,), (*_rules_to(seen), str(gateway)), "spec.trafficPolicy.tls")


def _rules_to(seen: Symptoms) -> tuple[str, ...]:
    """The DestinationRules on the way, as far as the claim names them."""
    return tuple(each for each in seen.claim.because if each.startswith("DestinationRule "))


def _behind(seen: Symptoms, gateway: Obj) -> Iterator[RouteRule]:
    """The rules at a Gateway for the host."""
    name = f"{gateway.namespace}/{gateway.name}"
    for service in virtual_services(seen.mesh.world.objects, seen.target.host):
        if name in gateways_of(service):
            yield from (rule for rule in rules_of(service) if rule.matches(name))


def _port(server: Mapping[str, Any]) -> int | None:
    return number(table(server.get("port")).get("number"))
