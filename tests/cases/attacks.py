"""What a tenant, a far server or an accident can do to logs, objects and manifests; and controls that must hold."""

from __future__ import annotations

import json
from pathlib import Path

from support.lines import DAY, EVIL, NONCE, TO_GW, at_gw, at_waypoint, connection, request, straight, to_gw, tunnel
from support.mesh import (
    AMBIENT,
    BARE,
    MESH,
    READ,
    but,
    endpoint_slice,
    entry,
    obj,
    pod,
    route,
    service,
    sidecar,
)

from cases.build import BY_WAYPOINT, GATEWAY, NONE, Case, policy

_GOOD = {"curl/curl-1": [to_gw()], "egress/gw-1": [at_gw()]}
_AGENT = f"egressaudit/0.1.0 ({NONCE})"
_PROBE = {"curl/curl-1": [to_gw(agent=_AGENT)], "egress/gw-1": [at_gw(agent=_AGENT)]}
_TUNNELLED = {"ztunnel/ztunnel-1": [tunnel()], "egress/waypoint-1": [at_waypoint()]}


_TO_EVIL = {"upstream": f"{EVIL}:80", "cluster": "outbound|80||evil.example.com"}

_HALF_EVIL = entry(
    "curl/docs", resolution="STATIC", endpoints=[{"address": EVIL}, {"address": "10.0.0.9", "ports": {"http": 8080}}]
)
_AS_DOCS = {"code": 403, "cluster": "outbound|80||docs.redhat.com"}
_RBAC = {"code": 403, "details": "rbac_access_denied_matched_policy[none]", "upstream": "-", "own": "-", "cluster": "-"}
_NO_DOCS = policy("{name: docs, to: {hosts: [docs.redhat.com]}, via: blocked}")


def _second(authority: str = "docs.redhat.com", **gateway_line: object) -> dict[str, list[str]]:
    """The good flow, and one more whose gateway line differs."""
    sent = to_gw("14:02:00.000", port=50009, authority=authority)
    there = at_gw("14:02:00.002", port=50009, authority=authority, **gateway_line)
    return {"curl/curl-1": [to_gw(), sent], "egress/gw-1": [at_gw(), there]}


def _upload(**fields: object) -> dict[str, object]:
    return {
        "method": "POST",
        "code": 0,
        "flags": "DC",
        "details": "downstream_remote_disconnect",
        "received": 900000,
        "sent": 0,
        **fields,
    }


def _rotated(folder: Path) -> None:
    """The node had only the last second of shop-1's log, and the collection says so."""
    file = folder / "collection.json"
    document = json.loads(file.read_text())
    for each in document["logs"]:
        if each["source"]["pod"] == "shop-1":
            each |= {"state": "partial", "reason": "rotated", "covered_from": f"{DAY}T14:59:59.000Z"}
    file.write_text(json.dumps(document))


def _shorter(folder: Path) -> None:
    file = folder / "collection.json"
    document = json.loads(file.read_text())
    for each in document["logs"]:
        if each["source"]["pod"] == "shop-1":
            each |= {"lines": 500, "bytes": 90000}
    file.write_text(json.dumps(document))


def _without_shop(folder: Path) -> None:
    file = folder / "collection.json"
    document = json.loads(file.read_text())
    document["logs"] = [each for each in document["logs"] if each["source"]["pod"] != "shop-1"]
    file.write_text(json.dumps(document))
    (folder / "shop/shop-1/istio-proxy.log").unlink()


def _changed_copy(folder: Path) -> None:
    copy = folder / "x/curl/curl-1/istio-proxy.log"
    copy.parent.mkdir(parents=True)
    copy.write_text((folder / "curl/curl-1/istio-proxy.log").read_text().replace(TO_GW, "PassthroughCluster"))


def _rotated_aside(folder: Path) -> None:
    """A file that nobody listed, by the name that logrotate gives it."""
    (folder / "shop/shop-1/istio-proxy.log.1").write_text(straight("14:20:00.000", pod="10.0.0.2") + "\n")


