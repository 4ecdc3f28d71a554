"""Random chains of the Istio APIs: a VirtualService from the sources to a gateway, and from it to the host.

In: a mesh, a host that has a ServiceEntry. Out: objects in it. Example: `chain(mesh, "docs.example.com")` adds a
Gateway, a VirtualService and DestinationRules.
"""

from __future__ import annotations

from typing import Any

from istiod.draw_services import entry, gateway_rule, originates, plain, subset
from istiod.mesh import Mesh
from istiod.objects import GATEWAY_HOST, HOSTS, NAMESPACES, Manifest, obj

GATEWAY = "egress/istio-egressgateway"
PROXY = "egress/gw-1"
SELECTOR = {"istio": "egressgateway"}


def chain(mesh: Mesh, host: str) -> None:
    """The whole way of a host, by one of the patterns that Istio's documentation has."""
    mesh.gateway()
    pattern = mesh.dice.weighed({http: 4, passthrough: 3, wrapped: 3, by_bytes: 1})
    pattern(mesh, host)


def http(mesh: Mesh, host: str) -> None:
    """HTTP on both legs; the gateway may originate TLS."""
    server = {"port": {"number": 80, "name": "http", "protocol": mesh.dice.weighed({"HTTP": 6, "HTTP2": 1, "GRPC": 1})}}
    _gateway(mesh, host, server)
    target = mesh.dice.weighed({80: 3, 443: 2})
    rules = [_first(mesh, host, 80, 80), _second(mesh, host, 80, target)]
    _finish(mesh, host, {"http": rules}, "")
    if target == 443:
        originates(mesh, host)
    plain_call = {"host": host, "port": 8080, "scheme": "http"}
    mesh.arrives(PROXY, plain_call, plain_call, {**plain_call, "tls": "mtls"})


def wrapped(mesh: Mesh, host: str) -> None:
    """HTTP in the mesh's TLS to the gateway, which opens it, and originates TLS to the host."""
    tls = {"mode": "ISTIO_MUTUAL"} if mesh.dice.chance(80) else {"mode": "SIMPLE", "credentialName": "cert"}
    _gateway(mesh, host, {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "tls": tls})
    rules = [_first(mesh, host, 80, 443), _second(mesh, host, 443, 443)]
    _finish(mesh, host, {"http": rules}, "ISTIO_MUTUAL")
    originates(mesh, host)
    call = {"host": host, "port": 8443, "scheme": "http", "tls": "mtls", "sni": host}
    mesh.arrives(PROXY, call, call, {**call, "tls": "tls"}, {"host": host, "port": 8443, "scheme": "https"})


def passthrough(mesh: Mesh, host: str) -> None:
    """TLS of the client's own, chosen by its server name on both legs."""
    dice = mesh.dice
    protocol = dice.weighed({"TLS": 5, "HTTPS": 1})
    _gateway(mesh, host, {"port": {"number": 443, "name": "tls", "protocol": protocol}, "tls": {"mode": "PASSTHROUGH"}})
    first = {
        "match": [{"gateways": ["mesh"], "port": 443, "sniHosts": [host]}],
        "route": [{"destination": _to_gateway(mesh, 443)}],
    }
    second = {
        "match": [{"gateways": [_gateway_name(mesh)], "port": 443, "sniHosts": [host]}],
        "route": [{"destination": {"host": host, "port": {"number": 443}}, **dice.maybe(50, "weight", 100)}],
    }
    _finish(mesh, host, {"tls": [first, second]}, "")
    call = {"host": host, "port": 8443, "scheme": "https"}
    mesh.arrives(PROXY, call, call, {**call, "scheme": "http"})


def by_bytes(mesh: Mesh, host: str) -> None:
    """Bytes, wrapped in the mesh's TLS to the gateway."""
    tls = {"mode": "ISTIO_MUTUAL"}
    protocol = mesh.dice.one("TLS", "TCP")
    server: Manifest = {"port": {"number": 443, "name": "bytes", "protocol": protocol}}
    _gateway(mesh, host, {**server, "tls": tls} if protocol == "TLS" else server)
    port = mesh.dice.one(443, 9000)
    first = {"match": [{"gateways": ["mesh"], "port": port}], "route": [{"destination": _to_gateway(mesh, 443)}]}
    second = {
        "match": [{"gateways": [_gateway_name(mesh)], "port": 443}],
        "route": [{"destination": {"host": host, "port": {"number": port}}}],
    }
    if mesh.dice.chance(50) and port == 443:
        first = {**first, "match": [{"gateways": ["mesh"], "port": 443, "sniHosts": [host]}]}
        _finish(mesh, host, {"tls": [first], "tcp": [second]}, "ISTIO_MUTUAL")
    else:
        _finish(mesh, host, {"tcp": [first, second]}, "ISTIO_MUTUAL")
    call = {"host": host, "port": 8443, "scheme": "tcp", "tls": "mtls", "sni": host}
    mesh.arrives(PROXY, call, {**call, "scheme": "https"}, {"host": host, "port": 8443, "scheme": "tcp"})


