"""Rows of Istio's own API: Gateways and VirtualServices; see `gateway_rows`."""

from __future__ import annotations

from egressaudit.model import Call, Tls
from support.gateway_rows import (
    BYTES,
    HTTP_SERVER,
    HTTPS,
    MUTUAL,
    MUTUAL_HTTPS,
    MUTUAL_TLS,
    NEWS,
    OTHER,
    OWN_CERTIFICATE,
    PASS,
    PASSED_TLS,
    REQUESTS,
    SNI,
    TCP,
    Rows,
    gateway,
    mutual,
    passed,
    plain,
    rules,
    server,
    to,
)
from support.mesh import HOST, entry, obj

PROXY = entry("egress/proxy", "proxy.example", port=3128, protocol="TCP")
TUNNEL = {"tunnel": {"protocol": "CONNECT", "targetHost": HOST, "targetPort": 443}}
HTTP_RULE = {"route": [to()]}

# ---------------------------------------------------------------- the kind of a rule, and how a server takes TLS

KINDS: Rows = {
    "a tls rule at a server that passes TLS on": (
        [gateway(PASSED_TLS), rules(tls=[SNI])],
        passed(),
        ("0.0.0.0_8443", "send - outbound|443||docs.redhat.com"),
    ),
    "a tcp rule at a server that opens TLS": (
        [gateway(MUTUAL_TLS), rules(tcp=[BYTES])],
        mutual(scheme=HTTPS),
        ("0.0.0.0_8443", "send - outbound|443||docs.redhat.com"),
    ),
    "a tls rule at a server that opens TLS": (
        [gateway(MUTUAL_TLS), rules(tls=[SNI])],
        mutual(scheme=HTTPS),
        ("", "refuse - no-listener"),
    ),
    "an http rule at a server that passes TLS on": (
        [gateway(PASSED_TLS), rules(http=[REQUESTS])],
        passed(),
        ("", "refuse - no-listener"),
    ),
    "an http rule at a server that opens HTTPS": (
        [gateway(MUTUAL_HTTPS), rules(http=[REQUESTS])],
        mutual(),
        ("0.0.0.0_8443", "send - outbound|443||docs.redhat.com"),
    ),
    "TLS in the mTLS of a server that opens HTTPS": (
        [gateway(MUTUAL_HTTPS), rules(http=[REQUESTS])],
        mutual(scheme=HTTPS),
        ("0.0.0.0_8443", "refuse - protocol-error"),
    ),
    "a tls rule at a server that opens HTTPS": (
        [gateway(MUTUAL_HTTPS), rules(tls=[SNI])],
        mutual(scheme=HTTPS),
        ("0.0.0.0_8443", "refuse - protocol-error"),
    ),
    "plaintext at a server of one host that awaits mTLS": (
        [gateway(server(443, "HTTPS", HOST, tls=MUTUAL)), rules(http=[REQUESTS])],
        plain(port=8443),
        ("0.0.0.0_8443", "refuse - no-filter-chain"),
    ),
    "plaintext at a server of all hosts that awaits mTLS": (
        [gateway(MUTUAL_HTTPS), rules(http=[REQUESTS])],
        plain(port=8443),
        ("0.0.0.0_8443", "refuse - tls-error"),
    ),
    "mTLS at a server without TLS": (
        [gateway(HTTP_SERVER), rules(http=[HTTP_RULE])],
        mutual(port=8080),
        ("0.0.0.0_8080", "refuse - protocol-error"),
    ),
    "a client's own TLS at a server that awaits mTLS": (
        [gateway(MUTUAL_TLS), rules(tcp=[BYTES])],
        passed(),
        ("0.0.0.0_8443", "refuse - tls-error"),
    ),
    "TLS that is not of the mesh at a server that awaits mTLS": (
        [gateway(MUTUAL_TLS), rules(tcp=[BYTES])],
        Call(HOST, 8443, TCP, Tls.TLS, HOST),
        ("0.0.0.0_8443", "refuse - tls-error"),
    ),
    "mTLS of the mesh at a server with a certificate of its own, which no sidecar believes": (
        [gateway(server(443, "HTTPS", tls=OWN_CERTIFICATE)), rules(http=[REQUESTS])],
        mutual(),
        ("0.0.0.0_8443", "refuse - tls-error"),
    ),
    "a client's own TLS at a server with a certificate of its own": (
        [gateway(server(443, "HTTPS", tls=OWN_CERTIFICATE)), rules(http=[REQUESTS])],
        passed(),
        ("0.0.0.0_8443", "send - outbound|443||docs.redhat.com"),
    ),
    "bytes at a server without TLS": (
        [gateway(server(80, "TCP")), rules(tcp=[{"route": [to(port=443)]}])],
        Call(HOST, 8080, TCP),
        ("0.0.0.0_8080", "send - outbound|443||docs.redhat.com"),
    ),
    "the first tcp rule takes all that comes, whatever the SNI": (
        [
            NEWS,
            gateway(server(443, "TLS", HOST, tls=MUTUAL), server(443, "TLS", OTHER, tls=MUTUAL)),
            rules(hosts=(HOST, OTHER), tcp=[BYTES, {"match": [{"port": 443}], "route": [to(OTHER, 443)]}]),
        ],
        mutual(OTHER, HTTPS),
        ("0.0.0.0_8443", "send - outbound|443||docs.redhat.com"),
    ),
    "a source that a tcp rule asks for does not count at a gateway": (
        [
            gateway(MUTUAL_TLS),
            rules(tcp=[{"match": [{"port": 443, "sourceLabels": {"app": "curl"}}], "route": [to(port=443)]}]),
        ],
        mutual(scheme=HTTPS),
        ("0.0.0.0_8443", "send - outbound|443||docs.redhat.com"),
    ),
}

