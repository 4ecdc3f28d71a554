"""The probe pods of a battery: ours, each with one change, made together and removed together.

In: manifests. Out: each pod as the API server shows it once it is ready, or the error that says why it is not; all
gone at the end, whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from egressaudit.bypass.attempt import PORT, PodChange
from egressaudit.errors import ClusterError, Forbidden, PodNotReady, PodRejected
from egressaudit.model import ObjectRef
from egressaudit.probe import pod_ready
from egressaudit.probe.source import removed
from egressaudit.signals import SIGNALS

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster

Manifest = dict[str, Any]

AT_ONCE = 4
"""Pods that are waited for, and requests that are under way, at the same time."""


@dataclass(frozen=True, slots=True)
class MadePods:
    """What became of the pods, by the name of each."""

    created: frozenset[str] = frozenset()
    """Those that were admitted, ready or not."""
    ready: Mapping[str, Manifest] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    """What the API server said when it refused them."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why they did not become ready, or could not be made."""


def changed_pod(ordinary: Manifest, name: str, change: PodChange, ports: Sequence[int]) -> Manifest:
    """The manifest of an ordinary probe pod with one change, and a name of its own; `ports` are those of the hosts."""
    meta, spec = ordinary["metadata"], ordinary["spec"]
    annotations = {key: value.replace(PORT, ",".join(map(str, ports))) for key, value in change.annotations.items()}
    spec = spec | ({"hostNetwork": True} if change.host_network else {})
    if change.user is not None:
        own = {"runAsUser": change.user}
        spec["containers"] = [
            each | {"securityContext": each["securityContext"] | own} for each in ordinary["spec"]["containers"]
        ]
    return ordinary | {
        "metadata": meta
        | {
            "name": f"{meta['name']}-{name}",
            "labels": meta["labels"] | change.labels,
            "annotations": meta["annotations"] | annotations,
        },
        "spec": spec,
    }


@contextmanager
def made_pods(cluster: Cluster, manifests: Sequence[Manifest], deadline: float) -> Iterator[MadePods]:
    """The pods while the block runs; every one that was asked for is removed at the end."""
    begun: list[ObjectRef] = []
    refused: dict[str, str] = {}
    failed: dict[str, str] = {}
    waiting = ThreadPoolExecutor(AT_ONCE)
    try:
        for manifest in manifests:
            ref = ObjectRef(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
            # Before the request: a signal between it and its answer must not leave the pod behind.
            begun.append(ref)
            try:
                cluster.create_pod(manifest)
            except PodRejected as error:
                refused[ref.name] = error.server_message
                begun.remove(ref)
            except Forbidden as error:
                failed[ref.name] = error.message
                begun.remove(ref)
            except (ClusterError, PodNotReady) as error:
                failed[ref.name] = error.message
        created = [ref for ref in begun if ref.name not in refused | failed]
        asked = {ref.name: waiting.submit(cluster.wait_pod, ref, pod_ready, deadline) for ref in created}
        ready: dict[str, Manifest] = {}
        for name, future in asked.items():
            try:
                ready[name] = future.result()
            except (ClusterError, PodNotReady) as error:
                failed[name] = error.message
        yield MadePods(frozenset(asked), ready, refused, failed)
    finally:
        with SIGNALS.held():
            for ref in begun:
                removed(cluster, ref)
            # A pod that is gone ends the wait for it.
            waiting.shutdown(wait=False, cancel_futures=True)