# ---------------------------------------------------------------- parts


def _gateway(mesh: Mesh, host: str, server: Manifest) -> None:
    dice = mesh.dice
    hosts = dice.weighed({(host,): 6, ("*",): 1, (f"*/{host}",): 1, (f"./{host}",): 1, (host, HOSTS[1]): 1})
    made = {**server, "hosts": [*dict.fromkeys(hosts)]}
    known = next(
        (each for each in mesh.objects if each["kind"] == "Gateway" and each["apiVersion"].startswith("networking")),
        None,
    )
    if known and dice.chance(60):
        made["port"] = {**made["port"], "name": f"{made['port']['name']}-{len(known['spec']['servers'])}"}
        known["spec"]["servers"].append(made)
        return
    name = GATEWAY if known is None else f"egress/{plain(host)}"
    mesh.add(obj("Gateway", name, {"selector": dict(SELECTOR), "servers": [made]}))


def _gateway_name(mesh: Mesh) -> str:
    known = [each["metadata"]["name"] for each in mesh.objects if each["kind"] == "Gateway"]
    return f"egress/{known[-1] if known else 'istio-egressgateway'}"


def _to_gateway(mesh: Mesh, port: int) -> Manifest:
    dice = mesh.dice
    return {"host": GATEWAY_HOST, **dice.maybe(70, "subset", "docs"), **dice.maybe(90, "port", {"number": port})}


def _first(mesh: Mesh, host: str, port: int, gateway_port: int) -> Manifest:
    """The rule of the sources."""
    dice = mesh.dice
    match = {"gateways": ["mesh"], "port": port, **_condition(mesh, 15)}
    routes: list[Manifest] = [{"destination": _to_gateway(mesh, gateway_port)}]
    if dice.chance(15):
        share = dice.one(10, 50, 99)
        routes[0]["weight"] = share
        routes.append({"destination": {"host": host, "port": {"number": port}}, "weight": 100 - share})
    return {"match": [match], "route": routes, **_extra(mesh)}


def _second(mesh: Mesh, host: str, gateway_port: int, port: int) -> Manifest:
    """The rule of the gateway."""
    match = {"gateways": [_gateway_name(mesh)], "port": gateway_port, **_condition(mesh, 10)}
    to = {"destination": {"host": host, "port": {"number": port}}}
    return {"match": [match], "route": [{**to, **mesh.dice.maybe(40, "weight", 100)}], **_extra(mesh)}


def _condition(mesh: Mesh, percent: int) -> Manifest:
    """Something that a request must have."""
    if not mesh.dice.chance(percent):
        return {}
    return mesh.dice.one(
        {"uri": {"prefix": "/api"}}, {"uri": {"exact": "/status"}}, {"uri": {"regex": "/v[0-9]+/.*"}},
        {"method": {"exact": "GET"}}, {"headers": {"x-canary": {"exact": "1"}}}, {"sourceLabels": {"app": "curl"}},
        {"withoutHeaders": {"x-old": {}}}, {"queryParams": {"q": {"exact": "1"}}}, {"sourceNamespace": "other"},
        {"uri": {"prefix": "/API"}, "ignoreUriCase": True}, {"authority": {"exact": HOSTS[0]}},
    )  # fmt: skip


def _extra(mesh: Mesh) -> Manifest:
    dice = mesh.dice
    made: Manifest = {}
    if dice.chance(6):
        made["mirror"] = {"host": dice.one(*HOSTS)}
    if dice.chance(6):
        made["fault"] = {"abort": {"httpStatus": 503, "percentage": {"value": dice.one(100, 50, 0.5)}}}
    if dice.chance(6):
        made["rewrite"] = {"authority": dice.one(*HOSTS)}
    if dice.chance(6):
        made["headers"] = {"request": {"set": {dice.one("x-a", ":authority", "Host"): "one.test"}}}
    if dice.chance(10):
        made["retries"] = {"attempts": 2, "perTryTimeout": "2s"}
    if dice.chance(8):
        made["name"] = dice.one("first", "way")
    return made