# ---------------------------------------------------------------- servers, merged and in conflict

SERVERS: Rows = {
    "no Gateway": ([rules(http=[HTTP_RULE])], plain(), ("", "refuse - no-listener")),
    "a Gateway that selects others": (
        [gateway(HTTP_SERVER, selector="spare"), rules(http=[HTTP_RULE])],
        plain(),
        ("", "refuse - no-listener"),
    ),
    "a server of another port": (
        [gateway(server(8081, "HTTP")), rules(http=[HTTP_RULE])],
        plain(),
        ("", "refuse - no-listener"),
    ),
    "a server of the proxy's own port": (
        [gateway(server(8081, "HTTP")), rules(http=[{"route": [to(port=80)]}])],
        plain(port=8081),
        ("0.0.0.0_8081", "send - outbound|80||docs.redhat.com"),
    ),
    "a Gateway of another namespace selects the proxy too": (
        [gateway(HTTP_SERVER, where="shop/own"), rules(gateways=["own"], http=[HTTP_RULE])],
        plain(),
        ("0.0.0.0_8080", "send - outbound|80||docs.redhat.com"),
    ),
    "the older of HTTP and TCP on one port": (
        [
            gateway(HTTP_SERVER, where="egress/new", created="2"),
            gateway(server(80, "TCP"), created="1"),
            rules(gateways=["egress/gw", "egress/new"], http=[HTTP_RULE], tcp=[{"route": [to(port=443)]}]),
        ],
        plain(),
        ("0.0.0.0_8080", "send - outbound|443||docs.redhat.com"),
    ),
    "HTTP of two Gateways on one port": (
        [
            NEWS,
            gateway(server(80, "HTTP", HOST), created="1"),
            gateway(server(80, "HTTP", OTHER), where="egress/two", created="2"),
            rules("shop/two", hosts=(OTHER,), gateways=["egress/two"], http=[{"route": [to(OTHER)]}]),
        ],
        plain(OTHER),
        ("0.0.0.0_8080", "send - outbound|80||edition.news.example"),
    ),
    "of two TLS servers with one host the older": (
        [
            gateway(server(443, "TLS", HOST, tls=PASS), where="egress/new", created="2"),
            gateway(server(443, "TLS", HOST, tls=MUTUAL), created="1"),
            rules(gateways=["egress/gw", "egress/new"], tls=[SNI], tcp=[BYTES]),
        ],
        passed(),
        ("0.0.0.0_8443", "refuse - tls-error"),
    ),
    "a server that has other hosts": (
        [gateway(server(80, "HTTP", OTHER)), rules(http=[HTTP_RULE])],
        plain(),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "a server for VirtualServices of another namespace": (
        [gateway(server(80, "HTTP", f"./{HOST}")), rules(http=[HTTP_RULE])],
        plain(),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "a server for VirtualServices of this namespace": (
        [gateway(server(80, "HTTP", f"shop/{HOST}")), rules(http=[HTTP_RULE])],
        plain(),
        ("0.0.0.0_8080", "send - outbound|80||docs.redhat.com"),
    ),
    "a rule of a wildcard at a server of one host": (
        [gateway(server(80, "HTTP", HOST)), rules(hosts=("*.redhat.com",), http=[HTTP_RULE])],
        plain(),
        ("0.0.0.0_8080", "send - outbound|80||docs.redhat.com"),
    ),
    "redirected to https": (
        [gateway(server(80, "HTTP", tls={"httpsRedirect": True})), rules(http=[HTTP_RULE])],
        plain(),
        ("0.0.0.0_8080", "answer - redirect"),
    ),
    "a TLS server without a rule makes no listener": ([gateway(PASSED_TLS)], passed(), ("", "refuse - no-listener")),
    "another SNI than that of the rule": (
        [gateway(PASSED_TLS), rules(tls=[SNI])],
        passed(OTHER),
        ("0.0.0.0_8443", "refuse - no-filter-chain"),
    ),
}

# ---------------------------------------------------------------- rules, and where they send to

RULES: Rows = {
    "a rule of the mesh is no rule of the gateway": (
        [
            gateway(HTTP_SERVER),
            rules(
                gateways=["mesh", "egress/gw"],
                http=[
                    {"match": [{"gateways": ["mesh"]}], "route": [to("gw.egress.svc.cluster.local", 80)]},
                    {"match": [{"gateways": ["egress/gw"]}], "route": [to(port=80)]},
                ],
            ),
        ],
        plain(),
        ("0.0.0.0_8080", "send - outbound|80||docs.redhat.com"),
    ),
    "a rule for another port": (
        [gateway(HTTP_SERVER), rules(http=[{"match": [{"port": 8080}], "route": [to()]}])],
        plain(),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "a VirtualService that only its own namespace sees": (
        [gateway(HTTP_SERVER), rules(exportTo=["."], http=[HTTP_RULE])],
        plain(),
        ("0.0.0.0_8080", "refuse - no-route"),
    ),
    "the oldest of two for one host": (
        [
            gateway(HTTP_SERVER),
            rules("shop/new", created="2", http=[{"name": "new", "route": [to()]}]),
            rules("shop/old", created="1", http=[{"name": "old", "route": [to()]}]),
        ],
        plain(),
        ("0.0.0.0_8080", "send old outbound|80||docs.redhat.com"),
    ),
    "a younger rule of a path goes before an older one for all": (
        [
            gateway(HTTP_SERVER),
            rules(
                "shop/new", created="2", http=[{"name": "new", "match": [{"uri": {"prefix": "/a"}}], "route": [to()]}]
            ),
            rules("shop/old", created="1", http=[{"name": "old", "route": [to()]}]),
        ],
        plain(path="/a"),
        ("0.0.0.0_8080", "send new outbound|80||docs.redhat.com"),
    ),
    "labels that a rule asks of its client are the gateway's here": (
        [gateway(HTTP_SERVER), rules(http=[{"match": [{"sourceLabels": {"istio": "gw"}}], "route": [to()]}])],
        plain(),
        ("0.0.0.0_8080", "send - outbound|80||docs.redhat.com"),
    ),
    "from 80 to 443, where a DestinationRule originates TLS": (
        [
            gateway(HTTP_SERVER),
            rules(http=[{"route": [to(port=443)]}]),
            obj("DestinationRule", "egress/tls", spec={"host": HOST, "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}),
        ],
        plain(),
        ("0.0.0.0_8080", "send - outbound|443||docs.redhat.com"),
    ),
    "a tunnel through a forward proxy": (
        [
            PROXY,
            gateway(PASSED_TLS),
            rules(tls=[{**SNI, "route": [to("proxy.example", 3128, subset="t")]}]),
            obj(
                "DestinationRule",
                "egress/t",
                spec={"host": "proxy.example", "subsets": [{"name": "t", "trafficPolicy": TUNNEL}]},
            ),
        ],
        passed(),
        ("0.0.0.0_8443", "send - outbound|3128|t|proxy.example tunnel docs.redhat.com:443"),
    ),
    "another host in the request": (
        [gateway(HTTP_SERVER), rules(http=[{"rewrite": {"authority": "new.example"}, "route": [to()]}])],
        plain(),
        ("0.0.0.0_8080", "send - outbound|80||docs.redhat.com as new.example"),
    ),
    "a subset that no rule has": (
        [gateway(HTTP_SERVER), rules(http=[{"route": [to(subset="v1")]}])],
        plain(),
        ("0.0.0.0_8080", "refuse - no-cluster"),
    ),
    "a host that the gateway's namespace does not see": (
        [
            entry("shop/own", OTHER, exportTo=["."]),
            gateway(HTTP_SERVER),
            rules(hosts=(OTHER,), http=[{"route": [to(OTHER)]}]),
        ],
        plain(OTHER),
        ("0.0.0.0_8080", "refuse - no-cluster"),
    ),
    "by weight": (
        [NEWS, gateway(HTTP_SERVER), rules(http=[{"route": [to(weight=3), to(OTHER, weight=1)]}])],
        plain(),
        ("0.0.0.0_8080", "send - outbound|80||docs.redhat.com=75 outbound|80||edition.news.example=25"),
    ),
    "an answer of its own": (
        [gateway(HTTP_SERVER), rules(http=[{"directResponse": {"status": 503}}])],
        plain(),
        ("0.0.0.0_8080", "answer - direct-response"),
    ),
    "a header that is not known decides": (
        [
            gateway(HTTP_SERVER),
            rules(http=[{"match": [{"headers": {"x-a": {"exact": "1"}}}], "route": [to()]}]),
        ],
        plain(),
        ("0.0.0.0_8080", "send - outbound|80||docs.redhat.com [header x-a]", "refuse - no-route"),
    ),
    "AUTO_PASSTHROUGH goes where the SNI says": (
        [
            obj(
                "Service",
                "shop/cart",
                "v1",
                spec={
                    "clusterIP": "10.96.0.3",
                    "selector": {"app": "cart"},
                    "ports": [{"name": "http", "port": 80, "targetPort": 80}],
                },
            ),
            gateway(server(443, "TLS", "*.local", tls={"mode": "AUTO_PASSTHROUGH"})),
        ],
        mutual(sni="outbound_.80_._.cart.shop.svc.cluster.local"),
        ("0.0.0.0_8443", "send - outbound_.80_._.cart.shop.svc.cluster.local"),
    ),
}
