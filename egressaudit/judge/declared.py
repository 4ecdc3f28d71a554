"""Which way each host should go by the configuration alone, from each group of sources, and what is wrong with that.

In: a `Mesh`, groups of sources and targets. Out: a `DeclaredWay` for each target and for all groups that get the same
answer, and each fault once, with the hosts and groups that it hits.

Example: shop and cart have sidecars, and a VirtualService does not list `mesh`. Its host is one `DeclaredWay` from both
with the outcome FAIL, and one `FoundFault` that hits it from both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from egressaudit.mesh import Mesh
from egressaudit.mesh import fault_texts as fault_text
from egressaudit.mesh.apis import GATEWAY_API, ISTIO, SECURITY, TELEMETRY
from egressaudit.mesh.fault_effects import effect_of
from egressaudit.mesh.source_groups import Alike
from egressaudit.mesh.steering.registry import blocks_unknown, registry_faults
from egressaudit.model import Claim, Fault, ObjectRef, Outcome, Path, Pod, Target, Way
from egressaudit.model.analysis import DeclaredWay, Effect, FoundFault, SourceGroup

_DECIDING = (ISTIO, GATEWAY_API, TELEMETRY, SECURITY)
"""The API groups whose objects declare a way, or keep a proxy from it."""
_OF_REGISTRY = ("host-not-registered", "not-exported", "not-imported", "port-not-registered", "protocol-differs")
"""What `registry_faults` finds."""
_ANYBODY = ObjectRef("", "")
_Key = tuple[Effect, tuple[str, str, str, str]]


def declared(mesh: Mesh, source: Pod, target: Target) -> tuple[Claim, Way | None]:
    """What is declared for one pod and one target, and the way that istiod makes of it where something is declared."""
    claim = mesh.claim(source, target)
    return claim, claim.way if claim.path is not None else None


def declared_ways(mesh: Mesh, groups: Iterable[SourceGroup], targets: Iterable[Target]) -> tuple[DeclaredWay, ...]:
    """What is declared for each target, sorted: one for all groups that get the same answer."""
    listed, alike = tuple(groups), Alike(mesh.world)
    patches = _Patches(mesh)
    found: list[DeclaredWay] = []
    for target in targets:
        merged: dict[object, tuple[DeclaredWay, list[str]]] = {}
        for equal in alike.sets(target, listed):
            way = _declared(mesh, equal[0].example, target, patches)
            _, sources = merged.setdefault(_answer(way, equal[0].example), (way, []))
            sources += (each.name for each in equal)
        found += (replace(way, sources=tuple(sorted(sources))) for way, sources in merged.values())
    return tuple(sorted(found, key=lambda each: (each.host, each.port, each.scheme, each.sources)))


def found_faults(
    mesh: Mesh, ways: Iterable[DeclaredWay], groups: Iterable[SourceGroup], code_of: Callable[[Fault], str]
) -> tuple[tuple[DeclaredWay, ...], tuple[FoundFault, ...]]:
    """Each fault of these ways once, those that lead around a gateway first; and the ways, which refer to them.

    `code_of` gives a fault its code in a catalogue.
    """
    pods, listed = {group.name: group.example for group in groups}, tuple(ways)
    found: dict[_Key, FoundFault] = {}
    hit: dict[_Key, tuple[set[str], set[str]]] = {}
    keys: list[list[_Key]] = []
    for way in listed:
        source = pods[way.sources[0]]
        keys.append([])
        for each in way.faults:
            effect = _effect(mesh, source, way.path, each)
            key = (effect, _same(each, source, way.host))
            found.setdefault(key, FoundFault(each, code_of(each), effect, (), ()))
            hosts, sources = hit.setdefault(key, (set(), set()))
            hosts.add(f"{way.host}:{way.port}")
            sources.update(way.sources)
            keys[-1].append(key)
    order = sorted(found, key=lambda key: _rank(found[key]))
    places = {key: place for place, key in enumerate(order)}
    faults = tuple(
        replace(found[key], hosts=tuple(sorted(hit[key][0])), sources=tuple(sorted(hit[key][1]))) for key in order
    )
    refer = (tuple(sorted({places[key] for key in own})) for own in keys)
    return tuple(replace(way, found=own) for way, own in zip(listed, refer, strict=True)), faults


def _rank(found: FoundFault) -> tuple[object, ...]:
    fault = found.fault
    return tuple(Effect).index(found.effect), found.code, fault.slug, fault.objects, fault.field, fault.message


def undecided(mesh: Mesh) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was not read of the configuration, so that it may declare something else; and what only may be missing.

    Older snapshots never asked for some kinds: that alone makes nothing undecided, as in an audit.
    """
    unread = [each for each in mesh.unread() if each.kind.partition("/")[0] in (*_DECIDING, "mesh.json")]
    missing = [each for each in unread if each.counts or each.kind in mesh.refused]
    return tuple(each.reason for each in missing), tuple(each.reason for each in unread if each not in missing)


