"""Services as istiod has them in its registry: of Kubernetes and of ServiceEntries, in the order in which they count.

In: the objects of a snapshot. Out: `Registered`s. Example: the ServiceEntry egress/docs with the hosts
`docs.example.com` and `api.example.com` is two of them, each with all ports of the entry.

istio/istio pilot/pkg/serviceregistry/kube/conversion.go (ConvertService), pilot/pkg/serviceregistry/serviceentry/
conversion.go (convertServices), pilot/pkg/model/push_context.go (initServiceRegistry, resolveServiceAliases).

Not known: which of several `addresses` of one entry istiod takes first (it does not say itself), other clusters, and
`exportTo` annotations of Services in snapshots of older versions of egressaudit.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from egressaudit.mesh.apis import CORE, ISTIO
from egressaudit.mesh.marks import EXPORT_TO
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.routes.ages import Age, created, in_order
from egressaudit.mesh.routes.entry_visibility import narrowed
from egressaudit.mesh.routes.exports import EVERYBODY, Export
from egressaudit.mesh.routes.names import DOMAIN
from egressaudit.mesh.routes.protocols import UDP, of_service_port, parsed
from egressaudit.mesh.untyped import number, rows, table, text, texts, words
from egressaudit.mesh.world import World

ALIAS, PASSTHROUGH, STATIC, DNS, DYNAMIC_DNS = "alias", "NONE", "STATIC", "DNS", "DYNAMIC_DNS"
NO_ADDRESS = "0.0.0.0"  # noqa: S104  # As istiod writes that a service has none.

EXPORTED = Export(everybody=True)
_AUTO_ALLOCATE = "networking.istio.io/enable-autoallocate-ip"
_RESOLUTIONS = {"DNS": DNS, "DNS_ROUND_ROBIN": DNS, "STATIC": STATIC, "DYNAMIC_DNS": DYNAMIC_DNS}


@dataclass(frozen=True, slots=True)
class RegisteredPort:
    """A port of a service."""

    number: int
    protocol: str
    """One of `protocols`."""
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Registered:
    """One service in istiod's registry. Two are the same only if they are one object."""

    origin: Obj
    host: str
    ports: tuple[RegisteredPort, ...]
    resolution: str
    """`NONE` is Envoy's ORIGINAL_DST: the sender's address; `alias` is an ExternalName."""
    addresses: tuple[str, ...] = (NO_ADDRESS,)
    """IPs or one range; never empty."""
    allocated: tuple[str, ...] = ()
    """IPs that istiod gave it, which count where the proxy captures DNS."""
    export: Export = EXPORTED
    aliases: tuple[str, ...] = ()
    """Other hosts that mean it."""
    external_name: str = ""
    selector: Mapping[str, str] | None = None

    @property
    def namespace(self) -> str:
        """Whose it is."""
        return self.origin.namespace

    @property
    def kubernetes(self) -> bool:
        """Whether it is a Service, and no ServiceEntry."""
        return self.origin.group == CORE

    def merges_with(self, other: Registered) -> bool:
        """Whether two services of one host are one with the ports of both (istio/istio sidecar.go canMergeServices)."""
        return (
            self.namespace == other.namespace
            and self.kubernetes == other.kubernetes
            and self.origin.spec.get("resolution") == other.origin.spec.get("resolution")
            and self.origin.labels == other.origin.labels
            and (self.selector or {}) == (other.selector or {})
            and set(words(self.origin.spec.get("exportTo"))) == set(words(other.origin.spec.get("exportTo")))
        )

    def port(self, wanted: int) -> RegisteredPort | None:
        """The first port of that number, without UDP (service.go GetByPort)."""
        return next((each for each in self.ports if each.number == wanted and each.protocol != UDP), None)

    def seen_by(self, *, captures_dns: bool, v4: bool = True, v6: bool = False) -> tuple[str, ...]:
        """Its addresses for a proxy, the one of its listener first (service.go GetAddressForProxy)."""
        own = self.addresses if self.kubernetes else ()
        if not own and captures_dns and self.addresses == (NO_ADDRESS,):
            own = self.allocated
        fitting = tuple(each for each in own if (v6 if ":" in each else v4))
        return fitting or self.addresses[:1]


def registry(world: World) -> tuple[Registered, ...]:
    """Every service, the oldest first."""
    objects = world.objects
    default = words(objects.config.get("defaultServiceExportTo")) or (EVERYBODY,)
    found = [
        *(made for each in objects.all(ISTIO, "ServiceEntry") for made in _of_entry(objects, each, default)),
        *(_of_service(each, default) for each in objects.all(CORE, "Service")),
    ]
    return _with_aliases(in_order(world, found, age_of))


def age_of(service: Registered) -> Age:
    """The key by which istiod sorts services (push_context.go SortServicesByCreationTime)."""
    name = service.origin.name if service.kubernetes else service.host
    return None, created(service.origin), name, service.namespace


