"""Gateway proxies: which Services lead to them, which Gateways configure them, and their names.

In: the Service istio-egress/egress. Out: `gateway`, and the gateway istio-egress/egress behind it.
"""

from __future__ import annotations

from egressaudit.mesh.apis import APPS, CORE, GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.pods import gateway_of, template_labels, template_role
from egressaudit.mesh.services.services import selected
from egressaudit.mesh.untyped import picks, texts
from egressaudit.mesh.world import World
from egressaudit.model import ObjectRef, Pod, Reporter


def proxies(world: World, reporter: Reporter) -> tuple[Pod, ...]:
    """All pods proven to run this kind of proxy."""
    return world.proxies.get(reporter, ())


def templates(world: World, reporter: Reporter) -> tuple[Obj, ...]:
    """The Deployments and DaemonSets whose pods would be proven to be such proxies, also those that have no pod."""
    found = world.objects.all(APPS, "Deployment", "DaemonSet")
    return tuple(each for each in found if world.workload_roles[each.kind, each.ref].reporter is reporter)


def template_gateway(world: World, workload: Obj) -> ObjectRef:
    """What the pods of a gateway or waypoint workload would belong to (as `gateway_of` for pods)."""
    return world.workload_roles[workload.kind, workload.ref].gateway or workload.ref


def leads_to_gateway(world: World, service: Obj) -> bool:
    """Whether a Service's pods have the marks of gateways; where it has none now, whether they would have them.

    Marks are enough: what is sent to a proxy that nothing proves to be a gateway is no traffic to a workload either.
    """
    selector = texts(service.spec.get("selector"))
    if not selector:
        return False
    if pods := selected(world, service):
        return any(Reporter.EGRESS_GATEWAY in (pod.role, pod.claimed) for pod in pods)
    for workload in world.objects.all(APPS, "Deployment", "DaemonSet"):
        if workload.namespace == service.namespace and picks(selector, template_labels(workload)):
            return template_role(workload) is Reporter.EGRESS_GATEWAY
    istio_gateways = (texts(each.spec.get("selector")) for each in world.objects.all(ISTIO, "Gateway"))
    return any(wanted and picks(wanted, selector) for wanted in istio_gateways)


def service_endpoints(world: World) -> dict[str, str]:
    """What is behind each Service, by `name.namespace.svc`.

    `gateway`: gateway proxies. `pods`: other pods, which Kubernetes itself selects. `other`: no selector, so whoever
    may write endpoints decides, and they may lie outside the cluster.
    """
    kinds = {}
    for service in world.objects.all(CORE, "Service"):
        selects = bool(texts(service.spec.get("selector"))) and service.spec.get("type") != "ExternalName"
        kind = "gateway" if leads_to_gateway(world, service) else "pods" if selects else "other"
        kinds[f"{service.name}.{service.namespace}.svc"] = kind
    return kinds


def identity(world: World, service: Obj) -> ObjectRef:
    """The gateway behind a Service: of its pods, else of the workload that it would select, else the Service."""
    found = {gateway_of(pod) for pod in selected(world, service) if pod.role is not None}
    if not found:
        selector = texts(service.spec.get("selector"))
        found = {
            template_gateway(world, each)
            for each in templates(world, Reporter.EGRESS_GATEWAY)
            if each.namespace == service.namespace and picks(selector, template_labels(each))
        }
    return found.pop() if len(found) == 1 else service.ref


def stands_at(world: World, gateway: Obj, service: Obj, pods: tuple[Pod, ...]) -> bool:
    """Whether a Gateway configures the proxies behind a Service."""
    if pods:
        return any(pod in pods for pod in gateway_pods(world, gateway))
    if gateway.group == GATEWAY_API:
        return identity(world, service) == gateway.ref
    return picks(texts(gateway.spec.get("selector")), _service_labels(world, service))


def _service_labels(world: World, service: Obj) -> dict[str, str]:
    """The labels that the pods behind a Service would have: of the workload it selects, else its own selector."""
    selector = texts(service.spec.get("selector"))
    for each in templates(world, Reporter.EGRESS_GATEWAY):
        if each.namespace == service.namespace and picks(selector, template_labels(each)):
            return dict(template_labels(each))
    return selector


def gateway_pods(world: World, gateway: Obj) -> tuple[Pod, ...]:
    """The proven gateway proxies that a Gateway of either API configures."""
    running = proxies(world, Reporter.EGRESS_GATEWAY)
    if gateway.group == GATEWAY_API:
        return tuple(pod for pod in running if gateway_of(pod) == gateway.ref)
    # An Istio Gateway selects proxies in every namespace.
    return tuple(pod for pod in running if picks(texts(gateway.spec.get("selector")), pod.labels))


def run_by(world: World, gateway: Obj) -> tuple[ObjectRef, tuple[Pod, ...]]:
    """What runs a Gateway: the Gateway itself for Gateway API, else the one workload that its selector picks.

    Anybody may give pods the labels that an Istio Gateway selects. Of several workloads the one counts that is named
    as a way out, else the one in the Gateway's own namespace; where that leaves several or none, nothing runs it.
    """
    if gateway.group == GATEWAY_API:
        return gateway.ref, gateway_pods(world, gateway)
    found = rivals(world, gateway)
    if len(found) != 1:
        return gateway.ref, ()
    [(ref, pods)] = found.items()
    return ref, pods


def rivals(world: World, gateway: Obj) -> dict[ObjectRef, tuple[Pod, ...]]:
    """The workloads that may run an Istio Gateway, with their pods: more than one where nothing tells which does."""
    selector = texts(gateway.spec.get("selector"))
    found: dict[ObjectRef, tuple[Pod, ...]] = {}
    for pod in gateway_pods(world, gateway):
        found[gateway_of(pod)] = (*found.get(gateway_of(pod), ()), pod)
    if not found:
        would = (each for each in templates(world, Reporter.EGRESS_GATEWAY) if picks(selector, template_labels(each)))
        found = {template_gateway(world, each): () for each in would}
    trust = world.trust
    named = {ref for ref in found if ref in trust.named_gateways or trust.entry(Reporter.EGRESS_GATEWAY, (ref,), "")}
    near = {ref for ref in found if ref.namespace == gateway.namespace}
    chosen = named or near or set(found)
    return {ref: pods for ref, pods in sorted(found.items()) if ref in chosen}
