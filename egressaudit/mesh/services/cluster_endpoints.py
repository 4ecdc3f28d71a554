"""Which endpoints the objects of a snapshot give to an Envoy cluster, object by object.

istiod makes clusters of Services and of ServiceEntries. Their endpoints: istio/istio
pilot/pkg/serviceregistry/serviceentry/conversion.go (convertServiceEntryToInstances), pilot/pkg/serviceregistry/kube/
conversion.go (ConvertService) and kube/controller/endpointslice.go (updateEndpointCacheForSlice).

In: an object, and the host and port of a cluster. Out: what the object gives to that cluster, as `Given`.
Example: a ServiceEntry with `resolution: STATIC` and the endpoint 6.6.6.6 gives the address 6.6.6.6 at port 80 to
`outbound|80||docs.redhat.com`.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from egressaudit.mesh.apis import CORE, DISCOVERY, ISTIO, ISTIO_VERSIONS, Resource
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.services.services import full_name
from egressaudit.mesh.shapes import ENDPOINT, Shape
from egressaudit.mesh.untyped import number, picks, rows, table, text, texts, words
from egressaudit.mesh.world import World
from egressaudit.model import ObjectRef, Pod

_DOMAIN = ("svc", "cluster", "local")
"""Services of another cluster domain are not known by their host: in `clusterset.local` they are of many clusters."""
_OF_SERVICE = "kubernetes.io/service-name"
_DNS = ("DNS", "DNS_ROUND_ROBIN")

RESOURCES = (
    Resource(
        ISTIO,
        ISTIO_VERSIONS,
        "workloadentries",
        "WorkloadEntry",
        keep=Shape({"spec": ENDPOINT}),
        without="one may be an endpoint of a Service, outside the cluster",
    ),
    Resource(ISTIO, ISTIO_VERSIONS, "workloadgroups", "WorkloadGroup"),
)

Labels = Mapping[str, str]
T = TypeVar("T")
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class ClusterEndpoint:
    """A place that a cluster may have."""

    address: str
    """An IP in canonical form, else a name, or the path of a Unix socket."""
    is_ip: bool
    port: int | None
    """None if the object does not say which."""
    labels: tuple[Labels, ...] | None = None
    """What a subset's labels are compared with, in every way that Istio may read it; None if it is not known."""


@dataclass(frozen=True, slots=True)
class Port:
    """The port of a cluster: every number where `number` is None."""

    number: int | None
    names: frozenset[str]
    """What the host's objects call it. Endpoints are found by that name, also those of a twin of the object."""

    def fits(self, row: Mapping[str, object], key: str) -> bool:
        """Whether a row of an object's ports is this port, by the number under `key` or by its name."""
        return self.number is None or number(row.get(key)) == self.number or text(row.get("name")) in self.names


