"""What the ztunnel of an ambient pod's node does with a call: to a waypoint, to an endpoint, or to where it was dialed.

In: a world, a pod in ambient mode, a `model.Call`. Out: a `model.Step`. Example: of docs.example.com, whose
ServiceEntry has a waypoint, the first choice, `when=("address 240.240.0.1",)`, sends to the waypoint. The last one
passes the connection through: that is for a client that has the address from elsewhere.

A service that istiod binds to no waypoint goes straight out, also if its labels ask for one: fail-open, the fault
`waypoint-unbound`. A waypoint that ztunnel is told of and does not reach lets nothing out: fail-closed, the fault
`waypoint-unreachable`. What is known is asked of in this order (ztunnel src/proxy/outbound.rs build_request,
src/state.rs): a workload of the address, a service of the address. Who may see a host plays no part: ztunnel ignores
`exportTo`, Sidecars and outboundTrafficPolicy (istio/istio issues 54281, 55163).

Limits: networks and other clusters; AuthorizationPolicies at the destination; how ztunnel weighs endpoints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from egressaudit.addresses import canonical_ip
from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import CORE, ISTIO
from egressaudit.mesh.marks import DNS_CAPTURE, USE_WAYPOINT
from egressaudit.mesh.modes.capture import captor
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.routes.ages import in_either_order
from egressaudit.mesh.routes.ambient_endpoints import AmbientEnds, endpoints
from egressaudit.mesh.routes.ambient_services import AmbientService, AmbientServices
from egressaudit.mesh.routes.names import DOMAIN
from egressaudit.mesh.routes.waypoints import Waypoint, workload_binding
from egressaudit.mesh.untyped import rows, text, texts
from egressaudit.mesh.world import World
from egressaudit.model import Act, Call, Choice, Fault, Pod, Reporter, RouteDestination, RuleRef, Step

HBONE = 15008
_PASSED = Choice(Act.PASSTHROUGH)


def ztunnel_step(world: World, pod: Pod, call: Call) -> Step:
    """What the ztunnel of a pod's node does with a call. The pod must be in ambient mode."""
    ztunnel = ztunnel_of(world, pod)
    view = world if ztunnel is None else world.seen_by(ztunnel.ref)
    return in_either_order(view, lambda seen: _Ztunnel(seen, pod).step(call))


def ztunnel_of(world: World, pod: Pod) -> Pod | None:
    """The ztunnel of a pod's node, whose control plane decides; None if there is none. The pod must be ambient."""
    return captor(pod, world.once(_ztunnels).get(pod.node, ()))


def _ztunnels(world: World) -> Mapping[str, list[Pod]]:
    """The ztunnels of each node."""
    found: dict[str, list[Pod]] = {}
    for each in world.proxies.get(Reporter.ZTUNNEL, ()):
        found.setdefault(each.node, []).append(each)
    return found


