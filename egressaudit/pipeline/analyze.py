"""What is declared: what `analyze` and `verify --dry-run` compose. No traffic is sent.

    cluster | mesh.json | manifests ──▶ Mesh ──▶ groups and hosts ──▶ ways and faults ──▶ AnalyzeReport

In: a cluster, or files, and `AnalyzeSettings`. Out: an `AnalyzeReport`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from egressaudit.causes.fault_codes import code_of
from egressaudit.errors import NotFound
from egressaudit.evidence.applied import applied
from egressaudit.evidence.environment import declared_outside
from egressaudit.evidence.manifests import read_manifests
from egressaudit.evidence.mesh_file import load_mesh
from egressaudit.evidence.rollout import rolled_out
from egressaudit.evidence.written_places import WrittenPlaces
from egressaudit.fixes.of_faults import fault_fixes
from egressaudit.judge.believed import check_trust
from egressaudit.judge.declared import declared_ways, found_faults, undecided
from egressaudit.judge.declared_hops import declared_hops
from egressaudit.judge.network_views import network_views
from egressaudit.mesh import RESOURCES, Mesh, NamedPlanes, Trust, made_from, trim
from egressaudit.mesh.installation import INSTALLATION, INSTALLATION_APIS, control_planes, operator_objects
from egressaudit.mesh.modes.capture import captured_pods
from egressaudit.mesh.proxy_states import proxy_states
from egressaudit.mesh.source_groups import source_groups
from egressaudit.mesh.steering.outside_hosts import registered_targets, routed_targets
from egressaudit.mesh.untyped import table, text
from egressaudit.model import DataplaneMode, Fault, Pod, Scheme, SuggestedFix, Target
from egressaudit.model.analysis import AnalyzeReport, DeclaredWay, LiveFindings, SourceGroup
from egressaudit.pipeline.asked_ways import with_programmed
from egressaudit.pipeline.snapshot_objects import mesh_configs
from egressaudit.probe import ProbePodOptions, probe_pod
from egressaudit.probe.source import SourceChoice, candidate_pods

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster

Manifest = Mapping[str, Any]
Host = tuple[str, Target | None]
"""A host, and the one target that is asked about; None for every port on which the host is registered."""

_ANY = "any-pod"

_MOST_MENDED = 100
"""How many faults get fixes: whoever has fixed that many runs it again."""


@dataclass(frozen=True, slots=True)
class AnalyzeSettings:
    """What `analyze` was asked."""

    hosts: tuple[Host, ...] = ()
    """All hosts of the mesh if there is none."""
    sources: tuple[SourceChoice, ...] = ()
    """All captured workloads without any."""
    only: str | None = None
    """The namespace whose workloads are the sources, None for all; beside `sources` it says nothing."""
    namespace: str = "default"
    """Where probes would be sent from, and where manifests without a namespace go."""
    probe_pod: ProbePodOptions | None = None
    """The source is such a probe pod in `namespace`, as `verify` makes it without a source."""
    trust: Trust = field(default_factory=Trust)
    planes: NamedPlanes = field(default_factory=NamedPlanes)
    """The control planes that the user names."""
    ask_proxies: bool = False
    """Whether the proxies of a live mesh are asked for their own configuration, too."""


def analyze(cluster: Cluster, settings: AnalyzeSettings, say: Callable[[str], None]) -> AnalyzeReport:
    """What a cluster declares, and what only a cluster can say. Forbidden where nothing can be judged."""
    # What is asked of a cluster needs its client, which takes longer to load than files to read.
    from egressaudit.pipeline.permissions import permissions

    say("asking what may be done")
    allowed, grant = permissions(cluster, settings.namespace)
    say("reading the mesh configuration")
    objects = cluster.objects(RESOURCES)
    trimmed = [trim(each) for each in (*objects, *_probe(settings, objects))]
    further, doubts = mesh_configs(cluster, trimmed, settings.planes)
    read, notes = cluster.read, (*cluster.unreadable, *doubts)
    refused = {each.name for each in RESOURCES if each.only is None} - set(read)
    mesh = Mesh.of(
        [*trimmed, *further],
        read,
        settings.trust,
        refused=refused,
        outside=declared_outside(),
        planes=settings.planes,
        server=cluster.server,
    )
    check_trust(mesh)
    installed = cluster.objects(INSTALLATION)
    live = LiveFindings(
        permissions=allowed,
        grant=grant,
        control_planes=control_planes(objects),
        operator=operator_objects(installed),
        apis=cluster.apis(INSTALLATION_APIS),
    )
    report = analyzed(mesh, settings, WrittenPlaces())
    if settings.ask_proxies:
        say("asking the proxies for their own configuration")
        report = with_programmed(cluster, mesh, report)
    return replace(report, live=live, notes=(*notes, *cluster.unreadable, *report.notes))


def analyze_files(snapshot: File | None, manifests: Sequence[str], settings: AnalyzeSettings) -> AnalyzeReport:
    """What files declare: a snapshot, manifests alone, or a snapshot as it would be with the manifests applied.

    NotFound, UsageError or BadLogs for files that cannot be read.
    """
    base = load_mesh(snapshot, settings.trust) if snapshot is not None else None
    written = read_manifests(manifests, settings.namespace) if manifests else ()
    mesh, notes = applied(base, written, settings.trust, declared_outside())
    check_trust(mesh)
    report = analyzed(mesh, settings, WrittenPlaces(written, snapshot))
    return replace(report, notes=(*notes, *report.notes))


def analyzed(mesh: Mesh, settings: AnalyzeSettings, places: WrittenPlaces) -> AnalyzeReport:
    """The report on a mesh; `places` says where its objects are written."""
    # What was read stays to the end. Without this Python's collector would walk through all of it again and again.
    gc.freeze()
    groups, notes = _sources(mesh, settings)
    targets = _targets(mesh, settings)
    ways, found = found_faults(mesh, declared_ways(mesh, groups, targets), groups, code_of)
    fixes_of = _fixes(mesh, ways, groups)
    faults = tuple(
        replace(each, written=places.written(each.fault), fixes=fixes_of(number, each.fault))
        for number, each in enumerate(found)
    )
    if not targets:
        notes.append("the mesh names no host outside: there is no ServiceEntry, and no rule leads out")
    missing, never_asked = undecided(mesh)
    return AnalyzeReport(
        ways=ways,
        faults=faults,
        groups=groups,
        logging=tuple(declared_hops(mesh, groups, ways)),
        proxies=proxy_states(mesh.world),
        network=network_views(mesh, _concerned(mesh, groups)),
        undecided=missing,
        notes=(*notes, *never_asked),
        made_from=made_from(mesh),
    )


def _concerned(mesh: Mesh, groups: Iterable[SourceGroup]) -> Iterator[Pod]:
    """The pods of these groups, and of gateways and waypoints."""
    workloads = {(group.namespace, workload) for group in groups for workload in group.workloads}
    for pod in mesh.pods:
        through = pod.role is not None and pod.role.path is not None
        if through or (pod.namespace, pod.owner or f"Pod/{pod.name}") in workloads:
            yield pod


def _fixes(
    mesh: Mesh, ways: Sequence[DeclaredWay], groups: Sequence[SourceGroup]
) -> Callable[[int, Fault], tuple[SuggestedFix, ...]]:
    """What fixes the fault at a place, as it hits the first way that has it."""
    first: dict[int, DeclaredWay] = {}
    for way in ways:
        for place in way.found:
            first.setdefault(place, way)
    sources = {group.name: group.example.ref for group in groups}

    def of(place: int, fault: Fault) -> tuple[SuggestedFix, ...]:
        way = first.get(place)
        if way is None or place >= _MOST_MENDED:
            return ()
        target = (way.host, way.port, way.scheme)
        return fault_fixes(fault, mesh, target, sources[way.sources[0]], way.via)

    return of


# ---------------------------------------------------------------- sources and hosts


def _sources(mesh: Mesh, settings: AnalyzeSettings) -> tuple[tuple[SourceGroup, ...], list[str]]:
    if settings.sources or settings.probe_pod is not None:
        own = SourceChoice(_own_pod(settings), None, None, settings.namespace)
        chosen = {pod.ref: pod for each in settings.sources or (own,) for pod in candidate_pods(mesh, each)[0]}
        return source_groups(mesh.world, tuple(chosen.values())), []
    pods = [pod for pod in captured_pods(mesh.pods) if settings.only in (None, pod.namespace)]
    if pods:
        return source_groups(mesh.world, pods), _uncaptured(mesh, settings)
    where = settings.only or settings.namespace
    stand_in = Pod(where, _ANY, (), DataplaneMode.SIDECAR, ready=True)
    note = f"no workload is captured by the mesh here: judged for any pod with a sidecar in namespace {where}"
    return source_groups(mesh.world, (stand_in,)), [note]


def _uncaptured(mesh: Mesh, settings: AnalyzeSettings) -> list[str]:
    spots = {
        each.subject
        for each in mesh.blind_spots()
        if each.kind in ("host-network", "not-injected", "not-enrolled")
        and settings.only in (None, each.subject.partition("/")[0])
    }
    if not spots:
        return []
    few = ", ".join(sorted(spots)[:3])
    more = f" and {len(spots) - 3} more" if len(spots) > 3 else ""
    return [f"the mesh does not capture what {few}{more} send{'' if len(spots) > 1 else 's'}: no way holds for that"]


def _probe(settings: AnalyzeSettings, objects: Iterable[Manifest]) -> Iterator[Manifest]:
    """The probe pod that `verify` would make, as it would run."""
    if settings.probe_pod is not None:
        namespaces = [each for each in objects if text(each.get("kind")) == "Namespace"]
        if settings.namespace not in {text(table(each.get("metadata")).get("name")) for each in namespaces}:
            raise NotFound(
                f"found no namespace {settings.namespace}", hint="Name one with -n, or a workload with --from."
            )
        pod = probe_pod(settings.namespace, settings.probe_pod, "0" * 8, 1)
        named = {**pod, "metadata": {**pod["metadata"], "name": _own_pod(settings).partition("/")[2]}}
        yield from rolled_out((named,), namespaces).objects


def _own_pod(settings: AnalyzeSettings) -> str:
    return f"{settings.namespace}/egressaudit-probe"


def _targets(mesh: Mesh, settings: AnalyzeSettings) -> tuple[Target, ...]:
    objects = mesh.world.objects
    if not settings.hosts:
        return (*registered_targets(objects), *routed_targets(objects))
    found: dict[Target, None] = {}
    for host, target in settings.hosts:
        routed = tuple(each for each in routed_targets(objects) if each.host == host)
        every = registered_targets(objects, host) or routed or (Target(host, 80, Scheme.HTTP),)
        found.update(dict.fromkeys((replace(target, path="/"),) if target is not None else every))
    return tuple(found)
