"""What else may lead to the host that a gateway makes of another one: the line names a cluster, and no rule."""

from __future__ import annotations

from typing import Any

from support.lines import EVIL, NONCE, at_gw, connection, to_gw
from support.mesh import BARE, HOST, MESH, READ, Manifest, entry, listener, obj, route

from cases.asked import _ALIAS, _IDP, _IDP_RULE, _MIRROR, _PROXY, _lines, _tunnelled
from cases.build import AT_TLS, GATEWAY, NONE, TO_TLS, Case, policy

_EVIL = "evil.example.com"


def _through_proxy(subset: str, sni: str = _EVIL) -> dict[str, list[str]]:
    """TLS that gw-1 sent to the company's proxy, by the cluster of this subset."""
    at = {"sni": sni, "upstream": "192.0.2.50:3128", "cluster": f"outbound|3128|{subset}|{_PROXY}"}
    said = to_gw(**{**TO_TLS, "sni": sni, "dialled": "240.240.0.1:443"})
    return {"curl/curl-1": [said], "egress/gw-1": [at_gw(**{**AT_TLS, **at})]}


def _to_proxy(where: str, host: str = _EVIL, **subset: str) -> Manifest:
    """A VirtualService that has the gateway send a host to the company's proxy."""
    made = route(where, host, port=443, kind="tls")
    made["spec"]["tls"][1]["route"] = [{"destination": {"host": _PROXY, "port": {"number": 3128}, **subset}}]
    return made


def _tunnels(target: str = _EVIL, *more: Manifest) -> tuple[Manifest, ...]:
    """The mesh of p03 with a second tunnel through the same proxy, and a gateway that takes every host."""
    objects = (*_tunnelled("egress"), *more)
    [rule] = [each for each in objects if each["kind"] == "DestinationRule"]
    tunnel = {"protocol": "CONNECT", "targetHost": target, "targetPort": 443}
    rule["spec"]["subsets"].append({"name": "other", "trafficPolicy": {"tunnel": tunnel}})
    every = listener("*", port=443, protocol="TLS", tls={"mode": "PASSTHROUGH"})
    return (*(each for each in objects if each["kind"] != "Gateway"), every)


def _open(*more: Manifest) -> tuple[Manifest, ...]:
    """The mesh of 201 with a gateway that takes every host."""
    return (*(each for each in _ALIAS if each["kind"] != "Gateway"), listener("*"), *more)


def _mirrored(where: str, host: str, kind: str = "http", **more: Any) -> Manifest:
    """A VirtualService that has the gateway make the mirror of a host."""
    made = route(where, host, kind=kind, **more)
    made["spec"][kind][1]["route"][0]["destination"]["host"] = _MIRROR
    return made


def _called(name: str, upstream: str = "203.0.113.90:80") -> dict[str, list[str]]:
    at = at_gw(authority=name, cluster=f"outbound|80||{_MIRROR}", upstream=upstream)
    return {"curl/curl-1": [to_gw(authority=name)], "egress/gw-1": [at]}


def _but(kind: str) -> frozenset[str]:
    return READ - {kind}


_WRONG_TUNNEL = _tunnels(_EVIL)
[_RULES] = [each for each in _WRONG_TUNNEL if each["kind"] == "VirtualService"]
_RULES["spec"]["tls"][1]["route"][0]["destination"]["subset"] = "other"
_TENANTS_MIRROR = entry("curl/mirror", _MIRROR, resolution="STATIC", endpoints=[{"address": EVIL}])
_BY_BYTES = (
    *BARE, listener("*", protocol="TCP"), _mirrored("egress/docs", "docs.redhat.com", "tcp"),
    entry("egress/docs", protocol="TCP", addresses=["240.240.0.1"]), entry("egress/mirror", _MIRROR, protocol="TCP"),
)  # fmt: skip
_BYTES = {
    "curl/curl-1": [to_gw(make=connection, sent=44111, received=813)],
    "egress/gw-1": [at_gw(make=connection, sent=44111, received=813, cluster=f"outbound|80||{_MIRROR}",
                          upstream="203.0.113.90:80")],
}  # fmt: skip
_BOTH = policy("{name: both, to: {hosts: [docs.redhat.com, shop.redhat.com], ports: [80]}, via: gateway}")
_PROBE = {"target": {"host": _IDP, "port": 443, "scheme": "https"}, "result": {"remote_address": "240.240.0.1:443"}}
_AGENT = f"egressaudit/0.1.0 ({NONCE})"
_PROBED_MIRROR = {
    "curl/curl-1": [to_gw(agent=_AGENT)],
    "egress/gw-1": [at_gw(agent=_AGENT, cluster=f"outbound|80||{_MIRROR}", upstream="203.0.113.90:80")],
}


