"""Random ServiceEntries, Services and DestinationRules.

In: a mesh, a host. Out: objects in it. Example: `entry(mesh, "docs.example.com")` adds a ServiceEntry for it.
"""

from __future__ import annotations

from typing import Any

from istiod.mesh import Mesh
from istiod.objects import GATEWAY_HOST, HOSTS, NAMESPACES, OUTSIDE, WILDCARDS, Manifest, obj, service

Port = dict[str, Any]

HTTP_80: Port = {"number": 80, "name": "http", "protocol": "HTTP"}
TLS_443: Port = {"number": 443, "name": "tls", "protocol": "TLS"}
HTTPS_443: Port = {"number": 443, "name": "https", "protocol": "HTTPS"}
TCP_9000: Port = {"number": 9000, "name": "tcp", "protocol": "TCP"}
HTTP_8080: Port = {"number": 8080, "name": "http-alt", "protocol": "HTTP"}
AUTO_8000: Port = {"number": 8000, "name": "auto", "protocol": ""}
GRPC_7000: Port = {"number": 7000, "name": "grpc", "protocol": "GRPC"}

SCHEMES = {"HTTP": "http", "TLS": "https", "HTTPS": "https", "TCP": "tcp", "": "http", "GRPC": "http"}


def ports(mesh: Mesh) -> list[Port]:
    """The ports of a host outside: most often HTTP and TLS."""
    dice = mesh.dice
    first = [HTTP_80] if dice.chance(80) else []
    second = dice.weighed({"tls": 5, "https": 2, "none": 2})
    if second != "none":
        first = [*first, TLS_443 if second == "tls" else HTTPS_443]
    if dice.chance(20) or not first:
        first = [*first, dice.one(HTTP_8080, TCP_9000, AUTO_8000, GRPC_7000)]
    made = [dict(each) for each in first]
    if made[0]["number"] == 80 and dice.chance(20):
        made[0]["targetPort"] = 443
    return made


def entry(mesh: Mesh, host: str, where: str = "", **spec: Any) -> Manifest:
    """A ServiceEntry for a host that makes sense."""
    dice = mesh.dice
    wild = host.startswith("*")
    weights = (
        {"NONE": 4, "DYNAMIC_DNS": 1, "DNS": 1} if wild else {"DNS": 6, "NONE": 2, "STATIC": 1, "DNS_ROUND_ROBIN": 1}
    )
    resolution = spec.pop("resolution", dice.weighed(weights))
    drawn: dict[str, Any] = {
        "hosts": [host], "ports": spec.pop("ports", None) or ports(mesh), "location": "MESH_EXTERNAL",
        "resolution": resolution,
    }  # fmt: skip
    if resolution == "STATIC":
        drawn["endpoints"] = [{"address": "203.0.113.20"}]
    elif dice.chance(10) and not wild and resolution.startswith("DNS"):
        drawn["endpoints"] = [{"address": "real.test", "labels": {"version": "v1"}}, {"address": "198.51.100.3"}]
    if dice.chance(15) and resolution != "DYNAMIC_DNS":
        drawn["addresses"] = dice.one([OUTSIDE], ["203.0.113.8"], ["198.51.100.0/24"], ["203.0.113.7", "203.0.113.8"])
    if dice.chance(15):
        drawn["exportTo"] = dice.one(["."], ["*"], ["app"], ["egress"], ["app", "egress"])
    if dice.chance(8):
        drawn["hosts"] = [host, dice.one(*HOSTS)]
    where = where or f"{dice.weighed({'app': 3, 'egress': 3, 'istio-system': 1, 'other': 1})}/{plain(host)}"
    made = obj("ServiceEntry", where, {**drawn, **spec})
    if dice.chance(35):
        number = 1 + mesh.dice.rng.randrange(200)
        made["status"] = {"addresses": [{"host": host, "value": f"240.240.0.{number}"}]}
    mesh.add(made)
    for port in drawn["ports"]:
        mesh.wanted.append((host.replace("*", "x"), port["number"], SCHEMES[port["protocol"]]))
    return made


