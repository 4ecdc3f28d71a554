"""What the mesh knows about an external host: its ServiceEntries, who may see them, and their ports.

In: docs.example.com and a pod. Out: the ServiceEntries that have it, or the fault that hides them from the pod.
"""

from __future__ import annotations

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import ISTIO, ISTIO_VERSIONS, Resource
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.shapes import ENDPOINT, KEEP, STATUS, Shape
from egressaudit.mesh.untyped import covers, names, number, picks, rows, table, text, texts, words
from egressaudit.model import DataplaneMode, Fault, Pod, Scheme, Target

_ENTRY = {
    "spec": {
        "hosts": KEEP,
        "addresses": KEEP,
        "ports": {"number": KEEP, "name": KEEP, "protocol": KEEP, "targetPort": KEEP},
        "location": KEEP,
        "resolution": KEEP,
        "exportTo": KEEP,
        "endpoints": ENDPOINT,
        "workloadSelector": {"labels": KEEP},
    },
    "status": {**STATUS, "addresses": KEEP},
}
_SIDECAR = {
    "workloadSelector": KEEP,
    "egress": {"hosts": KEEP, "port": {"number": KEEP, "protocol": KEEP}, "bind": KEEP, "captureMode": KEEP},
    "outboundTrafficPolicy": {"mode": KEEP, "egressProxy": {"host": KEEP, "port": KEEP, "subset": KEEP}},
}
RESOURCES = (
    Resource(
        ISTIO,
        ISTIO_VERSIONS,
        "serviceentries",
        "ServiceEntry",
        keep=Shape(_ENTRY, created=True),
        without="one may give a host endpoints elsewhere, or leave the address to the sender",
    ),
    Resource(ISTIO, ISTIO_VERSIONS, "sidecars", "Sidecar", keep=Shape({"spec": _SIDECAR}, created=True)),
)

_HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY"})
_TLS = frozenset({"TLS", "HTTPS"})

FITTING = {
    Scheme.HTTP: ("http", "tcp"),
    Scheme.HTTPS: ("tls", "tcp"),
    Scheme.TCP: ("tcp",),
}
"""The families of ports that each scheme can use."""


def family(protocol: str) -> str:
    """How Istio treats a port of this protocol: `http`, `tls` (routed by SNI) or `tcp`."""
    upper = protocol.upper()
    return "http" if upper in _HTTP else "tls" if upper in _TLS else "tcp"


def entries(objects: Objects, host: str) -> tuple[Obj, ...]:
    """The ServiceEntries that have this host."""
    return objects.having("ServiceEntry", host)


def ports(entry: Obj) -> tuple[tuple[int, str], ...]:
    """The ports of a ServiceEntry with their families."""
    said = rows(entry.spec.get("ports"))
    return tuple((n, family(text(each.get("protocol")))) for each in said if (n := number(each.get("number"))))


def ports_to(objects: Objects, host: str, reached: int) -> tuple[int, ...]:
    """The ports of this host whose targetPort is `reached`, or whose endpoints take them there; sorted."""
    found: set[int] = set()
    for entry in entries(objects, host):
        for port in rows(entry.spec.get("ports")):
            called, name = number(port.get("number")), text(port.get("name"))
            ends = {number(port.get("targetPort"))}
            ends |= {number(table(each.get("ports")).get(name)) for each in rows(entry.spec.get("endpoints"))}
            if called is not None and reached in ends:
                found.add(called)
    return tuple(sorted(found - {reached}))


def called_ports(objects: Objects, host: str) -> tuple[int, ...]:
    """The ports by which a client may call this host: those of its ServiceEntries, and the usual ones; sorted."""
    return tuple(sorted({80, 443, *(n for entry in entries(objects, host) for n, _ in ports(entry))}))


def ports_of_family(objects: Objects, host: str, wanted: str) -> frozenset[int]:
    """The ports on which ServiceEntries accept this host in one family."""
    return frozenset(n for entry in entries(objects, host) for n, kind in ports(entry) if kind == wanted)


def registry_faults(objects: Objects, target: Target, source: Pod, *, ambient: bool = False) -> tuple[Fault, ...]:
    """Why the mesh does not know the target as seen from the source; empty if it does.

    ztunnel does not honour `exportTo` (istio/istio issue 55163), so `ambient` leaves visibility out.
    """
    known = entries(objects, target.host)
    if not known:
        return (fault.host_not_registered(target.host),)
    visible = tuple(each for each in known if ambient or objects.exported(each, source.namespace))
    if not visible:
        return tuple(fault.not_exported(each, source.namespace) for each in known)
    hidden = [(each, None if ambient else not_imported(objects, source, each, target.host)) for each in visible]
    imported = tuple(each for each, why in hidden if why is None)
    if not imported:
        return tuple(why for _, why in hidden if why is not None)
    return _port_faults(imported, target)


def _port_faults(known: tuple[Obj, ...], target: Target) -> tuple[Fault, ...]:
    having = [(each, kind) for each in known for n, kind in ports(each) if n == target.port]
    if not having:
        return tuple(
            fault.port_not_registered(each, target.port, names([n for n, _ in ports(each)]) or "none") for each in known
        )
    if any(kind in FITTING[target.scheme] for _, kind in having):
        return ()
    return tuple(fault.protocol_differs(each, target.port, kind.upper(), target.scheme) for each, kind in having)


def blocks_unknown(objects: Objects, source: Pod) -> bool:
    """Whether what the source's sidecar does not know is blocked, or may be: by its Sidecar, else by meshConfig.

    A Sidecar's policy counts before the mesh's (istio/istio pilot/pkg/model/sidecar.go). Without meshConfig it may be.
    """
    sidecar = sidecar_in_force(objects, source)
    own = table(table(sidecar.spec if sidecar else None).get("outboundTrafficPolicy")).get("mode")
    said = own or table(objects.config.get("outboundTrafficPolicy")).get("mode")
    return said == "REGISTRY_ONLY" or not objects.config


def not_imported(objects: Objects, source: Pod, obj: Obj, host: str) -> Fault | None:
    """The fault if the source's Sidecar resource hides an object of this host from it, else None."""
    if source.mode is not DataplaneMode.SIDECAR:
        return None
    sidecar = sidecar_in_force(objects, source)
    if sidecar is None:
        return None
    listed = [each for egress in rows(sidecar.spec.get("egress")) for each in words(egress.get("hosts"))]
    if not listed or any(_imports(each, sidecar.namespace, obj, host) for each in listed):
        return None
    return fault.not_imported(sidecar, host, obj, listed)


def _imports(listed: str, own: str, obj: Obj, host: str) -> bool:
    namespace, slash, pattern = listed.partition("/")
    if not slash or namespace == "~":
        return False
    here = namespace == "*" or obj.namespace == (own if namespace == "." else namespace)
    hosts = words(obj.spec.get("hosts"))
    return here and (covers(pattern, host) or any(covers(pattern, each) for each in hosts))


def sidecar_in_force(objects: Objects, source: Pod) -> Obj | None:
    """The Sidecar resource in force: one that selects the pod, else its namespace's, else the root's."""
    own = objects.within(ISTIO, "Sidecar", source.namespace)
    for each in own:
        labels = _selector(each)
        if labels and picks(labels, source.labels):
            return each
    plain = (each for namespace in (own, objects.within(ISTIO, "Sidecar", objects.root)) for each in namespace)
    return next((each for each in plain if not _selector(each)), None)


def _selector(sidecar: Obj) -> dict[str, str]:
    return texts(table(sidecar.spec.get("workloadSelector")).get("labels"))