def _to_spare() -> Manifest:
    """A second rule for the host, which leads through the other gateway."""
    made = route("egress/other")
    first, last = made["spec"]["http"]
    made["spec"]["gateways"] = ["mesh", "egress/spare"]
    first["route"][0]["destination"]["host"] = "spare.egress.svc.cluster.local"
    last["match"][0]["gateways"] = ["egress/spare"]
    return made


_SERVER = {"port": {"number": 80, "name": "x", "protocol": "HTTP"}, "hosts": [HOST]}
_RIVALS = (
    *MESH,
    obj("Gateway", "egress/spare", spec={"selector": {"istio": "spare"}, "servers": [_SERVER]}),
    _to_spare(),
)
_BY_SPARE = {
    "curl/curl-1": [to_gw(upstream="10.0.0.10:8080", cluster="outbound|80||spare.egress.svc.cluster.local")],
    "egress/spare-1": [at_gw(own="10.0.0.10:60000", dialled="10.0.0.10:8080")],
}


def _originated() -> tuple[Manifest, ...]:
    """The gateway originates TLS for the host, and also passes on TLS of others to it, by rules of its own."""
    rules = route("egress/docs", out=443)
    others = route("egress/tls", port=443, kind="tls")
    others["spec"] |= {"gateways": ["egress/gw"], "tls": others["spec"]["tls"][1:]}
    ports = [{"number": 80, "name": "http", "protocol": "HTTP"}, {"number": 443, "name": "tls", "protocol": "TLS"}]
    server = {"port": ports[1], "hosts": [HOST], "tls": {"mode": "PASSTHROUGH"}}
    both = obj("Gateway", "egress/gw", spec={"selector": {"istio": "gw"}, "servers": [_SERVER, server]})
    return (*BARE, entry("egress/docs", ports=ports), both, rules, others)


