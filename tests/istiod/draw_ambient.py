"""Random meshes with waypoints: who is bound to which, and what the waypoint does with a call.

In: a mesh, a host that has a ServiceEntry. Out: objects in it. Example: `chain(mesh, "docs.example.com", entry)` adds
the waypoint, and labels that send the host through it.
"""

from __future__ import annotations

from istiod.draw_services import entry as another
from istiod.draw_services import in_mesh, originates, plain
from istiod.mesh import Mesh, Proxy
from istiod.objects import (
    GATEWAY_API,
    GATEWAY_HOST,
    GATEWAY_NAME,
    HOSTS,
    MANAGED,
    NAMESPACES,
    OUTSIDE,
    SE_GROUP,
    Manifest,
    obj,
    service,
)

USE, USE_NAMESPACE, FOR = "istio.io/use-waypoint", "istio.io/use-waypoint-namespace", "istio.io/waypoint-for"
MESH_CONTROLLER = "istio.io-mesh-controller"


def chain(mesh: Mesh, host: str, entry: Manifest) -> None:
    """A host with a waypoint in `egress`."""
    dice = mesh.dice
    mesh.ambient = True
    namespace = next(each for each in mesh.objects if named_like(each, "Namespace", "app"))
    namespace["metadata"].setdefault("labels", {})["istio.io/dataplane-mode"] = "ambient"
    waypoint(mesh, "waypoint")
    if dice.chance(20):
        waypoint(mesh, "canary")
    _bind(mesh, entry)
    if host not in {each["host"] for each in entry.get("status", {}).get("addresses", ())} and dice.chance(90):
        entry["status"] = {"addresses": [{"host": host, "value": f"240.240.0.{1 + dice.rng.randrange(200)}"}]}
    if dice.chance(50):
        _route(mesh, host, entry)
    if dice.chance(12):
        _rivals(mesh, host, entry)
    if dice.chance(15):
        in_mesh(mesh)
        mesh.objects[-1]["metadata"]["labels"] = {USE: "waypoint", USE_NAMESPACE: "egress"}
    if dice.chance(30):
        originates(mesh, host, entry["spec"]["ports"][0]["number"])
    if dice.chance(30):
        _tunnel(mesh, host)
    for port in entry["spec"]["ports"]:
        scheme = {"TLS": "https", "HTTPS": "https", "TCP": "tcp"}.get(port["protocol"], "http")
        for each in ("egress/waypoint-1", "egress/canary-1"):
            called = {"host": host.replace("*", "x"), "port": port["number"], "scheme": scheme}
            mesh.arrives(each, called | dice.maybe(70, "address", _address(entry)))


def _rivals(mesh: Mesh, host: str, entry: Manifest) -> None:
    """One or two more ServiceEntries for the host that the waypoint should serve too."""
    for _ in range(mesh.dice.one(1, 2)):
        one = another(mesh, host, f"{mesh.dice.one(*NAMESPACES)}/rival-{plain(host)}")
        one["metadata"]["labels"] = {USE: "waypoint", USE_NAMESPACE: "egress"}
        if "status" in entry and mesh.dice.chance(80):
            one["status"] = entry["status"]


def _address(entry: Manifest) -> str:
    """What ztunnel hands over: the address of the service that it found, whether or not the waypoint serves it."""
    given = [each["value"] for each in entry.get("status", {}).get("addresses", ())]
    return str((entry["spec"].get("addresses") or given or [OUTSIDE])[-1]).partition("/")[0]


def named_like(one: Manifest, kind: str, name: str) -> bool:
    """Whether an object has this kind and name."""
    return one["kind"] == kind and one["metadata"]["name"] == name


def waypoint(mesh: Mesh, name: str) -> None:
    """A waypoint with its Service and its pod."""
    dice = mesh.dice
    number = 20 if name == "waypoint" else 21
    mesh.add(obj("GatewayClass", "istio-waypoint", {"controllerName": "istio.io/mesh-controller"}))
    allowed = dice.weighed_value(
        (20, {"from": "All"}), (2, {"from": "Same"}), (1, {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}),
        (1, None),
    )  # fmt: skip
    listener: Manifest = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    if allowed:
        listener["allowedRoutes"] = {"namespaces": allowed}
    labels = dice.weighed_value(
        (8, {}), (6, {FOR: "service"}), (3, {FOR: "all"}), (1, {FOR: "workload"}), (1, {FOR: "none"})
    )
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [listener]}
    host = f"{name}.egress.svc.cluster.local"
    status = dice.weighed_value(
        (20, {"addresses": [{"type": "Hostname", "value": host}]}), (1, {}),
        (1, {"addresses": [{"type": "IPAddress", "value": f"10.1.1.{number}"}]}),
    )  # fmt: skip
    mesh.add(obj("Gateway", f"egress/{name}", spec, api=GATEWAY_API, labels=labels, status=status))
    marks = {GATEWAY_NAME: name, MANAGED: MESH_CONTROLLER}
    mesh.proxy(Proxy("waypoint", f"egress/{name}-1", f"10.0.0.{number}", marks))
    selector = {GATEWAY_NAME: name}
    mesh.add(service(f"egress/{name}", f"10.1.1.{number}", selector, ("mesh", 15008, 15008), labels=marks))


