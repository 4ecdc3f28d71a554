"""The fixes of a run as complete objects: what `verify --fix FILE` writes. Nothing is applied.

In: the report of a live run, its snapshot, the cluster. Out: YAML for `kubectl diff -f -`: each object that a fix
changes is read again, whole, and shown as it would be. It may hold header values that a snapshot never has, so it goes
to the user's file and into no report. Example: the fix of EC26 is VirtualService egress/docs with `mesh` in its list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import yaml

from egressaudit.fixes.suggestions import with_fixes
from egressaudit.manifests import Change
from egressaudit.mesh import RESOURCES, Mesh
from egressaudit.mesh.untyped import table, text
from egressaudit.model import Capture, FoundCause, VerifyReport

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster


@dataclass(frozen=True, slots=True)
class WholeFix:
    """The smallest fix of each probe that did not pass, together: complete objects, each once."""

    causes: tuple[FoundCause, ...]
    """What it fixes, in the order in which it was found."""
    yaml: str
    left: tuple[FoundCause, ...] = ()
    """What has a fix of its own that changes one of the same objects: to be fixed in a second run."""


def whole_fix(report: VerifyReport, capture: Capture, cluster: Cluster) -> WholeFix | None:
    """For each verdict the smallest fix of the first of its causes that has one; None if none has any."""

    def whole(change: Change) -> Mapping[str, Any] | None:
        group = change.api.partition("/")[0] if "/" in change.api else ""
        known = (each for each in RESOURCES if (each.group, each.kind) == (group, change.kind) and each.namespaced)
        asked = [replace(each, only=change.ref, required=False) for each in known]
        return next(iter(cluster.objects(asked)), None)

    first = [next((each for each in verdict.causes if each.fixes), None) for verdict in report.verdicts]
    found = {each.fixes[0].yaml: each for each in first if each is not None}
    if not found:
        return None
    mesh = Mesh.from_json(capture.mesh)
    causes: list[FoundCause] = []
    left: list[FoundCause] = []
    texts: list[str] = []
    changed: set[tuple[str, ...]] = set()
    for each in found.values():
        [complete] = with_fixes([each], mesh, whole)
        objects = _objects(complete.fixes[0].yaml)
        if objects & changed:
            left.append(complete)
            continue
        changed |= objects
        causes.append(complete)
        texts.append(complete.fixes[0].yaml)
    return WholeFix(tuple(causes), "---\n".join(texts), tuple(left))


def _objects(written: str) -> set[tuple[str, ...]]:
    """The objects in a fix: kind, namespace and name of each."""
    documents = [table(each) for each in yaml.safe_load_all(written)]
    named = [(text(each.get("apiVersion")), text(each.get("kind")), table(each.get("metadata"))) for each in documents]
    return {(api, kind, text(meta.get("namespace")), text(meta.get("name"))) for api, kind, meta in named if kind}
