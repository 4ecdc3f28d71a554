"""Traffic that stays in the cluster, and the lines that proxies write of themselves."""

from __future__ import annotations

from worlds.lines import socket
from worlds.model import END, GRACE, START, Line, Pod
from worlds.traffic import Traffic

SAYINGS = (
    "Envoy proxy is ready",
    "xdsproxy\tconnected to delta upstream XDS server: istiod.istio-system.svc:15012",
    "cache\tgenerated new workload certificate",
)


def to_service(traffic: Traffic, pod: Pod, peers: list[Pod], vip: str, host: str, begin: int, length: int) -> None:
    """A request from one pod of the mesh to a Service of it, and the lines of both ends."""
    peer = traffic.rng.choice(peers)
    end = begin + length
    flow = traffic.flow(pod, host, peer.ip, 80, "http", begin, end, way="inside", fate="inside")
    own = traffic.own(pod, six=False)
    if pod.mode == "ambient":
        captured = peer.mode != "none"
        reached = socket(peer.ip, 15008 if captured else 8080)
        fields = {
            "dst.addr": reached,
            "dst.service": host,
            "direction": "outbound",
            "bytes_sent": 200,
            "bytes_recv": 900,
        }
        if captured:
            fields |= {
                "dst.hbone_addr": socket(peer.ip, 8080),
                "dst.workload": peer.name,
                "dst.namespace": peer.namespace,
            }
        traffic.log(traffic.ztunnel(pod), flow, begin, end, "ztunnel", **traffic.source(pod, own), **fields)
    else:
        said = traffic.request(host) | {
            "protocol": "HTTP/1.1", "response_code": 200, "response_code_details": "via_upstream",
            "upstream_service_time": length, "bytes_sent": 120, "upstream_host": socket(peer.ip, 8080),
            "upstream_cluster": f"outbound|80||{host}", "upstream_local_address": own,
            "downstream_local_address": f"{vip}:80", "downstream_remote_address": traffic.own(pod, six=False),
            "route_name": "default",
        }  # fmt: skip
        traffic.log(pod, flow, begin, end, "envoy", **said)
    _received(traffic, peer, flow.number, own, begin + 1, max(begin + 1, end - 1))


def _received(traffic: Traffic, peer: Pod, number: int, came: str, begin: int, end: int) -> None:
    if peer.mode == "sidecar":
        fields = {
            "method": "GET", "path": "/", "protocol": "HTTP/1.1", "response_code": 200, "bytes_sent": 120,
            "response_code_details": "via_upstream", "upstream_service_time": 1, "authority": "shop",
            "upstream_host": socket(peer.ip, 8080), "upstream_cluster": "inbound|8080||",
            "upstream_local_address": "127.0.0.6:40001", "downstream_local_address": socket(peer.ip, 8080),
            "downstream_remote_address": came, "route_name": "default",
        }  # fmt: skip
        traffic.world.lines.append(Line(peer.log, begin, end, "envoy", fields, number))
    elif peer.mode == "ambient":
        fields = {
            "src.addr": came, "dst.addr": socket(peer.ip, 8080), "dst.workload": peer.name,
            "dst.namespace": peer.namespace, "direction": "inbound", "bytes_sent": 900, "bytes_recv": 200,
        }  # fmt: skip
        traffic.world.lines.append(Line(traffic.ztunnel(peer).log, begin, end, "ztunnel", fields, number))


def agents(traffic: Traffic) -> None:
    """What every proxy says of itself in an hour: also where nothing passes it, its log is not empty."""
    for pod in traffic.world.pods:
        if pod.role in ("gateway", "waypoint", "ztunnel") or pod.mode == "sidecar":
            moments = [
                START + 900 + traffic.rng.randrange(100),
                *sorted(traffic.rng.randrange(START, END) for _ in range(2)),
                END - 700,
            ]
            for at in moments:
                traffic.world.lines.append(Line(pod.log, at, at, "agent", {"text": traffic.rng.choice(SAYINGS)}))


def in_files(line: Line) -> bool:
    """Whether a collection of the window has the line: by when it was written, which is when what it tells ended."""
    return START <= line.end < END + GRACE
