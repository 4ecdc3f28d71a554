"""Lines that a real mesh wrote (Kubernetes 1.34, Istio about 1.30), with this mesh's names and addresses.

Only what shows something that no other case does.
"""

from __future__ import annotations

from support.lines import NONCE, at_gw, at_waypoint, connection, straight, to_gw, tunnel
from support.mesh import AMBIENT, BARE, GATEWAY_API, HOST, MESH, Manifest, but, obj, sidecar
from support.rivals import RIVALS, TWO_ENTRIES

from cases.build import BY_WAYPOINT, GATEWAY, NONE, Case

_AGENT = f"egressaudit/0.1.0 ({NONCE})"
_HELLO = {"make": connection, "received": 0, "sent": 0}
_GO_START = (
    "2026/11/07 14:00:00 INFO GOMEMLIMIT is updated package=github.com/KimMachineGun/automemlimit/memlimit GOMEMLIMIT=966367641\n"
    '2026-11-07T14:00:00.100Z\tinfo\tFLAG: --concurrency="0"\n'
    "2026-11-07T14:00:00.200Z\tinfo\tEffective config: binaryPath: /usr/local/bin/envoy\nconcurrency: 2\n"
    'configPath: ./etc/istio/proxy\nproxyMetadata:\n  ISTIO_META_DNS_CAPTURE: "true"\nserviceCluster: istio-proxy\n'
).rstrip("\n")
_OLD_FORMAT = f'[{{time}}] "GET / HTTP/2" 200 via_upstream 46 20 "{_AGENT}" 203.0.113.7:80'
_UNKNOWN_THERE = {
    "agent": _AGENT,
    "code": 503,
    "flags": "NC",
    "details": "cluster_not_found",
    "upstream": "-",
    "own": "-",
    "cluster": "-",
}


def _excluded(each: Manifest) -> Manifest:
    """curl-1 with port 80 excluded from capture."""
    annotations = {"sidecar.istio.io/status": "{}", "traffic.sidecar.istio.io/excludeOutboundPorts": "80"}
    is_curl = each["kind"] == "Pod" and each["metadata"]["name"] == "curl-1"
    return sidecar("curl/curl-1", "10.0.0.1", annotations=annotations) if is_curl else each


_SILENT_GATEWAY = obj(
    "Telemetry", "egress/quiet", "telemetry.istio.io/v1",
    spec={"accessLogging": [{"providers": [{"name": "envoy"}], "disabled": True}]},
)  # fmt: skip
_K8S_GATEWAY = obj("Gateway", "egress/beside", GATEWAY_API, spec={"gatewayClassName": "istio", "listeners": []})

