"""Gateways and waypoints by name, for `--expect`.

In: `egress/gw`, or no name if there is only one. Out: a `Claim` for it; NotFound or UsageError list what there is.
"""

from __future__ import annotations

from egressaudit.errors import NotFound, UsageError
from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import CORE, GATEWAY_API, ISTIO
from egressaudit.mesh.marks import WAYPOINT_CLASS
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.pods import gateway_of
from egressaudit.mesh.services.services import selected
from egressaudit.mesh.steering.gateways import leads_to_gateway, proxies, rivals, run_by, template_gateway, templates
from egressaudit.mesh.untyped import text
from egressaudit.mesh.world import World
from egressaudit.model import Claim, ObjectRef, Path, Pod, Reporter


def named_gateway(world: World, path: Path, ref: ObjectRef | None) -> Claim:
    """The gateway or waypoint of that name (Deployment, Service or Gateway), or the only one there is.

    NotFound if there is none, UsageError if there are several to choose from; both list what there is. A path without a
    proxy gives a claim without one.
    """
    reporter = Reporter.on(path)
    if reporter is None:
        return Claim(path)
    there = _all(world, reporter)
    if ref is not None:
        found = there.get(ref)
        if found is None:
            found = _by_other_name(world, reporter, ref)
        if found is None:
            raise NotFound(f"there is no {path.word} {ref}", hint=_listing(path, there))
        return _claim(path, ref, found)
    if not there:
        raise NotFound(f"there is no {path.word} in this cluster", hint=_listing(path, there))
    if len(there) > 1:
        raise UsageError(f"there are {len(there)} {path.word}s in this cluster", hint=_listing(path, there))
    [(only, pods)] = there.items()
    return _claim(path, only, pods)


def _claim(path: Path, ref: ObjectRef, pods: tuple[Pod, ...]) -> Claim:
    ready = tuple(pod for pod in pods if pod.ready)
    return Claim(path, ref, ready, faults=() if ready else (fault.no_ready_pod(ref),))


def _listing(path: Path, there: dict[ObjectRef, tuple[Pod, ...]]) -> str:
    word = path.word
    if not there:
        return f"No pod, Deployment or Gateway of the mesh is a {word}; may your user read all namespaces?"
    return f"Name one of them: {', '.join(f'--expect {word}={ref}' for ref in sorted(there))}."


def _all(world: World, reporter: Reporter) -> dict[ObjectRef, tuple[Pod, ...]]:
    """Every gateway or waypoint by its proper name, with its pods, ready or not."""
    there: dict[ObjectRef, tuple[Pod, ...]] = {template_gateway(world, each): () for each in templates(world, reporter)}
    if reporter is Reporter.WAYPOINT:
        there |= {
            each.ref: ()
            for each in world.objects.all(GATEWAY_API, "Gateway")
            if text(each.spec.get("gatewayClassName")) == WAYPOINT_CLASS
        }
    for pod in proxies(world, reporter):
        there[gateway_of(pod)] = (*there.get(gateway_of(pod), ()), pod)
    return there


def _by_other_name(world: World, reporter: Reporter, ref: ObjectRef) -> tuple[Pod, ...] | None:
    """The pods behind a Deployment, a Service or a Gateway of this name; None if there is none of them."""
    objects = world.objects
    by_workload = tuple(
        pod
        for pod in proxies(world, reporter)
        if pod.namespace == ref.namespace and pod.owner.rpartition("/")[2] == ref.name
    )
    if by_workload or any(each.ref == ref for each in templates(world, reporter)):
        return by_workload
    service = objects.one(CORE, "Service", ref.namespace, ref.name)
    if service is not None:
        pods = tuple(pod for pod in selected(world, service) if pod.role is reporter)
        if pods or (reporter is Reporter.EGRESS_GATEWAY and leads_to_gateway(world, service)):
            return pods
    if reporter is Reporter.EGRESS_GATEWAY:
        for group in (GATEWAY_API, ISTIO):
            gateway = objects.one(group, "Gateway", ref.namespace, ref.name)
            if gateway is not None and text(gateway.spec.get("gatewayClassName")) != WAYPOINT_CLASS:
                return _of_gateway(world, gateway)
    return None


def _of_gateway(world: World, gateway: Obj) -> tuple[Pod, ...]:
    """The pods that run a Gateway; UsageError if its selector picks several workloads and it is unclear which."""
    found = {} if gateway.group == GATEWAY_API else rivals(world, gateway)
    if len(found) > 1:
        raise UsageError(
            f"the selector of {gateway} picks proxies of {len(found)} workloads",
            hint=f"Name one of them: {', '.join(f'--expect gateway={ref}' for ref in sorted(found))}.",
        )
    return run_by(world, gateway)[1]
