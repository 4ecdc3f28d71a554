"""What a tenant may do who has one namespace, `evil`: its pods, their labels and logs, and objects in that namespace.

Each attack adds what the tenant writes, what really happens, and what the real proxies log of it. `flow.decidable` is set where
the rules of judging let complete logs prove the violation; elsewhere INCONCLUSIVE is right, and PASS never is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from worlds import objects as k8s
from worlds.lines import NOTHING, render, socket
from worlds.mesh import Builder
from worlds.model import END, PROXY, START, Flow, Host, Line, Pod, Rule
from worlds.traffic import Traffic

NS, FAR = "evil", "6.6.6.6"


class Attacker:
    """The tenant: its namespace, one workload that is captured as all are, and what it sends."""

    def __init__(self, traffic: Traffic, builder: Builder) -> None:
        self.traffic, self.builder, self.world, self.rng = traffic, builder, traffic.world, traffic.rng
        self.mode = "ambient" if self.world.mode == "ambient" else "sidecar"
        builder.namespace(NS, self.mode)
        self._pods: list[Pod] = []
        known = [each for each in self.world.hosts if each.way in ("gateway", "chain", "waypoint", "waypoint-gateway")]
        self.host: Host | None = self.rng.choice(known) if known else None

    def thief(self, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None) -> Pod:
        """The pod that sends; a further one where it needs marks of its own."""
        if labels or annotations or not self._pods:
            name = f"thief-{len(self._pods)}"
            self._pods += self.builder.workload(NS, name, self.mode, labels=labels, annotations=annotations)
            self._pods[-1].log_format = "json" if "json" in self.world.tags else "text"
        return self._pods[-1]

    def when(self) -> int:
        """A moment in the window."""
        return self.rng.randrange(START + 60_000, END - 60_000)

    def note(self, flow: Flow, name: str, *, decidable: bool, violates: bool | None = None) -> Flow:
        """Say what a flow is part of."""
        flow.attack, flow.decidable = name, decidable
        if violates is not None:
            flow.violates = violates
        return flow

    def add(self, api: str, kind: str, name: str, **more: Any) -> None:
        """An object of the tenant's namespace."""
        self.world.objects.append(k8s.made(api, kind, NS, name, **more))

    def bare(
        self,
        name: str,
        labels: dict[str, str],
        annotations: dict[str, str],
        containers: list[k8s.Object],
        kind: str = "StatefulSet",
    ) -> Pod:
        """A pod that no proxy captures, whatever its marks say."""
        owner = f"{kind}/{name}"
        it = Pod(NS, name if kind == "Pod" else f"{name}-0", self.builder.ips(0), 0, "decoy", owner)
        self.world.objects.append(k8s.pod(it, labels=labels, annotations=annotations, containers=containers))
        if kind != "Pod":
            self.world.objects += k8s.controllers(
                kind, NS, name, labels=labels, annotations=annotations, containers=containers
            )
        return it

    def forge(self, pod: Pod, lines: list[Line]) -> None:
        """The log that a container called istio-proxy wrote by itself: any text that the tenant likes."""
        said = [Line(pod.log, START + 900, START + 900, "agent", {"text": "Envoy proxy is ready"}), *lines]
        said.append(Line(pod.log, END - 700, END - 700, "agent", {"text": "cache\tgenerated new workload certificate"}))
        texts = [render(each, "text", 0) for each in said]
        for each, text in zip(said, texts, strict=True):
            self.world.lines.append(Line(pod.log, each.begin, each.end, "raw", {"text": text}))
        from worlds.model import Manifest

        self.world.manifest[pod.log] = Manifest()

    # ------------------------------------------------------------ what it sends

    def passthrough(self, pod: Pod, address: str, port: int, name: str, *, lie: bool = False, **changes: Any) -> Flow:
        """To an address that no object routes, by whatever name; the line of its sidecar or ztunnel."""
        traffic, begin = self.traffic, self.when()
        scheme = "http" if port == 80 else "tls"
        named = pod.mode != "ambient"
        bare = address.removeprefix("::ffff:")
        flow = traffic.flow(
            pod, "" if lie or not named else name, bare, port, scheme, begin, begin + 300, way="passthrough"
        )
        flow.called = name if named else ""
        if pod.mode == "ambient":
            said: dict[str, Any] = {
                "dst.addr": socket(address, port),
                "direction": "outbound",
                "bytes_sent": 9000,
                "bytes_recv": 120,
            }
            traffic.log(
                traffic.ztunnel(pod),
                flow,
                begin,
                begin + 300,
                "ztunnel",
                **traffic.source(pod, traffic.own(pod, six=False)),
                **said,
            )
            return flow
        fields: dict[str, Any] = {
            "upstream_host": socket(address, port), "upstream_cluster": "PassthroughCluster",
            "upstream_local_address": traffic.own(pod, six=":" in address), "downstream_local_address": socket(address, port),
            "downstream_remote_address": traffic.own(pod, six=":" in address), "bytes_received": 900000, "bytes_sent": 120,
        }  # fmt: skip
        if scheme == "http":
            fields |= traffic.request(name) | {
                "protocol": "HTTP/1.1",
                "response_code": 200,
                "response_code_details": "via_upstream",
                "route_name": "allow_any",
            }
        else:
            fields["requested_server_name"] = name or "-"
        traffic.log(pod, flow, begin, begin + 300, "envoy", **(fields | changes))
        return flow

    def named(
        self, pod: Pod, host: Host, address: str, cluster: str, *, begin: int | None = None, upstream: str = ""
    ) -> Flow:
        """Sent by the sidecar through a cluster that names the host, to an address that the tenant chose."""
        traffic, at = self.traffic, self.when() if begin is None else begin
        flow = traffic.flow(pod, host.name, address, host.port, host.scheme, at, at + 300, reached=host.port)
        fields: dict[str, Any] = {
            "upstream_host": upstream or socket(address, host.port), "upstream_cluster": cluster,
            "upstream_local_address": traffic.own(pod, six=False), "downstream_local_address": f"{host.vip}:{host.port}",
            "downstream_remote_address": traffic.own(pod, six=False), "bytes_received": 5000, "bytes_sent": 120,
            "requested_server_name": host.name if host.scheme == "tls" else "-",
        }  # fmt: skip
        if host.scheme == "http":
            fields |= traffic.request(host.name) | {
                "protocol": "HTTP/1.1",
                "response_code": 200,
                "response_code_details": "via_upstream",
                "route_name": "default",
            }
        traffic.log(pod, flow, at, at + 300, "envoy", **fields)
        return flow


def act(traffic: Traffic, builder: Builder) -> None:
    """Some attacks at once, beside the honest traffic."""
    from worlds.attacks import ATTACKS

    world = traffic.world
    me = Attacker(traffic, builder)
    policy = world.policy
    if policy is not None and (policy.default != "deny" or me.rng.random() < 0.3):
        policy.rules.append(Rule("no-evil", ("6.6.6.0/24",), "blocked"))
    fitting = [name for name, (modes, _) in sorted(ATTACKS.items()) if me.mode in modes]
    for name in me.rng.sample(fitting, me.rng.choice((1, 1, 2, 3))):
        run: Callable[[Attacker], None] = ATTACKS[name][1]
        world.tag(f"attack:{name}")
        run(me)


def blank(**fields: Any) -> dict[str, Any]:
    """An access line's fields, for one that is made up."""
    return NOTHING | fields


def proxy_alone() -> list[k8s.Object]:
    """The containers of a pod that looks like a gateway."""
    return [{"name": PROXY, "image": k8s.IMAGE}]
