"""The snapshot of a mesh: what was there when a run began, as it is judged and saved.

In: Kubernetes objects. Out: `Mesh`, which answers what the other rooms ask, e.g. `mesh.claim(pod, target)`; and
`mesh.json` to save it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from egressaudit.mesh.apis import CORE
from egressaudit.mesh.control_planes import NamedPlanes
from egressaudit.mesh.identity import plain_server
from egressaudit.mesh.logging.attachment import custom_formats, may_log_text
from egressaudit.mesh.logging.envoyfilters import Touch, touches
from egressaudit.mesh.logging.versions import ProxyVersion, proxy_versions
from egressaudit.mesh.modes.blind_spots import blind_spots, expected_logs, silence
from egressaudit.mesh.modes.capture import captor, uncaptured
from egressaudit.mesh.network.enforced import EnforcedNetwork
from egressaudit.mesh.objects import Objects
from egressaudit.mesh.places import Network, Places, networks, places
from egressaudit.mesh.pods import gateway_of, proxy_log
from egressaudit.mesh.roles import NO_ROLE, Role
from egressaudit.mesh.routes.follow import way
from egressaudit.mesh.saved_form import VERSION, saved_objects, saved_trust
from egressaudit.mesh.services.backends import Backing, backing
from egressaudit.mesh.services.cluster_ends import ClusterEnds
from egressaudit.mesh.services.services import service_addresses
from egressaudit.mesh.steering.asked_for import DECIDING, AskedHost, StandIn, asked_for, stand_ins
from egressaudit.mesh.steering.by_name import named_gateway
from egressaudit.mesh.steering.claim import call_of, claim
from egressaudit.mesh.steering.gateways import service_endpoints
from egressaudit.mesh.steering.mirrors import Mirror, mirrors
from egressaudit.mesh.steering.registry import called_ports, ports_to
from egressaudit.mesh.steering.waypoint import unbound
from egressaudit.mesh.trim import trim
from egressaudit.mesh.trust import Trust
from egressaudit.mesh.unread import Unread, unread_kinds
from egressaudit.mesh.untyped import covers, words
from egressaudit.mesh.world import World
from egressaudit.model import (
    BlindSpot,
    Claim,
    DataplaneMode,
    Family,
    Fault,
    LogFormat,
    LogSource,
    ObjectRef,
    Path,
    Pod,
    Reporter,
    Target,
    Way,
)
from egressaudit.selectors import Selector


@dataclass(frozen=True)
class Mesh:
    """The objects of a mesh at one moment. Equal snapshots hold the same objects, whatever order they came in."""

    objects: tuple[Mapping[str, Any], ...]
    """Trimmed, sorted by group, kind, namespace and name."""
    read: frozenset[str]
    """The kinds (`Resource.name`) that were read completely; of others there may be more objects."""
    trust: Trust
    """Whom the user trusts; not part of the cluster."""
    world: World = field(compare=False, repr=False)
    outside: tuple[Network, ...] = ()
    """Networks declared as outside: by the user, or by the lab, whose external hosts have loopback addresses."""
    refused: frozenset[str] = frozenset()
    """The kinds that were asked for and could not be read."""
    planes: NamedPlanes = field(default_factory=NamedPlanes)
    """The control planes that the user named."""
    server: str = ""
    """The URL of the API server that it was read from, without credentials; '' if that is not known."""
    digest: str = field(default="", compare=False)
    """SHA-256 of the file that it was read from; '' if it was not read from one."""

    @classmethod
    def of(
        cls,
        objects: Iterable[object],
        read: Iterable[str] = (),
        trust: Trust | None = None,
        *,
        refused: Iterable[str] = (),
        outside: Iterable[str] = (),
        planes: NamedPlanes | None = None,
        server: str = "",
    ) -> Mesh:
        """The snapshot of these objects, trimmed or not; anything that is not an object is left out.

        Kinds in `read` are complete; kinds in `refused` were requested but could not be read.
        """
        named = planes or NamedPlanes()
        index = Objects.of((trim(each) for each in objects if isinstance(each, Mapping)), named)
        kinds, trusted = frozenset(read), trust or Trust()
        return cls(
            objects=tuple(obj.raw for obj in index.by_name.values()),
            read=kinds,
            trust=trusted,
            world=World.of(index, kinds, trusted),
            outside=networks(outside),
            refused=frozenset(refused),
            planes=named,
            server=server,
        )

    def to_json(self) -> dict[str, Any]:
        """The saved form: only what JSON can hold, and the same for equal snapshots."""
        saved: dict[str, Any] = {"version": VERSION, "read": sorted(self.read), "objects": list(self.objects)}
        more = {
            "refused": sorted(self.refused),
            "outside": [str(each) for each in self.outside],
            "trust": self.trust.to_json(),
            "planes": self.planes.to_json(),
            "server": self.server,
        }
        return saved | {key: value for key, value in more.items() if value}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any], trust: Trust | None = None) -> Mesh:
        """The snapshot of a saved form, with the trust that was saved with it unless another is given.

        BadLogs if another program wrote it, or it has another version.
        """
        objects, known = saved_objects(saved), saved_trust(saved) if trust is None else trust
        # Older snapshots do not say what could be read, nor where.
        return cls.of(
            objects,
            words(saved.get("read")),
            known,
            refused=words(saved.get("refused")),
            outside=words(saved.get("outside")),
            planes=NamedPlanes.from_json(saved.get("planes")),
            server=plain_server(saved.get("server")),
        )

    # ------------------------------------------------------------ who is there

    @property
    def pods(self) -> tuple[Pod, ...]:
        """All pods, sorted by namespace and name."""
        return self.world.pods

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The names of all namespaces, including those that are known only from their objects."""
        listed = {obj.name for obj in self.world.objects.all(CORE, "Namespace")}
        return tuple(sorted(listed | {pod.namespace for pod in self.pods}))

    @property
    def addresses(self) -> frozenset[str]:
        """The addresses of all pods and Services: a connection to one of them has not left the cluster."""
        return service_addresses(self.world.objects) | {each for pod in self.pods for each in pod.addresses}

    def pod(self, ref: ObjectRef) -> Pod | None:
        """The pod of that name; None if there is none."""
        return self.world.pods_by_name.get(ref)

    def workload(self, kind: str, namespace: str, name: str) -> tuple[Pod, ...]:
        """The pods of a workload by its Kubernetes kind (`Deployment`), ready or not."""
        return tuple(pod for pod in self.pods if pod.namespace == namespace and pod.owner == f"{kind}/{name}")

    def select(self, namespace: str, selector: Selector) -> tuple[Pod, ...]:
        """The pods of a namespace whose labels a selector matches, ready or not."""
        return tuple(pod for pod in self.pods if pod.namespace == namespace and selector.matches(pod.labels))

    # ------------------------------------------------------------ who logs

    def proxy_log(self, pod: Pod) -> LogSource | None:
        """The log of the proxy in the pod itself; None if it has no proxy."""
        return proxy_log(pod)

    def source_log(self, pod: Pod) -> LogSource | None:
        """The log that shows what a pod sends: of its own proxy, else of the one that captures it by its mode."""
        other = captor(pod, self.pods)
        return self.proxy_log(pod) or (self.proxy_log(other) if other is not None else None)

    def logs_of(self, pods: Iterable[Pod]) -> tuple[LogSource, ...]:
        """The proxy logs of these pods, sorted."""
        return tuple(sorted({log for pod in pods if (log := self.proxy_log(pod)) is not None}))

    def reporter(self, source: LogSource) -> Reporter | None:
        """The kind of proxy that writes a log; None if it is not known as a proxy's."""
        pod = self.pod(ObjectRef(source.namespace, source.pod))
        return pod.role if pod is not None and source == self.proxy_log(pod) else None

    def role(self, pod: ObjectRef) -> Role:
        """What the proxy of a pod is proven to be, by what, and what is in doubt; without any where it has none."""
        return self.world.roles.get(pod, NO_ROLE)

    def unproven(self) -> tuple[tuple[Pod, Role], ...]:
        """The pods with a proxy's marks that nothing proves to be one, sorted."""
        return self._unproven

    @cached_property
    def _unproven(self) -> tuple[tuple[Pod, Role], ...]:
        # Causes ask for them once for each group, and a large mesh has thousands of pods.
        found = ((pod, self.role(pod.ref)) for pod in self.pods)
        return tuple((pod, role) for pod, role in found if role.unproven)

    def expected_logs(self) -> tuple[tuple[LogSource, Reporter], ...]:
        """Every log that a proxy of the snapshot writes or wrote, with the kind of proxy; sorted."""
        return expected_logs(self.world)

    def proxy_versions(self) -> dict[LogSource, ProxyVersion]:
        """What is known about the version of every Envoy that writes a log, by its log; sorted."""
        return proxy_versions(self.world)

    def blind_spots(self) -> tuple[BlindSpot, ...]:
        """All traffic that the snapshot shows no proxy will log, each pod or proxy by name; sorted."""
        return self.network.beside(blind_spots(self.world))

    @cached_property
    def network(self) -> EnforcedNetwork:
        """What the network itself lets pods do, whatever their proxies do."""
        return EnforcedNetwork(self.world, self.read, self.places.ranges)

    def unread(self) -> tuple[Unread, ...]:
        """The kinds that were not read completely, and what each could change; sorted."""
        return unread_kinds(self.read, self.refused)

    def envoy_filters(self, source: LogSource) -> tuple[Touch, ...]:
        """The EnvoyFilters that apply to the Envoy that writes a log, and what each touches."""
        pod, reporter = self.pod(ObjectRef(source.namespace, source.pod)), self.reporter(source)
        if pod is None or reporter is None or reporter.family is not Family.ENVOY:
            return ()
        gateway = "" if reporter is Reporter.SIDECAR else self.gateway_of(pod).name
        return tuple(touches(self.world.objects, pod, reporter, gateway))

    def silent(self, source: LogSource) -> str:
        """Why the proxy that writes a log writes no access lines, by the configuration; else ''."""
        pod, reporter = self.pod(ObjectRef(source.namespace, source.pod)), self.reporter(source)
        return "" if pod is None or reporter is None else silence(self.world, pod, reporter)

    def gateway_of(self, pod: Pod) -> ObjectRef:
        """What a gateway or waypoint pod belongs to, named as in `Claim.via`."""
        return gateway_of(pod)

    def proxies_of(self, refs: Iterable[ObjectRef]) -> tuple[Pod, ...]:
        """The ready, proven pods of these gateways and waypoints."""
        wanted = frozenset(refs)
        running = (pod for pod in self.pods if pod.ready and pod.role is not None and pod.role.path is not None)
        return tuple(pod for pod in running if gateway_of(pod) in wanted)

    # ------------------------------------------------------------ what the configuration says

    def uncaptured(self, pod: Pod, port: int, address: str | None = None) -> str:
        """Why this pod's traffic to a port and address provably is not captured by the mesh; else ''."""
        return uncaptured(pod, port, address)

    @property
    def custom_formats(self) -> tuple[LogFormat, ...]:
        """Every access log format in use if at least one is not Istio's default; else none."""
        return custom_formats(self.world.objects)

    @property
    def may_log_text(self) -> bool:
        """Whether some proxy may write its access log as text; False only if every format in use is JSON."""
        return may_log_text(self.world.objects)

    def service_endpoints(self) -> dict[str, str]:
        """What is behind each Service, by `name.namespace.svc`: `gateway`, `pods` or `other` (no selector)."""
        return service_endpoints(self.world)

    def backing(self) -> Backing:
        """What is proven about the addresses behind Services, even those that no pod has any more."""
        return backing(self.world, self.read)

    @cached_property
    def places(self) -> Places:
        """What is proven about addresses, and about the hosts that clusters name."""
        return places(self.world, self.read, (*self.outside, *self.trust.outside))

    @cached_property
    def cluster_ends(self) -> ClusterEnds:
        """Where the clusters that proxies log may lead."""
        return ClusterEnds.of(self.world, self.read, self.places)

    @cached_property
    def is_only_ambient(self) -> bool:
        """Whether ztunnels run, and no application has a sidecar."""
        found = {reporter for _, reporter in self.expected_logs()}
        return Reporter.ZTUNNEL in found and Reporter.SIDECAR not in found

    def mirrored(self, host: str) -> tuple[str, ...]:
        """The rules that may send copies of requests for a host out of the cluster, as `Kind namespace/name to HOST`.

        Envoy logs no mirrored request (envoyproxy/envoy source/common/router/shadow_writer_impl.cc).
        """
        found = (each for each in self._mirrors if each.to_host_outside)
        return tuple(f"{each.rule} to {each.to}" for each in found if any(covers(name, host) for name in each.hosts))

    @cached_property
    def _mirrors(self) -> tuple[Mirror, ...]:
        return mirrors(self.world, self.read)

    def ports_to(self, host: str, reached: int) -> tuple[int, ...]:
        """The ports of a host with this targetPort: those that a client calls to reach it."""
        return ports_to(self.world.objects, host, reached)

    def called_ports(self, host: str) -> tuple[int, ...]:
        """The ports by which a client may call a host."""
        return called_ports(self.world.objects, host)

    def claim(self, source: Pod, target: Target) -> Claim:
        """Which gateway or waypoint should carry the target from this source, and what is wrong with that.

        That no ServiceEntry has a host is no fault of hosts and addresses of the cluster.
        """
        found = claim(self.world, source, target)
        known = tuple(each for each in found.faults if each.slug != "host-not-registered")
        if len(known) == len(found.faults) or self.places.is_outside_host(target.host):
            return found
        return replace(found, faults=known)

    def unbound_waypoints(self) -> tuple[tuple[str, Fault], ...]:
        """The ServiceEntries of an ambient mesh that ask for a waypoint which cannot be bound, each with why; sorted.

        ztunnel then fails open: it sends their traffic straight out.
        """
        ambient = any(pod.mode is DataplaneMode.AMBIENT for pod in self.pods)
        return tuple(sorted((str(entry), fault) for entry, fault in unbound(self.world))) if ambient else ()

    def way(self, source: Pod, target: Target, address: str = "") -> Way:
        """What the proxies do with a call of the source; `address` is the IP that was dialed, '' if it is not known."""
        return way(self.world, source, replace(call_of(target), address=address))

    def stand_ins(self, source: Pod, target: Target) -> frozenset[StandIn]:
        """The clusters that stand for a target at gateways: a company's proxy, an alias."""
        if not self.read >= DECIDING:
            return frozenset()
        return stand_ins(self.world, source, target)

    def asked_for(self, source: Pod, gateway: ObjectRef, host: str, port: int) -> tuple[AskedHost, ...]:
        """The hosts that a gateway sends on to another host and port, by the cluster that it takes for them."""
        if not self.read >= DECIDING:
            return ()
        return asked_for(self.world, source, gateway, host, port)

    def gateway(self, path: Path, ref: ObjectRef | None) -> Claim:
        """The gateway or waypoint of `--expect`; NotFound or UsageError list what there is."""
        return named_gateway(self.world, path, ref)