def _hole(folder: Path) -> None:
    (folder / "collection.json").unlink()
    log = folder / "shop/shop-1/istio-proxy.log"
    inbound = {
        "cluster": "inbound|8080||",
        "upstream": "10.0.0.2:8080",
        "own": "127.0.0.6:40000",
        "dialled": "10.0.0.2:8080",
        "came": "10.0.0.1:3333",
    }
    log.with_name("istio-proxy.previous.log").write_text(
        "".join(request(f"14:00:0{n}.000", **inbound) + "\n" for n in range(6))
    )
    log.write_text("".join(request(f"14:59:5{n}.000", **inbound) + "\n" for n in range(5, 10)))


_BAD_NET = policy(
    "{name: docs, to: {hosts: [docs.redhat.com]}, via: direct}",
    "{name: bad-net, to: {hosts: [6.6.6.0/24]}, via: blocked, severity: critical}",
)
_X = pod("evil/x-1", "10.0.5.7", "istio-proxy", owner="StatefulSet/x")
_BY_HAND = {"labels": {"kubernetes.io/service-name": "shop"}, "addressType": "IPv4",
            "endpoints": [{"addresses": [EVIL]}], "ports": [{"name": "http", "port": 8080}]}  # fmt: skip
_SHOP_BY_HAND = obj("EndpointSlice", "shop/by-hand", "discovery.k8s.io/v1", **_BY_HAND)
_SHOP_HOST = "shop.shop.svc.cluster.local"
_TO_SHOP = {"cluster": f"outbound|80||{_SHOP_HOST}", "dialled": "10.96.0.2:80", "authority": "shop.shop"}
_MIRRORING_SHOP = obj("VirtualService", "curl/mirror", spec={"hosts": [_SHOP_HOST], "http": [
    {"route": [{"destination": {"host": _SHOP_HOST}}], "mirror": {"host": "evil.example.com"}}]})  # fmt: skip
_ON_NODE = pod("kube-system/proxy-1", "192.168.1.6", "proxy", owner="DaemonSet/proxy")
_ON_NODE["spec"]["hostNetwork"] = True
_EXPORTER = (
    pod("mon/exporter-1", "192.168.1.6", "exporter", labels={"app": "exporter"}, owner="DaemonSet/exporter"),
    service("mon/exporter", "10.96.0.80", {"app": "exporter"}), endpoint_slice("mon/exporter", "exporter-1", "192.168.1.6"),
)  # fmt: skip
_EXPORTER[0]["spec"]["hostNetwork"] = True


def _around(upstream: str, **fields: object) -> dict[str, list[str]]:
    """The good flow, and one that curl-1's sidecar let through to an address that it does not know."""
    passed = {"cluster": "PassthroughCluster", "upstream": upstream, "dialled": upstream, "authority": "x", **fields}
    return {**_GOOD, "curl/curl-1": [to_gw(), straight("14:02:00.000", **passed)]}


def _json(**fields: object) -> str:
    """A line of curl-1 without an upstream address."""
    return json.dumps(
        {"start_time": f"{DAY}T14:02:00.000Z", "method": "GET", "path": "/", "protocol": "HTTP/1.1", "duration": 20,
         "response_code": 200, "response_code_details": "via_upstream", "bytes_sent": 46, "authority": "x",
         "upstream_cluster": "PassthroughCluster", "downstream_local_address": f"{EVIL}:80",
         "downstream_remote_address": "10.0.0.1:40001", **fields}
    )  # fmt: skip


def _nameless(address: str) -> dict[str, list[str]]:
    """The good flow, and a connection without a server name that the sidecar let through."""
    return _around(address, make=connection, authority="-")


_ALLOWING = GATEWAY.replace("default: deny", "default: allow")
_MIRRORED = route("curl/mirror", mirror={"host": "evil.example.com"}, mirrorPercentage={"value": 100})
_NAMED_GATEWAY = {"expect": "gateway=egress/gw"}

