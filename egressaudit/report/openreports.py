"""OpenReports: the results as objects that dashboards of a cluster show (`Report` and `ClusterReport`).

In: an `AuditReport`. Out: a `List` in JSON for `kubectl apply --server-side -f`, or the objects for `--publish`.
Example: what is about shop/Deployment/cart is in the `Report` egressaudit in namespace shop.

There is one report for each namespace with judged flows, and one for all that is about no such namespace; a large one
is cut into several objects. Where something is not proven that may be about any namespace, such as a gateway's log or
flows of an unknown sender, each namespace's report has an `error` for it: none of them reads as proven.

Schemas: github.com/openreports/reports-api config/crd, and github.com/kubernetes-sigs/wg-policy-prototypes
policy-report/crd/v1alpha2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from egressaudit import __version__
from egressaudit.model import AuditReport, ObjectRef, Outcome
from egressaudit.report.openreports_results import RESULTS, SOURCE, entry, namespaces_of, placed_results
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.redaction.secret_text import scrubbed
from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen
from egressaudit.report.wording import NOT_PERFORMED, counted, last_line
from egressaudit.times import rfc3339

NAME = "egressaudit"
MANAGED_BY = "app.kubernetes.io/managed-by"
REPORT_NAME = "egressaudit.io/report"
"""The label that all objects of one report have, whichever run wrote them."""
MOST_BYTES = 1_000_000
"""Of one object: etcd takes 1.5 MiB with what the API server adds."""
MOST_RESULTS = 2_000
"""Of one namespace. A workload makes as many groups as it finds names to ask for, and etcd is everybody's."""

_FEW = {"critical": "high", "info": "low"}
"""The first schema of wgpolicyk8s.io/v1alpha2 has three severities."""


@dataclass(frozen=True, slots=True)
class ReportsApi:
    """One API that takes such objects."""

    group: str
    version: str
    report: tuple[str, str]
    """Kind and plural of the object in a namespace."""
    cluster_report: tuple[str, str]
    """Those of the object on the whole cluster."""
    first: bool = True
    """Whether it is OpenReports itself, which also has a source and five severities."""

    @property
    def api_version(self) -> str:
        """`openreports.io/v1alpha1`."""
        return f"{self.group}/{self.version}"


OPENREPORTS = ReportsApi("openreports.io", "v1alpha1", ("Report", "reports"), ("ClusterReport", "clusterreports"))
WG_POLICY = ReportsApi(
    "wgpolicyk8s.io",
    "v1alpha2",
    ("PolicyReport", "policyreports"),
    ("ClusterPolicyReport", "clusterpolicyreports"),
    first=False,
)
APIS = (OPENREPORTS, WG_POLICY)
"""The APIs that are written, the preferred one first."""


def report_objects(report: AuditReport, api: ReportsApi = OPENREPORTS, name: str = NAME) -> Iterator[dict[str, Any]]:
    """The objects of a report, that on the cluster first."""
    placed: dict[str, list[dict[str, Any]]] = {each: [] for each in sorted(namespaces_of(report))}
    about_all = [_whole(report)]
    for each in placed_results(report):
        (placed[each.namespace] if each.namespace else about_all).append(each.result)
    doubts = sum(each["result"] in ("error", "fail") for each in about_all[1:])
    yield from _objects(report, api, name, "", about_all)
    for namespace, own in placed.items():
        yield from _objects(report, api, name, namespace, [*_doubt(report, name, doubts), *own])


def error_object(
    message: str, hint: str, api: ReportsApi = OPENREPORTS, name: str = NAME, place: ObjectRef | None = None
) -> dict[str, Any]:
    """What replaces a report if no audit was performed: the object at `place`, or the one on the cluster."""
    why = f"no audit was performed: {scrubbed(message)} {scrubbed(hint)}".strip()
    said = entry(None, "error", "audit", why, severity="high", properties={"outcome": NOT_PERFORMED})
    made = _object(api, name, place.namespace if place else "", [said], {}, 1)
    if place is not None:
        made["metadata"]["name"] = place.name
    return made


def _write(report: AuditReport, out: BinaryIO, _screen: Screen) -> None:
    out.write(_list(report_objects(report)))


def _error(message: str, hint: str) -> bytes:
    return _list([error_object(message, hint)])


def _list(objects: Iterable[Mapping[str, Any]]) -> bytes:
    """ASCII, so that YAML readers, which kubectl has, take every string for what it is."""
    return (json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}, indent=1) + "\n").encode()


def _whole(report: AuditReport) -> dict[str, Any]:
    """The outcome of the audit as a result of its own: what is not proven is an `error`."""
    result = {Outcome.PASS: "pass", Outcome.FAIL: "fail", Outcome.INCONCLUSIVE: "error"}[report.outcome]
    severity = "info" if report.outcome is Outcome.PASS else "high"
    properties = {"outcome": report.outcome.value}
    return entry(report, result, "audit", last_line(report), severity=severity, properties=properties)


def _doubt(report: AuditReport, name: str, doubts: int) -> Iterator[dict[str, Any]]:
    """What a reader of one namespace must know of the rest: it may be about this namespace too."""
    if doubts:
        said = f"{counted(doubts, 'result')} may be about this namespace too: see the report {name} on the cluster"
        yield entry(report, "error", "audit", said, severity="high")


def _objects(
    report: AuditReport, api: ReportsApi, name: str, namespace: str, results: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    kept = results[:MOST_RESULTS]
    if left := len(results) - len(kept):
        said = f"{counted(left, 'result')} left out, none more severe than those shown; the JSON report has all"
        kept.append(entry(report, "skip", "audit", said))
    about = {
        "egressaudit.io/window-start": rfc3339(report.window.start),
        "egressaudit.io/window-end": rfc3339(report.window.end),
        "egressaudit.io/policy-sha256": printable(report.policy_digest, 64),
        "egressaudit.io/run-id": printable(report.run.id, 64),
    }
    for number, piece in enumerate(_pieces(kept), 1):
        yield _object(api, name, namespace, piece, about, number)


def _pieces(results: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The results in pieces that etcd takes."""
    piece: list[dict[str, Any]] = []
    size = 0
    for each in results:
        own = len(json.dumps(each))
        if piece and size + own > MOST_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(each)
        size += own
    yield piece


def _object(
    api: ReportsApi,
    name: str,
    namespace: str,
    results: list[dict[str, Any]],
    about: Mapping[str, str],
    number: int,
) -> dict[str, Any]:
    kind = (api.report if namespace else api.cluster_report)[0]
    counts = {each: sum(result["result"] == each for result in results) for each in RESULTS}
    meta: dict[str, Any] = {
        "name": name if number == 1 else f"{name}-{number}",
        "labels": {MANAGED_BY: NAME, REPORT_NAME: name},
        "annotations": {
            "egressaudit.io/version": __version__,
            **{key: value for key, value in about.items() if value},
        },
    }
    found: dict[str, Any] = {"apiVersion": api.api_version, "kind": kind, "metadata": meta}
    if namespace:
        meta["namespace"] = namespace
        found["scope"] = {"apiVersion": "v1", "kind": "Namespace", "name": namespace}
    if api.first:
        found["source"] = SOURCE
    return found | {"summary": counts, "results": results if api.first else list(map(_few_severities, results))}


def _few_severities(result: dict[str, Any]) -> dict[str, Any]:
    severity = result.get("severity", "")
    return result if severity not in _FEW else {**result, "severity": _FEW[severity]}


AUDIT = ReportWriter(_write, _error)
