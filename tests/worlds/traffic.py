"""Traffic: each flow's truth, and the lines that the proxies on its way log when it ends."""

from __future__ import annotations

import random
from typing import Any

from worlds.endings import LEFT, NOT_LEFT, REFUSED, Ending
from worlds.lines import socket
from worlds.model import Flow, Host, Line, Pod, Proxy, World

AGENTS = ("curl/8.11.0", "python-requests/2.32.3", "Go-http-client/2.0", "okhttp/5.0", "-")
PATHS = ("/", "/v1/items", "/v1/items?page=2", "/health", "/feed.xml", "/a/b/c")


class Traffic:
    """Sends flows through a world's mesh."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world, self.rng = world, rng
        self._pools: dict[tuple[str, str, int], str] = {}

    # ------------------------------------------------------------ what all need

    def flow(
        self, pod: Pod, host: str, address: str, port: int, scheme: str, begin: int, end: int, **said: Any
    ) -> Flow:
        """A flow of a pod, noted in the world."""
        usual: dict[str, Any] = {"reached": port, "chain": (), "way": "direct", "fate": LEFT, "ending": "ok"}
        made = Flow(
            number=len(self.world.flows), namespace=pod.namespace, workload=pod.owner, host=host, address=address,
            port=port, scheme=scheme, begin=begin, end=end, **(usual | said),
        )  # fmt: skip
        self.world.flows.append(made)
        return made

    def own(self, pod: Pod, six: bool) -> str:
        """A new socket of a pod's."""
        pod.ports += 1
        return socket(pod.address(six), 32768 + pod.ports * 3 % 28000)

    def pooled(self, pod: Pod, peer: str, pool: int, six: bool) -> str:
        """The socket of one of a few connections that a proxy keeps to another."""
        key = (pod.log, peer, pool)
        if key not in self._pools:
            self._pools[key] = self.own(pod, six)
        return self._pools[key]

    def log(self, pod: Pod, flow: Flow, begin: int, end: int, kind: str, **fields: Any) -> Line:
        """One line of a pod's proxy about a flow."""
        line = Line(pod.log, begin, end, kind, fields, flow.number)
        self.world.lines.append(line)
        flow.lines.append(line)
        return line

    def ztunnel(self, pod: Pod) -> Pod:
        """The ztunnel of a pod's node."""
        return next(each for each in self.world.pods if each.role == "ztunnel" and each.node == pod.node)

    def _bytes(self, ending: Ending) -> tuple[int, int]:
        sent = self.rng.choice((0, 46, 517, 5000, 1048576)) if ending.received else 0
        back = self.rng.randint(20, 60000) if ending.answered else 0
        return sent, back

    def request(self, host: str) -> dict[str, Any]:
        """What a client asks: none of it proves anything."""
        bits = f"{self.rng.getrandbits(128):032x}"
        return {
            "method": self.rng.choice(("GET", "GET", "GET", "POST", "HEAD")),
            "path": self.rng.choice(PATHS),
            "user_agent": self.rng.choice(AGENTS),
            "request_id": f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}",
            "authority": host,
        }

    # ------------------------------------------------------------ as the mesh routes it

    def routed(self, pod: Pod, host: Host, begin: int, length: int, ending: Ending, requests: int = 1) -> list[Flow]:
        """What a pod sends to a host, as the configuration has it; several requests on one connection."""
        ambient = pod.mode == "ambient"
        if ambient:
            through = host.through if host.way in ("waypoint", "waypoint-gateway") else ()
        else:
            through = host.through if host.way in ("gateway", "chain") else ()
        if not through:
            return [self.straight(pod, host, begin, length, ending)]
        client = self.own(pod, six=False)
        moments = [begin + n * (length + 40) for n in range(requests)]
        flows = [self._through(pod, host, through, client, at, length, ending) for at in moments]
        if ambient:
            self._tunnel(pod, host, through[0], client, moments[0], moments[-1] + length + 30, flows)
        return flows

    def _through(
        self, pod: Pod, host: Host, through: tuple[Proxy, ...], client: str, begin: int, length: int, ending: Ending
    ) -> Flow:  # fmt: skip
        proxies = [self.rng.choice(each.pods) for each in through]
        address = self.rng.choice(host.addresses)
        chain = tuple(f"{each.kind} {each.ref}" for each in through)
        end = begin + length + 30
        flow = self.flow(
            pod, host.name, address, host.port, host.scheme, begin, end,
            reached=host.far_port, chain=chain, way="through", fate=ending.fate, ending=ending.name,
        )  # fmt: skip
        flow.attack = ""
        said = self.request(host.name) if host.scheme == "http" else {}
        sent, back = self._bytes(ending)
        came = client
        hops: list[tuple[Pod, Proxy | None]] = [(pod, None)] if pod.mode == "sidecar" else []
        hops += list(zip(proxies, through, strict=True))
        for step, (writer, proxy) in enumerate(hops):
            last = step == len(hops) - 1
            following = None if last else hops[step + 1]
            at = begin + 2 * step + (1 if pod.mode == "ambient" else 0)
            fields = self._hop(pod, host, writer, proxy, following, came, ending, address)
            if host.scheme == "http":
                fields |= said | {"protocol": "HTTP/1.1" if step == 0 else self.rng.choice(("HTTP/1.1", "HTTP/2"))}
                if step:
                    fields["x_forwarded_for"] = pod.ip
            fields |= {"bytes_received": sent, "bytes_sent": back}
            if not last and host.scheme != "http" and not ending.received:
                # The one before had read what its client sent before the next proxy refused it.
                fields["bytes_received"] = 517
            done = max(at, begin + length - 2 * step)
            self._told(fields, ending, last, done - at, host.scheme)
            self.log(writer, flow, at, done, "envoy", **fields)
            came = fields["upstream_local_address"]
        return flow

    def _hop(
        self, pod: Pod, host: Host, writer: Pod, proxy: Proxy | None, following: tuple[Pod, Proxy | None] | None,
        came: str, ending: Ending, address: str,
    ) -> dict[str, Any]:  # fmt: skip
        """The sockets, cluster and route of one proxy on the way."""
        six = ":" in address
        if proxy is None:
            local, name = f"{host.vip}:{host.port}", host.name if host.scheme == "tls" else "-"
        elif proxy.kind == "waypoint":
            local, name = f"{host.vip}:{host.port}", "-"
            if pod.mode == "ambient":
                # ztunnel pools its tunnels: the port is not the client's.
                came = self.pooled(pod, writer.log, self.rng.randrange(2), six=False)
        else:
            local = socket(writer.ip, proxy.listens[host.port])
            name = host.name if host.scheme == "tls" else "-"
        if following is not None and following[1] is not None:
            peer, next_proxy = following
            port = next_proxy.listens[host.port]
            own = (
                self.pooled(writer, peer.log, self.rng.randrange(3), six=False)
                if host.scheme == "http"
                else self.own(writer, six=False)
            )
            upstream, cluster = socket(peer.ip, port), f"outbound|{host.port}||{next_proxy.host}"
        else:
            own, upstream = self.own(writer, six), socket(address, host.far_port)
            kind = {"http": "http", "tls": "tcp", "tcp": "tcp"}[host.scheme]
            cluster = f"outbound|{host.far_port}||{host.name}"
            if proxy is not None and proxy.kind == "waypoint":
                cluster = f"inbound-vip|{host.port}|{kind}|{host.name}"
            upstream, own = upstream if ending.host else "-", own if ending.own else "-"
            cluster = cluster if ending.cluster else "-"
        return {
            "upstream_host": upstream, "upstream_cluster": cluster, "upstream_local_address": own,
            "downstream_local_address": local, "downstream_remote_address": came, "requested_server_name": name,
        }  # fmt: skip

    @staticmethod
    def _told(fields: dict[str, Any], ending: Ending, last: bool, length: int, scheme: str) -> None:
        """Code, flags and details: the last proxy's own, or what those before it saw of its answer."""
        fields["response_code"] = ending.code
        if last or ending.same:
            fields |= {
                "response_flags": ending.flags, "response_code_details": ending.details,
                "connection_termination_details": ending.termination,
            }  # fmt: skip
            if last:
                fields["upstream_transport_failure_reason"] = ending.failure
        else:
            fields["response_code_details"] = "via_upstream" if scheme == "http" else "-"
        if scheme == "http" and ending.code and (ending.served or not (last or ending.same)):
            fields["upstream_service_time"] = max(0, length - 1)
        if scheme == "http" and not last and not fields["bytes_sent"] and not ending.same:
            fields["bytes_sent"] = 19

    def _tunnel(
        self, pod: Pod, host: Host, waypoint: Proxy, client: str, begin: int, end: int, flows: list[Flow]
    ) -> None:
        """ztunnel's line of the connection in which the requests were."""
        first = flows[0].lines[0]
        target = next(each for each in waypoint.pods if each.log == first.log)
        over = 0 if host.scheme != "http" else 90 * len(flows)
        line = self.log(
            self.ztunnel(pod), flows[0], begin, end, "ztunnel",
            **self.source(pod, client), **{
                "dst.addr": socket(target.ip, 15008), "dst.hbone_addr": f"{host.vip}:{host.port}",
                "dst.service": host.name, "dst.workload": target.name, "dst.namespace": target.namespace,
                "dst.identity": f"spiffe://cluster.local/ns/{target.namespace}/sa/{target.account}",
                "direction": "outbound",
                "bytes_sent": over + sum(each.lines[0].fields["bytes_received"] for each in flows),
                "bytes_recv": over + sum(each.lines[0].fields["bytes_sent"] for each in flows),
            },
        )  # fmt: skip
        for each in flows[1:]:
            each.lines.append(line)

    @staticmethod
    def source(pod: Pod, client: str) -> dict[str, Any]:
        """What ztunnel says of the source."""
        return {
            "src.addr": client, "src.workload": pod.name, "src.namespace": pod.namespace,
            "src.identity": f"spiffe://cluster.local/ns/{pod.namespace}/sa/{pod.account}",
        }  # fmt: skip

    # ------------------------------------------------------------ around gateways and waypoints

    def straight(self, pod: Pod, host: Host, begin: int, length: int, ending: Ending) -> Flow:
        """To a host that is registered and not routed, or not registered at all."""
        address = self.rng.choice(host.addresses)
        known = host.registered
        way = "direct" if known else "passthrough"
        # A ztunnel knows a host by its virtual address alone; a refused connection shows there as an error.
        fate = ending.fate
        if not known and self.world.registry_only and pod.mode == "sidecar":
            return self.black_hole(pod, host, address, begin)
        flow = self.flow(
            pod, host.name, address, host.port, host.scheme, begin, begin + length,
            reached=host.far_port, way=way, fate=fate, ending=ending.name,
        )  # fmt: skip
        if pod.mode == "ambient":
            self._ztunnel_direct(pod, flow, host if known else None, begin, length)
            return flow
        http = host.scheme == "http"
        sent, back = self._bytes(ending)
        six = ":" in address
        fields = {
            "upstream_host": socket(address, host.far_port) if ending.host else "-",
            "upstream_local_address": self.own(pod, six) if ending.own else "-",
            "upstream_cluster": f"outbound|{host.far_port}||{host.name}" if known else "PassthroughCluster",
            "downstream_local_address": f"{host.vip}:{host.port}" if known else socket(address, host.port),
            "downstream_remote_address": self.own(pod, six), "bytes_received": sent, "bytes_sent": back,
            "requested_server_name": host.name if host.scheme == "tls" and known else "-",
            "route_name": ("default" if known else "allow_any") if http else "-",
        }  # fmt: skip
        if not ending.cluster:
            fields["upstream_cluster"] = "-"
        if http:
            fields |= self.request(host.name) | {"protocol": "HTTP/1.1"}
        self._told(fields, ending, True, length, host.scheme)
        self.log(pod, flow, begin, begin + length, "envoy", **fields)
        if not known and host.scheme != "http":
            # No name was seen: only the address is known.
            flow.host = ""
        return flow

    def _ztunnel_direct(self, pod: Pod, flow: Flow, host: Host | None, begin: int, length: int) -> None:
        said: dict[str, Any] = {"dst.addr": socket(flow.address, flow.port), "direction": "outbound"}
        if host is not None:
            said["dst.service"] = host.name
            flow.reached = host.port
        else:
            flow.host = ""
        if flow.fate in (NOT_LEFT, REFUSED):
            flow.fate, flow.decidable = NOT_LEFT, False
            said |= {"error": "io error: Connection refused (os error 111)", "bytes_sent": 0, "bytes_recv": 0}
        elif flow.ending in ("reset", "reset-before-answer"):
            said |= {"error": "io error: Connection reset by peer (os error 104)", "bytes_sent": 517, "bytes_recv": 0}
        else:
            said |= {"bytes_sent": self.rng.randint(50, 5000), "bytes_recv": self.rng.randint(50, 50000)}
        self.log(
            self.ztunnel(pod),
            flow,
            begin,
            begin + length,
            "ztunnel",
            **self.source(pod, self.own(pod, six=False)),
            **said,
        )

    def black_hole(self, pod: Pod, host: Host, address: str, begin: int) -> Flow:
        """REGISTRY_ONLY: the sidecar refuses what is not registered."""
        http = host.scheme == "http"
        flow = self.flow(
            pod,
            host.name if http else "",
            address,
            host.port,
            host.scheme,
            begin,
            begin,
            way="refused",
            fate=REFUSED,
            ending="registry-only",
        )
        fields = {
            "downstream_local_address": socket(address, host.port), "downstream_remote_address": self.own(pod, ":" in address),
            "bytes_received": 0, "bytes_sent": 0,
        }  # fmt: skip
        if http:
            fields |= self.request(host.name)
            fields |= {
                "protocol": "HTTP/1.1",
                "response_code": 502,
                "response_code_details": "direct_response",
                "route_name": "block_all",
            }
        else:
            fields |= {"response_flags": "UH", "upstream_cluster": "BlackHoleCluster"}
        self.log(pod, flow, begin, begin, "envoy", **fields)
        return flow
