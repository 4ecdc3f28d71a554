"""Pods as judging needs them: what proxy they run, how the mesh captures them, which workload owns them.

In: the objects of a snapshot, and the role of each pod. Out: a `Pod` for each pod object.
Example: a pod that has failed has no `addresses`. They are its `last_addresses`, since another pod may have them now.
"""

from __future__ import annotations

from collections.abc import Mapping

from egressaudit.addresses import canonical_ip
from egressaudit.mesh.apis import APPS, CORE
from egressaudit.mesh.modes.capture import mode_of
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.roles import NO_ROLE, Role, claimed_role, names_of, template_marks
from egressaudit.mesh.untyped import moment, number, rows, table, text, texts
from egressaudit.model import PROXY_CONTAINER, ContainerRun, LogSource, ObjectRef, Pod, Reporter


def template_role(workload: Obj) -> Reporter | None:
    """The kind of proxy that the marks of a Deployment or DaemonSet claim for its pods."""
    labels, annotations, containers, init = template_marks(workload)
    return claimed_role(labels, annotations, (*containers, *init))


def template_labels(workload: Obj) -> Mapping[str, str]:
    """The labels that a Deployment or DaemonSet gives its pods."""
    return texts(table(table(workload.spec.get("template")).get("metadata")).get("labels"))


def proxy_log(pod: Pod) -> LogSource | None:
    """The log of the proxy in the pod itself, None if it has none."""
    has = PROXY_CONTAINER in pod.containers or PROXY_CONTAINER in pod.init_containers
    return LogSource(pod.namespace, pod.name, PROXY_CONTAINER) if has else None


def pods_of(objects: Objects, roles: Mapping[ObjectRef, Role]) -> tuple[Pod, ...]:
    """All pods, sorted by namespace and name, each with the role that is proven of it."""
    return tuple(_pod(obj, objects, roles.get(obj.ref, NO_ROLE)) for obj in objects.all(CORE, "Pod"))


def gateway_of(pod: Pod) -> ObjectRef:
    """What a gateway or waypoint pod provably belongs to: its Gateway API Gateway, else its workload, else itself."""
    return pod.gateway or ObjectRef(pod.namespace, pod.owner.rpartition("/")[2] or pod.name)


def _pod(obj: Obj, objects: Objects, role: Role) -> Pod:
    containers, init = names_of(obj.spec.get("containers")), names_of(obj.spec.get("initContainers"))
    # The address of a pod that has ended stays in its status and may be another pod's by now.
    ended, addresses = obj.status.get("phase") in ("Succeeded", "Failed"), _addresses(obj.status)
    return Pod(
        namespace=obj.namespace,
        name=obj.name,
        addresses=() if ended else addresses,
        last_addresses=addresses if ended else (),
        mode=mode_of(obj, objects.namespace_labels(obj.namespace), role.reporter),
        node=text(obj.spec.get("nodeName")),
        labels=obj.labels,
        annotations=obj.annotations,
        owner=_owner(obj, objects),
        containers=containers,
        init_containers=init,
        ready=_ready(obj),
        host_network=_host_network(obj),
        started=moment(obj.status.get("startTime")),
        runs=container_runs(obj.status),
        role=role.reporter,
        claimed=role.claimed,
        gateway=role.gateway,
        owners=role.owners,
        service_account=text(obj.spec.get("serviceAccountName")),
    )


def container_runs(status: Mapping[str, object]) -> tuple[ContainerRun, ...]:
    """What a pod's status says about the runs of its containers, init containers first (native sidecars are those)."""
    return tuple(
        _run(each)
        for each in (*rows(status.get("initContainerStatuses")), *rows(status.get("containerStatuses")))
        if text(each.get("name"))
    )


def _run(status: Mapping[str, object]) -> ContainerRun:
    state = table(status.get("state"))
    ended, before = table(state.get("terminated")), table(table(status.get("lastState")).get("terminated"))
    return ContainerRun(
        container=text(status.get("name")),
        started=moment(table(state.get("running")).get("startedAt")) or moment(ended.get("startedAt")),
        ended=moment(ended.get("finishedAt")),
        restarts=max(0, number(status.get("restartCount")) or 0),
        previous_started=moment(before.get("startedAt")),
        previous_ended=moment(before.get("finishedAt")),
    )


def _host_network(obj: Obj) -> bool:
    return obj.spec.get("hostNetwork") is True


def _ready(obj: Obj) -> bool:
    conditions = rows(obj.status.get("conditions"))
    ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    return ready and not table(obj.raw.get("metadata")).get("deletionTimestamp")


def _addresses(status: Mapping[str, object]) -> tuple[str, ...]:
    said = [text(each.get("ip")) for each in rows(status.get("podIPs"))]
    found: dict[str, None] = {}
    for each in (*said, text(status.get("podIP"))):
        if address := ip(each):
            found[address] = None
    return tuple(found)


def ip(value: str) -> str | None:
    """The address in its canonical form; None if it is not one."""
    return canonical_ip(value)


def _owner(obj: Obj, objects: Objects) -> str:
    owners = rows(table(obj.raw.get("metadata")).get("ownerReferences"))
    if not owners:
        return ""
    kind, name = text(owners[0].get("kind")), text(owners[0].get("name"))
    if kind == "ReplicaSet":
        replica_set = objects.one(APPS, "ReplicaSet", obj.namespace, name)
        above = rows(table(replica_set.raw.get("metadata")).get("ownerReferences")) if replica_set else ()
        if above:
            kind, name = text(above[0].get("kind")), text(above[0].get("name"))
        elif replica_set is None and name.endswith(hashed := f"-{obj.labels.get('pod-template-hash', name)}"):
            # ReplicaSets may not be readable; a Deployment names its own `<deployment>-<pod-template-hash>`.
            kind, name = "Deployment", name.removesuffix(hashed)
    return f"{kind}/{name}"
