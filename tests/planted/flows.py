"""Traffic of a generated mesh through its gateways and its waypoint: the lines of each proxy on the way."""

from __future__ import annotations

from egressaudit.model import LogSource, Path
from planted.cluster import GATEWAY, GATEWAY_HOST, PARTNER_HOST, WAYPOINT, Pod
from planted.lines import Exchange
from planted.plans import Plan, key
from planted.sending import EPOCH, HTTP, TCP, Sender

_OLD_GATEWAY = "10.126.0.9"
"""The address of a gateway pod that was replaced; the snapshot does not have it."""
OLD_LOG = LogSource("istio-egress", "istio-egressgateway-66d4b8f9c5-00009", "istio-proxy")


class Traffic(Sender):
    """All ways out of the mesh."""

    # ------------------------------------------------------------ through a gateway

    def _gateway(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        at = self._moments(moment, requests)
        self._pair(plan, pod, at, at)
        self._saw(plan, requests)

    def _lost(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        self._pair(plan, pod, self._moments(moment, requests), [])
        self._saw(plan, requests)

    def _lost_partly(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        at = [moment + n * 700 for n in range(requests + 1)]
        self._pair(plan, pod, at, at[:1])
        self._saw(plan, requests)
        self.flows[(*key(plan)[:2], plan.host.name, plan.port, Path.VIA_GATEWAY.value)] += 1

    def _silent(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        self._pair(plan, pod, [], self._moments(moment, requests))
        self._saw(plan, requests)

    def _stranger(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        self._pair(plan, Pod(pod.log, "10.125.0.77", pod.node), [], self._moments(moment, requests))
        self._saw(plan, requests)

    def _refused(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        at = self._moments(moment, requests)
        denied = "rbac_access_denied_matched_policy[none]"
        self._pair(plan, pod, at, at, {"code": 403, "upstream": "-", "own": "-", "details": denied})
        self._saw(plan, requests)

    def _upstream_down(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        at = self._moments(moment, requests)
        why = "delayed_connect_error:_Connection_refused"
        details = f"upstream_reset_before_response_started{{remote_connection_failure|{why}}}"
        said = {"code": 503, "own": "-", "flags": "URX,UF", "details": details, "failure": why}
        self._pair(plan, pod, at, at, said)
        self._saw(plan, requests)

    def _gateway_down(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        details = "upstream_reset_before_response_started{remote_connection_failure}"
        gateway = self.rng.choice(self.cluster.gateways[plan.gateway])
        said = {"code": 503, "own": "-", "flags": "URX,UF", "details": details}
        self._pair(plan, pod, self._moments(moment, requests), [], said, gateway=gateway)
        self._saw(plan, requests)

    def _replaced(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        at = self._moments(moment, requests)
        self._pair(plan, pod, at, at, gateway=Pod(OLD_LOG, _OLD_GATEWAY, 0))
        self._saw(plan, requests)
        self.ignored["no-proxy"] += requests

    def _reused(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        """To a gateway pod that is gone, and whose address is an application's by now."""
        at = self._moments(moment, requests)
        self._pair(plan, pod, at, at, gateway=Pod(OLD_LOG, self.cluster.workloads[0].pods[0].ip, 0))
        self._saw(plan, requests)
        self.ignored["no-proxy"] += requests

    def _pair(
        self,
        plan: Plan,
        pod: Pod,
        sent: list[int],
        received: list[int],
        gone: dict[str, object] | None = None,
        gateway: Pod | None = None,
    ) -> None:
        """Lines of a source and a gateway: `gone` is what the last of them says that is not as usual."""
        host, http = plan.host, plan.scheme in ("http", "originate")
        gateway = gateway or self.rng.choice(self.cluster.gateways[plan.gateway])
        listens = {80: 8080, 443: 8443, 5432: 15432}[plan.port]
        first = (sent or received)[0]
        own, reached = f"{pod.ip}:{self._port(pod, first)}", f"{gateway.ip}:{listens}"
        service = GATEWAY_HOST if plan.gateway == GATEWAY else PARTNER_HOST
        name = plan.called or host.name if plan.scheme == "tls" else "-"
        code, details = (200, "via_upstream") if http else (0, "-")
        outgoing = Exchange(
            request=HTTP if http else TCP,
            code=code,
            authority=host.name if http else "-",
            upstream=reached,
            cluster=f"outbound|{plan.port}||{service}",
            own=own,
            local=f"{host.ip}:{plan.port}",
            remote=f"{pod.ip}:{self.rng.randint(1024, 32767)}",
            name=name,
            details=details,
        )
        far = 443 if plan.scheme == "originate" else plan.port
        leaving = outgoing._replace(
            request=("GET", "/v1/items", "HTTP/2") if http else TCP,
            upstream=f"{host.ip}:{far}",
            cluster=f"outbound|{far}||{host.name}",
            own=f"{gateway.ip}:{self._port(gateway, first)}",
            local=reached,
            remote=own,
            forwarded=pod.ip if http else "-",
        )
        if gone and received:
            outgoing, leaving = outgoing._replace(code=int(str(gone["code"]))), leaving._replace(**gone)
        elif gone:
            outgoing = outgoing._replace(**gone)
        for at in sent:
            self.logs.envoy(pod.log, at + self._skew[pod.node], outgoing, self.rng.randint(4, 400))
        for at in received:
            self.logs.envoy(gateway.log, at + 2 + self._skew[gateway.node], leaving, self.rng.randint(2, 300))

    # ------------------------------------------------------------ through a waypoint

    def _waypoint(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        at = self._moments(moment, requests)
        waypoint = self.rng.choice(self.cluster.gateways[WAYPOINT])
        self._tunnel(plan, pod, waypoint, at)
        leaving = self._at_waypoint(plan, pod, moment)._replace(
            upstream=f"{plan.host.ip}:{plan.port}", own=f"{waypoint.ip}:{self._port(waypoint, moment)}"
        )
        for each in at:
            self.logs.envoy(waypoint.log, each + 1 + self._skew[waypoint.node], leaving, self.rng.randint(2, 300))
        self._saw(plan, requests)

    def _chain(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        self._through_both(((plan, pod, self._moments(moment, requests)),), moment)
        self._saw(plan, requests)

    def _shared_chain(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        """Two workloads ask through one connection between waypoint and gateway, each for a path of its own."""
        assert plan.other is not None
        other = Plan(plan.way, plan.other, plan.host)
        first = [moment + n * 900 for n in range(requests)]
        second = [moment + n * 900 + 400 for n in range(requests)]
        self._through_both(((plan, pod, first), (other, self.rng.choice(plan.other.pods), second)), moment)
        self._saw(plan, requests)
        self._saw(other, requests)

    def _through_both(self, senders: tuple[tuple[Plan, Pod, list[int]], ...], moment: int) -> None:
        waypoint = self.rng.choice(self.cluster.gateways[WAYPOINT])
        gateway = self.rng.choice(self.cluster.gateways[GATEWAY])
        own, reached = f"{waypoint.ip}:{self._port(waypoint, moment)}", f"{gateway.ip}:8080"
        far = f"{gateway.ip}:{self._port(gateway, moment)}"
        for plan, pod, at in senders:
            self._tunnel(plan, pod, waypoint, at)
            request = ("GET", f"/of/{plan.workload.name}", "HTTP/1.1")
            onward = self._at_waypoint(plan, pod, moment)._replace(
                request=request, upstream=reached, own=own, cluster=f"outbound|80||{GATEWAY_HOST}"
            )
            cluster = f"outbound|80||{plan.host.name}"
            leaving = onward._replace(
                upstream=f"{plan.host.ip}:80", cluster=cluster, own=far, local=reached, remote=own, route="-"
            )
            for each in at:
                self.logs.envoy(waypoint.log, each + 1 + self._skew[waypoint.node], onward, self.rng.randint(3, 400))
                self.logs.envoy(gateway.log, each + 3 + self._skew[gateway.node], leaving, self.rng.randint(2, 300))

    def _lost_tunnel(self, plan: Plan, pod: Pod, moment: int, requests: int) -> None:
        self._tunnel(plan, pod, self.rng.choice(self.cluster.gateways[WAYPOINT]), [moment])
        self._saw(plan, 1)

    def _tunnel(self, plan: Plan, pod: Pod, waypoint: Pod, at: list[int]) -> None:
        inner = f"{plan.host.vip}:{plan.port}"
        self._ztunnel(pod, at, reached=f"{waypoint.ip}:15008", inner=inner, service=plan.host.name)

    def _at_waypoint(self, plan: Plan, pod: Pod, moment: int) -> Exchange:
        """A waypoint's line, which has the port of ztunnel's pooled connection."""
        http = plan.scheme == "http"
        return Exchange(
            request=HTTP if http else TCP,
            code=200 if http else 0,
            authority=plan.host.name if http else "-",
            upstream="",
            cluster=f"inbound-vip|{plan.port}|{'http' if http else 'tcp'}|{plan.host.name}",
            own="",
            local=f"{plan.host.vip}:{plan.port}",
            remote=f"{pod.ip}:{40000 + moment // EPOCH % 20}",
            details="via_upstream" if http else "-",
            route="default" if http else "-",
        )