def plain(host: str) -> str:
    """A name for an object about a host."""
    return host.replace("*", "any").replace(".", "-")


def workloads(mesh: Mesh, host: str) -> None:
    """A ServiceEntry that selects WorkloadEntries."""
    entry(
        mesh,
        host,
        f"app/{plain(host)}-picked",
        resolution="STATIC",
        workloadSelector={"labels": {"app": "ext"}},
        endpoints=[],
    )
    mesh.objects[-1]["spec"].pop("endpoints", None)
    mesh.add(obj("WorkloadEntry", "app/ext-1", {"address": "203.0.113.30", "labels": {"app": "ext", "version": "v1"}}))


def in_mesh(mesh: Mesh) -> None:
    """A Service of the cluster."""
    dice = mesh.dice
    where = dice.one("app/web", "other/web", "egress/proxy")
    name = dice.one("http", "tcp", "grpc", "web", "https")
    port = dice.one(80, 443, 8080, 9000)
    mesh.add(service(where, f"10.1.2.{1 + dice.rng.randrange(200)}", {"app": "web"}, (name, port, 8080)))
    namespace, _, short = where.partition("/")
    scheme = {"https": "https", "tcp": "tcp"}.get(name, "http")
    mesh.wanted.append((dice.one(f"{short}.{namespace}", f"{short}.{namespace}.svc.cluster.local"), port, scheme))


def subset(mesh: Mesh, name: str, tls: str = "") -> Manifest:
    """A subset of the gateway's Service, with what it is wrapped in."""
    made: Manifest = {"name": name}
    if mesh.dice.chance(30):
        made["labels"] = {"istio": "egressgateway"}
    if tls:
        made["trafficPolicy"] = {"tls": {"mode": tls}}
    return made


def gateway_rule(mesh: Mesh, subsets: list[Manifest], **spec: Any) -> None:
    """The DestinationRule of the gateway's Service."""
    where = mesh.dice.weighed({"app/egressgateway": 3, "egress/egressgateway": 3, "istio-system/egressgateway": 1})
    mesh.add(obj("DestinationRule", where, {"host": GATEWAY_HOST, "subsets": subsets, **spec}))


def originates(mesh: Mesh, host: str, port: int = 443) -> None:
    """A DestinationRule with TLS to a host."""
    dice = mesh.dice
    tls = {"mode": "SIMPLE", **dice.maybe(50, "sni", host)}
    policy: Manifest = (
        {"tls": tls} if dice.chance(40) else {"portLevelSettings": [{"port": {"number": port}, "tls": tls}]}
    )
    where = f"{dice.one('egress', 'app', 'istio-system')}/tls-{plain(host)}"
    mesh.add(
        obj("DestinationRule", where, {"host": host, "trafficPolicy": policy, **dice.maybe(15, "exportTo", ["."])})
    )


def stray_rule(mesh: Mesh) -> None:
    """Another DestinationRule, about any host."""
    dice = mesh.dice
    host = dice.one(*HOSTS, *WILDCARDS, GATEWAY_HOST, "egressgateway")
    spec: Manifest = {"host": host}
    if dice.chance(50):
        spec["subsets"] = [{"name": dice.one("v1", "docs", "api"), "labels": {"version": "v1"}}]
    if dice.chance(50):
        spec["trafficPolicy"] = {"tls": {"mode": dice.one("SIMPLE", "ISTIO_MUTUAL", "DISABLE")}}
    if dice.chance(15):
        spec["trafficPolicy"] = {"tunnel": {"protocol": "CONNECT", "targetHost": "tunnel.test", "targetPort": 443}}
    if dice.chance(25):
        spec["exportTo"] = [dice.one(".", "*", "app")]
    if dice.chance(15):
        spec["workloadSelector"] = {"matchLabels": {"app": "curl"}}
    mesh.add(obj("DestinationRule", f"{dice.one(*NAMESPACES)}/stray-{plain(host)}", spec))
