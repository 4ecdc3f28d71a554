"""A live window: the snapshot of the mesh and the logs of its proxies in a folder, ready to be audited.

In: a cluster and `CollectSettings`. Out: a folder with `mesh.json`, logs and `collection.json`, and the `Collection`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path as File
from typing import TYPE_CHECKING

from egressaudit.collect.copy.many_logs import Collecting, summary
from egressaudit.collect.copy.one_log import MAX_BYTES, PATIENCE, CopyPlan
from egressaudit.collect.selection import is_chosen, select_sources
from egressaudit.errors import ClusterError, NotFound
from egressaudit.evidence.collection import Collection, State
from egressaudit.evidence.environment import declared_outside
from egressaudit.evidence.saved_files import check_new
from egressaudit.mesh import RESOURCES, Mesh, NamedPlanes
from egressaudit.model import Reporter
from egressaudit.pipeline.snapshot_objects import snapshot_objects
from egressaudit.selectors import Selector
from egressaudit.whole_file import temporary_folder

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster

_FLUSH = 2.0
"""Seconds after the window's end before logs are read: Envoy writes its buffer once a second, as Istio starts it
(istio/istio pkg/envoy/proxy.go, --file-flush-interval-msec 1000)."""


@dataclass(frozen=True, slots=True)
class CollectSettings:
    """Which window of which logs. `since` None is from the beginning of each log; times are aware.

    `namespaces` None are all; they and `selector` choose among sidecars only: all gateways, waypoints and ztunnels are
    collected always. `max_bytes` is for each log, `patience` in seconds.
    """

    since: datetime | None
    until: datetime
    namespaces: tuple[str, ...] | None = None
    selector: Selector | None = None
    previous: bool = False
    max_concurrency: int = 8
    max_bytes: int = MAX_BYTES
    patience: float = PATIENCE
    planes: NamedPlanes = field(default_factory=NamedPlanes)
    """The control planes that the user names."""


def snapshot(cluster: Cluster, planes: NamedPlanes | None = None) -> tuple[Mesh, tuple[str, ...]]:
    """The mesh as it is now, and what was not allowed to be read, one sentence each. Needs get and list alone.

    `planes` are the control planes that the user names. Forbidden, with the ClusterRole that helps, where a kind may
    not be read without which nothing can be judged.
    """
    named = planes or NamedPlanes()
    objects, notes = snapshot_objects(cluster, named)
    refused = {each.name for each in RESOURCES if each.only is None} - set(cluster.read)
    mesh = Mesh.of(
        objects, cluster.read, refused=refused, outside=declared_outside(), planes=named, server=cluster.server
    )
    return mesh, notes


def collect(cluster: Cluster, settings: CollectSettings, say: Callable[[str], None], folder: File) -> Collection:
    """Snapshot, choose, copy: what a new or empty folder then holds (`load_collection` and `mesh.json` say it again).

    Forbidden, with a ClusterRole, where not one of the logs may be read, ClusterError where not one can be; NotFound
    for a namespace that is not there or a selector that matches no pod; BadLogs if the folder holds something already
    or cannot be written; else as `Collecting.run`.
    """
    check_new(folder)
    say("reading the mesh configuration")
    mesh, notes = snapshot(cluster, settings.planes)
    unknown = sorted(set(settings.namespaces or ()) - set(mesh.namespaces))
    if unknown:
        raise NotFound(f"found no namespace {' or '.join(unknown)}", hint=f"There are {', '.join(mesh.namespaces)}.")
    notes += _without_sidecars(mesh, settings)
    sources = select_sources(mesh, settings.namespaces, settings.selector)
    since = f" since {settings.since:%Y-%m-%dT%H:%M:%SZ}" if settings.since else ""
    say(f"collecting {len(sources)} logs{since}")
    _await_flush(settings.until)
    plan = CopyPlan(folder, settings.since, settings.until, settings.previous, settings.max_bytes, settings.patience)
    collection = Collecting(cluster, mesh, plan, sources, notes=notes, say=say).run(settings.max_concurrency)
    say(f"collected {summary(collection)}")
    if not collection.logs:
        raise ClusterError(
            "there is no log to audit: no pod of the mesh has a proxy",
            hint="`egressaudit analyze` says what is captured. Choose the namespaces with -n or -A.",
        )
    if all(each.state is State.FORBIDDEN for each in collection.logs):
        raise cluster.logs_forbidden(collection.logs[0].reason)
    if all(each.state in (State.FAILED, State.VANISHED) for each in collection.logs):
        raise ClusterError(
            f"none of {len(collection.logs)} logs could be read: {collection.logs[0].reason}",
            hint=f"{collection.logs[0].source} is the first of them.",
        )
    return collection


@contextmanager
def collected(
    cluster: Cluster, settings: CollectSettings, say: Callable[[str], None], folder: File | None = None
) -> Iterator[tuple[File, Collection]]:
    """`collect` into a folder that stays, or, without one, into a temporary one that is removed when the block ends.

    It is removed however the block ends, also by a signal; only SIGKILL leaves it.
    """
    if folder is not None:
        yield folder, collect(cluster, settings, say, folder)
        return
    with temporary_folder() as made:
        yield made, collect(cluster, settings, say, made)


def _without_sidecars(mesh: Mesh, settings: CollectSettings) -> tuple[str, ...]:
    """What to say where the selector chose no sidecar; NotFound if it matches no pod at all."""
    if settings.selector is None:
        return ()
    where = f"in namespace {', '.join(settings.namespaces)}" if settings.namespaces else "in any namespace"
    pods = [pod for pod in mesh.pods if is_chosen(pod, settings.namespaces, settings.selector)]
    if not pods:
        # To continue would audit only the gateways, and look like an audit of these pods.
        raise NotFound(
            f"-l {str(settings.selector)!r} matches no pod {where}",
            hint="`kubectl get pods --show-labels` shows the labels. Choose the namespaces with -n or -A.",
        )
    logs = (mesh.proxy_log(pod) for pod in pods)
    if any(log is not None and mesh.reporter(log) is Reporter.SIDECAR for log in logs):
        return ()
    matched = f"{len(pods)} pod{'s' if len(pods) > 1 else ''} {where}"
    return (f"no sidecar's log was collected: -l {str(settings.selector)!r} matches {matched}, none with a sidecar",)


def _await_flush(until: datetime) -> None:
    left = _FLUSH - (datetime.now(UTC) - until).total_seconds()
    time.sleep(min(max(left, 0.0), _FLUSH))
