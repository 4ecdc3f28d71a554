"""The hops of a window in DuckDB: each kind of line is named as it arrives, and kept only if it concerns egress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path as File
from typing import Any, Self

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from egressaudit.addresses import ip_of, is_own, port_of
from egressaudit.errors import BadLogs
from egressaudit.flows.kinds import readable
from egressaudit.flows.surroundings import Surroundings, Workload, workload_of
from egressaudit.model import LogSource, ObjectRef, Reporter

HOP_NEEDS = ("line", "clean", "start_time", "duration")
"""The columns of `frames.HOP_COLUMNS` that tell one hop of a kind from others; sockets are hashes beside them."""

LINE_BITS = 40
"""A hop's number holds its line in so many bits; more lines than any log has."""

MEMORY_LIMIT = "1GB"
_THREADS = 2
_BATCH = 200_000
"""Hops that are stored at once."""

_LONGEST = 7 * 24 * 3600 * 1000
"""Milliseconds; nothing in a window lasts longer."""

_HOP_COLUMNS = ("kind", "sender", "sent", "came", "tunnel", "asked")

_NOBODY = -1
"""In the place of a workload's number."""

_CONCERNS, _UNJUDGED = 0, 1
"""What is to become of the lines of a kind: kept, dropped without a count; higher numbers are counted fates."""


