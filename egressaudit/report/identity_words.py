"""Which run made a report and from what, as words and as properties: what `run` and `made_from` are in JSON.

In: a report. Out: labels with values for text, e.g. `("cluster", "https://api.shop:6443, UID 7c0e...")`, and names with
values for JUnit, e.g. `("snapshot_sha256", "9f86...")`. What is not known is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from egressaudit.report.safe import printable
from egressaudit.times import rfc3339

if TYPE_CHECKING:
    from egressaudit.model import AuditReport, VerifyReport
    from egressaudit.model.analysis import AnalyzeReport

    Report = VerifyReport | AuditReport | AnalyzeReport

_MOST = 8
"""Versions that text names; a mesh in an upgrade has a few."""


def identity_facts(report: Report) -> Iterator[tuple[str, str]]:
    """Labels with values for people, printable."""
    run, made = report.run, report.made_from
    if run.id and run.created is not None:
        yield "run", f"{printable(run.id)} of {rfc3339(run.created, 'seconds')}"
    if cluster := [*filter(None, (made.server, made.cluster_uid and f"UID of kube-system {made.cluster_uid}"))]:
        yield "cluster", printable(", ".join(cluster))
    if made.mesh_versions:
        more = f" and {len(made.mesh_versions) - _MOST} more" if len(made.mesh_versions) > _MOST else ""
        yield "proxies", printable(f"of version {', '.join(made.mesh_versions[:_MOST])}{more}")
    for label, digest in (("snapshot", made.snapshot_digest), ("all logs", made.logs_digest)):
        if digest:
            yield label, f"SHA-256 {printable(digest)}"


def identity_properties(report: Report) -> Iterator[tuple[str, str]]:
    """Names with values for programs, named as in JSON, printable."""
    run, made = report.run, report.made_from
    found = {
        "run.id": run.id,
        "run.created": "" if run.created is None else rfc3339(run.created, "microseconds"),
        "run.paths": ", ".join(run.paths),
        "run.runner": run.runner,
        "server": made.server,
        "cluster_uid": made.cluster_uid,
        "mesh_versions": ", ".join(made.mesh_versions),
        "policy_sha256": made.policy_digest,
        "snapshot_sha256": made.snapshot_digest,
        "logs_sha256": made.logs_digest,
    }
    yield from ((name, printable(value)) for name, value in found.items() if value)
