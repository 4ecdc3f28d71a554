"""The first half of every audit: read the logs at some paths to their ends, and join their hops to flows.

sources ─▶ hop tables ─▶ engine ─▶ flow groups

In: paths, a `Mesh`, `AuditSettings`. Out: `JoinedLogs`, while the engine is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from egressaudit.evidence.collection import Collection
from egressaudit.findings.audit_scope import AuditScope
from egressaudit.findings.coverage.collection_check import FileAccount
from egressaudit.hops.forgeable_logs import Suspicions
from egressaudit.hops.line_parser import format_set
from egressaudit.join.engines import open_engine
from egressaudit.join.results import Flows
from egressaudit.join.surroundings import Surroundings
from egressaudit.join.window_hops import WindowHops, window_of
from egressaudit.judge.fate import fate_of
from egressaudit.judge.merging import merged_groups
from egressaudit.mesh import Mesh, Trust
from egressaudit.model import PROXY_CONTAINER, FlowGroup, Window
from egressaudit.sources import Origin, Sources
from egressaudit.sources.locations import Source
from egressaudit.sources.streams import Watch
from egressaudit.whole_file import temporary_folder

if TYPE_CHECKING:
    from egressaudit.judge.answers import Answers
    from egressaudit.judge.groups import Ruling
    from egressaudit.policy import Policy


PARTS = 120
"""Of the window, for reports that show how flows are spread over it: a part of a day is 12 minutes."""


@dataclass(frozen=True, slots=True)
class KeptEvidence:
    """Logs as they were read before, and the account of their files that there was then."""

    logs: Source
    account: FileAccount | None


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """What to audit and how. Without `start` and `end` the window is everything that the logs hold."""

    policy: Policy | None = None
    start: datetime | None = None
    end: datetime | None = None
    fail_below: float = 0.0
    """The fraction of coverage that is required, 0 to 1."""
    memory_limit: str = "1GB"
    containers: frozenset[str] = frozenset({PROXY_CONTAINER})
    namespaces: frozenset[str] | None = None
    """Whose sidecars are audited, None for all; gateways, waypoints and ztunnels always are."""
    trust: Trust = field(default_factory=Trust)
    """Who is believed beside the evidence; the mesh that is audited was read with it."""
    digest_logs: bool = False
    """Whether the report has a digest of the logs also where no account of their collection has digests."""
    parts: int = 0
    """In how many parts of the window the flows are counted, 255 at most; 0 if no report shows it."""
    engine: str = "duckdb"
    """One of `join.engines.ENGINES`."""
    kept: KeptEvidence | None = None
    """Evidence that was read before, and is not at the paths that are named."""
    keep: Callable[[Sequence[Ruling], Answers, Mapping[str, Sequence[str]]], None] | None = None
    """Is given all groups as they were judged, before those with the same verdict are merged: `Memory.take`."""


def logs_at(paths: tuple[str, ...], settings: AuditSettings, watch: Callable[[Origin], Watch] | None = None) -> Sources:
    """The logs of an audit, called as its report calls them."""
    if (kept := settings.kept) is not None:
        return Sources(paths, containers=settings.containers, watch=watch, kept_at=lambda _: kept.logs)
    return Sources(paths, containers=settings.containers, watch=watch, relative=True)


@dataclass(frozen=True, slots=True)
class JoinedLogs:
    """What was read of a window and joined, while the engine is open."""

    hops: WindowHops
    flows: Flows
    window: Window
    scope: AuditScope


@contextmanager
def joined_logs(
    paths: tuple[str, ...],
    mesh: Mesh,
    settings: AuditSettings,
    collection: Collection | None = None,
    say: Callable[[str], None] = lambda _: None,
    watch: Callable[[Origin], Watch] | None = None,
) -> Iterator[JoinedLogs]:
    """The logs at these paths, read to their ends, and the flows of the window; the engine is open within the block.

    BadLogs if there are no logs, or the disk is full.
    """
    with (
        temporary_folder() as folder,
        open_engine(
            Surroundings.of(mesh), folder, fate_of, memory_limit=settings.memory_limit, name=settings.engine
        ) as engine,
    ):
        hops = WindowHops(engine, Suspicions.of(mesh))
        sources = logs_at(paths, settings, watch)
        hops.read(sources, format_set(mesh.custom_formats), say)
        start = settings.start or (collection.since if collection else None)
        window = window_of(engine, start, settings.end or (collection.until if collection else None))
        hops.forget_forgeable()
        say("joining hops")
        yield JoinedLogs(
            hops, engine.flows(window, settings.parts), window, AuditScope(mesh, settings.namespaces, collection)
        )


def window_groups(
    paths: tuple[str, ...],
    mesh: Mesh,
    settings: AuditSettings,
    collection: Collection | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[FlowGroup, ...]:
    """The groups of flows that an audit of these paths would judge, without their lines. BadLogs as for an audit."""
    with joined_logs(paths, mesh, settings, collection, say) as logs:
        return tuple(merged_groups(group for group, _ in logs.flows.groups if logs.scope.concerns(group)))
