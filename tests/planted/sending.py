"""What no gateway carries in a generated mesh: flows around it, flows that are refused, and what is no egress."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable

from planted.cluster import GATEWAY, GATEWAY_HOST, NODES, SHOP_HOST, Cluster, Pod
from planted.lines import UNCLEAN, Exchange, Logs, Tunnel
from planted.plans import FlowKey, Plan, key

HTTP, TCP = ("GET", "/v1/items", "HTTP/1.1"), ("-", "-", "-")
EPOCH = 15 * 60 * 1000
"""Ephemeral ports are used again after so many milliseconds, or somewhat later."""
_EPHEMERAL, _PER_EPOCH = 32768, 14000


class Sender:
    """Writes the lines of plans, and counts the flows that they are. A way is a method with `_` before its name."""

    def __init__(self, cluster: Cluster, logs: Logs, rng: random.Random) -> None:
        self.cluster, self.logs, self.rng = cluster, logs, rng
        self.flows: Counter[FlowKey] = Counter()
        self.ignored: Counter[str] = Counter()
        """As in `AuditReport.ignored`, with `internal` beside them."""
        self._skew = [rng.randint(-1000, 1000) for _ in range(NODES)]
        self._used: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        self._ways: dict[str, Callable[[Plan, Pod, int, int], None]] = {}

    def send(self, plan: Plan, moment: int, requests: int) -> None:
        """One connection of a plan, with so many requests where it is HTTP."""
        pod = self.rng.choice(plan.workload.pods)
        requests = requests if plan.scheme in ("http", "originate") else 1
        way = self._ways.get(plan.way)
        if way is None:
            way = self._ways[plan.way] = getattr(self, f"_{plan.way}")
        way(plan, pod, moment, requests)

    # ------------------------------------------------------------ around both

    def _direct(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        cluster = f"outbound|{plan.port}||{plan.host.name}"
        self._alone(plan, pod, moment, requests, {"cluster": cluster, "route": "default"})

    def _cut(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        """It was connected, and the far side ended it without an answer."""
        self._alone(plan, pod, moment, requests, self._reset(plan, "connection_termination") | {"flags": "UC"})

    def _perhaps(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        """Tried several times: the last attempt was not connected, and no line tells of the first ones."""
        said = {"own": "-", "flags": "URX,UF"}
        self._alone(plan, pod, moment, requests, self._reset(plan, "connection_timeout") | said)

    def _unconnected(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        said = {"own": "-", "flags": "UF"}
        self._alone(plan, pod, moment, requests, self._reset(plan, "connection_timeout") | said)

    def _reset(self, plan: Plan, why: str) -> dict[str, object]:
        details = f"upstream_reset_before_response_started{{{why}}}"
        cluster = f"outbound|{plan.port}||{plan.host.name}"
        return {"cluster": cluster, "code": 503, "details": details, "route": "default"}

    def _passthrough(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        self._alone(plan, pod, moment, requests, {"cluster": "PassthroughCluster", "route": "allow_any"})

    def _block_all(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        said = {"cluster": "-", "route": "block_all", "code": 502, "details": "direct_response"}
        self._alone(plan, pod, moment, requests, {**said, "upstream": "-", "own": "-"})

    def _black_hole(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        said = {"cluster": "BlackHoleCluster", "flags": "UH", "upstream": "-", "own": "-"}
        self._alone(plan, pod, moment, requests, said)

    def _alone(self, plan: Plan, pod: Pod, moment: int, requests: int, said: dict[str, object]) -> None:
        """Lines of a source that no other proxy has anything to say about."""
        http = plan.scheme == "http"
        far = f"{plan.host.ip}:{plan.port}"
        usual = Exchange(
            request=HTTP if http else TCP,
            code=200 if http else 0,
            authority=plan.host.name if http else "-",
            upstream=far,
            cluster="",
            own=f"{pod.ip}:{self._port(pod, moment)}",
            local=far,
            remote=f"{pod.ip}:{self.rng.randint(1024, 32767)}",
            name=plan.host.name if plan.scheme == "tls" else "-",
            details="via_upstream" if http else "-",
        )
        line = usual._replace(**said)
        for at in self._moments(moment, requests):
            self.logs.envoy(pod.log, at + self._skew[pod.node], line, self.rng.randint(1, 300))
        self._saw(plan, requests)

    def _forged(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        """Requests around the gateway whose user agent says that they went through it."""
        gateway = self.rng.choice(self.cluster.gateways[GATEWAY])
        claimed = f'"{gateway.ip}:8080" outbound|80||{GATEWAY_HOST} {pod.ip}:50000 {plan.host.ip}:80 {pod.ip}:1025 - -'
        far = f"{plan.host.ip}:80"
        said = Exchange(
            request=HTTP,
            code=200,
            authority=plan.host.name,
            upstream=far,
            cluster=f"outbound|80||{plan.host.name}",
            own=f"{pod.ip}:{self._port(pod, moment)}",
            local=far,
            remote=f"{pod.ip}:1026",
            route="default",
            agent=f'curl/8" "0b0b0b0b-1111-4222-8333-444444444444" "{plan.host.name}" {claimed}',
        )
        for at in self._moments(moment, requests):
            self.logs.envoy(pod.log, at + self._skew[pod.node], said, 9, UNCLEAN)
        self.ignored["unclean"] += requests

    def _direct_ambient(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        self._ztunnel(pod, [moment], reached=f"{plan.host.ip}:{plan.port}", service=plan.host.name)
        self._saw(plan, 1)

    def _passthrough_ambient(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        self._ztunnel(pod, [moment], reached=f"{plan.host.ip}:{plan.port}")
        self._saw(plan, 1)

    # ------------------------------------------------------------ no egress

    def _internal(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        peer = self.rng.choice(self.rng.choice(self.cluster.workloads).pods)
        if plan.workload.ambient:
            inner = f"{peer.ip}:8080"
            self._ztunnel(pod, [moment], reached=f"{peer.ip}:15008", inner=inner, service=SHOP_HOST)
            self.ignored["internal"] += 1
            return
        for at in self._moments(moment, requests):
            own = f"{pod.ip}:{self._port(pod, moment)}"
            said = Exchange(
                *(HTTP, 200, "shop.shop", f"{peer.ip}:8080", f"outbound|80||{SHOP_HOST}", own, "10.255.0.9:80"),
                *(f"{pod.ip}:1030", "-", "default"),
            )
            self.logs.envoy(pod.log, at + self._skew[pod.node], said, self.rng.randint(1, 60))
        self.ignored["internal"] += requests

    def _inbound(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        peer = self.rng.choice(self.rng.choice(self.cluster.workloads).pods)
        if plan.workload.ambient:
            self._ztunnel(peer, [moment], reached=f"{pod.ip}:8080", direction="inbound", node=pod.node)
            self.ignored["inbound"] += 1
            return
        for at in self._moments(moment, requests):
            said = Exchange(
                *(HTTP, 200, "shop.shop", f"{pod.ip}:8080", "inbound|8080||", "127.0.0.6:40001", f"{pod.ip}:8080"),
                *(f"{peer.ip}:33333", "outbound_.80_._.shop.shop.svc.cluster.local", "default"),
            )
            self.logs.envoy(pod.log, at + self._skew[pod.node], said, self.rng.randint(1, 60))
        self.ignored["inbound"] += requests

    def _other(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        log = self.cluster.ztunnels[pod.node].log if plan.workload.ambient else pod.log
        for _ in range(requests):
            self.logs.other(log, moment)

    # ------------------------------------------------------------ what all need

    def _ztunnel(self, pod: Pod, at: list[int], *, node: int | None = None, **said: str) -> None:
        node = pod.node if node is None else node
        tunnel = Tunnel(f"{pod.ip}:{self._port(pod, at[0])}", pod.log.pod, pod.log.namespace, **said)
        duration = at[-1] - at[0] + self.rng.randint(3, 900)
        self.logs.ztunnel(self.cluster.ztunnels[node].log, at[0] + self._skew[node], tunnel, duration)

    def _moments(self, first: int, requests: int) -> list[int]:
        """When the requests of a connection begin: close together, in one of ten with a long pause between."""
        moments = [first]
        pause = self.rng.randrange(1, requests * 10) if requests > 1 else 0
        for n in range(1, requests):
            moments.append(
                moments[-1] + (self.rng.randint(90_000, 240_000) if n == pause else self.rng.randint(1, 4000))
            )
        return moments

    def _port(self, pod: Pod, moment: int) -> int:
        """A port that the pod has not had for a quarter of an hour."""
        epoch, used = moment // EPOCH, self._used[pod.ip]
        if used[0] != epoch:
            used[0], used[1] = epoch, 0
        used[1] += 1
        return _EPHEMERAL + epoch % 2 * _PER_EPOCH + used[1] % _PER_EPOCH

    def _saw(self, plan: Plan, flows: int) -> None:
        if plan.early:
            self.ignored["outside-window"] += flows
        else:
            self.flows[key(plan)] += flows