def _of_service(service: Obj, default: tuple[str, ...]) -> Registered:
    spec, resolution = service.spec, STATIC
    external = text(spec.get("externalName")) if spec.get("type") == "ExternalName" else ""
    if external:
        resolution = ALIAS
    given = text(spec.get("clusterIP"))
    addresses: tuple[str, ...] = (given or NO_ADDRESS,)
    if given == "None":
        resolution, addresses = PASSTHROUGH, (NO_ADDRESS,)
    elif given and len(several := words(spec.get("clusterIPs"))) > 1:
        addresses = several
    said = service.annotations.get(EXPORT_TO, "")
    export = [each.strip() for each in said.split(",")] if said else default
    ports = (
        RegisteredPort(wanted, of_service_port(row), text(row.get("name")))
        for row in rows(spec.get("ports"))
        if (wanted := number(row.get("port"))) is not None
    )
    host = f"{service.name}.{service.namespace}.{DOMAIN}"
    return Registered(
        service,
        host,
        tuple(ports),
        resolution,
        addresses,
        export=Export.of(export, service.namespace),
        external_name=external,
        selector=texts(spec.get("selector")) or None,
    )


def _of_entry(objects: Objects, entry: Obj, default: tuple[str, ...]) -> Iterator[Registered]:
    spec = entry.spec
    ports = tuple(
        RegisteredPort(wanted, parsed(text(row.get("protocol"))), text(row.get("name")))
        for row in rows(spec.get("ports"))
        if (wanted := number(row.get("number"))) is not None
    )
    resolution = _RESOLUTIONS.get(text(spec.get("resolution")), PASSTHROUGH)
    said = Export.of(words(spec.get("exportTo")) or default, entry.namespace)
    export = narrowed(objects, said, entry.namespace)
    selector = spec.get("workloadSelector")
    chosen = None if selector is None else texts(table(selector).get("labels"))
    given = words(spec.get("addresses"))
    allocated = {} if given else _allocated(entry, resolution)
    for host in words(spec.get("hosts")):
        for address in map(_address, given or (NO_ADDRESS,)):
            if address:
                yield Registered(
                    entry, host, ports, resolution, (address,), allocated.get(host, ()), export, selector=chosen
                )


def _allocated(entry: Obj, resolution: str) -> dict[str, tuple[str, ...]]:
    """What istiod gave each host (pilot/pkg/networking/serviceentry ShouldV2AutoAllocateIP); IPv4 first."""
    if resolution == PASSTHROUGH or entry.labels.get(_AUTO_ALLOCATE, "").lower() == "false":
        return {}
    found: dict[str, dict[int, str]] = {}
    for row in rows(entry.status.get("addresses")):
        try:
            address = ipaddress.ip_address(text(row.get("value")))
        except ValueError:
            continue
        found.setdefault(text(row.get("host")), {})[address.version] = str(address)
    return {host: tuple(by[version] for version in (4, 6) if version in by) for host, by in found.items()}


def _address(said: str) -> str:
    """An IP, or a range of more than one; '' if it is neither, and then istiod leaves it out."""
    try:
        ipaddress.ip_address(said)
    except ValueError:
        pass
    else:
        return said
    if "/" not in said:
        return ""
    try:
        network = ipaddress.ip_network(said, strict=False)
    except ValueError:
        return ""
    return said if network.num_addresses > 1 else str(network.network_address)


def _with_aliases(services: list[Registered]) -> tuple[Registered, ...]:
    """Each service with the ExternalNames that lead to it, also over several; a circle leads nowhere."""
    raw = {each.host: each.external_name for each in services if each.resolution == ALIAS}
    aliases: dict[str, list[tuple[str, str]]] = {}
    for each in services:
        if each.resolution == ALIAS and (end := _end(each.host, raw)):
            aliases.setdefault(end, []).append((each.namespace, each.host))
    if not aliases:
        return tuple(services)
    return tuple(
        replace(each, aliases=tuple(host for _, host in sorted(aliases[each.host]))) if each.host in aliases else each
        for each in services
    )


def _end(host: str, raw: Mapping[str, str]) -> str:
    seen = {host}
    while host in raw:
        host = raw[host]
        if host in seen:
            return ""
        seen.add(host)
    return host


@dataclass(frozen=True, slots=True)
class ServiceRegistry:
    """All services of a snapshot, and those of one host by their namespace."""

    services: tuple[Registered, ...]
    by_host: Mapping[str, Mapping[str, Registered]]
    shared: tuple[Registered, ...]
    """Those that everybody sees."""
    exported: Mapping[str, tuple[Registered, ...]]
    """Others, by the namespace that sees them."""

    @classmethod
    def of(cls, world: World) -> ServiceRegistry:
        """The registry of a world."""
        services = registry(world)
        by_host: dict[str, dict[str, Registered]] = {}
        exported: dict[str, list[Registered]] = {}
        for each in services:
            held = by_host.setdefault(each.host, {})
            first = held.get(each.namespace)
            if first is None or (each.kubernetes and not first.kubernetes):
                held[each.namespace] = each
            for namespace in () if each.export.everybody else sorted(each.export.namespaces):
                exported.setdefault(namespace, []).append(each)
        return cls(
            services,
            by_host,
            tuple(each for each in services if each.export.everybody),
            {namespace: tuple(values) for namespace, values in exported.items()},
        )

    def seen_from(self, namespace: str) -> tuple[Registered, ...]:
        """What a namespace sees, in istiod's order (push_context.go servicesExportedToNamespace)."""
        return (*self.exported.get(namespace, ()), *self.shared)

    def named(self, wanted: Iterable[tuple[str, str]], namespace: str) -> tuple[Registered, ...]:
        """Services by host and namespace, one of each, as far as a namespace sees them (servicesForExactHosts)."""
        known = (self.by_host.get(host, {}).get(where) for host, where in wanted)
        return tuple(sorted((each for each in known if each and each.export.to(namespace)), key=age_of))