def _finish(mesh: Mesh, host: str, rules: dict[str, Any], tls: str) -> None:
    """The VirtualService around rules, and the gateway's DestinationRule."""
    dice = mesh.dice
    gateways = dice.weighed({("mesh", _gateway_name(mesh)): 8, ("mesh",): 1, (_gateway_name(mesh),): 1})
    spec = {"hosts": [host], "gateways": [*gateways], **rules}
    if dice.chance(15):
        spec["exportTo"] = dice.one(["."], ["*"], ["app", "egress"], ["egress"])
    namespace = dice.weighed({"egress": 3, "app": 3, "istio-system": 1, "other": 1})
    if "http" in rules and dice.chance(12):
        spec["http"] = _delegated(mesh, host, spec["http"], namespace)
    mesh.add(obj("VirtualService", f"{namespace}/{plain(host)}", spec))
    if dice.chance(85):
        gateway_rule(mesh, [subset(mesh, "docs", tls), *([subset(mesh, "api")] if dice.chance(20) else [])])


def _delegated(mesh: Mesh, host: str, rules: list[Manifest], namespace: str) -> list[Manifest]:
    """The last rule, in a VirtualService of its own."""
    *rest, last = rules
    home = mesh.dice.one(namespace, "egress")
    inner = {key: value for key, value in last.items() if key != "match"}
    if mesh.dice.chance(50):
        inner["match"] = [mesh.dice.one({"uri": {"prefix": "/api"}}, {"headers": {"x-canary": {"exact": "1"}}})]
    mesh.add(
        obj("VirtualService", f"{home}/part-{plain(host)}", {"http": [inner], **mesh.dice.maybe(20, "exportTo", ["."])})
    )
    outer = {key: last[key] for key in ("match", "name") if key in last}
    return [*rest, {**outer, "delegate": {"name": f"part-{plain(host)}", "namespace": home}}]


# ---------------------------------------------------------------- beside the chain


def direct(mesh: Mesh, host: str) -> None:
    """A VirtualService of the sources alone: to the host, to another one, to nowhere."""
    dice = mesh.dice
    port = dice.one(80, 443, 8080)
    to = dice.one(host, *HOSTS, "nowhere.test", "web.app.svc.cluster.local")
    routes = [{"destination": {"host": to, **dice.maybe(60, "port", {"number": port})}}]
    kind = dice.weighed({"http": 6, "tls": 2, "tcp": 1})
    rule: Manifest = {"route": routes}
    if kind == "tls":
        rule["match"] = [{"port": 443, "sniHosts": [host]}]
    elif dice.chance(60):
        rule["match"] = [{"port": port, **(_condition(mesh, 50) if kind == "http" else {})}]
    if kind == "http" and dice.chance(15):
        rule = {**rule, "redirect": {"uri": "/x"}}
        rule.pop("route")
    if kind == "http" and dice.chance(15):
        rule = {**rule, "directResponse": {"status": 404}}
        rule.pop("route", None)
        rule.pop("redirect", None)
    hosts = dice.weighed({(host,): 5, ("*.example.com",): 1, (host, "one.test"): 1, ("*",): 1})
    where = f"{dice.one(*NAMESPACES)}/direct-{plain(host)}"
    spec = {
        "hosts": [*dict.fromkeys(hosts)],
        kind: [rule, *([{"route": routes}] if kind == "http" and dice.chance(30) else [])],
    }
    mesh.add(obj("VirtualService", where, {**spec, **dice.maybe(15, "exportTo", ["."])}))


def sidecar(mesh: Mesh) -> None:
    """A Sidecar of a workload, of a namespace, or of the mesh."""
    dice = mesh.dice
    hosts = dice.one(
        ["*/*"],
        ["./*"],
        ["egress/*", "istio-system/*"],
        ["*/docs.example.com"],
        ["./*", "egress/*"],
        ["*/*.example.com"],
    )
    egress: Manifest = {"hosts": hosts}
    if dice.chance(15):
        egress["port"] = {
            "number": dice.one(80, 443, 9000),
            "protocol": dice.one("HTTP", "TLS", "TCP"),
            "name": "bound",
        }
    spec: Manifest = {"egress": [egress]}
    if dice.chance(25) and "port" in egress:
        spec["egress"].append({"hosts": ["*/*"]})
    if dice.chance(35):
        spec["outboundTrafficPolicy"] = {"mode": dice.one("REGISTRY_ONLY", "ALLOW_ANY")}
        if dice.chance(40):
            proxy = {"host": GATEWAY_HOST, "port": {"number": 443}, **dice.maybe(40, "subset", "docs")}
            spec["outboundTrafficPolicy"] = {"mode": "ALLOW_ANY", "egressProxy": proxy}
    if dice.chance(30):
        spec["workloadSelector"] = {"labels": {"app": dice.one("curl", "shop")}}
    where = dice.weighed({"app/default": 4, "other/default": 1, "istio-system/default": 2})
    if where.startswith("istio-system"):
        spec.pop("workloadSelector", None)
    mesh.add(obj("Sidecar", where, spec))


def second_entry(mesh: Mesh, host: str) -> None:
    """Another ServiceEntry for the host, in any namespace."""
    entry(mesh, host, f"{mesh.dice.one(*NAMESPACES)}/again-{plain(host)}")
