"""Public bug reports and documentation of Istio and Envoy, rebuilt small: how such a configuration is to be read."""

from __future__ import annotations

from support.lines import EVIL, TO_GW, at_gw, at_waypoint, connection, request, straight, to_gw, tunnel
from support.mesh import (
    BARE,
    GW_HOST,
    HOST,
    MESH,
    USES_WAYPOINT,
    WAYPOINT,
    ZTUNNEL,
    Manifest,
    but,
    entry,
    listener,
    obj,
    route,
)

from cases.build import AT_TLS, GATEWAY, NONE, TO_TLS, WAYPOINT_WAYS, Case, policy

_TLS_MESH = (
    *BARE,
    entry("egress/docs", port=443, protocol="TLS"),
    listener(port=443, protocol="TLS", tls={"mode": "PASSTHROUGH"}),
    route(port=443, kind="tls"),
)
"""docs.redhat.com:443 through egress/gw as TLS that nobody opens."""

_RESET = {
    "curl/curl-1": [to_gw(**TO_TLS), to_gw("14:02:00.000", port=50009, **{**TO_TLS, "received": 1048576})],
    "egress/gw-1": [
        at_gw(flags="UR", **AT_TLS),
        at_gw("14:02:00.002", port=50009, flags="DT", **{**AT_TLS, "received": 1048576}),
    ],
}


def _refused(
    number: int, code: int, flags: str, details: str, cluster: str = f"outbound|80||{HOST}"
) -> tuple[str, str]:
    port, fields = 50000 + number, {"code": code, "sent": 19, "authority": HOST}
    sent = to_gw(f"14:01:0{number}.000", port=port, **fields)
    refused = {"upstream": "-", "own": "-", "flags": flags, "details": details, "cluster": cluster, "service": "-"}
    return sent, at_gw(f"14:01:0{number}.002", port=port, **fields, **refused)


_REFUSALS = [
    _refused(0, 403, "UAEX", "ext_authz_denied"),
    _refused(1, 401, "-", "jwt_authn_access_denied{Jwt_is_missing}"),
    _refused(2, 429, "RL", "local_rate_limited"),
    _refused(3, 403, "-", "direct_response", "-"),
    _refused(4, 403, "FI", "fault_filter_abort"),
    _refused(5, 429, "RL", "request_rate_limited"),
]

_FEED = "feed.example.com"
_POST: Manifest = {"method": "POST", "authority": _FEED, "received": 1048576}
_TO_FEED = {**_POST, "cluster": f"outbound|80||{_FEED}", "upstream": "203.0.113.9:80"}
_FEED_POLICY = policy(
    "{name: no-feed, to: {hosts: [feed.example.com]}, via: blocked, severity: critical}",
    "{name: docs, to: {hosts: [docs.redhat.com]}, via: gateway}",
)

_S3 = {"cluster": "outbound|443||*.s3.example.com", "make": connection, "received": 883000}
_WIKI = "en.wiki.example.com"
_REVISION = {"sidecar.istio.io/status": '{"revision":"stable-1"}', "istio.io/rev": "stable-1"}


def _with_revision(each: Manifest) -> Manifest:
    """The pods and the mesh configuration of a control plane that has a revision and no ConfigMap `istio`."""
    if each["kind"] == "ConfigMap":
        return {**each, "metadata": {**each["metadata"], "name": "istio-stable-1"}}
    metadata = each["metadata"]
    if each["kind"] == "Pod" and "annotations" in metadata:
        metadata = {**metadata, "annotations": {**metadata["annotations"], **_REVISION}}
    return {**each, "metadata": metadata}


_LEDGER = {
    "bytes_sent": 800,
    "bytes_recv": 4000,
    "dst__service": '"*.example.com"',
    "dst__hbone_addr": "240.240.0.1:443",
}
_WILD = {
    "ztunnel/ztunnel-1": [tunnel(**_LEDGER)],
    "egress/waypoint-1": [
        at_waypoint(
            make=connection,
            received=800,
            sent=4000,
            upstream="203.0.113.80:443",
            sni="api.example.com",
            cluster="inbound-vip|443|tcp|*.example.com",
            dialled="240.240.0.1:443",
        )
    ],
}
_WILD_MESH = (
    *BARE,
    *ZTUNNEL,
    *WAYPOINT,
    entry("egress/wild", "*.example.com", port=443, protocol="TLS", labels=USES_WAYPOINT, resolution="DYNAMIC_DNS"),
)

