"""A mesh as it would be with manifests applied.

In: the mesh of a snapshot, or none, and manifests. Out: a `Mesh`, and what a reader must know about it.
Example: a changed VirtualService takes the place of the one in the snapshot, and all else stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from egressaudit.evidence.manifests import WrittenObject
from egressaudit.evidence.rollout import rolled_out
from egressaudit.mesh import RESOURCES, Mesh, Trust, trim
from egressaudit.mesh.untyped import table, text

Manifest = Mapping[str, Any]


def applied(
    base: Mesh | None, written: Sequence[WrittenObject], trust: Trust, outside: Iterable[str]
) -> tuple[Mesh, list[str]]:
    """The mesh with the manifests applied, and notes. Without a mesh what is not in the manifests is not there.

    `outside` are the networks that are declared as outside where there is no snapshot that has them.
    """
    if base is not None and not written:
        return base, []
    there = base.objects if base is not None else ()
    running = frozenset((pod.namespace, pod.owner) for pod in base.pods) if base is not None else frozenset()
    made = rolled_out((each.value for each in written), there, running)
    changed = {_key(each) for each in made.objects}
    objects = [*(each for each in there if _key(each) not in changed), *map(trim, made.objects)]
    notes = [*_passed_over(each.value for each in written)]
    notes += [f"namespace {each} is not in the files: its pods are taken as having sidecars" for each in made.assumed]
    if base is None:
        notes.insert(0, "judged by these files alone: what is not in them counts as not there")
        read: frozenset[str] = frozenset(each.name for each in RESOURCES)
        return Mesh.of(objects, read, trust, outside=outside), notes
    outside = map(str, base.outside)
    mesh = Mesh.of(objects, base.read, trust, refused=base.refused, outside=outside, server=base.server)
    return replace(mesh, digest=base.digest), notes


def _key(obj: Manifest) -> tuple[str, str, str, str]:
    metadata = table(obj.get("metadata"))
    group = text(obj.get("apiVersion")).rpartition("/")[0]
    return group, text(obj.get("kind")), text(metadata.get("namespace")), text(metadata.get("name"))


_SOURCES = ("StatefulSet", "Job", "CronJob")
"""Kinds that are read only from manifests, for their pods."""


def _passed_over(objects: Iterable[Manifest]) -> Iterator[str]:
    """What the manifests have that nothing here reads."""
    known = {(each.group, each.kind): each.versions for each in RESOURCES}
    others: Counter[str] = Counter()
    for each in objects:
        group, _, version = text(each.get("apiVersion")).rpartition("/")
        kind = text(each.get("kind"))
        versions = known.get((group, kind))
        if versions is None and kind not in _SOURCES:
            others[f"{kind} ({text(each.get('apiVersion'))})"] += 1
        elif versions is not None and version not in versions:
            yield f"{kind} has an unknown version, {version}: it is read as {versions[0]}"
    if others:
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(others.items()))
        yield f"passed over, for they declare no way out: {listed}"
