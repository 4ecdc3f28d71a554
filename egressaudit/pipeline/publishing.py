"""A report published in the cluster that it is about, as objects of OpenReports (`audit --publish`).

In: a cluster, an `AuditReport` and the name of its objects. Out: the objects, written by server-side apply; those of an
earlier report of the same name that this one does not have are removed. Example: a namespace that no longer sends
anything out has no `Report` after the next run.

Reports of other names, and those of others, are never touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from egressaudit.cluster.parallel import in_parallel
from egressaudit.cluster.refusals import Action, granting
from egressaudit.errors import ClusterError, Forbidden, OutputFailed
from egressaudit.model import ObjectRef
from egressaudit.report.openreports import (
    APIS,
    MANAGED_BY,
    NAME,
    REPORT_NAME,
    ReportsApi,
    error_object,
    report_objects,
)

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster
    from egressaudit.model import AuditReport

_PATIENCE = 300.0
"""Seconds for all requests together. A mesh of 500 namespaces takes some seconds."""
_SHORT_PATIENCE = 20.0
"""Where no audit was performed: the run is to end."""
VERBS = ("list", "create", "patch", "delete")
"""What it takes on these objects; applying an object that is not there takes `create` too."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was done."""

    api: ReportsApi
    written: int
    removed: int
    gone: tuple[str, ...]
    """Namespaces that are gone by now, so that nothing could be written there."""

    def __str__(self) -> str:
        said = f"published {self.written} objects of {self.api.api_version}, removed {self.removed}"
        return f"{said}; these namespaces are gone: {', '.join(self.gone)}" if self.gone else said


def reports_api(cluster: Cluster) -> ReportsApi:
    """The API that the cluster has for reports, once it is known that the caller may write them.

    ClusterError if it has none, Forbidden with the Role that is missing.
    """
    served = {each.group: each for each in cluster.apis(api.group for api in APIS)}
    for api in APIS:
        found = served.get(api.group)
        kinds = {api.report[1], api.cluster_report[1]}
        if found is not None and api.version in found.versions and kinds <= set(found.kinds):
            _check_allowed(cluster, api)
            return api
    known = " nor ".join(api.api_version for api in APIS)
    raise ClusterError(
        f"the cluster serves neither {known}, so the report cannot be published",
        hint="A cluster administrator can install the definitions of github.com/openreports/reports-api. "
        "Without them, leave out --publish; -o openreports=FILE writes the same objects to a file.",
    )


def publish(cluster: Cluster, report: AuditReport, name: str = NAME) -> Published:
    """Write the objects, and remove the other ones of earlier runs. OutputFailed."""
    bounded = cluster.until(time.monotonic() + _PATIENCE)
    try:
        api = reports_api(bounded)
        objects = tuple(report_objects(report, api, name))
        written = _written(bounded, api, objects)
        stale = _stale(bounded, api, name, {_ref(each) for each in objects})
        in_parallel(lambda each: bounded.delete(api.api_version, *each), stale)
    except ClusterError as error:
        raise OutputFailed(f"the report was not published, or only in part: {error.message}", error.hint) from error
    gone = sorted({_ref(each).namespace for each, done in zip(objects, written, strict=True) if not done})
    return Published(api, sum(written), len(stale), tuple(gone))


def publish_failure(cluster: Cluster, message: str, hint: str, name: str = NAME) -> None:
    """Say in every object of the report that no audit was performed, first in that on the cluster.

    A `pass` of an earlier run may not stay where this run was to say what is so. ClusterError.
    """
    bounded = cluster.until(time.monotonic() + _SHORT_PATIENCE)
    api = reports_api(bounded)
    first = error_object(message, hint, api, name)
    _written(bounded, api, [first])
    others = _stale(bounded, api, name, {_ref(first)})
    _written(bounded, api, [error_object(message, hint, api, name, place) for _, place in others])


def _check_allowed(cluster: Cluster, api: ReportsApi) -> None:
    actions = [Action((verb,), plural, api.group) for _, plural in (api.report, api.cluster_report) for verb in VERBS]
    missing = [each for each, allowed in zip(actions, cluster.may(actions), strict=True) if allowed is False]
    if missing:
        verbs: dict[str, list[str]] = {}
        for each in missing:
            verbs.setdefault(each.resource, []).extend(each.verbs)
        said = "; ".join(str(Action(tuple(names), plural, api.group)) for plural, names in verbs.items())
        raise Forbidden(
            f"not allowed to {said}, so the report cannot be published",
            hint=f"A cluster administrator can allow it (deploy/publish-rbac.yaml):\n{granting(missing)}",
        )


def _written(cluster: Cluster, api: ReportsApi, objects: Iterable[Mapping[str, Any]]) -> list[bool]:
    return in_parallel(lambda each: cluster.apply(_plural(api, each), each), objects)


def _stale(cluster: Cluster, api: ReportsApi, name: str, kept: set[ObjectRef]) -> list[tuple[str, ObjectRef]]:
    selector = f"{MANAGED_BY}={NAME},{REPORT_NAME}={name}"
    return list(_others(cluster, api, selector, kept))


def _others(cluster: Cluster, api: ReportsApi, selector: str, kept: set[ObjectRef]) -> Iterator[tuple[str, ObjectRef]]:
    for _, plural in (api.report, api.cluster_report):
        for ref in cluster.labelled(api.api_version, plural, selector):
            if ref not in kept:
                yield plural, ref


def _plural(api: ReportsApi, manifest: Mapping[str, Any]) -> str:
    return (api.report if manifest["metadata"].get("namespace") else api.cluster_report)[1]


def _ref(manifest: Mapping[str, Any]) -> ObjectRef:
    meta = manifest["metadata"]
    return ObjectRef(meta.get("namespace", ""), meta["name"])