class _Ztunnel:
    """One pod's ztunnel."""

    def __init__(self, world: World, pod: Pod) -> None:
        self._world = world
        self._pod = pod
        self._known = world.once(AmbientServices.of)
        self._faults: dict[Fault, None] = {}

    def step(self, call: Call) -> Step:
        choices: list[Choice] = []
        for dialed, when in self._dialed(call):
            choices += (replace(each, when=(*when, *each.when)) for each in self._to(dialed, call))
        return Step(self._pod.ref, Reporter.ZTUNNEL, call, "", tuple(choices), tuple(self._faults))

    # ------------------------------------------------------------ which address is dialed

    def _dialed(self, call: Call) -> Iterator[tuple[str | AmbientService | None, tuple[str, ...]]]:
        """The addresses that the client may dial, each with its condition; None if it is none that is known.

        A service is itself where its address is not told.
        """
        known = canonical_ip(call.address) or canonical_ip(call.host)
        if known:
            yield known, ()
            return
        service = self._named(call.host)
        if service is not None and service.origin.group == CORE and service.addresses:
            yield service.addresses[0], ()
            return
        if service is not None and self._captures_dns():
            for address in service.addresses:
                yield address, (f"address {address}",)
            if service.assumed:
                yield service, ("address that istiod gives the host",)
        lost = self._known.unaddressed(call.host.lower().rstrip("."), self._pod.namespace)
        if lost is not None and lost.origin.group != CORE and lost.binding.waypoint is not None:
            self._add(fault.waypoint_needs_address(lost.origin, lost.binding.waypoint.ref))
        yield None, ()

    def _named(self, host: str) -> AmbientService | None:
        """The service that a name means: in full, or one of the pod's own search domains."""
        name = host.lower().rstrip(".")
        for full in (name, f"{name}.{self._pod.namespace}.{DOMAIN}", f"{name}.{DOMAIN}", f"{name}.cluster.local"):
            if found := self._known.named(full, self._pod.namespace):
                return found
        return None

    def _captures_dns(self) -> bool:
        """Whether ztunnel may answer the DNS of the pod; the mesh's own switch is not in a snapshot."""
        return self._pod.annotations.get(DNS_CAPTURE, "").lower() != "false"

    # ------------------------------------------------------------ what becomes of an address

    def _to(self, dialed: str | AmbientService | None, call: Call) -> list[Choice]:
        if dialed is None:
            return [_PASSED]
        address = dialed if isinstance(dialed, str) else ""
        service = self._known.at(dialed, self._pod.namespace) if isinstance(dialed, str) else dialed
        workload = address in self._known.workloads
        if service is None:
            return self._to_workload(address) if workload else [_PASSED]
        if shares := service.binding.shares:
            if not workload:
                return self._to_waypoints(service, shares)
            self._add(fault.waypoint_skipped_for_endpoint(service.origin, address))
        elif service.binding.error and service.binding.about is not None:
            self._add(fault.waypoint_unbound(service.origin, service.binding.about, service.binding.error))
        return self._to_endpoint(service, call.port)

    def _to_waypoints(self, service: AmbientService, shares: tuple[tuple[Waypoint, int], ...]) -> list[Choice]:
        """To each waypoint by its share; one that is not reached refuses its share."""
        rule = _asked_by(self._world.objects, service.origin)
        to, refused = [], []
        for waypoint, share in shares:
            if why := self._unreached(waypoint):
                self._add(fault.waypoint_unreachable(service.origin, waypoint.ref, why))
                refused.append(share)
            else:
                host = waypoint.host or waypoint.address
                to.append(RouteDestination("", host, HBONE, weight=share))
        made = Choice(Act.SEND, rule=rule, to=tuple(to))
        nowhere = Choice(Act.REFUSE, rule=rule, reason="waypoint-unreachable")
        if not to:
            return [nowhere]
        return [*(replace(nowhere, when=(f"{share} % of connections",)) for share in refused), made]

    def _unreached(self, waypoint: Waypoint) -> str:
        """Why ztunnel does not reach a waypoint; '' if it does (src/state.rs fetch_waypoint)."""
        if waypoint.address:
            own = self._known.at(waypoint.address, self._pod.namespace)
            if own is None:
                return (
                    "" if waypoint.address in self._known.workloads else f"nothing has its address {waypoint.address}"
                )
        else:
            named = self._known.by_host.get(waypoint.host, ())
            own = next((each for each in named if each.namespace == waypoint.ref.namespace), None)
            if own is None:
                return f"there is no Service {waypoint.host} in namespace {waypoint.ref.namespace}"
        if HBONE not in own.ports:
            return f"{own.origin} has no port {HBONE}"
        return "" if endpoints(self._world, own, HBONE).there else f"{own.origin} has no endpoints"

    def _to_endpoint(self, service: AmbientService, port: int) -> list[Choice]:
        if service.passes:
            return [_PASSED]
        ends = endpoints(self._world, service, port)
        if not ends.there:
            return [Choice(Act.REFUSE, reason="no-healthy-upstream")]
        if ends.unresolved:
            return [Choice(Act.REFUSE, reason="no-resolved-addresses")]
        return [Choice(Act.SEND, to=(_destination(service, ends),))]

    def _to_workload(self, address: str) -> list[Choice]:
        """To a workload by its own address: through its waypoint, if it has one for workloads."""
        name, namespace, labels = self._workload(address)
        waypoint = workload_binding(self._world.objects, self._known.waypoints, namespace, labels).waypoint
        if waypoint is None or not waypoint.reachable:
            return [_PASSED]
        if why := self._unreached(waypoint):
            self._add(fault.waypoint_unreachable(name, waypoint.ref, why))
            return [Choice(Act.REFUSE, reason="waypoint-unreachable")]
        return [Choice(Act.SEND, to=(RouteDestination("", waypoint.host or waypoint.address, HBONE),))]

    def _workload(self, address: str) -> tuple[object, str, Mapping[str, str]]:
        """What a workload is called, its namespace and its labels."""
        for pod in self._world.pods:
            if address in pod.addresses:
                return f"Pod {pod.ref}", pod.namespace, pod.labels
        for entry in self._world.objects.all(ISTIO, "WorkloadEntry"):
            if canonical_ip(text(entry.spec.get("address"))) == address:
                return entry, entry.namespace, entry.labels
        for entry in self._world.objects.all(ISTIO, "ServiceEntry"):
            for each in rows(entry.spec.get("endpoints")):
                if canonical_ip(text(each.get("address"))) == address:
                    return entry, entry.namespace, texts(each.get("labels"))
        return "", "", {}

    def _add(self, found: Fault) -> None:
        self._faults[found] = None


def _destination(service: AmbientService, ends: AmbientEnds) -> RouteDestination:
    return RouteDestination("", service.host, ends.port)


def _asked_by(objects: Objects, obj: Obj) -> RuleRef:
    """The label that asks for the waypoint: the object's own, else its namespace's."""
    own = USE_WAYPOINT in obj.labels
    above = objects.one(CORE, "Namespace", "", obj.namespace)
    where = str(obj if own or above is None else above)
    return RuleRef(where, f"metadata.labels[{USE_WAYPOINT}]")