_ORIGINATED = {
    "curl/curl-1": [to_gw()],
    "egress/gw-1": [at_gw(upstream="203.0.113.7:443", cluster=f"outbound|443||{HOST}", sni=HOST)],
}
_ORIGINATING = (
    *BARE,
    obj("ServiceEntry", "egress/docs", spec={"hosts": [HOST], "location": "MESH_EXTERNAL", "resolution": "DNS", "ports": [
        {"number": 80, "name": "http", "protocol": "HTTP"}, {"number": 443, "name": "https", "protocol": "HTTPS"}]}),
    obj("DestinationRule", "egress/orig", spec={"host": HOST, "trafficPolicy": {"portLevelSettings": [{"port": {"number": 443}, "tls": {"mode": "SIMPLE", "sni": HOST}}]}}),
    listener(),
    route(out=443),
)  # fmt: skip

_AGENTGATEWAY = "2026-11-07T14:01:00.490Z\tinfo\trequest gateway=egress/waypoint listener=mesh endpoint=203.0.113.7:80 src.addr=10.0.0.3:48306 http.method=GET http.host=docs.redhat.com http.path=/a http.version=HTTP/1.1 http.status=200 protocol=http duration=8ms"

CASES = (
    Case("p01-sni-proxy-within-the-gateway", "Two lines of one connection over an internal listener (istio.io, egress-sni).", (0, 3),
         {"curl/curl-1": [to_gw(**{**TO_TLS, "sni": _WIKI})],
          "egress/gw-1": [at_gw("14:01:00.010", **{**AT_TLS, "cluster": "dynamic_forward_proxy_cluster", "dialled": "envoy://sni_listener/", "came": "envoy://internal_client_address/", "sni": _WIKI}),
                          at_gw(**{**AT_TLS, "cluster": "sni_cluster", "upstream": "envoy://sni_listener/", "own": "envoy://internal_client_address/"})]},
         (*BARE, entry("egress/wiki", "*.wiki.example.com", port=443, protocol="TLS", resolution="NONE")),
         policy("{name: wiki, to: {hosts: ['*.wiki.example.com'], ports: [443]}, via: gateway}")),
    Case("p05b-uploads-beside-a-pass", "Two uploads to a blocked host, cut by DC and UT, beside an ordinary 200.", (10,),
         {"curl/curl-1": [to_gw(), to_gw("14:02:00.000", port=50003, **_POST), to_gw("14:03:00.000", port=50005, code=504, **_POST)],
          "egress/gw-1": [at_gw(), at_gw("14:02:00.002", port=50003, flags="DC", details="downstream_remote_disconnect", **_TO_FEED),
                          at_gw("14:03:00.002", port=50005, code=504, flags="UT", details="response_timeout", **_TO_FEED)]},
         (*MESH, entry("egress/feed", _FEED)), _FEED_POLICY, says=("EA105",)),
    Case("p06-refusals", "External authorization, JWT, rate limits, direct response and fault: nothing left.", (0,),
         {"curl/curl-1": [sent for sent, _ in _REFUSALS], "egress/gw-1": [said for _, said in _REFUSALS]},
         policy=policy("{name: docs, to: {hosts: [docs.redhat.com]}, via: blocked}")),
    Case("p07-the-sender-chose-the-address", "With resolution NONE the cluster's host is the sender's word (istio#49476).", (3, 10),
         {"curl/curl-1": [straight(upstream="198.51.100.66:443", dialled="198.51.100.66:443", sni="x.s3.example.com", **_S3)]},
         (*BARE, entry("curl/s3", "*.s3.example.com", port=443, protocol="TLS", resolution="NONE")),
         policy("{name: s3, to: {hosts: ['*.s3.example.com']}, via: direct}")),
    Case("p07-another-name-altogether", "The same, and even the server name is another site's.", (3, 10),
         {"curl/curl-1": [straight(upstream=f"{EVIL}:443", dialled=f"{EVIL}:443", sni="paste.example.net", **_S3)]},
         (*BARE, entry("curl/s3", "*.s3.example.com", port=443, protocol="TLS", resolution="NONE")),
         policy("{name: s3, to: {hosts: ['*.s3.example.com']}, via: direct}")),
    Case("p12-a-sidecars-egress-proxy", "Unknown hosts go to the gateway, which has no rule for this one: nothing left.", (3,),
         {"curl/curl-1": [to_gw(**{**TO_TLS, "sni": "any.example.com", "sent": 0, "received": 517})],
          "egress/gw-1": [at_gw(make=connection, code=0, flags="NR", details="filter_chain_not_found", sent=0, upstream="-", own="-", cluster="-", dialled="10.0.0.9:8443", sni="any.example.com")]},
         (*BARE, obj("Sidecar", "curl/default", spec={"outboundTrafficPolicy": {"mode": "ALLOW_ANY", "egressProxy": {"host": GW_HOST, "port": {"number": 443}}}})),
         NONE),
    Case("p22-wildcard-that-the-waypoint-resolves", "DYNAMIC_DNS: the sender chose a name, and no address (istio#58560).", (0,),
         _WILD, _WILD_MESH, NONE),
    Case("p22-wildcard-with-a-rule", "The rule names the host that was asked for.", (0, 3), _WILD, _WILD_MESH,
         policy("{name: api, to: {hosts: [api.example.com], ports: [443]}, via: waypoint}", ways=WAYPOINT_WAYS)),
    Case("p26-control-plane-with-a-revision", "The mesh configuration is istio-stable-1; no ConfigMap is called istio.", (0,),
         {"curl/curl-1": [to_gw()], "egress/gw-1": [at_gw()]}, tuple(map(_with_revision, MESH))),
    Case("p30-tls-origination", "Asked on port 80, and sent out on 443 as configured (istio#48300).", (0,), _ORIGINATED,
         _ORIGINATING, NONE),
    Case("p30-tls-origination-with-a-rule", "The rule allows both ports.", (0,), _ORIGINATED, _ORIGINATING),
    Case("p33-the-first-tcp-rule-takes-all", "Sent to another host than it asked for: never in silence (istio#16806).", (0, 3),
         {"curl/curl-1": [to_gw(**{**TO_TLS, "sni": "edition.example.com"})],
          "egress/gw-1": [at_gw(**{**AT_TLS, "sni": "edition.example.com"})]}, _TLS_MESH, NONE,
         says=("edition.example.com",)),
    Case("p36-agentgateway-as-waypoint", "Its lines are in a format of their own: not understood is not silence.", (3,),
         {"ztunnel/ztunnel-1": [tunnel()], "egress/waypoint-1": [_AGENTGATEWAY]},
         (*BARE, *ZTUNNEL, *WAYPOINT, entry("egress/docs", labels=USES_WAYPOINT)), NONE),
    Case("p40-address-translation-between", "The gateway sees a node's address: the sockets do not meet.", (3,),
         {"curl/curl-1": [to_gw(**TO_TLS)], "egress/gw-1": [at_gw(came="192.168.5.9:61102", **AT_TLS)]}, _TLS_MESH, NONE),
    Case("p41-ended-by-a-reset-allowed", "UR and DT after 44 kB came back: it left, and was answered (istio#58410).", (0,),
         _RESET, _TLS_MESH),
    Case("p41-ended-by-a-reset-blocked", "The same under a rule that blocks.", (10,), _RESET, _TLS_MESH,
         policy("{name: docs, to: {hosts: [docs.redhat.com]}, via: blocked}"), says=("EA105",)),
    Case("p50-direct-where-direct-is-right", "A rule that wants it direct, and it went directly.", (0,),
         {"curl/curl-1": [straight()]}, but(MESH, "VirtualService egress/docs", "Gateway egress/gw"),
         policy("{name: docs, to: {hosts: [docs.redhat.com]}, via: direct}")),
    Case("p51-through-a-gateway-where-direct-is-right", "The same rule, and it went through the gateway.", (10,),
         {"curl/curl-1": [to_gw()], "egress/gw-1": [at_gw()]},
         policy=policy("{name: docs, to: {hosts: [docs.redhat.com]}, via: direct}"), says=("EA106",)),
    Case("p52-registry-only", "block_all refused it, and policy wants it blocked.", (0,),
         {"curl/curl-1": [request("14:01:00.000", code=502, details="direct_response", service="-", upstream="-", cluster="BlackHoleCluster", own="-", dialled="203.0.113.7:80", came="10.0.0.1:40000", route="block_all")]},
         policy=policy("{name: docs, to: {hosts: [203.0.113.7, docs.redhat.com]}, via: blocked}")),
    Case("p53-another-cluster-of-the-gateway", "The gateway has a cluster for it that names no host.", (3,),
         {"curl/curl-1": [to_gw()], "egress/gw-1": [at_gw(cluster="PassthroughCluster")]}, policy=GATEWAY,
         never_says=(TO_GW + " EA101",)),
)  # fmt: skip
