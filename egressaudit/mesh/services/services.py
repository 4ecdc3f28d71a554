"""Services: which one a host means, which ports and pods it has, and which addresses Services have.

In: the host `cart.shop.svc.cluster.local`. Out: the Service shop/cart.
"""

from __future__ import annotations

from egressaudit.mesh.apis import CORE, Resource
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.pods import ip
from egressaudit.mesh.shapes import KEEP, Shape
from egressaudit.mesh.untyped import number, picks, rows, table, text, texts, words
from egressaudit.mesh.world import World
from egressaudit.model import Pod

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
    """The ports that a Service accepts."""
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
    return tuple(pod for pod in world.pods_in.get(service.namespace, ()) if picks(selector, pod.labels))


def service_addresses(objects: Objects, *, selecting: bool = False) -> frozenset[str]:
    """The addresses that the cluster gave to Services; with `selecting`, only of Services that select pods.

    `externalIPs` are left out: anybody who may write a Service can write any address there.
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
