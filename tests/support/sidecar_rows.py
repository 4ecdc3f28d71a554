"""Rows of what a sidecar does with a call: the objects, the call, and the answer that istiod's own generator gave.

A row is the objects beside a small mesh, a call, and the answer: the listener, then each choice as
`act route clusters [when] reason`. shop/shop-1 sends; egress/gw is the gateway.
"""

from __future__ import annotations

from typing import Any

from egressaudit.model import Call, Scheme
from support.mesh import GW_HOST, HOST, Manifest, egress_gateway, entry, obj, route, service, sidecar

GW = f"outbound|80||{GW_HOST}"
SOURCE = sidecar("shop/shop-1", "10.0.0.2", labels={"app": "shop"})
BASE = [SOURCE, *egress_gateway("gw", "10.0.0.9", "10.96.0.9"), obj("Namespace", "shop", "v1")]
OUTSIDE = "203.0.113.7"
HTTP, HTTPS, TCP = Scheme.HTTP, Scheme.HTTPS, Scheme.TCP


def rules(where: str, *, hosts: tuple[str, ...] = (HOST,), created: str = "", **spec: Any) -> Manifest:
    """A VirtualService of sidecars."""
    made = obj("VirtualService", where, spec={"hosts": list(hosts), **spec})
    if created:
        made["metadata"]["creationTimestamp"] = created
    return made


def to(host: str, port: int = 80, **more: Any) -> Manifest:
    """A destination with its weight."""
    weight = {"weight": more.pop("weight")} if "weight" in more else {}
    return {"destination": {"host": host, "port": {"number": port}, **more}, **weight}


def made(created: str, manifest: Manifest) -> Manifest:
    """The same, made at a time."""
    return {**manifest, "metadata": {**manifest["metadata"], "creationTimestamp": created}}


def hidden(manifest: Manifest, to_whom: str = ".") -> Manifest:
    """A Service that only its own namespace sees, or whoever is named."""
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": {"networking.istio.io/exportTo": to_whom}}}


def policy(mode: str, **more: Any) -> Manifest:
    """A Sidecar with a policy for unknown hosts."""
    return obj("Sidecar", "shop/own", spec={"outboundTrafficPolicy": {"mode": mode, **more}})


LABELLED = {"name": "v1", "labels": {"v": "1"}}
OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
TLS_ENTRY = entry("egress/tls", port=443, protocol="TLS")
TCP_ENTRY = entry("egress/tcp", port=443, protocol="TCP", addresses=["203.0.113.7"])

