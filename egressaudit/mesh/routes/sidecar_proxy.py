"""What the sidecar of a pod does with a call: the listener, the rule, the clusters.

In: a world, a pod, a `model.Call`. Out: a `model.Step`. Example: of a call of docs.example.com at port 80 the listener
is `0.0.0.0_80`, and the one choice sends to `outbound|80||egress.istio-egress.svc.cluster.local` by the rule of
VirtualService egress/docs.

Held to istiod's own generator (tools/istiod_oracle). Limits, beside those that the modules of this room name:
- Where the address that was dialed is not known, it is what the mesh resolves the host to; of a host outside it is one
  that no other service has for itself. Ranges of addresses are conditions then.
- EnvoyFilters and InferencePools are not read. Configuration that Envoy refuses (two chains for the same connections,
  two virtual hosts for `*`) is taken as if it kept the first; objects that istiod's webhook refuses, as if it let them.
- A snapshot of an older egressaudit has no faults, new Hosts, egress proxies, ports of Sidecars and appProtocols, and
  neither `exportTo` of Services nor whether DNS is captured: it is read as if there were none.
- Applications that call their proxy by name (`proxyHttpPort`, HTTP_PROXY listeners on a loopback address) are not
  followed; with interceptionMode NONE nothing is redirected, and no call takes this step.
- IPv6 is as the sources say, and not held to the generator.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace

from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.routes.ages import in_either_order
from egressaudit.mesh.routes.clusters import ProxyClusters
from egressaudit.mesh.routes.dialed import Dialed, dialed
from egressaudit.mesh.routes.filter_chains import FilterChain
from egressaudit.mesh.routes.http_rules import NO_ROUTE, Client, choices, shared_out
from egressaudit.mesh.routes.outbound_listeners import Listener, Listeners
from egressaudit.mesh.routes.registered import ServiceRegistry
from egressaudit.mesh.routes.sidecar_scope import ALLOW_ANY, DYNAMIC_DNS, SidecarScope, scope_of
from egressaudit.mesh.routes.virtual_hosts import Viewer, VirtualHost, VirtualHosts, virtual_hosts
from egressaudit.mesh.routes.virtual_services import MESH
from egressaudit.mesh.untyped import rows, texts
from egressaudit.mesh.world import World
from egressaudit.model import Act, Call, Choice, ObjectRef, Pod, Reporter, RouteDestination, RuleRef, Scheme, Step

VIRTUAL_OUTBOUND = "virtualOutbound"
WHICH = "istiod gives the name to this one of two services that want it"
_FORWARDER = "AllowAnyDynamicDNSCluster"


def step(world: World, pod: Pod, call: Call) -> Step:
    """What the sidecar of a pod does with a call."""
    return in_either_order(world.seen_by(pod.ref), lambda either: _step(either, pod, call))


def _step(world: World, pod: Pod, call: Call) -> Step:
    proxy = _proxy_of(world, pod)
    found: list[Choice] = []
    listener = ""
    for each in dialed(world, proxy.scope, proxy.viewer, call):
        listener, made = proxy.at(call, each)
        found += (replace(choice, when=(*each.when, *choice.when)) if each.when else choice for choice in made)
    return Step(pod.ref, Reporter.SIDECAR, call, listener, tuple(found))


def alike(world: World, pod: Pod) -> Hashable:
    """The same for two pods if their sidecars do the same with every call of a host in full."""
    proxy = _proxy_of(world.seen_by(pod.ref), pod)
    return id(proxy.scope), proxy.key


def _proxy_of(world: World, pod: Pod) -> _Proxy:
    known = world.once(_proxies)
    if pod.ref not in known or known[pod.ref][0] is not pod:
        known[pod.ref] = (pod, _Proxy.of(world, pod))
    return known[pod.ref][1]


def _proxies(_world: World) -> dict[ObjectRef, tuple[Pod, _Proxy]]:
    """The proxies that were asked for."""
    return {}


@dataclass(frozen=True, slots=True)
class _Proxy:
    world: World
    scope: SidecarScope
    viewer: Viewer
    clusters: ProxyClusters
    key: Hashable
    """What its listeners depend on beside its scope."""

    @classmethod
    def of(cls, world: World, pod: Pod) -> _Proxy:
        scope = scope_of(world, pod.namespace, pod.labels)
        labels = {key: value for key, value in pod.labels.items() if key in world.once(labels_that_matter)}
        v4 = any(":" not in each for each in pod.addresses) or not pod.addresses
        v6 = any(":" in each for each in pod.addresses)
        captures = captures_dns(world, pod)
        viewer = Viewer(Client(pod.namespace, labels, frozenset({MESH})), captures, v4, v6)
        # An alias has short names of its namespace as its SNI.
        aliases = any(each.aliases for each in world.once(ServiceRegistry.of).services)
        key = (tuple(sorted(labels.items())), captures, v4, v6, pod.namespace if aliases else "")
        return cls(world, scope, viewer, ProxyClusters.of(world, scope, labels), key)

    def at(self, call: Call, at: Dialed) -> tuple[str, tuple[Choice, ...]]:
        """The listener of a call to an address, and what becomes of it there."""
        known: Listeners = self.scope.once(
            ("listeners", call.port, self.key),
            lambda: Listeners.of(self.world, self.scope, call.port, self.viewer, self.clusters),
        )
        listener = known.at(at.address)
        if listener is None:
            return VIRTUAL_OUTBOUND, (self._unknown(call, ""),)
        return listener.name, tuple(self._in(listener, call, at.address))

    def _in(self, listener: Listener, call: Call, address: str | None) -> Iterator[Choice]:
        table = listener.table
        for each in table.ranges if address is None else ():
            taken = self._taken(table.pick(call, each), call)
            yield from (replace(choice, when=(f"address in {each}", *choice.when)) for choice in taken)
        yield from self._taken(table.pick(call, table.range_of(address)), call)

    def _taken(self, chain: FilterChain | None, call: Call) -> tuple[Choice, ...]:
        if chain is None:
            return (self._unknown(call, "", http=False),)
        if chain.virtual_host is None:
            return chain.choose()
        if call.scheme is not Scheme.HTTP:
            return (Choice(Act.REFUSE, reason="protocol-error"),)
        hosts = self._hosts(call.port)
        if chain.virtual_host:
            own = hosts.of_domain(chain.virtual_host)
            return (NO_ROUTE,) if own is None else self._by(own, hosts, call)
        own = hosts.find(call.host, self.viewer.client.namespace)
        other = hosts.contested.get(call.host.lower())
        if own is not None and other is not None:
            first = (replace(each, when=(WHICH, *each.when)) for each in self._by(own, hosts, call))
            return (*first, *self._by(other, hosts, call))
        return (self._unknown(call, "allow_any"),) if own is None else self._by(own, hosts, call)

    def _hosts(self, port: int) -> VirtualHosts:
        egress = self.scope.listener_for(port)
        if egress is None:
            return VirtualHosts()
        made: VirtualHosts = self.scope.once(
            ("hosts", port, self.key), lambda: virtual_hosts(egress, port, self.viewer)
        )
        return made

    def _by(self, host: VirtualHost, hosts: VirtualHosts, call: Call) -> tuple[Choice, ...]:
        if host.service is not None:
            port = host.service.ports[0].number
            to = self.clusters.cluster(host.service.host, port)
            return tuple(shared_out(Choice(Act.SEND, "default"), [(to, 100)]))
        return choices(
            host.rules, call, lambda to: self.clusters.target(to, hosts.services.get(str(to.get("host"))), call.port)
        )

    def _unknown(self, call: Call, route: str, *, http: bool = True) -> Choice:
        """What becomes of a host that is not known (buildCatchAllVirtualHost, buildOutboundCatchAllNetworkFilters)."""
        scope = self.scope
        if scope.mode == DYNAMIC_DNS and http and call.scheme is Scheme.HTTP:
            to = RouteDestination(_FORWARDER, call.host, call.port)
            return Choice(Act.SEND, "allow_any_dynamic_dns", to=(to,))
        if scope.mode not in (ALLOW_ANY, DYNAMIC_DNS):
            return Choice(Act.REFUSE, "block_all" if route else "", self._policy(), reason="block-all")
        if scope.egress_proxy:
            target = self.clusters.target(scope.egress_proxy, None, 0)
            made = Choice(Act.SEND, route, self._policy("egressProxy"))
            return next(shared_out(made, [(target, 100)]))
        return Choice(Act.PASSTHROUGH, route, self._policy())

    def _policy(self, part: str = "") -> RuleRef | None:
        sidecar = self.scope.sidecar
        if sidecar is None or "outboundTrafficPolicy" not in sidecar.spec:
            return None
        return RuleRef(str(sidecar), f"spec.outboundTrafficPolicy{'.' if part else ''}{part}")


def captures_dns(world: World, pod: Pod) -> bool:
    """Whether a sidecar answers the DNS of its pod."""
    obj = world.objects.one("", "Pod", pod.namespace, pod.name)
    spec: Mapping[str, object] = {} if obj is None else obj.spec
    said = [each for part in ("containers", "initContainers") for each in rows(spec.get(part))]
    env = [row for each in said if each.get("name") == "istio-proxy" for row in rows(each.get("env"))]
    return any(row.get("name") == "ISTIO_META_DNS_CAPTURE" and row.get("value") == "true" for row in env)


def labels_that_matter(world: World) -> frozenset[str]:
    """The keys of labels by which any rule picks its proxies."""
    found: set[str] = set()
    for each in world.objects.all(ISTIO, "VirtualService"):
        for kind in ("http", "tls", "tcp"):
            for rule in rows(each.spec.get(kind)):
                for match in rows(rule.get("match")):
                    found.update(texts(match.get("sourceLabels")))
    for each in world.objects.all(ISTIO, "DestinationRule"):
        selector = each.spec.get("workloadSelector")
        found.update(texts(selector.get("matchLabels")) if isinstance(selector, Mapping) else ())
    return frozenset(found)