@dataclass(frozen=True, slots=True)
class Given:
    """What one object gives to a cluster."""

    owner: Obj
    sender: bool = False
    """Whether it leaves the choice of the address to the sender."""
    dns: bool = False
    """Whether the proxy resolves a name that is asked for, of those that the host covers."""
    endpoints: tuple[ClusterEndpoint, ...] = ()
    selects: bool = False
    """Whether endpoints are selected by labels."""
    families: frozenset[str] = frozenset()
    """The protocols that it declares for the port, in capitals; '' if it does not say."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The objects that clusters are made of, by host or by namespace."""

    world: World
    entries: Mapping[str, tuple[Obj, ...]]
    slices: Mapping[ObjectRef, tuple[Obj, ...]]
    workloads: Mapping[str, tuple[Obj, ...]]
    pods: Mapping[str, tuple[Pod, ...]]
    groups: frozenset[str]
    """Namespaces whose WorkloadGroups take in machines: by which labels, the machine itself may say
    (istio/istio pilot/pkg/autoregistration)."""

    @classmethod
    def of(cls, world: World) -> Registry:
        """The registry of a snapshot."""
        objects = world.objects
        entries = (
            (plain_host(host), each)
            for each in objects.all(ISTIO, "ServiceEntry")
            for host in dict.fromkeys(words(each.spec.get("hosts")))
        )
        slices = (
            (ObjectRef(each.namespace, each.labels.get(_OF_SERVICE, "")), each)
            for each in objects.all(DISCOVERY, "EndpointSlice")
        )
        return cls(
            world,
            grouped(entries),
            grouped(slices),
            grouped((each.namespace, each) for each in objects.all(ISTIO, "WorkloadEntry")),
            grouped((pod.namespace, pod) for pod in world.pods),
            frozenset(each.namespace for each in objects.all(ISTIO, "WorkloadGroup")),
        )

    def owners(self, host: str) -> tuple[Obj, ...]:
        """Every object that makes a cluster of this very host: a wildcard is a host of its own here."""
        service = service_of(self.world.objects, host)
        return (*(() if service is None else (service,)), *self.entries.get(host, ()))

    def port(self, host: str, port: int | None) -> Port:
        """A port by its number, with the names that the objects of the host give it."""
        said = [
            text(row.get("name"))
            for owner in self.owners(host)
            for row in rows(owner.spec.get("ports"))
            if port is not None and number(row.get(_key(owner))) == port
        ]
        return Port(port, frozenset(said) - {""})

    def given(self, owner: Obj, host: str, port: Port) -> Given | None:
        """What an object gives to a cluster; None if it has no such port."""
        fitting = [row for row in rows(owner.spec.get("ports")) if port.fits(row, _key(owner))]
        if not fitting:
            return None
        if owner.kind == "Service":
            return self._of_service(owner, fitting)
        return self._of_entry(owner, host, fitting)

    # ------------------------------------------------------------ ServiceEntries

    def _of_entry(self, entry: Obj, host: str, fitting: list[Mapping[str, object]]) -> Given:
        spec, resolution = entry.spec, text(entry.spec.get("resolution"))
        selector = spec.get("workloadSelector")
        found = [each for row in fitting for each in self._of_port(entry, row, selector)]
        inline = bool(rows(spec.get("endpoints")))
        if selector is None and not inline:
            ports = [_target(row) for row in fitting]
            if resolution in _DNS:
                found += [ClusterEndpoint(host, is_ip=False, port=each) for each in ports]
            if resolution == "STATIC":
                # istiod gives such an entry no endpoint at all; that its addresses lead to themselves is the worst.
                ips = [address for each in words(spec.get("addresses")) if (address := canonical(each)) is not None]
                found += [ClusterEndpoint(each, is_ip=True, port=port) for each in ips for port in ports]
        return Given(
            entry,
            sender=resolution not in ("STATIC", "DYNAMIC_DNS", *_DNS),
            dns=resolution == "DYNAMIC_DNS",
            endpoints=tuple(found),
            selects=selector is not None,
            families=frozenset(text(row.get("protocol")).upper() for row in fitting),
        )

    def _of_port(self, entry: Obj, row: Mapping[str, object], selector: object) -> Iterator[ClusterEndpoint]:
        name, usual = text(row.get("name")), _target(row)
        for each in rows(entry.spec.get("endpoints")):
            port = _positive(table(each.get("ports")).get(name)) or usual
            yield from _endpoint(text(each.get("address")), port, (texts(each.get("labels")),))
        if selector is None:
            return
        wanted = texts(table(selector).get("labels"))
        for workload, labels in self._workloads(entry.namespace, wanted):
            port = _positive(table(workload.spec.get("ports")).get(name)) or usual
            yield from _endpoint(text(workload.spec.get("address")), port, labels)
        for pod in self.pods.get(entry.namespace, ()):
            if picks(wanted, pod.labels):
                for address in pod.addresses:
                    yield from _endpoint(address, usual, (pod.labels,))

    def _workloads(self, namespace: str, wanted: Labels) -> Iterator[tuple[Obj, tuple[Labels, ...]]]:
        for each in self.workloads.get(namespace, ()):
            # Whether its own labels or those of its spec go first is not the same in every Istio.
            said = texts(each.spec.get("labels"))
            labels = ({**said, **each.labels}, {**each.labels, **said})
            if any(picks(wanted, either) for either in labels):
                yield each, labels

    # ------------------------------------------------------------ Services

    def _of_service(self, service: Obj, fitting: list[Mapping[str, object]]) -> Given:
        spec = service.spec
        if spec.get("type") == "ExternalName":
            # An alias since Istio 1.21, with no cluster of its own; before, a name that the proxy resolves.
            name = text(spec.get("externalName"))
            ports = [number(row.get("port")) for row in fitting]
            found = [each for port in ports for each in _endpoint(name, port, None)]
            return Given(service, endpoints=tuple(found), families=frozenset({""}))
        selector = texts(spec.get("selector"))
        found = [each for row in fitting for each in self._in_slices(service, text(row.get("name")))]
        if selector:
            for each, labels in self._workloads(service.namespace, selector):
                for row in fitting:
                    found += _endpoint(text(each.spec.get("address")), _port_of_workload(each, row), labels)
        return Given(
            service,
            # pilot/pkg/serviceregistry/kube/conversion.go: headless is Passthrough, which is Envoy's ORIGINAL_DST.
            sender=text(spec.get("clusterIP")) == "None",
            endpoints=tuple(found),
            selects=bool(selector),
            families=frozenset({""}),
        )

    def _in_slices(self, service: Obj, name: str) -> Iterator[ClusterEndpoint]:
        for each in self.slices.get(service.ref, ()):
            said = rows(each.raw.get("ports"))
            # A slice may leave its ports open, and a snapshot of an older egressaudit has no names.
            fitting = [row for row in said if not name or "name" not in row or row.get("name") == name]
            ports = [number(row.get("port")) for row in fitting] if said else [None]
            for endpoint in rows(each.raw.get("endpoints")):
                labels = self._labels(each.namespace, endpoint)
                for address in words(endpoint.get("addresses")):
                    for port in ports:
                        yield from _endpoint(address, port, labels)

    def _labels(self, namespace: str, endpoint: Mapping[str, object]) -> tuple[Labels, ...] | None:
        target = table(endpoint.get("targetRef"))
        pod = self.world.pods_by_name.get(ObjectRef(namespace, text(target.get("name"))))
        return None if pod is None else (pod.labels,)


