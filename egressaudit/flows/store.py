"""The hops of a window in DuckDB: each kind of line is named as it arrives, and kept only if it concerns egress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path as File
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from egressaudit.addresses import ip_of, is_own, port_of
from egressaudit.errors import BadLogs
from egressaudit.flows.kinds import ENVOY, ZTUNNEL, Dialect, distinct
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
    "upstream_cluster",
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


class HopStore:
    """Hops of any number of logs. Use it as a context: what it spilled to `folder` goes with it.

    `ignored` counts the lines that are no egress: `inbound`, `internal`, `gone-pod`, `unclean`, `no-proxy`.
    """

    def __init__(self, surroundings: Surroundings, folder: File, *, memory_limit: str = MEMORY_LIMIT) -> None:
        self._around = surroundings
        self._places: set[str] = set()
        self._hosts: set[str] = set()
        self._kinds = 0
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
        self._owners = {
            _prefix(address): (self._workload(workload_of(pod)), str(pod.ref))
            for address, pod in surroundings.owners().items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def add_log(self, number: int, source: LogSource | None) -> bool:
        """Whether the snapshot knows the proxy that writes this log; hops of others are counted and not judged."""
        mesh = self._around.mesh
        reporter = None if source is None else mesh.reporter(source)
        pod = None if source is None else mesh.pod(ObjectRef(source.namespace, source.pod))
        if reporter is None or pod is None:
            return False
        gateway = str(mesh.gateway_of(pod)) if reporter in (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT) else None
        workload = self._workload(workload_of(pod)) if reporter is Reporter.SIDECAR else None
        own = [_prefix(each) for each in pod.addresses]
        row = [number, reporter.value, workload, gateway, own]
        self.db.execute("INSERT INTO logs VALUES (?, ?, ?, ?, ?)", row)
        self._logs[number] = reporter
        return True

    def add(self, number: int, table: pa.Table) -> None:
        """Take hops (at least `HOP_NEEDS`) of a log that was added."""
        clean = table if pc.all(table["clean"]).as_py() else table.filter(table["clean"])
        self.ignored["unclean"] += table.num_rows - clean.num_rows
        reporter = self._logs.get(number)
        if reporter is None:
            self.ignored["no-proxy"] += clean.num_rows
            return
        if clean.num_rows:
            waiting = self._ztunnel if reporter is Reporter.ZTUNNEL else self._envoy
            log = pa.repeat(pa.scalar(number, pa.int32()), clean.num_rows)
            naive = clean["start_time"].cast(pa.timestamp("us"))
            needed = clean.select(HOP_NEEDS).set_column(HOP_NEEDS.index("start_time"), "start_time", naive)
            waiting.append(needed.append_column("log", log))
            self._rows += clean.num_rows
        if self._rows >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Name what waits: many small logs at once, for each run of the rules costs the same."""
        for waiting, dialect in ((self._envoy, ENVOY), (self._ztunnel, ZTUNNEL)):
            if waiting:
                batch = pa.concat_tables(waiting)
                waiting.clear()
                self._keep(batch, dialect)
        self._rows = 0

    def _keep(self, batch: pa.Table, dialect: Dialect) -> None:
        said, numbers = distinct(dialect.said(batch))
        said = dialect.parts(said)
        self._place(said[dialect.address])
        self._name(said[dialect.host])
        kinds = said.append_column("kind", pa.array(self._kinds + np.arange(said.num_rows), pa.int32()))
        self.db.register("new_kinds", kinds.append_column("lines", pa.array(np.bincount(numbers))))
        batch = batch.append_column("kind", pa.array(self._kinds + numbers, pa.int32()))
        self.db.register("batch", batch.append_column("sender", self._senders(dialect.came(batch))))
        self._kinds += said.num_rows
        try:
            self.db.execute(f"CREATE OR REPLACE TEMP TABLE arrived AS {rule(dialect.name)}")
            self.db.execute("INSERT INTO kinds SELECT * EXCLUDE (lines) FROM arrived WHERE concerns(fate)")
            self.db.execute(f"INSERT INTO hops {rule(dialect.name + '_hops')}")
            others = "SELECT fate, sum(lines)::BIGINT FROM arrived WHERE NOT concerns(fate) GROUP BY fate"
            self.ignored.update(dict(self.db.execute(others).fetchall()))
        finally:
            self.db.unregister("new_kinds")
            self.db.unregister("batch")

    def remove_copies(self, older: Iterable[int], copy: int) -> int:
        """Remove the hops of a log that stand in an older log of the same container too; how many there were."""
        self.flush()
        before = self._count(copy)
        self.db.execute(rule("copies"), {"older": list(older), "copy": copy})
        return before - self._count(copy)

    @property
    def workloads(self) -> Mapping[int, Workload]:
        """All workloads by their number."""
        return {number: workload for workload, number in self._workloads.items()}

    def _count(self, log: int) -> int:
        found = self.db.execute("SELECT count(*) FROM hops WHERE hop >> 40 = ?", [log]).fetchone()
        assert found is not None
        return int(found[0])

    def _workload(self, workload: Workload) -> int:
        return self._workloads.setdefault(workload, len(self._workloads))

    def _senders(self, came: pa.Table) -> pa.Array[Any]:
        """The workload that has each address, where it is one pod's alone and, if a pod is named too, that pod's."""
        rows, numbers = distinct(came)
        found = ((*self._owners.get(row["prefix"], (None, "")), row["pod"]) for row in rows.to_pylist())
        workloads = [workload if pod in (None, owner) else None for workload, owner, pod in found]
        return pa.array(workloads, pa.int32()).take(pa.array(numbers))

    def _place(self, column: pa.ChunkedArray[Any]) -> None:
        new = [each for each in pc.unique(column).to_pylist() if each is not None and each not in self._places]
        if new:
            self._places.update(new)
            rows = [(each, *_place(each, self._around)) for each in new]
            self._insert("places", rows, ("address", "ip", "port", "class"))

    def _name(self, column: pa.ChunkedArray[Any]) -> None:
        new = [each for each in pc.unique(column).to_pylist() if each is not None and each not in self._hosts]
        if new:
            self._hosts.update(new)
            self._insert("hosts", [(each, self._around.service_of(each)) for each in new], ("host", "service"))

    def _insert(self, name: str, rows: Sequence[tuple[object, ...]], columns: tuple[str, ...]) -> None:
        arrays = [
            pa.array([row[n] for row in rows], pa.int32() if column == "port" else pa.string())
            for n, column in enumerate(columns)
        ]
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


def _prefix(address: str) -> str:
    """What a socket of an address begins with: all but its port."""
    return f"[{address}]:" if ":" in address else f"{address}:"


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
    known = around.class_of(ip, port)
    return ip, port, known if socket == address else "vacant-tunnel" if known == "vacant" else "odd"
