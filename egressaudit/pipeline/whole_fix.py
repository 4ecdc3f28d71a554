"""The fix of a run as complete objects: what `verify --fix FILE` writes. Nothing is applied.

In: the report of a live run, its snapshot, the cluster. Out: YAML for `kubectl diff -f -`: each object that a fix
changes is read again, whole, and shown as it would be. It may hold header values that a snapshot never has, so it goes
to the user's file and into no report. Example: the fix of EC26 is VirtualService egress/docs with `mesh` in its list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from egressaudit.fixes.suggestions import with_fixes
from egressaudit.manifests import Change
from egressaudit.mesh import RESOURCES, Mesh
from egressaudit.model import Capture, FoundCause, VerifyReport

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster


def whole_fix(report: VerifyReport, capture: Capture, cluster: Cluster) -> tuple[FoundCause, str] | None:
    """The first cause of the report that has a fix, and the YAML of its smallest one; None if there is none."""

    def whole(change: Change) -> Mapping[str, Any] | None:
        group = change.api.partition("/")[0] if "/" in change.api else ""
        known = (each for each in RESOURCES if (each.group, each.kind) == (group, change.kind) and each.namespaced)
        asked = [replace(each, only=change.ref, required=False) for each in known]
        return next(iter(cluster.objects(asked)), None)

    causes = (each for verdict in report.verdicts for each in verdict.causes if each.fixes)
    found = next(causes, None)
    if found is None:
        return None
    [complete] = with_fixes([found], Mesh.from_json(capture.mesh), whole)
    return complete, complete.fixes[0].yaml
