"""Services, and which of them lead to gateway proxies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egressaudit.mesh.apis import CORE, Resource
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.pods import ip, pods_of
from egressaudit.mesh.roles import Role, roles_of, workload_roles
from egressaudit.mesh.shapes import KEEP, Shape
from egressaudit.mesh.trust import Trust
from egressaudit.mesh.values import number, picks, rows, table, text, texts, words
from egressaudit.model import ObjectRef, Pod

_SERVICE = {
    "spec": {
        "selector": KEEP,
        "type": KEEP,
        "externalName": KEEP,
        "clusterIP": KEEP,
        "clusterIPs": KEEP,
        "externalIPs": KEEP,
        "ports": {"name": KEEP, "port": KEEP, "targetPort": KEEP, "protocol": KEEP, "nodePort": KEEP},
    },
    "status": {"loadBalancer": {"ingress": {"ip": KEEP}}},
}
RESOURCES = (
    Resource(
        CORE,
        ("v1",),
        "services",
        "Service",
        required=True,
        keep=Shape(_SERVICE),
        without="whether a host is the cluster's own is not known",
    ),
)


@dataclass(frozen=True, slots=True)
class World:
    """The objects and the pods among them: what every reading of the configuration starts from."""

    objects: Objects
    pods_by_name: Mapping[ObjectRef, Pod]
    """Sorted by namespace and name."""
    roles: Mapping[ObjectRef, Role]
    """What the proxy of each pod is proven to be."""
    workload_roles: Mapping[tuple[str, ObjectRef], Role]
    """What the pods of each Deployment and DaemonSet would be, by its kind and name."""
    trust: Trust

    @classmethod
    def of(cls, objects: Objects, read: frozenset[str] = frozenset(), trust: Trust | None = None) -> World:
        """The world of a snapshot that has all objects of the kinds `read`."""
        trusted = trust or Trust()
        roles = roles_of(objects, read, trusted)
        pods = {pod.ref: pod for pod in pods_of(objects, roles)}
        return cls(objects, pods, roles, workload_roles(objects, read, trusted), trusted)

    @property
    def pods(self) -> tuple[Pod, ...]:
        """All pods, sorted by namespace and name."""
        return tuple(self.pods_by_name.values())


def full_name(host: str, namespace: str) -> str:
    """A destination host as Istio resolves it: a name without dots is a Service of the rule's own namespace."""
    host = host.rstrip(".").lower()
    return host if "." in host else f"{host}.{namespace}.svc.cluster.local"


def service_named(objects: Objects, host: str, namespace: str) -> Obj | None:
    """The Service that a destination host means: a bare name, or `name.namespace.svc.` with a cluster domain.

    `name.namespace` is not resolved by Istio (pkg/config/model ResolveShortnameToFQDN), hence not here either.
    """
    parts = full_name(host, namespace).split(".")
    if len(parts) < 4 or parts[2] != "svc":
        return None
    return objects.one(CORE, "Service", parts[1], parts[0])


def service_ports(service: Obj) -> tuple[int, ...]:
    """The ports that a Service takes."""
    return tuple(n for each in rows(service.spec.get("ports")) if (n := number(each.get("port"))) is not None)


def arriving_on(service: Obj, port: int | None) -> frozenset[int]:
    """The port numbers by which a Gateway may name what arrives through a Service's port; none where it is open.

    A Gateway's server may name the Service's port or the proxy's own (pilot/pkg/model/push_context.go mergeGateways).
    """
    said = [each for each in rows(service.spec.get("ports")) if port is not None and each.get("port") == port]
    targets = frozenset(n for each in said if (n := number(each.get("targetPort"))) is not None)
    return targets | frozenset({port} if port is not None else ())


def selected(world: World, service: Obj) -> tuple[Pod, ...]:
    """The pods that a Service selects; one without a selector selects none."""
    selector = texts(service.spec.get("selector"))
    if not selector:
        return ()
    return tuple(pod for pod in world.pods if pod.namespace == service.namespace and picks(selector, pod.labels))


def service_addresses(objects: Objects, *, selecting: bool = False) -> frozenset[str]:
    """The addresses that the cluster gave to Services; if `selecting`, those alone that lead to pods it selects.

    `externalIPs` are not among them: whoever may write a Service writes any address there.
    """
    found: set[str] = set()
    for service in objects.all(CORE, "Service"):
        spec, balancer = service.spec, table(service.status.get("loadBalancer"))
        said = [text(spec.get("clusterIP")), *words(spec.get("clusterIPs"))]
        if not selecting:
            said += [text(each.get("ip")) for each in rows(balancer.get("ingress"))]
        elif not texts(spec.get("selector")):
            continue
        found.update(address for each in said if (address := ip(each)) is not None)
    return frozenset(found)