def plain_host(host: str) -> str:
    """A host without its last dot, in small letters."""
    return host.rstrip(".").lower()


def full_host(host: str, namespace: str) -> str:
    """A host as a rule means it: a name without dots is a Service of the rule's namespace, a wildcard is itself."""
    return plain_host(host) if host.startswith("*") else full_name(host, namespace)


def canonical(address: str) -> str | None:
    """An IP in the one form in which it is compared: IPv4 within IPv6 (`::ffff:`) is IPv4; None if it is none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def service_of(objects: Objects, host: str) -> Obj | None:
    """The Service that a cluster's host means: `name.namespace.svc.cluster.local` alone."""
    name, *rest = host.split(".")
    if len(rest) != 4 or tuple(rest[1:]) != _DOMAIN:
        return None
    return objects.one(CORE, "Service", rest[0], name)


def grouped(pairs: Iterable[tuple[K, T]]) -> dict[K, tuple[T, ...]]:
    """The values by their key, in their order."""
    found: dict[K, list[T]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return {key: tuple(values) for key, values in found.items()}


def _key(owner: Obj) -> str:
    return "port" if owner.kind == "Service" else "number"


def _positive(value: object) -> int | None:
    found = number(value)
    return found if found is not None and found > 0 else None


def _target(row: Mapping[str, object]) -> int | None:
    return _positive(row.get("targetPort")) or number(row.get("number"))


def _port_of_workload(each: Obj, row: Mapping[str, object]) -> int | None:
    """pilot/pkg/serviceregistry/kube/controller/controller.go serviceInstanceFromWorkloadInstance."""
    target = row.get("targetPort")
    by_name = table(each.spec.get("ports"))
    named = _positive(by_name.get(text(target))) or _positive(by_name.get(text(row.get("name"))))
    return named or _positive(target) or number(row.get("port"))


def _endpoint(address: str, port: int | None, labels: tuple[Labels, ...] | None) -> Iterator[ClusterEndpoint]:
    if not address:
        return
    ip = canonical(address)
    yield ClusterEndpoint(plain_host(address) if ip is None else ip, ip is not None, port, labels)