CASES = (
    Case("rd10-waypoint-replaced", "The waypoint's pod is gone: a tunnel to nobody known. Never direct, no violation.", (3,),
         {"ztunnel/ztunnel-1": [tunnel(dst__addr="10.0.0.88:15008", dst__workload='"waypoint-0"', dst__namespace='"egress"')]},
         AMBIENT, NONE, says=("waypoint-replaced",), never_says=("EA101", "EA102")),
    Case("rd11-what-a-starting-proxy-writes", "Go's slog and a block of YAML are lines of the agent: none is unparsed.", (0,),
         {"curl/curl-1": [_GO_START, to_gw()], "egress/gw-1": [at_gw()]}, says=("0 unparsed",)),
    Case("rm1-07-unregistered", "The sidecar does not know the host: PassthroughCluster.", (10,),
         {"curl/curl-1": [straight(port=50000, agent=_AGENT, cluster="PassthroughCluster", dialled="203.0.113.7:80", route="allow_any")]},
         BARE, probe={"expect": "gateway=egress/gw", "result": {"remote_address": "203.0.113.7:80"}}, says=("passthrough",)),
    Case("rm1-15a-old-format-on-a-pooled-connection", "A line in the format of before the change holds the nonce: not proven.", (3,),
         {"curl/curl-1": [to_gw(agent=_AGENT)], "egress/gw-1": [_OLD_FORMAT.format(time="2026-11-07T14:01:00.002Z")]},
         probe={}, says=("unparsed",)),
    Case("rm1-17-the-gateways-log-is-off", "Its ten lines are older than the probe, and none of it is silence.", (3,),
         {"curl/curl-1": [to_gw(agent=_AGENT)], "egress/gw-1": [at_gw(f"14:00:0{n}.000", port=50100 + n) for n in range(10)]},
         (*MESH, _SILENT_GATEWAY), probe={"lines_before": {"egress/gw-1/istio-proxy": 11}},
         never_says=("wrote 10 access lines",)),
    Case("rm1-21-no-such-cluster", "503 NC at the source: the subset is hidden by another DestinationRule. Nothing left.", (3,),
         {"curl/curl-1": [to_gw(agent=_AGENT, code=503, flags="NC", details="cluster_not_found", upstream="-", own="-", cluster="-")]},
         probe={"result": {"http_code": 503}}, says=("failed",)),
    Case("rm1-32-two-rules-for-one-host", "Istio follows the VirtualService, which leads to no cluster: 503 at its gateway. Nothing left.", (3,),
         {"curl/curl-1": [to_gw(agent=_AGENT, code=503)], "egress/gw-1": [at_gw(**_UNKNOWN_THERE)]},
         RIVALS, probe={"result": {"http_code": 503}}, says=("EC30 another rule has the host too", "VirtualService egress/docs and HTTPRoute egress/docs", "EC93"),
         never_says=("Look at the external host",)),
    Case("rm1-32-the-gateways-log-was-not-read", "The same with the log of the HTTPRoute's gateway alone: it is unknown, and why is said.", (3,),
         {"curl/curl-1": [to_gw(agent=_AGENT, code=503)]},
         RIVALS, probe={"result": {"http_code": 503}}, says=("EC30 another rule has the host too", "whose log was not read"),
         change=lambda folder: (folder / "egress/gw-1/istio-proxy.log").unlink()),
    Case("rm1-41-a-virtual-address", "240.240.0.13 is Istio's own: UF to it is no violation.", (3,),
         {"curl/curl-1": [straight(**_HELLO, flags="UF,URX", own="-", upstream="240.240.0.13:443", cluster="PassthroughCluster", dialled="240.240.0.13:443", sni=HOST)]},
         never_says=("EA102",)),
    Case("rm1-42-an-excluded-port", "Port 80 goes around the sidecar: direct, and no line can show it.", (10,), {},
         tuple(map(_excluded, MESH)), probe={"result": {"remote_address": "203.0.113.7:80"}}, says=("direct",)),
    Case("rm1-50-tcp-refused-after-the-connect", "RBAC refused a connection that had already been made: it left.", (0,),
         {"curl/curl-1": [to_gw(make=connection, upstream="10.0.0.9:8443", cluster="outbound|443||gw.egress.svc.cluster.local")],
          "egress/gw-1": [at_gw(make=connection, received=248, sent=0, ended="rbac_access_denied_matched_policy[ns[egress]-policy[deny]-rule[0]]", upstream="203.0.113.7:443", cluster=f"outbound|443||{HOST}", dialled="10.0.0.9:8443", sni=HOST)]}),
    Case("rm2-03-two-service-entries", "The sidecar takes the ServiceEntry without a route: straight out, and which one is named.", (10,),
         {"curl/curl-1": [straight(port=50000, agent=_AGENT, dialled="203.0.113.7:80", route="default")]},
         TWO_ENTRIES, probe={"result": {"remote_address": "203.0.113.7:80"}},
         says=("EC18 two ServiceEntries disagree about the host", "ServiceEntry amb/docs has docs.redhat.com too, without", "leave docs.redhat.com to ServiceEntry egress/docs alone")),
    Case("rm3-03-the-waypoint-has-no-filter-chain", "NR at the waypoint, 517 bytes at ztunnel: the waypoint's line decides.", (3,),
         {"ztunnel/ztunnel-1": [tunnel(dst__hbone_addr="240.240.0.1:443", bytes_sent=517, bytes_recv=0)],
          "egress/waypoint-1": [at_waypoint(**_HELLO, code=0, flags="NR", details="filter_chain_not_found", upstream="-", own="-", cluster="-", dialled="240.240.0.1:443", sni=HOST)]},
         AMBIENT, BY_WAYPOINT, never_says=("EA303",)),
    Case("rm3-10-no-waypoint", "ztunnel refuses where the waypoint has no pods: nothing left, no passthrough.", (3,),
         {"ztunnel/ztunnel-1": [tunnel(level="warn", said="connection failed", dst__addr="240.240.0.1:80", dst__hbone_addr=None, dst__service=None, bytes_sent=0, bytes_recv=0, error="unknown waypoint: not found")]},
         AMBIENT, BY_WAYPOINT, never_says=("EA102",)),
    Case("rm3-13-a-gateway-behind-the-waypoint", "The gateway's log was not collected: where it left is not proven.", (3,),
         {"ztunnel/ztunnel-1": [tunnel()], "egress/waypoint-1": [at_waypoint(upstream="10.0.0.9:8080")]},
         (*AMBIENT, _K8S_GATEWAY), BY_WAYPOINT, change=lambda folder: (folder / "egress/gw-1/istio-proxy.log").unlink()),
    Case("rm1-03-the-claim-alone", "No policy: the routes claim the gateway, and the host went straight out.", (10,),
         {"curl/curl-1": [straight()]}, but(MESH, "VirtualService egress/docs"),
         GATEWAY.replace("default: deny", "default: mesh"), says=("EA101",)),
)  # fmt: skip