class HopStore:
    """Hops of any number of logs. Use it as a context: what it spilled to `folder` goes with it.

    `ignored` counts the lines that are no egress: `inbound`, `internal`, `gone-pod`, `unclean`, `no-proxy`.
    """

    def __init__(self, surroundings: Surroundings, folder: File, *, memory_limit: str = MEMORY_LIMIT) -> None:
        self._around = surroundings
        self._places: set[str] = set()
        self._hosts: set[str] = set()
        self._workloads: dict[Workload, int] = {}
        self._logs: dict[int, Reporter] = {}
        self._new_kinds: list[pa.Table] = []
        self._hops: list[pa.Table] = []
        self._rows = 0
        self._fates: dict[str, int] = {}
        self._fate_of = _Growing(np.int32)
        self._workload_of = _Growing(np.int32)
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

    def add_log(self, number: int, source: LogSource | None) -> Reporter | None:
        """The role of the proxy that writes this log; None where the snapshot knows none: its hops are only counted."""
        mesh = self._around.mesh
        reporter = None if source is None else mesh.reporter(source)
        pod = None if source is None else mesh.pod(ObjectRef(source.namespace, source.pod))
        if reporter is None or pod is None:
            return None
        gateway = str(mesh.gateway_of(pod)) if reporter in (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT) else None
        workload = self._workload(workload_of(pod)) if reporter is Reporter.SIDECAR else None
        own = [_prefix(each) for each in pod.addresses]
        row = [number, reporter.value, workload, gateway, own]
        self.db.execute("INSERT INTO logs VALUES (?, ?, ?, ?, ?)", row)
        self._logs[number] = reporter
        return reporter

    def learn(self, kinds: pa.Table, senders: pa.Table) -> None:
        """Take the kinds and senders (`columnar.HopNames`) that the hops of the next tables have, if they are new."""
        if kinds.num_rows:
            self._new_kinds.append(kinds)
        if senders.num_rows:
            # An address is another pod's after a while: where ztunnel names the pod, only that pod's flows are its own.
            rows = zip(*(senders[column].to_pylist() for column in ("prefix", "namespace", "workload")), strict=True)
            pods = ((prefix, None if None in (space, name) else f"{space}/{name}") for prefix, space, name in rows)
            found = ((*self._owners.get(prefix, (_NOBODY, "")), pod) for prefix, pod in pods)
            workloads = [workload if pod in (None, owner) else _NOBODY for workload, owner, pod in found]
            self._workload_of.set(senders["sender"].to_numpy(), np.array(workloads, dtype=np.int32))

    def add(self, number: int, table: pa.Table) -> None:
        """Take hops (`HOP_NEEDS` and `columnar.HOP_SCHEMA`) of a log that was added."""
        clean = table if pc.all(table["clean"]).as_py() else table.filter(table["clean"])
        self.ignored["unclean"] += table.num_rows - clean.num_rows
        role = self._logs.get(number)
        if role is None:
            self.ignored["no-proxy"] += clean.num_rows
        elif clean.num_rows:
            self._hops.append(_hops(number, role, clean))
            self._rows += clean.num_rows
        if self._rows >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Judge the kinds and store the hops that wait: of many small logs at once, as each run of a rule costs."""
        if self._new_kinds:
            self._judge(readable(pa.concat_tables(self._new_kinds)))
            self._new_kinds.clear()
        if self._hops:
            hops = pa.concat_tables(self._hops)
            self._hops.clear()
            self._rows = 0
            self._keep(hops)

    def _judge(self, kinds: pa.Table) -> None:
        self._place(kinds["upstream_host"])
        self._place(kinds["dst_addr"])
        self._name(kinds["cluster_host"])
        self._name(kinds["dst_service"])
        self.db.register("new_kinds", kinds)
        try:
            self.db.execute(f"CREATE OR REPLACE TEMP TABLE arrived AS {rule('envoy')} UNION ALL {rule('ztunnel')}")
            self.db.execute("INSERT INTO kinds SELECT * FROM arrived WHERE concerns(fate)")
            judged = self.db.execute("SELECT kind, CASE WHEN NOT concerns(fate) THEN fate END FROM arrived").fetchall()
        finally:
            self.db.unregister("new_kinds")
        numbers = kinds["kind"].to_numpy()
        self._fate_of.set(numbers, np.full(len(numbers), _UNJUDGED, dtype=np.int32))
        codes = [
            _CONCERNS if fate is None else self._fates.setdefault(fate, len(self._fates) + _UNJUDGED + 1)
            for _, fate in judged
        ]
        self._fate_of.set(np.array([kind for kind, _ in judged], dtype=np.int64), np.array(codes, dtype=np.int32))

    def _keep(self, hops: pa.Table) -> None:
        fates = self._fate_of.get(hops["kind"].to_numpy())
        counts = np.bincount(fates, minlength=len(self._fates) + _UNJUDGED + 1)
        self.ignored.update({fate: int(counts[code]) for fate, code in self._fates.items() if counts[code]})
        concerned = hops if counts[_CONCERNS] == len(fates) else hops.filter(pa.array(fates == _CONCERNS))
        workloads = self._workload_of.get(concerned["sender"].to_numpy())
        place = concerned.schema.get_field_index("sender")
        self.db.register("batch", concerned.set_column(place, "sender", pa.array(workloads, mask=workloads == _NOBODY)))
        try:
            self.db.execute("INSERT INTO hops BY NAME SELECT * REPLACE (nullif(tunnel, 0) AS tunnel) FROM batch")
        finally:
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


class _Growing:
    """Values by number, -1 where none was set; numbers are given in about their order."""

    def __init__(self, kind: type[np.int32]) -> None:
        self._values = np.full(1024, -1, dtype=kind)

    def set(self, numbers: npt.NDArray[np.integer[Any]], values: npt.NDArray[np.int32]) -> None:
        """Note values."""
        if len(numbers) and (most := int(numbers.max())) >= len(self._values):
            self._values = np.concatenate([self._values, np.full(most + 1, -1, dtype=self._values.dtype)])
        self._values[numbers] = values

    def get(self, numbers: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int32]:
        """The values of some numbers."""
        values: npt.NDArray[np.int32] = self._values[numbers]
        return values


def _hops(number: int, role: Reporter, lines: pa.Table) -> pa.Table:
    """Lines as rows of `hops`; sender is not a workload yet."""
    said = lines["start_time"].cast(pa.int64()).to_numpy()
    lasted = np.clip(pc.fill_null(lines["duration"], 0).to_numpy(), 0, _LONGEST) * 1000
    # A ztunnel writes when a connection ends, an Envoy when it began.
    begin, end = (said - lasted, said) if role is Reporter.ZTUNNEL else (said, said + lasted)
    columns = {column: lines[column] for column in _HOP_COLUMNS}
    hop = (number << LINE_BITS) | lines["line"].to_numpy()
    times = {name: pa.array(values).cast(pa.timestamp("us")) for name, values in (("t", begin), ("until", end))}
    return pa.table({"hop": pa.array(hop), **times, **columns})


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