ROWS: dict[str, tuple[list[Manifest], Call, tuple[str, ...]]] = {
    "the rule of a VirtualService": (
        [entry("egress/docs"), route()],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", f"send - {GW}"),
    ),
    "a registered host without a rule": (
        [entry("egress/docs")],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", f"send default outbound|80||{HOST}"),
    ),
    "a rule at port 80 for a host that nobody registered": (
        [rules("egress/docs", http=[{"route": [to(GW_HOST)]}])],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", f"send - {GW}"),
    ),
    "no such rule at another port": (
        [
            rules("egress/docs", http=[{"route": [to(GW_HOST)]}]),
            entry("egress/other", "other.example.com", port=8080),
        ],
        Call(HOST, 8080, HTTP),
        ("0.0.0.0_8080", "passthrough allow_any"),
    ),
    "an unknown host at a port of nobody": (
        [],
        Call(HOST, 8443, HTTPS),
        ("virtualOutbound", "passthrough -"),
    ),
    "an unknown host, blocked, HTTP": (
        [policy("REGISTRY_ONLY")],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", "refuse block_all block-all"),
    ),
    "an unknown host, blocked, TLS": (
        [policy("REGISTRY_ONLY")],
        Call(HOST, 443, HTTPS),
        ("virtualOutbound", "refuse - block-all"),
    ),
    "unknown hosts go to the egressProxy": (
        [policy("ALLOW_ANY", egressProxy={"host": GW_HOST, "port": {"number": 80}})],
        Call(HOST, 443, HTTPS),
        ("virtualOutbound", f"send - {GW}"),
    ),
    "an egressProxy that is not there": (
        [policy("ALLOW_ANY", egressProxy={"host": "gone.egress.svc.cluster.local", "port": {"number": 80}})],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", "refuse allow_any no-cluster"),
    ),
    "a Sidecar's policy without a mode blocks": (
        [obj("Sidecar", "shop/own", spec={"egress": [{"hosts": ["*/*"]}], "outboundTrafficPolicy": {}})],
        Call(HOST, 443, HTTPS),
        ("virtualOutbound", "refuse - block-all"),
    ),
    "TLS by SNI": (
        [TLS_ENTRY, route(port=443, kind="tls")],
        Call(HOST, 443, HTTPS),
        ("0.0.0.0_443", "send - outbound|443||gw.egress.svc.cluster.local"),
    ),
    "TLS of another host of the same port": (
        [TLS_ENTRY],
        Call("other.example.com", 443, HTTPS),
        ("0.0.0.0_443", "passthrough -"),
    ),
    "a tls rule of a port that is registered as HTTP": (
        [entry("egress/tls", port=443), route(port=443, kind="tls")],
        Call(HOST, 443, HTTPS),
        ("0.0.0.0_443", "passthrough -"),
    ),
    "TCP with its own address, dialed": (
        [TCP_ENTRY],
        Call(HOST, 443, HTTPS, address=OUTSIDE),
        ("203.0.113.7_443", f"send - outbound|443||{HOST}"),
    ),
    "TCP with its own address, another dialed": (
        [TCP_ENTRY],
        Call(HOST, 443, HTTPS, address="203.0.113.8"),
        ("virtualOutbound", "passthrough -"),
    ),
    "a Service by its short name": (
        [service("shop/cart", "10.96.0.7")],
        Call("cart", 80, HTTP),
        ("0.0.0.0_80", "send default outbound|80||cart.shop.svc.cluster.local"),
    ),
    "a Service of TCP by its ClusterIP": (
        [service("shop/db", "10.96.0.7", ports=[{"name": "tcp", "port": 5432}])],
        Call("db.shop", 5432, TCP),
        ("10.96.0.7_5432", "send - outbound|5432||db.shop.svc.cluster.local"),
    ),
    "an appProtocol goes before the port's name": (
        [service("shop/db", "10.96.0.7", ports=[{"name": "http", "port": 5432, "appProtocol": "tcp"}])],
        Call("db.shop", 5432, TCP),
        ("10.96.0.7_5432", "send - outbound|5432||db.shop.svc.cluster.local"),
    ),
    "a Service that is not exported to the namespace": (
        [hidden(service("other/cart", "10.96.0.7"))],
        Call("cart.other", 80, HTTP),
        ("0.0.0.0_80", "passthrough allow_any"),
    ),
    "a rule finds what nobody sees in the proxy's own namespace": (
        [
            hidden(service("shop/cart", "10.96.0.7"), "~"),
            rules("egress/docs", http=[{"route": [to("cart.shop.svc.cluster.local")]}]),
        ],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", "send - outbound|80||cart.shop.svc.cluster.local"),
    ),
    "an ExternalName is another name of what is registered": (
        [entry("egress/docs"), service("shop/alias", "", type="ExternalName", externalName=HOST, clusterIP="")],
        Call("alias", 80, HTTP),
        ("0.0.0.0_80", f"send default outbound|80||{HOST}"),
    ),
    "a ServiceEntry that is not exported": (
        [entry("egress/docs", exportTo=["."]), entry("egress/other", "other.example.com")],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", "passthrough allow_any"),
    ),
    "the older of two VirtualServices": (
        [
            made(NEW, entry("egress/docs")),
            rules("egress/a", created=NEW, http=[{"route": [to("new.example.com")]}]),
            rules("egress/b", created=OLD, http=[{"route": [to(GW_HOST)]}]),
        ],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", f"send - {GW}"),
    ),
    "a host before a wildcard, whichever is older": (
        [
            made(NEW, entry("egress/docs")),
            rules("egress/a", created=OLD, hosts=("*.redhat.com",), http=[{"route": [to("new.example.com")]}]),
            rules("egress/b", created=NEW, http=[{"route": [to(GW_HOST)]}]),
        ],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", f"send - {GW}"),
    ),
    "a header of which no value is kept": (
        [
            entry("egress/docs"),
            rules(
                "egress/docs",
                http=[
                    {"name": "canary", "match": [{"headers": {"x-canary": {"exact": "1"}}}], "redirect": {"uri": "/"}},
                    {"name": "rest", "route": [to(HOST)]},
                ],
            ),
        ],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", "answer canary [header x-canary] redirect", f"send rest outbound|80||{HOST}"),
    ),
    "no rule for the path": (
        [
            entry("egress/docs"),
            rules("egress/docs", http=[{"match": [{"uri": {"prefix": "/api"}}], "route": [to(HOST)]}]),
        ],
        Call(HOST, 80, HTTP, path="/"),
        ("0.0.0.0_80", "refuse - no-route"),
    ),
    "a path that is not known": (
        [
            entry("egress/docs"),
            rules("egress/docs", http=[{"match": [{"uri": {"prefix": "/api"}}], "route": [to(HOST)]}]),
        ],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", f"send - outbound|80||{HOST} [uri prefix /api]", "refuse - no-route"),
    ),
    "rules for other sources leave the host its default route": (
        [
            entry("egress/docs"),
            rules("egress/docs", http=[{"match": [{"sourceLabels": {"app": "x"}}], "route": [to("gw.egress")]}]),
        ],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", f"send default outbound|80||{HOST}"),
    ),
    "a match that names gateways asks for no labels": (
        [
            entry("egress/docs"),
            rules(
                "egress/docs",
                http=[
                    {"match": [{"gateways": ["mesh"], "sourceLabels": {"app": "x"}}], "directResponse": {"status": 418}}
                ],
            ),
        ],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", "answer - direct-response"),
    ),
    "weights, and a share that goes nowhere": (
        [
            entry("egress/docs"),
            rules("egress/docs", http=[{"route": [to(HOST, weight=75), to("gone.example.com", weight=25)]}]),
        ],
        Call(HOST, 80, HTTP),
        (
            "0.0.0.0_80",
            "refuse - [25 % go to outbound|80||gone.example.com, which is not there] no-cluster",
            f"send - outbound|80||{HOST}=75",
        ),
    ),
    "a fault for a half, and a new Host": (
        [
            entry("egress/docs"),
            rules(
                "egress/docs",
                http=[
                    {
                        "route": [to(HOST)],
                        "rewrite": {"authority": "new.example.com"},
                        "fault": {"abort": {"httpStatus": 503, "percentage": {"value": 50}}},
                    }
                ],
            ),
        ],
        Call(HOST, 80, HTTP),
        (
            "0.0.0.0_80",
            "answer - [the fault of the rule aborts 50 %] fault-abort",
            f"send - outbound|80||{HOST} as new.example.com",
        ),
    ),
    "a delegate": (
        [
            entry("egress/docs"),
            rules("egress/root", http=[{"name": "root", "delegate": {"name": "part", "namespace": "shop"}}]),
            obj(
                "VirtualService",
                "shop/part",
                spec={"http": [{"name": "part", "route": [to(GW_HOST)]}]},
            ),
        ],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", f"send root-part {GW}"),
    ),
    "a subset that the client's own DestinationRule lacks": (
        [
            entry("egress/docs", resolution="STATIC", endpoints=[{"address": OUTSIDE}]),
            rules("egress/docs", http=[{"route": [to(HOST, subset="v1")]}]),
            obj("DestinationRule", "egress/docs", spec={"host": HOST, "subsets": [{"name": "v1"}]}),
            obj("DestinationRule", "shop/docs", spec={"host": HOST}),
        ],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", "refuse - no-cluster"),
    ),
    "a subset by labels of a host that the proxy resolves has no endpoint": (
        [
            entry("egress/docs"),
            rules("egress/docs", http=[{"route": [to(HOST, subset="v1")]}]),
            obj("DestinationRule", "egress/docs", spec={"host": HOST, "subsets": [LABELLED]}),
        ],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", "refuse - no-cluster"),
    ),
    "a Sidecar that does not import the host": (
        [entry("egress/docs"), obj("Sidecar", "shop/own", spec={"egress": [{"hosts": ["./*", "istio-system/*"]}]})],
        Call(HOST, 80, HTTP),
        ("virtualOutbound", "passthrough -"),
    ),
    "where a rule sends is known without an import": (
        [
            entry("egress/docs"),
            rules("shop/docs", http=[{"route": [to(GW_HOST)]}]),
            entry("shop/other", "other.example.com"),
            obj("Sidecar", "shop/own", spec={"egress": [{"hosts": ["./*"]}]}),
        ],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", f"send - {GW}"),
    ),
    "a port of the Sidecar has its own hosts": (
        [
            entry("egress/docs"),
            obj(
                "Sidecar",
                "shop/own",
                spec={
                    "egress": [
                        {
                            "port": {"number": 80, "protocol": "HTTP", "name": "http"},
                            "hosts": ["egress/gw.egress.svc.cluster.local"],
                        },
                        {"hosts": ["*/*"]},
                    ]
                },
            ),
        ],
        Call(HOST, 80, HTTP),
        ("0.0.0.0_80", "passthrough allow_any"),
    ),
    "TCP and HTTP on one port": (
        [entry("egress/docs"), entry("egress/tcp", "tcp.example.com", protocol="TCP")],
        Call("unknown.example.com", 80, TCP),
        ("0.0.0.0_80", "send - outbound|80||tcp.example.com"),
    ),
}