CASES = (
    Case("00-control", "The chain closes, everything is covered.", (0,), _GOOD),
    Case("00-control-direct", "One more request goes straight out, around the gateway.", (10,),
         {**_GOOD, "curl/curl-1": [to_gw(), straight("14:02:00.000")]}, says=("EA101",)),
    Case("01-upload-cut-to-a-denied-host", "DC says how it ended: 900 kB left through the gateway.", (10,),
         _second("evil.example.com", **_upload(**_TO_EVIL)), says=("EA104",)),
    Case("01b-upload-by-a-name-that-is-allowed", "The cluster says evil.example.com; the sender's Host makes it no PASS.", (3, 10),
         _second(**_upload(**_TO_EVIL))),
    Case("01f-injected-delay", "DI is a delay and no refusal: the host answered.", (10,),
         _second("evil.example.com", flags="DI", **_TO_EVIL), says=("EA104",)),
    Case("02-unattributed-cut", "The gateway passed on what no source's log has. DC does not make it nothing.", (3,),
         {**_GOOD, "egress/gw-1": [at_gw(), at_gw("14:02:00.000", came="10.0.7.7:50009", **_upload())]}, says=("EA201",)),
    Case("03-lost-gateway-line", "Handed to the gateway, which has no line of it: where it went is not proven.", (3,),
         {**_GOOD, "curl/curl-1": [to_gw(), to_gw("14:02:00.000", port=50009, **_upload())]}, says=("EA303",)),
    Case("04-inbound-listener-leads-out", "InboundPassthroughCluster with an upstream outside is a way out.", (3, 10),
         {**_GOOD, "curl/curl-1": [to_gw(),
          straight("14:03:00.000", cluster="InboundPassthroughCluster", own="127.0.0.6:40000", came="10.0.0.77:3333"),
          straight("14:03:01.000", make=connection, cluster="InboundPassthroughCluster", upstream=f"{EVIL}:443",
                   came="10.0.0.77:3334")]}),
    Case("06b-a-retry-hides-an-attempt", "One endpoint is the attacker's: the line names only the last attempt.", (3, 10),
         {"curl/curl-1": [to_gw(cluster="outbound|80||docs.redhat.com")], "egress/gw-1": [at_gw()]},
         (*BARE, _HALF_EVIL)),
    Case("06c-a-retry-ends-refused", "The gateway refused the last attempt; the one before may have gone to the attacker's endpoint.", (3, 10),
         {"curl/curl-1": [to_gw(**_AS_DOCS)], "egress/gw-1": [at_gw(**_RBAC)]}, (*BARE, _HALF_EVIL), _NO_DOCS),
    Case("06d-control-refused-at-once", "The same where the gateway is all that the cluster has.", (0,),
         {"curl/curl-1": [to_gw(code=403)], "egress/gw-1": [at_gw(**_RBAC)]}, BARE, _NO_DOCS),
    Case("06e-a-probes-retry-ends-refused", "By `verify`: a refusal is PASS where nothing may leave, and this one may have left before.", (3, 10),
         {"curl/curl-1": [to_gw(agent=_AGENT, **_AS_DOCS)], "egress/gw-1": [at_gw(agent=_AGENT, **_RBAC)]}, (*BARE, _HALF_EVIL),
         probe={"expect": "blocked", "result": {"http_code": 403}}),
    Case("06f-control-a-probe-refused-at-once", "The same without the attacker's endpoint.", (0,),
         {"curl/curl-1": [to_gw(agent=_AGENT, code=403)], "egress/gw-1": [at_gw(agent=_AGENT, **_RBAC)]}, BARE,
         probe={"expect": "blocked", "result": {"http_code": 403}}),
    Case("07-one-log-of-many-was-rotated", "44 of 45 logs are whole: the average hides the one that is not.", (3,), _GOOD,
         (*MESH, *(sidecar(f"shop/s-{n}", f"10.0.1.{n}") for n in range(1, 41))), change=_rotated, says=("EA302",)),
    Case("08-own-endpoint-for-an-allowed-name", "The name is a tenant's word; the address is in a blocked range.", (3, 10),
         {"curl/curl-1": [straight(upstream=f"{EVIL}:80")]},
         (*BARE, entry("curl/mine", resolution="STATIC", endpoints=[{"address": EVIL}], exportTo=["."])), _BAD_NET),
    Case("09-ipv4-in-ipv6-form", "[::ffff:10.0.0.2] is a pod.", (3,), _second(upstream="[::ffff:10.0.0.2]:80")),
    Case("108-decoy-names", "The seventh name of one address breaks the rule; no cap on names may hide it.", (10,),
         {**_GOOD, "curl/curl-1": [to_gw(), *(straight(f"14:11:4{n}.000", cluster="PassthroughCluster", authority=name)
          for n, name in enumerate(["a1", "a2", "a3", "a4", "a5", "a6", "docs.redhat.com"]))]},
         policy=GATEWAY.replace("default: deny", "default: allow"), says=("EA102",)),
    Case("113-hung-up-early", "200 DC through the right gateway: it left, and the right way.", (0,),
         {"curl/curl-1": [to_gw(flags="DC", details="downstream_remote_disconnect")],
          "egress/gw-1": [at_gw(flags="DC", details="downstream_remote_disconnect")]}),
    Case("114-container-called-istio-proxy", "A name makes no proxy; the report names the pod.", (0, 3), _GOOD, (*MESH, _X),
         says=("evil/x-1",)),
    Case("11b-node-port", "192.168.1.6 is a node by the hostIP of a pod: a NodePort leads to any pod.", (3,),
         _second(upstream="192.168.1.6:30080"),
         (*MESH, pod("shop/y", "10.0.3.3", "y", status={"hostIP": "192.168.1.6"}))),
    Case("11e-service-without-selector", "Whoever writes its endpoints decides where it leads.", (3,),
         _second(upstream="10.96.0.3:80"), (*MESH, service("shop/by-hand", "10.96.0.3"))),
    Case("12-a-pod-that-is-gone", "Not proven to be outside, so no violation; not proven to be inside either.", (3,),
         {**_GOOD, "shop/shop-1": [straight("14:05:00.000", pod="10.0.0.2", upstream="10.0.0.77:9090", cluster="PassthroughCluster", authority="10.0.0.77:9090")]}),
    Case("14-control-ambient", "Tunnel and waypoint have a line each.", (0,), _TUNNELLED, AMBIENT, BY_WAYPOINT),
    Case("14a-a-tenants-ztunnel-vouches", "The real ztunnel has no such tunnel; a pod labelled app=ztunnel has.", (3, 10),
         {"aaa/z-1": [tunnel()], "egress/waypoint-1": [at_waypoint()]},
         (*AMBIENT, pod("aaa/z-1", "10.0.5.8", "istio-proxy", labels={"app": "ztunnel"}, owner="StatefulSet/z")),
         BY_WAYPOINT),
    Case("14d-many-tunnels-one-line", "49 of 50 tunnels have no line of their own.", (3,),
         {"ztunnel/ztunnel-1": [tunnel(f"14:01:01.{n:03}", port=40000 + n) for n in range(50)], "egress/waypoint-1": [at_waypoint()]},
         AMBIENT, BY_WAYPOINT, says=("EA303",)),
    Case("14e-tunnel-ended-in-an-error", "900 kB went into it before the error.", (3,),
         {**_TUNNELLED, "ztunnel/ztunnel-1": [tunnel(), tunnel("14:05:00.000", level="error", bytes_sent=900000, error="io error: broken pipe")]},
         AMBIENT, BY_WAYPOINT, says=("EA303",)),
    Case("15d-sidecar-labelled-ztunnel", "A label takes no workload out of the audit.", (10,),
         {**_GOOD, "evil/e-1": [straight(pod="10.0.5.5")]},
         (*MESH, sidecar("evil/e-1", "10.0.5.5", labels={"app": "ztunnel"})), says=("EA101",)),
    Case("16-anothers-log-in-the-gateways-folder", "The line has spare-1's sockets and stands in gw-1's file.", (3, 10),
         {"curl/curl-1": [to_gw(upstream="10.0.0.10:8080", cluster="outbound|80||spare.egress.svc.cluster.local")],
          "egress/gw-1": [at_gw(own="10.0.0.10:60000", dialled="10.0.0.10:8080")]}),
    Case("22-open-before-the-window", "Two hours, and over within the window: Envoy wrote its line then.", (10,),
         {**_GOOD, "curl/curl-1": [straight("12:58:20.000", make=connection, upstream=f"{EVIL}:443", cluster="PassthroughCluster", dialled=f"{EVIL}:443", received=9000000, lasted=7200000), to_gw()]}),
    Case("34-inside-by-the-waypoint", "A Service of the mesh through the waypoint is no egress.", (0,),
         {"ztunnel/ztunnel-1": [tunnel(), tunnel("14:05:00.000", port=40005, dst__hbone_addr="10.96.0.2:80", dst__service='"shop.shop.svc.cluster.local"')],
          "egress/waypoint-1": [at_waypoint(), at_waypoint("14:04:59.500", upstream="10.0.0.2:80", dialled="10.96.0.2:80", cluster="inbound-vip|80|http|shop.shop.svc.cluster.local", authority="shop")]},
         AMBIENT, BY_WAYPOINT),
    Case("36b-file-shorter-than-its-account", "collection.json says 500 lines; the file has two.", (3,), _GOOD,
         change=_shorter, says=("EA320",)),
    Case("37-a-namespace-was-not-collected", "Never 0 in silence.", (0, 3), _GOOD, change=_without_shop, says=("shop",)),
    Case("39-telemetry-was-not-read", "One may have turned a log off.", (3,), _GOOD, read=READ - {"telemetry.istio.io/Telemetry"},
         says=("Telemetry", "EA322")),
    Case("41-externalips-claim-the-destination", "A tenant's externalIPs make no address inside.", (10,),
         {**_GOOD, "curl/curl-1": [to_gw(), straight("14:02:00.000", make=connection, upstream=f"{EVIL}:443", cluster="PassthroughCluster", received=900000)]},
         (*MESH, service("evil/sink", "10.96.0.66", {"app": "x"}, ports=[{"port": 9999}], externalIPs=[EVIL]))),
    Case("50-control-of-a-probe", "curl, sidecar, gateway, host.", (0,), _PROBE, probe={}),
    Case("52-the-chain-ends-at-a-tenants-gateway", "The expected gateway sent it on to a tenant's pod.", (3, 10),
         {"curl/curl-1": [to_gw(agent=_AGENT)], "egress/gw-1": [at_gw(agent=_AGENT, upstream="10.0.5.7:8080")],
          "evil/x-1": [at_gw("14:01:00.003", agent=_AGENT, upstream=f"{EVIL}:80", own="10.0.5.7:60000", dialled="10.0.5.7:8080", came="10.0.0.9:60000")]},
         (*MESH, _X), probe=_NAMED_GATEWAY),
    Case("54-the-gateways-selector-picks-a-tenant", "The tenant's pod has the label that the Gateway selects.", (3, 10),
         {"curl/curl-1": [to_gw(agent=_AGENT, upstream="10.0.5.6:8080", cluster="outbound|80||fake.evil.svc.cluster.local")],
          "evil/fake-1": [at_gw(agent=_AGENT, upstream=f"{EVIL}:80", own="10.0.5.6:60000", dialled="10.0.5.6:8080")]},
         (*MESH, pod("evil/fake-1", "10.0.5.6", "istio-proxy", labels={"istio": "gw"}, owner="StatefulSet/fake"),
          service("evil/fake", "10.96.0.67", {"istio": "gw"}), endpoint_slice("evil/fake", "fake-1", "10.0.5.6")),
         probe={}),
    Case("60b-two-copies-differ", "One of two copies of a log was changed.", (3,), _GOOD, change=_changed_copy, says=("EA323",)),
    Case("61-a-rotated-file-that-nobody-listed", "istio-proxy.log.1 is shop-1's log as well, and it has a bypass.", (10,), _GOOD,
         change=_rotated_aside, says=("EA101", "EA321")),
    Case("89-requests-are-mirrored", "Envoy logs no copy.", (3, 10), _GOOD,
         (*but(MESH, "VirtualService egress/docs"), _MIRRORED, entry("curl/evil", "evil.example.com")),
         says=("mirror", "EA325")),
    Case("90-anothers-socket-in-a-sidecars-log", "curl-1's log cannot vouch for a connection of 10.0.7.7.", (3,),
         {"curl/curl-1": [to_gw(), to_gw("14:02:00.000", own="10.0.7.7:50009", came="10.0.7.7:40000")],
          "egress/gw-1": [at_gw(), at_gw("14:02:00.002", came="10.0.7.7:50009")]}, says=("EA201", "EA315")),
    Case("92-a-hole-between-two-files", "Nearly an hour lies between the two files of shop-1.", (3,),
         {"curl/curl-1": [to_gw("14:00:00.500"), to_gw("14:59:58.000", port=50002)],
          "egress/gw-1": [at_gw("14:00:00.502"), at_gw("14:59:58.002", port=50002)],
          "egress/spare-1": [at_gw(time, upstream="10.0.0.2:80", cluster="outbound|80||shop.shop.svc.cluster.local", own="10.0.0.10:4000", dialled="10.0.0.10:8080", came="10.0.7.1:3333") for time in ("14:00:00.400", "14:59:58.500")]},
         change=_hole, says=("EA302", "shop/shop-1")),
    Case("96-a-slice-by-hand-behind-a-service", "kube-proxy also follows the slice that a tenant wrote: the Service's IP may lead out.", (3, 10),
         _around("10.96.0.2:80"), (*MESH, _SHOP_BY_HAND)),
    Case("96b-control-a-services-ip", "Pods alone are behind it.", (0,), _around("10.96.0.2:80")),
    Case("96c-the-ip-of-a-gateways-service", "The gateway passes it on, and its line has other sockets.", (3,), _around("10.96.0.1:80")),
    Case("97-node-port-beside-a-pod-on-the-node", "A pod on the node's network has the node's address; a NodePort leads anywhere.", (3,),
         _around("192.168.1.6:30080"), (*MESH, _ON_NODE)),
    Case("97b-control-a-pod-on-the-node", "Its own Service says that it takes this port.", (0,),
         _around("192.168.1.6:8080", cluster="outbound|80||exporter.mon.svc.cluster.local", dialled="10.96.0.80:80"), (*MESH, *_EXPORTER)),
    Case("98-a-retry-ends-inside", "Its last attempt went to a pod; the first may have gone to the slice that was written by hand.", (3, 10),
         _around("10.0.0.2:8080", **_TO_SHOP), (*MESH, _SHOP_BY_HAND)),
    Case("98b-a-retry-ends-unconnected", "The last endpoint was not reached. The other one may have been, before.", (3, 10),
         {**_GOOD, "curl/curl-1": [to_gw(), straight("14:02:00.000", **_TO_SHOP, upstream="10.0.0.2:8080", code=503, own="-", flags="UF,URX", details="upstream_reset_before_response_started{connection_failure}")]},
         (*MESH, _SHOP_BY_HAND)),
    Case("99-inside-requests-are-mirrored-out", "The copies of what goes to shop leave, and Envoy logs none.", (3, 10),
         _around("10.0.0.2:8080", **_TO_SHOP), (*MESH, _MIRRORING_SHOP, entry("curl/evil", "evil.example.com")), says=("EA325",)),
    Case("99b-failed-requests-are-mirrored", "The request was not connected. Its copy may have been.", (3, 10),
         {**_GOOD, "curl/curl-1": [to_gw(), to_gw("14:02:00.000", port=50009, code=503, own="-", flags="UF", details="upstream_reset_before_response_started{connection_failure}", authority="api.example.com")]},
         (*MESH, obj("VirtualService", "curl/mirror", spec={"hosts": ["api.example.com"], "http": [{"route": [{"destination": {"host": "gw.egress.svc.cluster.local"}}], "mirror": {"host": "evil.example.com"}}]}),
          entry("curl/evil", "evil.example.com")), says=("EA325",)),
    Case("100-ambient-straight-to-a-gateway", "No tunnel, and no line of the gateway: where it went is not proven.", (3,),
         {**_TUNNELLED, "ztunnel/ztunnel-1": [tunnel(), tunnel("14:05:01.000", port=40007, dst__addr="10.0.0.9:8080", dst__hbone_addr=None, dst__service=None)]},
         AMBIENT, BY_WAYPOINT),
    Case("101-a-name-like-a-services", "A ServiceEntry's host of another domain is no Service that is gone.", (10,),
         {**_GOOD, "curl/curl-1": [to_gw(), straight("14:02:00.000", upstream=f"{EVIL}:80", cluster="outbound|80||a.b.svc.evil.com", authority="a.b.svc.evil.com")]},
         (*MESH, entry("curl/evil", "a.b.svc.evil.com", resolution="STATIC", endpoints=[{"address": EVIL}]))),
    Case("102-json-without-the-address", "A log pipeline left two keys out. The answer came from somewhere.", (3,),
         {**_GOOD, "curl/curl-1": [to_gw(), _json()]}),
    Case("102b-a-reset-by-nobody", "UR is the reset of a connection that was made: the address was left out.", (3,),
         {**_GOOD, "curl/curl-1": [to_gw(), _json(response_code=503, response_flags="UR", response_code_details="upstream_reset_before_response_started{remote_reset}")]}),
    Case("106-no-name-at-a-claimed-address", "docs.redhat.com stands at this address, and no line says for which host it was.", (3,),
         _nameless("203.0.113.7:443"), policy=_ALLOWING, says=("EA309",)),
    Case("106b-control-no-name-elsewhere", "The same at an address of no host that a rule names.", (0,), _nameless(f"{EVIL}:443"),
         policy=_ALLOWING),
    Case("107-a-headless-service-dialled-outside", "The sender named a Service and dialled an address outside.", (10,),
         _around(f"{EVIL}:80", cluster="outbound|80||hl.shop.svc.cluster.local", authority="hl.shop"),
         (*MESH, service("shop/hl", "None", {"app": "shop"}))),
    Case("109-a-blocked-name-in-its-own-letters", "Proxies log xn--bcher-kva.example for bücher.example.", (10,),
         {**_GOOD, "curl/curl-1": [to_gw(), straight("14:02:00.000", cluster="outbound|80||xn--bcher-kva.example", authority="xn--bcher-kva.example")]},
         (*MESH, entry("egress/b", "xn--bcher-kva.example")),
         policy("{name: docs, to: {hosts: [docs.redhat.com]}, via: gateway}", "{name: b, to: {hosts: [bücher.example]}, via: blocked}", default="allow"),
         says=("EA105",)),
    Case("110-a-retry-hides-a-blocked-endpoint", "The first attempt may have gone to 6.6.6.6, which a rule blocks.", (3,),
         {"curl/curl-1": [straight()]},
         (*BARE, entry("curl/docs", resolution="STATIC", endpoints=[{"address": EVIL}, {"address": "203.0.113.7"}])), _BAD_NET,
         says=("EA309", EVIL)),
    Case("103-a-clock-that-is-off", "A line of ten years after its collection: which lines are of the window is not known.", (3, 10),
         {**_GOOD, "curl/curl-1": [to_gw(), straight("14:02:00.000", upstream=f"{EVIL}:80", cluster="PassthroughCluster").replace("[2026-", "[2036-")]}),
    Case("92b-control-without-a-policy", "The configuration claims the gateway.", (0,), _GOOD, policy=NONE),
    Case("93-two-gateways-one-allowed", "The allowed gateway handed it on to another one, where it left.", (10,),
         {"curl/curl-1": [to_gw()], "egress/gw-1": [at_gw(upstream="10.0.0.10:8080")],
          "egress/spare-1": [at_gw("14:01:00.004", own="10.0.0.10:60000", dialled="10.0.0.10:8080", came="10.0.0.9:60000")]},
         says=("EA103",)),
    Case("94-an-envoyfilter-takes-the-log-away", "What a filter does to the access log is not known.", (3,), _GOOD,
         (*MESH, obj("EnvoyFilter", "curl/quiet", "networking.istio.io/v1alpha3", spec={"configPatches": [{
             "applyTo": "NETWORK_FILTER", "match": {"listener": {"filterChain": {"filter": {"name": "envoy.filters.network.http_connection_manager"}}}},
             "patch": {"operation": "MERGE", "value": {"typed_config": {"access_log": []}}}}]})), says=("EA324",)),
    Case("95-control-two-gateways-allowed", "Either gateway may be used, and spare was.", (0,),
         {"curl/curl-1": [to_gw(upstream="10.0.0.10:8080", cluster="outbound|80||spare.egress.svc.cluster.local")],
          "egress/spare-1": [at_gw(own="10.0.0.10:60000", dialled="10.0.0.10:8080")]},
         policy=GATEWAY.replace("name: gw}]", "name: gw}, {namespace: egress, name: spare}]", 1)),
)  # fmt: skip
