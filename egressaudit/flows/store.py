"""The hops of a window in DuckDB: named line by line as they arrive, kept only if they concern egress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path as File
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from egressaudit.addresses import ip_of, is_own, port_of
from egressaudit.errors import BadLogs
from egressaudit.flows.surroundings import Surroundings, Workload, workload_of
from egressaudit.model import LogSource, ObjectRef, Reporter

HOP_NEEDS = (
    "line",
    "clean",
    "start_time",
    "method",
    "path",
    "protocol",
    "response_flags",
    "response_code_details",
    "connection_termination_details",
    "duration",
    "authority",
    "upstream_host",
    "upstream_local_address",
    "downstream_local_address",
    "downstream_remote_address",
    "requested_server_name",
    "route_name",
    "cluster_kind",
    "cluster_port",
    "cluster_host",
    "src_addr",
    "src_workload",
    "src_namespace",
    "dst_addr",
    "dst_hbone_addr",
    "dst_service",
    "direction",
    "error",
    "message",
)
"""The columns of `frames.HOP_COLUMNS` that the rules read."""

LINE_BITS = 40
"""A hop's number holds its line in so many bits; more lines than any log has."""

MEMORY_LIMIT = "1GB"
_THREADS = 2
_BATCH = 200_000
"""Hops that are named at once."""
_KEPT = ("onward", "left", "direct", "passthrough", "blocked", "failed", "unknown")


