"""What joins the hops of a window, millions of them, to groups of flows.

In: tables of hops (`hops.tables`), log by log. Out: `join.results.Flows`. An engine joins and counts; it never judges:
`decide` tells it what lines mean, one distinct set of facts at a time.

To add one: a module here with a class that does what `Engine` says, and its line in `ENGINES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path as File
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    import pyarrow as pa

    from egressaudit.join.line_facts import EnvoyFacts, LineFate, ZtunnelFacts
    from egressaudit.join.results import Flows
    from egressaudit.join.surroundings import Surroundings
    from egressaudit.model import LogSource, Reporter, Window

ENGINES: Mapping[str, str] = {
    "duckdb": "egressaudit.join.engines.duckdb:DuckDbEngine",
}
"""Every engine by its name: `module:class`, imported when it is asked for."""

HOP_NEEDS = ("line", "clean", "start_time", "duration")
"""The columns of `columns.HOP_COLUMNS` that differ among hops of one signature; sockets are hashed beside them."""


class Engine(Protocol):
    """Hops of any number of logs, joined. Used as a context: what it spilled to disk goes with it.

    BadLogs at the end of the context where the disk was full or the memory limit too small.
    """

    ignored: Mapping[str, int]
    """Lines that are not egress, by fate (`inbound`, `inside`), and those that prove nothing: `foreign`, `unclean`."""
    foreign: Mapping[int, int]
    """Lines with another pod's sockets, by log."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    def add_log(self, number: int, source: LogSource | None) -> Reporter | None:
        """The role of the proxy that writes this log; None if the snapshot knows none: its hops are only counted."""

    def learn(self, signatures: pa.Table, senders: pa.Table) -> None:
        """Take the new signatures and senders (`lanes.HopFingerprints`) before the hops that use them."""

    def add(self, log: int, hops: pa.Table) -> None:
        """Take hops (`HOP_NEEDS` and `lanes.HOP_SCHEMA`) of a log that was added."""

    def contradicting(self, older: Iterable[int], copy: int) -> int:
        """How many hops of a log an older log of the same container tells differently."""

    def remove_copies(self, older: Iterable[int], copy: int) -> int:
        """Remove the hops of a log that stand in an older log of the same container too; how many there were."""

    def forget(self, logs: Iterable[int]) -> None:
        """Remove all hops of these logs: whole lines of them may be forged."""

    def span(self) -> Window | None:
        """From the first hop to just behind the last; None if there is none."""

    def flows(self, window: Window, parts: int = 0) -> Flows:
        """The flows that overlap the window, grouped; with `parts` (at most 255), each with its `spread` over them."""

    def roles(self) -> Mapping[int, str]:
        """The role (`Reporter` as text) of each log that was added, by number."""

    def reached(self) -> frozenset[str]:
        """Every IP that some hop went to."""

    def inside_hosts(self) -> Mapping[str, int]:
        """The hosts of requests that stayed in the cluster, and how many signatures name each."""


def open_engine(
    surroundings: Surroundings,
    folder: File,
    decide: Callable[[EnvoyFacts | ZtunnelFacts], LineFate],
    *,
    memory_limit: str,
    name: str = "duckdb",
) -> Engine:
    """The engine of this name, empty; what does not fit into `memory_limit` (`1GB`) it spills to `folder`."""
    module, made = ENGINES[name].split(":")
    engine: Engine = getattr(import_module(module), made)(surroundings, folder, decide, memory_limit=memory_limit)
    return engine