_HTTP_ONLY = policy("{name: docs, to: {hosts: [docs.redhat.com], ports: [80]}, via: gateway}")
CASES = (
    Case("211-proxy-without-tunnel", "A tenant's rule leads into the company's proxy beside the tunnel: it asks what it likes.",
         (3, 10), _through_proxy(""), _tunnels(_EVIL, entry("curl/evil", _EVIL, port=443, protocol="TLS"), _to_proxy("curl/mine")),
         _IDP_RULE),
    Case("211-proxy-without-tunnel-by-its-name", "The same by the name that is allowed.", (3, 10), _through_proxy("", _IDP),
         _tunnels(_EVIL, entry("curl/evil", _EVIL, port=443, protocol="TLS"), _to_proxy("curl/mine")), _IDP_RULE),
    Case("212-other-tunnel", "Two tunnels go through one proxy, and this is the other one.", (3, 10), _through_proxy("other"),
         _tunnels(_EVIL, _to_proxy("egress/other", "*.other.example", subset="other")), _IDP_RULE),
    Case("212-tunnel-to-another-host", "The rule of the host leads into a tunnel to another one.", (3, 10),
         _through_proxy("other", _IDP), _WRONG_TUNNEL, _IDP_RULE),
    Case("213-alias-of-every-host", "The gateway makes the mirror of every host, not only of the one that is allowed.", (3, 10),
         _called("x.other.example"), _open(_mirrored("egress/wild", "*.other.example")), GATEWAY),
    Case("213-alias-of-every-host-by-the-mesh", "The same without a policy.", (3, 10), _called("x.other.example"),
         _open(_mirrored("egress/wild", "*.other.example")), NONE),
    Case("214-alias-that-is-called-itself", "The mirror has a route of its own, and no rule allows it.", (3, 10),
         _called(_MIRROR), _open(route("egress/self", _MIRROR)), GATEWAY),
    Case("215-alias-that-a-tenant-uses", "A tenant's rule of the gateway makes the mirror of a host of its own.", (3, 10),
         _called(_EVIL), _open(entry("curl/evil", _EVIL), _mirrored("curl/mine", _EVIL)), GATEWAY),
    Case("216-alias-with-a-tenants-endpoint", "A tenant's ServiceEntry gives the mirror an address.", (3, 10),
         _lines(_MIRROR, f"{EVIL}:80"), (*_ALIAS, _TENANTS_MIRROR), GATEWAY),
    Case("217-alias-of-bytes", "A rule for bytes takes all that comes to its port, whatever was called.", (3, 10),
         _BYTES, _BY_BYTES, GATEWAY),
    Case("218-alias-and-unread-routes", "An HTTPRoute that was not read may make the mirror of another host.", (3, 10),
         _lines(_MIRROR), _ALIAS, GATEWAY, read=_but("gateway.networking.k8s.io/HTTPRoute")),
    Case("218-alias-and-unread-gateways", "So may a rule of a Gateway that was not read.", (3, 10),
         _lines(_MIRROR), _ALIAS, NONE, read=_but("networking.istio.io/Gateway")),
    Case("219-alias-of-two-hosts", "The gateway makes the mirror of two hosts, and both are allowed.", (0,), _lines(_MIRROR),
         _open(entry("egress/shop", "shop.redhat.com"), _mirrored("egress/shop", "shop.redhat.com")), _BOTH),
    Case("220-probe-through-an-alias", "The gateway's own rule sends the probe on as the mirror.", (0,), _PROBED_MIRROR,
         _ALIAS, NONE, probe={}),
    Case("220-probe-through-an-alias-with-a-tenants-endpoint", "And a tenant's ServiceEntry says where that is.", (3, 10),
         _PROBED_MIRROR, (*_ALIAS, _TENANTS_MIRROR), NONE, probe={}),
    Case("220-probe-through-an-alias-and-unread-routes", "An HTTPRoute that was not read may say otherwise.", (3, 10),
         _PROBED_MIRROR, _ALIAS, NONE, probe={}, read=_but("gateway.networking.k8s.io/HTTPRoute")),
    Case("221-probe-through-the-tunnel", "The tunnel names the probed host.", (0,), _through_proxy("idp", _IDP),
         _tunnelled("egress"), NONE, probe=_PROBE),
    Case("221-probe-beside-the-tunnel", "The proxy was reached without the tunnel: nothing says what it was asked for.",
         (3, 10), _through_proxy("", _IDP), _tunnelled("egress"), NONE, probe=_PROBE),
    Case("222-two-rules-of-unknown-age", "Istio follows the older of two rules, and no snapshot says which that is.", (3,),
         {"curl/curl-1": [to_gw()], "egress/gw-1": [at_gw()]}, _RIVALS, NONE),
    Case("222-two-rules-of-unknown-age-the-other", "The same through the other gateway.", (3,), _BY_SPARE, _RIVALS, NONE),
    Case("223-control-tls-that-the-gateway-originates", "A request for port 80, which the gateway sends on to 443.", (0,),
         {"curl/curl-1": [to_gw()], "egress/gw-1": [at_gw(upstream="203.0.113.7:443", cluster=f"outbound|443||{HOST}")]},
         _originated(), _HTTP_ONLY),
    Case("223-tls-beside-what-the-gateway-originates", "Its own TLS to the same port is no request for port 80.", (3, 10),
         {"curl/curl-1": [to_gw(**TO_TLS)], "egress/gw-1": [at_gw(**AT_TLS)]}, _originated(), _HTTP_ONLY),
)  # fmt: skip