class HopStore:
    """Hops of any number of logs. Use it as a context: what it spilled to `folder` goes with it.

    `ignored` counts the lines that are no egress, by kind: `inbound`, `internal`, `unclean`, `opened`, `no-proxy`.
    """

    def __init__(self, surroundings: Surroundings, folder: File, *, memory_limit: str = MEMORY_LIMIT) -> None:
        self._around = surroundings
        self._places: set[str] = set()
        self._hosts: set[str] = set()
        self._workloads: dict[Workload, int] = {}
        self._logs: dict[int, Reporter] = {}
        self._envoy: list[pa.Table] = []
        self._ztunnel: list[pa.Table] = []
        self._rows = 0
        self.ignored: Counter[str] = Counter()
        self.db = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory_limit,
                "threads": _THREADS,
                "temp_directory": str(folder / "spilled"),
                # Insertion order costs memory, and nothing here depends on it.
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        # It would go to standard output, where the report is.
        self.db.execute("SET enable_progress_bar = false")
        self.db.execute(rule("schema"))
        self.db.execute(rule("naming"))
        self._owners()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def add_log(self, number: int, name: str, source: LogSource | None) -> bool:
        """Whether the snapshot knows the proxy that writes this log; hops of others are counted and not judged."""
        mesh = self._around.mesh
        reporter = None if source is None else mesh.reporter(source)
        pod = None if source is None else mesh.pod(ObjectRef(source.namespace, source.pod))
        if reporter is None or pod is None:
            return False
        gateway = str(mesh.gateway_of(pod)) if reporter in (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT) else None
        workload = self._workload(workload_of(pod)) if reporter is Reporter.SIDECAR else None
        own = [f"[{each}]:" if ":" in each else f"{each}:" for each in pod.addresses]
        row = [number, name, reporter.value, workload, gateway, own]
        self.db.execute("INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?)", row)
        self._logs[number] = reporter
        return True

    def add(self, number: int, table: pa.Table) -> None:
        """Take hops (at least `HOP_NEEDS`) of a log that was added."""
        clean = pc.sum(table["clean"]).as_py() or 0
        self.ignored["unclean"] += table.num_rows - clean
        reporter = self._logs.get(number)
        if reporter is None:
            self.ignored["no-proxy"] += clean
            return
        waiting = self._ztunnel if reporter is Reporter.ZTUNNEL else self._envoy
        log = pa.repeat(pa.scalar(number, pa.int32()), table.num_rows)
        naive = table["start_time"].cast(pa.timestamp("us"))
        needed = table.select(HOP_NEEDS).set_column(HOP_NEEDS.index("start_time"), "start_time", naive)
        waiting.append(needed.append_column("log", log))
        self._rows += table.num_rows
        if self._rows >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Name what waits: many small logs at once, for each run of the rules costs the same."""
        for waiting, name, address, host in (
            (self._envoy, "envoy", "upstream_host", "cluster_host"),
            (self._ztunnel, "ztunnel", "dst_addr", "dst_service"),
        ):
            if waiting:
                batch = pa.concat_tables(waiting)
                waiting.clear()
                self._place(batch[address])
                self._name(batch[host])
                self._keep(batch, name)
        self._rows = 0

    def _keep(self, batch: pa.Table, name: str) -> None:
        self.db.register("batch", batch)
        try:
            self.db.execute(f"CREATE OR REPLACE TEMP TABLE arrived AS {rule(name)}")
        finally:
            self.db.unregister("batch")
        counts = dict(self.db.execute("SELECT fate, count(*) FROM arrived GROUP BY fate").fetchall())
        self.ignored.update({fate: n for fate, n in counts.items() if fate not in _KEPT})
        self.db.execute("INSERT INTO hops SELECT * FROM arrived WHERE fate IN (SELECT unnest(?))", [list(_KEPT)])

    def remove_copies(self, older: Iterable[int], copy: int) -> int:
        """Remove the hops of a log that stand in an older log of the same container too; how many there were."""
        self.flush()
        before = self._count(copy)
        self.db.execute(rule("copies"), {"older": list(older), "copy": copy})
        return before - self._count(copy)

    def workload(self, number: int) -> Workload:
        """The workload of that number."""
        return next(workload for workload, each in self._workloads.items() if each == number)

    @property
    def workloads(self) -> Mapping[int, Workload]:
        """All workloads by their number."""
        return {number: workload for workload, number in self._workloads.items()}

    def _count(self, log: int) -> int:
        found = self.db.execute("SELECT count(*) FROM hops WHERE log = ?", [log]).fetchone()
        assert found is not None
        return int(found[0])

    def _workload(self, workload: Workload) -> int:
        number = self._workloads.get(workload)
        if number is None:
            number = self._workloads[workload] = len(self._workloads)
            row = [number, workload.namespace, workload.name, workload.mode.value]
            self.db.execute("INSERT INTO workloads VALUES (?, ?, ?, ?)", row)
        return number

    def _owners(self) -> None:
        owners = self._around.owners().items()
        rows = [(address, self._workload(workload_of(pod)), str(pod.ref)) for address, pod in owners]
        if rows:
            self._insert("owners", rows, ("address", "workload", "pod"))

    def _place(self, column: pa.ChunkedArray[Any]) -> None:
        new = [each for each in pc.unique(column).to_pylist() if each is not None and each not in self._places]
        if not new:
            return
        self._places.update(new)
        rows = [(each, *_place(each, self._around)) for each in new]
        self._insert("places", rows, ("address", "ip", "port", "class"))

    def _name(self, column: pa.ChunkedArray[Any]) -> None:
        new = [each for each in pc.unique(column).to_pylist() if each is not None and each not in self._hosts]
        if not new:
            return
        self._hosts.update(new)
        self._insert("hosts", [(each, _service(each, self._around)) for each in new], ("host", "service"))

    def _insert(self, name: str, rows: Sequence[tuple[object, ...]], columns: tuple[str, ...]) -> None:
        types = {"port": pa.int32(), "workload": pa.int32()}
        arrays = [pa.array([row[n] for row in rows], types.get(columns[n], pa.string())) for n in range(len(columns))]
        self.db.register("new_rows", pa.table(arrays, names=list(columns)))
        self.db.execute(f"INSERT INTO {name} SELECT * FROM new_rows")  # noqa: S608  a name of ours
        self.db.unregister("new_rows")


def rule(name: str) -> str:
    """The text of `rules/NAME.sql`."""
    return (files("egressaudit.flows") / "rules" / f"{name}.sql").read_text(encoding="utf-8")


def disk_full(error: duckdb.Error, folder: File) -> BadLogs:
    """What to say where DuckDB could not go on."""
    return BadLogs(
        f"the hops did not fit: {str(error).splitlines()[0]}",
        hint=f"Free space where {folder} is, set TMPDIR to a larger disk, or audit a shorter window.",
    )


def _place(address: str, around: Surroundings) -> tuple[str | None, int | None, str]:
    # Envoy names the far end of a tunnel behind its own listener: envoy://connect_originate/10.0.0.1:8080.
    socket = address.rpartition("/")[2] if address.startswith("envoy://") else address
    ip, port = ip_of(socket), port_of(socket)
    if ip is None:
        return None, None, "odd"
    if ip in around.proxy_addresses:
        return ip, port, "proxy"
    if ip in around.inside or is_own(socket):
        return ip, port, "inside"
    return ip, port, "odd" if socket != address else "outside"


def _service(host: str, around: Surroundings) -> str | None:
    parts = host.lower().rstrip(".").split(".")
    if len(parts) < 3 or parts[2] != "svc":
        return None
    return around.services.get(".".join(parts[:3]), "gone")
