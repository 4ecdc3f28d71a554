"""What the platform's owners declare for each external host: ServiceEntry, and the routes to gateway or waypoint."""

from __future__ import annotations

from typing import Any

from worlds import objects as k8s
from worlds.mesh import PROGRAMMED, Builder
from worlds.model import Host, Object, Proxy

PROTOCOLS = {"http": "HTTP", "tls": "TLS", "tcp": "TCP"}
_ACCEPTED = [
    {"type": "Accepted", "status": "True", "reason": "Accepted"},
    {"type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs"},
]


def declare(builder: Builder, hosts: list[Host]) -> None:
    """Add the objects of all hosts; a gateway made of a Gateway object gets its listeners at the end."""
    listeners: dict[str, list[Object]] = {}
    for number, host in enumerate(hosts):
        if not host.registered:
            continue
        _entry(builder, host, number)
        if host.way in ("gateway", "chain"):
            if host.through[0].api == "istio":
                _istio(builder, host, number)
            else:
                _gateway_api(builder, host, number, listeners)
        elif host.way == "waypoint-gateway":
            _gateway_api(builder, host, number, listeners)
        if host.far_port != host.port:
            _originate(builder, host, number)
    for proxy in builder.world.proxies:
        if proxy.kind == "gateway" and proxy.api == "gateway-api":
            said = listeners.get(proxy.ref) or [
                {"name": "http", "port": 80, "protocol": "HTTP", "hostname": "unused.example.net"}
            ]
            spec = {"gatewayClassName": "istio", "listeners": said}
            builder.world.objects.append(
                k8s.made(k8s.GATEWAY_API, "Gateway", proxy.namespace, proxy.name, spec=spec, status=PROGRAMMED)
            )


def _entry(builder: Builder, host: Host, number: int) -> None:
    ports = [{"number": host.port, "name": f"{host.scheme}-{host.port}", "protocol": PROTOCOLS[host.scheme]}]
    if host.far_port != host.port:
        ports.append(
            {
                "number": host.far_port,
                "name": f"https-{host.far_port}",
                "protocol": "HTTPS" if host.scheme == "tls" else "TLS",
            }
        )
    spec: Object = {"hosts": [host.name], "location": "MESH_EXTERNAL", "ports": ports, "resolution": host.resolution}
    if host.resolution == "STATIC":
        spec["endpoints"] = [{"address": each} for each in host.addresses]
    labels = {}
    if host.way in ("waypoint", "waypoint-gateway"):
        waypoint = host.through[0]
        labels["istio.io/use-waypoint"] = waypoint.name
        if waypoint.namespace != host.namespace:
            labels["istio.io/use-waypoint-namespace"] = waypoint.namespace
    status = {"addresses": [{"host": host.name, "value": host.vip}]}
    if labels:
        status["conditions"] = [{"type": "istio.io/WaypointBound", "status": "True", "reason": "WaypointAccepted"}]
    builder.world.objects.append(
        k8s.made(k8s.ISTIO, "ServiceEntry", host.namespace, f"se-{number}", labels=labels, spec=spec, status=status)
    )


def _originate(builder: Builder, host: Host, number: int) -> None:
    settings = [{"port": {"number": host.far_port}, "tls": {"mode": "SIMPLE", "sni": host.name}}]
    spec = {"host": host.name, "trafficPolicy": {"portLevelSettings": settings}}
    builder.world.objects.append(
        k8s.made(k8s.ISTIO, "DestinationRule", host.namespace, f"originate-{number}", spec=spec)
    )


def _istio(builder: Builder, host: Host, number: int) -> None:
    ns, name = host.namespace, f"egress-{number}"
    kind = host.scheme
    gateways = [f"{each.namespace}/{name}" for each in host.through]
    for each in host.through:
        port: Object = {"number": host.port, "name": f"{kind}-{host.port}", "protocol": PROTOCOLS[kind]}
        server: Object = {"port": port, "hosts": [host.name]}
        if kind == "tls":
            server["tls"] = {"mode": "PASSTHROUGH"}
        spec = {"selector": {"istio": each.name}, "servers": [server]}
        builder.world.objects.append(k8s.made(k8s.ISTIO, "Gateway", each.namespace, name, spec=spec))
    rules = []
    for here, then in zip(["mesh", *gateways], [*host.through, None], strict=True):
        match: Object = {"gateways": [here], "port": host.port}
        if kind == "tls":
            match["sniHosts"] = [host.name]
        target = {"host": then.host if then else host.name, "port": {"number": host.port if then else host.far_port}}
        rules.append({"match": [match], "route": [{"destination": target}]})
    spec = {"hosts": [host.name], "gateways": ["mesh", *gateways], kind: rules}
    builder.world.objects.append(k8s.made(k8s.ISTIO, "VirtualService", ns, name, spec=spec))


def _gateway_api(builder: Builder, host: Host, number: int, listeners: dict[str, list[Object]]) -> None:
    kind = {"http": "HTTPRoute", "tls": "TLSRoute", "tcp": "TCPRoute"}[host.scheme]
    chain = [each for each in host.through if each.kind == "gateway"]
    parents: list[Object] = [{"group": "networking.istio.io", "kind": "ServiceEntry", "name": f"se-{number}"}]
    for gateway in chain:
        section = f"{host.scheme}-{number}"
        listener: Object = {
            "name": section, "port": host.port, "protocol": PROTOCOLS[host.scheme],
            "allowedRoutes": {"namespaces": {"from": "All"}},
        }  # fmt: skip
        if host.scheme != "tcp":
            listener["hostname"] = host.name
        if host.scheme == "tls":
            listener["tls"] = {"mode": "Passthrough"}
        listeners.setdefault(gateway.ref, []).append(listener)
        parents.append(
            {
                "group": "gateway.networking.k8s.io",
                "kind": "Gateway",
                "name": gateway.name,
                "namespace": gateway.namespace,
                "sectionName": section,
            }
        )
    for step, (parent, then) in enumerate(zip(parents, [*chain, None], strict=True)):
        route = _route(kind, host, f"route-{number}-{step}", parent, then)
        builder.world.objects.append(route)


def _route(kind: str, host: Host, name: str, parent: Object, then: Proxy | None) -> Object:
    backend: dict[str, Any]
    if then is None:
        backend = {"group": "networking.istio.io", "kind": "Hostname", "name": host.name, "port": host.far_port}
    else:
        backend = {"group": "", "kind": "Service", "name": then.service, "namespace": then.namespace, "port": host.port}
    rule: Object = {"backendRefs": [backend]}
    if kind == "HTTPRoute":
        rule["matches"] = [{"path": {"type": "PathPrefix", "value": "/"}}]
    spec: Object = {"parentRefs": [parent], "rules": [rule]}
    if kind != "TCPRoute" and parent["kind"] == "Gateway":
        spec["hostnames"] = [host.name]
    status = {"parents": [{"parentRef": parent, "conditions": _ACCEPTED}]}
    return k8s.made(
        "gateway.networking.k8s.io/" + ("v1" if kind == "HTTPRoute" else "v1alpha2"),
        kind,
        host.namespace,
        name,
        spec=spec,
        status=status,
    )
