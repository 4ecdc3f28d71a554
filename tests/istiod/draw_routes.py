"""Random chains of the Gateway API: routes of ServiceEntries and Services to a Gateway, and of it to the hosts.

In: a mesh, a host that has a ServiceEntry. Out: objects in it. Example: `chain(mesh, "docs.example.com", entry)` adds a
GatewayClass, a Gateway with its Service and pod, and two HTTPRoutes.
"""

from __future__ import annotations

from typing import Any

from istiod.draw_services import plain
from istiod.mesh import Mesh, Proxy
from istiod.objects import GATEWAY_API, GATEWAY_NAME, HOSTS, NAMESPACES, SE_GROUP, Manifest, obj, service

NAME = "egress-gateway"
SERVICE = f"{NAME}-istio"
PROXY = f"egress/{SERVICE}-1"
KINDS = {"http": "HTTPRoute", "grpc": "GRPCRoute", "tls": "TLSRoute", "tcp": "TCPRoute"}


def chain(mesh: Mesh, host: str, entry: Manifest) -> None:
    """The whole way of a host."""
    dice = mesh.dice
    numbers = [each["number"] for each in entry["spec"]["ports"]]
    kind = dice.weighed({"http": 5, "grpc": 1, "tls": 2, "tcp": 1})
    port = {"tls": 443, "tcp": 9000}.get(kind, 80)
    gateway(mesh, host, kind, port)
    _first(mesh, host, entry, kind, port)
    _second(mesh, host, kind, dice.one(*numbers) if dice.chance(20) else (port if port in numbers else numbers[0]))
    _arrive(mesh, host, kind, port)


def gateway(mesh: Mesh, host: str, kind: str, port: int) -> None:
    """The Gateway, its class, its Service and its pod."""
    dice = mesh.dice
    protocol = {"tls": "TLS", "tcp": "TCP"}.get(kind, dice.weighed({"HTTP": 6, "HTTPS": 1}))
    listener: Manifest = {"name": f"{kind}-{port}", "port": port, "protocol": protocol}
    if protocol != "TCP":
        listener |= dice.maybe(75, "hostname", dice.weighed({host: 5, "*.example.com": 1}))
    if protocol in ("TLS", "HTTPS"):
        listener["tls"] = {"mode": "Passthrough"} if protocol == "TLS" else dict(_TERMINATE)
    if dice.chance(60):
        listener["allowedRoutes"] = {"namespaces": _allowed(mesh)}
    mesh.add(obj("GatewayClass", "istio", {"controllerName": "istio.io/gateway-controller"}))
    known = next(
        (each for each in mesh.objects if each["kind"] == "Gateway" and each["metadata"]["name"] == NAME), None
    )
    if known:
        listener["name"] = f"{listener['name']}-{len(known['spec']['listeners'])}"
        known["spec"]["listeners"].append(listener)
    else:
        spec = {"gatewayClassName": "istio", "listeners": [listener]}
        mesh.add(obj("Gateway", f"egress/{NAME}", spec, api=GATEWAY_API))
    labels = {GATEWAY_NAME: NAME}
    mesh.proxy(Proxy("router", PROXY, "10.0.0.12", labels))
    ports = [(f"p{each}", each, each) for each in (80, 443, 9000)]
    mesh.add(service(f"egress/{SERVICE}", "10.1.1.12", dict(labels), *ports, labels=dict(labels)))


ANY_PATH = {"type": "PathPrefix", "value": "/"}
"""What the API server writes into a match without a path."""
_TERMINATE = {
    "mode": "Terminate",
    "certificateRefs": [{"name": "cert"}],
    "options": {"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"},
}


def _allowed(mesh: Mesh) -> dict[str, Any]:
    return mesh.dice.weighed_value(
        (6, {"from": "All"}), (3, {"from": "Same"}), (2, {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}),
        (1, {"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": "app"}}}),
    )  # fmt: skip


def _first(mesh: Mesh, host: str, entry: Manifest, kind: str, port: int) -> None:
    """The route of the sources: its parent is the ServiceEntry."""
    dice = mesh.dice
    home = entry["metadata"].get("namespace", "")
    namespace = home if dice.chance(80) else dice.one(*NAMESPACES)
    parent: Manifest = {"group": SE_GROUP, "kind": "ServiceEntry", "name": entry["metadata"]["name"]}
    if namespace != home:
        parent["namespace"] = home
    if dice.chance(20):
        parent["port"] = port
    backend = {"name": SERVICE, "port": port, **({"namespace": "egress"} if namespace != "egress" else {})}
    if dice.chance(12):
        backend = {"group": SE_GROUP, "kind": "Hostname", "name": f"{SERVICE}.egress.svc.cluster.local", "port": port}
    if namespace != "egress" and dice.chance(85):
        grant(mesh, namespace, KINDS[kind])
    _route(mesh, f"{namespace}/to-gateway-{plain(host)}", kind, [parent], backend, None)