def _bind(mesh: Mesh, entry: Manifest) -> None:
    """The labels that send a host through the waypoint, on the ServiceEntry or on its namespace."""
    dice = mesh.dice
    home = entry["metadata"]["namespace"]
    labels = {USE: dice.weighed({"waypoint": 20, "none": 1, "missing": 1})}
    if (home != "egress" and dice.chance(95)) or dice.chance(10):
        labels[USE_NAMESPACE] = "egress"
    if dice.chance(10):
        labels["istio.io/use-waypoint-canary"] = "canary"
        labels["istio.io/canary-weight"] = dice.one("10", "0", "100", "x")
    on = entry
    if dice.chance(30):
        on = next(each for each in mesh.objects if named_like(each, "Namespace", home))
        if dice.chance(20):
            entry["metadata"].setdefault("labels", {})[USE] = dice.one("none", "waypoint")
    on["metadata"].setdefault("labels", {}).update(labels)


def _route(mesh: Mesh, host: str, entry: Manifest) -> None:
    """A route that the waypoint follows: HTTPRoute or VirtualService."""
    dice = mesh.dice
    home = entry["metadata"]["namespace"]
    numbers = [each["number"] for each in entry["spec"]["ports"]]
    to_host, port = dice.one(host, host, *HOSTS), dice.one(*numbers)
    if dice.chance(25):
        mesh.gateway()
        to_host, port = GATEWAY_HOST, dice.one(80, 443)
    where = f"{home if dice.chance(80) else 'egress'}/way-{plain(host)}"
    if dice.chance(40):
        to = [{"destination": {"host": to_host, "port": {"number": port}, **dice.maybe(20, "subset", "v1")}}]
        if dice.chance(20):
            to = [{**to[0], "weight": 30}, {"destination": {"host": host, "port": {"number": port}}, "weight": 70}]
        kind, more = dice.one("http", "http", "tls", "tcp"), "more.test"
        match = {"match": [{"sniHosts": dice.weighed_value((4, [host]), (1, [host, more]))}]} if kind == "tls" else {}
        mesh.add(obj("VirtualService", where, {"hosts": [host, more], kind: [{"route": to, **match}]}))
        return
    parent = dice.weighed_value(
        (6, {"group": SE_GROUP, "kind": "ServiceEntry", "name": entry["metadata"]["name"]}), (1, {"name": "waypoint", "namespace": "egress"}),
    )  # fmt: skip
    if "group" in parent and dice.chance(20):
        parent = {**parent, "port": port}
    backend = {"group": SE_GROUP, "kind": "Hostname", "name": to_host, "port": port}
    if to_host == GATEWAY_HOST and dice.chance(30):
        backend = {"name": "egressgateway", "namespace": "egress", "port": port}
    rule = {"backendRefs": [backend], **dice.maybe(25, "matches", [{"path": {"type": "PathPrefix", "value": "/api"}}])}
    spec = {"parentRefs": [parent], "rules": [rule]}
    mesh.add(obj("HTTPRoute", where, spec))


def _tunnel(mesh: Mesh, host: str) -> None:
    """A DestinationRule that asks a proxy behind the waypoint for a tunnel, of all connections or of a subset's."""
    dice = mesh.dice
    policy = {"tunnel": {"protocol": "CONNECT", "targetHost": "tunnel.test", "targetPort": 443}}
    subset = {"name": "v1", "labels": {"version": "v1"}}
    spec: Manifest = {"host": host if dice.chance(80) else dice.one(*HOSTS)}
    if dice.chance(70):
        spec["trafficPolicy"] = policy
    if dice.chance(50) or "trafficPolicy" not in spec:
        spec["subsets"] = [{**subset, **dice.maybe(50, "trafficPolicy", policy)}]
    if dice.chance(15):
        spec["workloadSelector"] = {"matchLabels": {GATEWAY_NAME: dice.one("waypoint", "canary")}}
    mesh.add(obj("DestinationRule", f"{dice.one('egress', 'app', 'istio-system')}/tunnel-{plain(host)}", spec))
