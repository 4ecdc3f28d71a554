"""Hosts that a gateway sends on by another name: what was asked for is found by going back along the route."""

from __future__ import annotations

from typing import Any

from support.lines import EVIL, at_gw, to_gw
from support.mesh import BARE, Manifest, entry, listener, obj, route

from cases.build import AT_TLS, GATEWAY, NONE, TO_TLS, Case, policy

_MIRROR = "docs.mirror.example.com"


def _sent_to(other: str, where: str, **more: Any) -> Manifest:
    """A VirtualService that sends the host to the gateway, and has it sent on to another one."""
    made = route(where)
    last = made["spec"]["http"][1]
    last["route"][0]["destination"]["host"] = other
    last |= more
    return made


def _lines(other: str, upstream: str = "203.0.113.90:80") -> dict[str, list[str]]:
    return {"curl/curl-1": [to_gw()], "egress/gw-1": [at_gw(cluster=f"outbound|80||{other}", upstream=upstream)]}


_BOUND = (*BARE, entry("egress/docs"), listener())
_ALIAS = (*_BOUND, entry("egress/mirror", _MIRROR), _sent_to(_MIRROR, "egress/docs", rewrite={"authority": _MIRROR}))
_TENANTS = (*_BOUND, entry("curl/mine", "evil.example.com"), _sent_to("evil.example.com", "curl/mine"))
_DELEGATE = obj("VirtualService", "egress/out", spec={"http": [{"route": [{"destination": {"host": _MIRROR}}]}]})


def _root() -> Manifest:
    """A tenant's rule for the gateway, which leaves the route to a delegate of the gateway's own namespace."""
    made = route("curl/root")
    first, last = made["spec"]["http"]
    made["spec"]["http"] = [first, {"match": last["match"], "delegate": {"namespace": "egress", "name": "out"}}]
    return made


_IDP, _PROXY = "identity.example.com", "proxy.example.com"
_TUNNEL_LOGS = {
    "curl/curl-1": [to_gw(**{**TO_TLS, "sni": _IDP})],
    "egress/gw-1": [
        at_gw(**{**AT_TLS, "sni": _IDP, "upstream": "192.0.2.50:3128", "cluster": f"outbound|3128|idp|{_PROXY}"})
    ],
}
_CONNECT = {"protocol": "CONNECT", "targetHost": _IDP, "targetPort": 443}


def _tunnelled(namespace: str, bound: str = "egress/docs") -> tuple[Manifest, ...]:
    """The host is sent into a proxy that is asked to connect to it; the proxy and the tunnel are of a namespace."""
    rules = route(bound, _IDP, port=443, kind="tls")
    rules["spec"]["tls"][1]["route"] = [{"destination": {"host": _PROXY, "subset": "idp", "port": {"number": 3128}}}]
    at = {"addresses": ["192.0.2.50"], "endpoints": [{"address": "192.0.2.50"}]}
    subsets = [{"name": "idp", "trafficPolicy": {"tunnel": _CONNECT}}]
    return (
        *BARE,
        entry("egress/idp", _IDP, port=443, protocol="TLS"),
        entry(f"{namespace}/fwd", _PROXY, port=3128, protocol="TCP", resolution="STATIC", **at),
        obj("DestinationRule", f"{namespace}/tun", spec={"host": _PROXY, "subsets": subsets}),
        listener(_IDP, port=443, protocol="TLS", tls={"mode": "PASSTHROUGH"}),
        rules,
    )


_IDP_RULE = policy("{name: idp, to: {hosts: [identity.example.com], ports: [443]}, via: gateway}")
_EVIL = _lines("evil.example.com", f"{EVIL}:80")
CASES = (
    Case("201-alias-at-the-gateway", "The gateway's own rule sends it on as its mirror: the host was asked for.", (0,),
         _lines(_MIRROR), _ALIAS, NONE),
    Case("201-alias-at-the-gateway-with-a-rule", "The policy's rule names what was asked for.", (0,), _lines(_MIRROR), _ALIAS),
    Case("202-alias-of-a-tenant", "A tenant binds a rule to the gateway that sends the host to a server of its own.", (3, 10),
         _EVIL, _TENANTS, GATEWAY),
    Case("203-alias-through-a-delegate", "The delegate is the gateway's, who delegates to it is a tenant.", (3, 10),
         _lines(_MIRROR), (*_BOUND, entry("egress/mirror", _MIRROR), _root(), _DELEGATE), GATEWAY),
    Case("p03-company-proxy-by-connect", "The DestinationRule's tunnel names the host (istio#57556).", (0,), _TUNNEL_LOGS,
         _tunnelled("egress"), NONE),
    Case("p03-company-proxy-by-connect-policy", "A rule for the tunnel's host allows it.", (0, 3), _TUNNEL_LOGS,
         _tunnelled("egress"), _IDP_RULE),
    Case("204-tunnel-of-a-tenant", "The tunnel says the right host, and the proxy and the tunnel are a tenant's.", (3, 10),
         _TUNNEL_LOGS, _tunnelled("curl"), _IDP_RULE),
    Case("204-tunnel-that-a-tenant-leads-to", "The rule that leads into the tunnel is a tenant's.", (3, 10),
         _TUNNEL_LOGS, _tunnelled("egress", "curl/mine"), _IDP_RULE),
    Case("205-no-rule-leads-there", "The gateway's line names a host to which no rule sends this one.", (3, 10),
         _EVIL, (*_BOUND, route(), entry("egress/evil", "evil.example.com")), GATEWAY),
)  # fmt: skip