def _second(mesh: Mesh, host: str, kind: str, port: int) -> None:
    """The route of the gateway: its backend is the host."""
    dice = mesh.dice
    namespace = dice.weighed({"egress": 6, "app": 2})
    parent: Manifest = {"name": NAME, **({} if namespace == "egress" else {"namespace": "egress"})}
    if dice.chance(15):
        parent["sectionName"] = f"{kind}-{port}"
    backend = {"group": SE_GROUP, "kind": "Hostname", "name": host, "port": port}
    hosts = dice.weighed({(host,): 6, (): 1, ("*.example.com",): 1, (host, HOSTS[1]): 1}) if kind != "tcp" else None
    _route(mesh, f"{namespace}/from-gateway-{plain(host)}", kind, [parent], backend, hosts)


def _route(
    mesh: Mesh, where: str, kind: str, parents: list[Manifest], backend: Manifest, hosts: tuple[str, ...] | None
) -> None:
    dice = mesh.dice
    backends = [backend]
    if dice.chance(12):
        share = dice.one(1, 10, 90)
        backends = [{**backend, "weight": share}, {**backend, "port": dice.one(80, 443), "weight": 100 - share}]
    rule: Manifest = {"backendRefs": backends}
    if kind in ("http", "grpc") and dice.chance(25):
        rule["matches"] = [_match(mesh, kind)]
    if kind == "http" and dice.chance(15):
        rule["filters"] = [_filter(mesh)]
    rules = [rule]
    if kind in ("http", "grpc") and dice.chance(15):
        rules.append({"backendRefs": [backend]})
    spec: Manifest = {"parentRefs": parents, "rules": rules}
    if hosts:
        spec["hostnames"] = [*hosts]
    elif kind == "tls":
        spec["hostnames"] = [dice.one(*HOSTS)]
    mesh.add(obj(KINDS[kind], where, spec))


def _match(mesh: Mesh, kind: str) -> Manifest:
    if kind == "grpc":
        return {"method": {"type": "Exact", "service": "a.B", **mesh.dice.maybe(50, "method", "Get")}}
    drawn: Manifest = mesh.dice.one(
        {"path": {"type": "PathPrefix", "value": "/api"}}, {"path": {"type": "Exact", "value": "/status"}},
        {}, {"method": "GET"}, {"headers": [{"name": "x-canary", "value": "1"}]},
        {"queryParams": [{"name": "q", "value": "1"}]}, {"path": {"type": "RegularExpression", "value": "/v[0-9]+/.*"}},
    )  # fmt: skip
    return {"path": dict(ANY_PATH), **drawn}


def _filter(mesh: Mesh) -> Manifest:
    return mesh.dice.one(
        {"type": "URLRewrite", "urlRewrite": {"hostname": HOSTS[1]}},
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-a", "value": "1"}]}},
        {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}},
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": SERVICE, "namespace": "egress", "port": 80}}},
    )  # fmt: skip


def grant(mesh: Mesh, namespace: str, kind: str) -> None:
    """A ReferenceGrant for routes of a namespace to Services of the gateway's."""
    of = {"group": "gateway.networking.k8s.io", "kind": kind, "namespace": namespace}
    to = {"group": "", "kind": "Service", **mesh.dice.maybe(30, "name", SERVICE)}
    mesh.add(obj("ReferenceGrant", f"egress/from-{namespace}-{kind.lower()}", {"from": [of], "to": [to]}))


def stray(mesh: Mesh) -> None:
    """A route of a Service of the mesh, or with a parent that is not there."""
    dice = mesh.dice
    parent = dice.one(
        {"group": "", "kind": "Service", "name": "web", "port": 80}, {"group": "", "kind": "Service", "name": SERVICE, "namespace": "egress"},
        {"name": "missing"}, {"name": NAME, "namespace": "egress"},
    )  # fmt: skip
    host = dice.one(*HOSTS)
    backend = dice.one(
        {"group": SE_GROUP, "kind": "Hostname", "name": host, "port": dice.one(80, 443)}, {"name": "web", "port": 80}, {"name": "gone", "port": 80},
    )  # fmt: skip
    _route(mesh, f"{dice.one(*NAMESPACES)}/stray-{plain(host)}", "http", [dict(parent)], dict(backend), None)


def _arrive(mesh: Mesh, host: str, kind: str, port: int) -> None:
    scheme = {"tls": "https", "tcp": "tcp"}.get(kind, "http")
    call = {"host": host, "port": port, "scheme": scheme}
    mesh.arrives(PROXY, call, call, {**call, "scheme": "http", "tls": "mtls", "sni": host})