# ---------------------------------------------------------------- one way


def _declared(mesh: Mesh, source: Pod, target: Target, patches: _Patches) -> DeclaredWay:
    claim, way = declared(mesh, source, target)
    faults = [*claim.faults]
    if claim.path is None:
        # A host without a declared way may be hidden from whom it likes: that keeps nothing from a way.
        known = registry_faults(mesh.world.objects, target, source, ambient=True)
        faults = [*(each for each in faults if each.slug not in _OF_REGISTRY), *known]
    if reason := mesh.uncaptured(source, target.port):
        faults.insert(0, fault_text.not_captured(source.ref, reason))
    if claim.path is not None:
        faults += patches.of((source, *claim.pods))
    known = tuple(dict.fromkeys(faults))
    return DeclaredWay(
        host=target.host,
        port=target.port,
        scheme=target.scheme,
        sources=(),
        path=claim.path,
        via=claim.via,
        passing=claim.passing,
        because=claim.because,
        faults=known,
        outcome=_outcome(mesh, source, claim.path, known),
        way=way,
    )


def _outcome(mesh: Mesh, source: Pod, path: Path | None, faults: tuple[Fault, ...]) -> Outcome:
    if path is None:
        return Outcome.INCONCLUSIVE
    effects = {_effect(mesh, source, path, each) for each in faults}
    if Effect.AROUND in effects:
        return Outcome.FAIL
    return Outcome.INCONCLUSIVE if effects else Outcome.PASS


def _effect(mesh: Mesh, source: Pod, path: Path | None, fault: Fault) -> Effect:
    return effect_of(fault, path, lambda: blocks_unknown(mesh.world.objects, source))


class _Patches:
    """The EnvoyFilters that touch the way or the log of proxies, each proxy looked at once."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._known: dict[ObjectRef, tuple[Fault, ...]] = {}

    def of(self, pods: Iterable[Pod]) -> Iterator[Fault]:
        """The faults of these pods' proxies."""
        for pod in pods:
            key = pod.ref
            if key not in self._known:
                self._known[key] = tuple(self._of(pod))
            yield from self._known[key]

    def _of(self, pod: Pod) -> Iterator[Fault]:
        log = self._mesh.proxy_log(pod)
        for each in self._mesh.envoy_filters(log) if log is not None else ():
            if each.what:
                yield fault_text.patched(each.filter, each.what, str(pod.ref))


# ---------------------------------------------------------------- what is the same


def _answer(way: DeclaredWay, source: Pod) -> object:
    """What two groups must have in common to be shown as one."""
    faults = tuple(_same(each, source, way.host) for each in way.faults)
    return way.path, way.via, way.passing, way.because, way.outcome, faults, _steps(way.way, source)


def _steps(way: Way | None, source: Pod) -> object:
    """The steps of a way, that of the source without its name."""
    if way is None:
        return None
    return way.complete, tuple(
        replace(each, proxy=_ANYBODY) if each.proxy == source.ref else each for each in way.steps
    )


def _same(fault: Fault, source: Pod, host: str) -> tuple[str, str, str, str]:
    """What to change for a fault, and why, without the names of its source, host and further objects.

    A Sidecar that does not import a hundred hosts has one fault.
    """
    pod = str(source.ref)
    namespace = re.compile(rf"\bnamespace {re.escape(source.namespace)}(?![\w.-])")

    def unnamed(text: str) -> str:
        for each in (pod, *fault.objects[1:], host):
            text = text.replace(each, "*")
        return namespace.sub("namespace *", text)

    first = fault.objects[0].replace(pod, "*") if fault.objects else ""
    return fault.slug, fault.field, first, unnamed(fault.message)
