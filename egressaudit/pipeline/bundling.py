"""A bundle of an audit: it sees what the audit reads, and is written once there is a report.

In: `BundleWish`, then an audit with this as its witness, and its report. Out: the bundle in its file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path as File

from egressaudit import __version__
from egressaudit.bundle.archive_format import write_archive
from egressaudit.bundle.contents import Contents, members
from egressaudit.bundle.log_digests import LogDigests, leaf_bytes
from egressaudit.bundle.manifest import BundledLines, JudgedWith
from egressaudit.errors import OutputFailed, why_refused
from egressaudit.evidence.collection import Collection, collection_bytes
from egressaudit.evidence.saved_files import json_text
from egressaudit.findings.coverage.collection_check import FileAccount
from egressaudit.mesh import Mesh, Trust
from egressaudit.model import AuditReport
from egressaudit.pipeline.joined_logs import AuditSettings, logs_at
from egressaudit.report import render
from egressaudit.sources import Origin
from egressaudit.sources.streams import Watch
from egressaudit.whole_file import whole_file


@dataclass(frozen=True, slots=True)
class BundleWish:
    """The bundle that is asked for."""

    file: File
    holds: BundledLines = BundledLines.ALL
    sign: Callable[[bytes], bytes] | None = None
    """Makes of the manifest's bytes the signature's."""
    hides_names: bool = False
    """Whether the report has pseudonyms: then nothing may be in the bundle that has the names."""


@dataclass(frozen=True, slots=True)
class _Audited:
    paths: tuple[str, ...]
    mesh: Mesh
    settings: AuditSettings
    collection: Collection | None
    account: FileAccount | None


class BundleMaker:
    """The witness of one audit (`pipeline.audit.Witness`), which keeps what a bundle needs."""

    def __init__(self, wish: BundleWish) -> None:
        self._wish = wish
        self._logs = LogDigests(leaf_bytes(wish.holds))
        self._audited: _Audited | None = None

    def begin(
        self,
        paths: tuple[str, ...],
        mesh: Mesh,
        settings: AuditSettings,
        collection: Collection | None,
        account: FileAccount | None,
    ) -> None:
        """Take note of what is audited."""
        self._audited = _Audited(paths, mesh, settings, collection, account)

    def watch(self, origin: Origin) -> Watch:
        """A function that takes the bytes of this log as they are read."""
        return self._logs.watch(origin)

    def write(self, report: AuditReport) -> None:
        """Write the bundle. OutputFailed if it cannot be written, or a log is no longer what was judged."""
        if self._audited is None:
            raise OutputFailed("there is nothing to bundle: nothing was audited")
        # What changed since another report does not follow from this evidence.
        contents = self._contents(self._audited, replace(report, drift=None))
        try:
            with whole_file(self._wish.file) as out:
                write_archive(out, members(contents))
        except OSError as error:
            raise OutputFailed(f"cannot write {self._wish.file}: {why_refused(error)}") from error

    def _contents(self, audited: _Audited, report: AuditReport) -> Contents:
        mesh, settings, collection = audited.mesh, audited.settings, audited.collection
        contents = Contents(
            version=__version__,
            holds=self._wish.holds,
            judged_with=_judged_with(audited),
            logs=self._logs.found(),
            sources=lambda: logs_at(audited.paths, settings),
            report=report,
            report_bytes=report_bytes(report),
            mesh=json_text(replace(mesh, trust=Trust()).to_json()).encode(),
            policy=settings.policy.source if settings.policy else None,
            collection=collection_bytes(collection) if collection else None,
            sign=self._wish.sign,
        )
        return contents.without_names() if self._wish.hides_names else contents


def _judged_with(audited: _Audited) -> JudgedWith:
    settings, mesh = audited.settings, audited.mesh
    return JudgedWith(
        start=settings.start,
        end=settings.end,
        fail_below=settings.fail_below,
        engine=settings.engine,
        containers=tuple(sorted(settings.containers)),
        namespaces=None if settings.namespaces is None else tuple(sorted(settings.namespaces)),
        trust=mesh.trust.to_json(),
        snapshot_sha256=mesh.digest,
        account=audited.account,
    )


def report_bytes(report: AuditReport) -> bytes:
    """The report as a bundle has it."""
    written = render(report, "json")
    return written.encode() if isinstance(written, str) else written
