"""Choose the pod that a probe is sent from, or create our own and remove it again.

In: `--from deploy/cart`, `-l app=cart`, or neither. Out: a ready `Pod` and where it comes from, in words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from egressaudit.errors import ClusterError, NotFound, Unreachable, UsageError
from egressaudit.mesh import Mesh
from egressaudit.model import PROXY_CONTAINER, ObjectRef, Pod
from egressaudit.probe import ProbePodOptions, pod_ready
from egressaudit.selectors import Selector
from egressaudit.signals import SIGNALS

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster


_KINDS = {
    "pod": "Pod",
    "deploy": "Deployment",
    "deployment": "Deployment",
    "sts": "StatefulSet",
    "statefulset": "StatefulSet",
    "ds": "DaemonSet",
    "daemonset": "DaemonSet",
    "rs": "ReplicaSet",
    "replicaset": "ReplicaSet",
    "job": "Job",
}


_WORKLOAD = re.compile(r"[A-Za-z0-9-]{1,63}/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
"""A namespace or a kind, and a name (RFC 1123): nothing that could lead to another path of the API."""


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """How the source was asked for: by name, by label selector, or neither (a pod of our own)."""

    name: str | None
    selector: Selector | None
    container: str | None
    namespace: str
    pod: ProbePodOptions = field(default_factory=ProbePodOptions)
    """What is wanted of a pod of our own."""
    allow_uncaptured: bool = False
    """Whether a pod of our own may be outside the mesh."""

    def __post_init__(self) -> None:
        """UsageError for a name that no workload can have, before anything is sent."""
        if self.name is not None and not _WORKLOAD.fullmatch(self.name):
            raise UsageError(
                f"unsupported --from {self.name!r}",
                hint="Use NAMESPACE/POD, or deploy/NAME, sts/NAME, ds/NAME, pod/NAME with -n NAMESPACE.",
            )


def chosen_pod(mesh: Mesh, choice: SourceChoice) -> Pod:
    """A ready pod that fits `--from` or `-l`; NotFound says what there is instead."""
    candidates, asked = candidate_pods(mesh, choice)
    ready = [pod for pod in candidates if pod.ready]
    if not ready:
        names = ", ".join(str(pod.ref) for pod in candidates[:5])
        raise NotFound(f"no pod for {asked} is ready: {names}", hint="Wait for the workload, or name another one.")
    return min(ready, key=lambda pod: pod.ref)


def candidate_pods(mesh: Mesh, choice: SourceChoice) -> tuple[Sequence[Pod], str]:
    """The pods that fit `--from` or `-l`, ready or not, and what was asked for; NotFound if there is none."""
    if choice.selector is not None:
        candidates: Sequence[Pod] = mesh.select(choice.namespace, choice.selector)
        asked = f"-l {str(choice.selector)!r} in namespace {choice.namespace}"
    else:
        candidates, asked = _by_name(mesh, choice)
    if not candidates:
        there = sorted(f"{pod.namespace}/{pod.name}" for pod in mesh.pods if pod.namespace == choice.namespace)
        raise NotFound(
            f"found no pod for {asked}",
            hint=f"Pods in namespace {choice.namespace}: {', '.join(there[:10]) or 'none'}.",
        )
    return candidates, asked


def _by_name(mesh: Mesh, choice: SourceChoice) -> tuple[Sequence[Pod], str]:
    assert choice.name is not None
    first, _, name = choice.name.partition("/")
    kind = _KINDS.get(first.lower())
    # A namespace may have the name of a kind: if a pod with that full name exists, it is meant.
    pod = mesh.pod(ObjectRef(first, name)) or (mesh.pod(ObjectRef(choice.namespace, name)) if kind == "Pod" else None)
    if pod is not None or kind in (None, "Pod"):
        return ([pod] if pod else []), f"--from {choice.name}"
    assert kind is not None
    return mesh.workload(kind, choice.namespace, name), f"--from {choice.name} in namespace {choice.namespace}"


def container_of(pod: Pod, wanted: str | None) -> str:
    """The container to run curl in: as asked, as annotated for kubectl, else the first that is not the proxy."""
    own = [name for name in pod.containers if name != PROXY_CONTAINER]
    if wanted is not None:
        if wanted not in pod.containers:
            raise NotFound(
                f"pod {pod.ref} has no container {wanted}", hint=f"Its containers: {', '.join(pod.containers)}."
            )
        return wanted
    annotated = pod.annotations.get("kubectl.kubernetes.io/default-container")
    if annotated in own:
        return str(annotated)
    if not own:
        raise NotFound(f"pod {pod.ref} has no container besides the proxy")
    return own[0]


@contextmanager
def own_pod(
    cluster: Cluster, manifest: dict[str, Any], deadline: float, say: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """A probe pod of our own, ready, as the API server shows it; removed at the end whatever happens."""
    ref = ObjectRef(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    say(f"creating probe pod {ref}")
    try:
        # Inside the try: a signal between the request and its answer must not leave the pod behind.
        cluster.create_pod(manifest)
        yield cluster.wait_pod(ref, pod_ready, deadline)
    finally:
        with SIGNALS.held():
            removed(cluster, ref)


def removed(cluster: Cluster, ref: ObjectRef) -> None:
    """Remove a pod of our own, or warn of it: a verdict stands either way, for it was judged before."""
    try:
        cluster.delete_pod(ref)
    except ClusterError as error:
        if isinstance(error, Unreachable) or not _never_made(cluster, ref):
            run_id = ref.name.rpartition("-")[2]
            cluster.warn(
                f"could not remove probe pod {ref}: {error.message}; its processes end by themselves, and "
                f"this command removes it: egressaudit cleanup -n {ref.namespace} --run-id {run_id}"
            )


def _never_made(cluster: Cluster, ref: ObjectRef) -> bool:
    """Whether there is no such pod: who may not create pods mostly may not delete them either."""
    try:
        return cluster.until(math.inf).pod(ref) is None
    except ClusterError:
        return False
