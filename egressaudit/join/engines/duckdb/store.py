"""The hops of a window in DuckDB: each signature is judged once, and its lines are kept if they concern egress.

In: tables of hops and the signatures that they use. Out: the tables of `rules/schema.sql`, ready to be joined.

SQL decides nothing: it reduces signatures to facts, of which there are few, and `decide` gives each its fate.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path as File
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from egressaudit.addresses import ip_of
from egressaudit.errors import BadLogs
from egressaudit.join.engines.duckdb.sql import of_roles, rule
from egressaudit.join.line_facts import EnvoyFacts, LineFate, ZtunnelFacts
from egressaudit.join.surroundings import Surroundings, Workload, workload_of
from egressaudit.mesh.places import Place
from egressaudit.model import Family, LogSource, ObjectRef, Reporter

LINE_BITS = 40
"""The low 40 bits of a hop's number are its line (more than any log has), the rest is its log's number."""

_THREADS = 2
_BATCH = 400_000
"""Hops that are collected before they are stored: running the rules costs more than storing."""

_ADDRESSES_AND_NAMES = ("upstream_host", "dst_addr", "dst_hbone_addr", "upstream_cluster", "dst_service")
_SOCKETS = ("own_prefix", "remote", "downstream_local_address")

_ENVOY = (
    *("role", "request", "own", "moved", "is_foreign", "came_in", "place", "cluster_kind", "has_host", "service"),
    *("mixed", "block_all", "flags", "details", "ended"),
)
"""The columns of `rules/envoy.sql` that decide, in the order of `EnvoyFacts`."""
_ZTUNNEL = (
    *("inbound", "early", "opened", "moved", "is_foreign", "place", "tunnel", "ends_there", "has_host", "service"),
    "error",
)
"""The columns of `rules/ztunnel.sql` that decide, in the order of `ZtunnelFacts`."""
_FATE = ("fate", "path", "reason")
"""What is decided."""

_LOOPBACK = (None, "127.0.0.1", "127.0.0.6", "::1", "::6")
"""Addresses that identify no pod: none at all, and loopback, which every pod has."""


class HopStore:
    """Hops of any number of logs. Use it as a context: what it spilled to `folder` goes with it.

    `ignored` counts the lines that are not egress, by fate (`inbound`, `inside`), and those that prove nothing:
    `foreign` (another pod's sockets), `unclean`, `no-proxy`. `foreign` counts the former by log.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        folder: File,
        decide: Callable[[EnvoyFacts | ZtunnelFacts], LineFate],
        *,
        memory_limit: str,
    ) -> None:
        self._around = surroundings
        self._folder = folder
        self._fate_of = decide
        self._places: set[str] = set()
        self._hosts: set[str] = set()
        self._clusters: set[str] = set()
        self._sockets: set[str] = set()
        self._workloads: dict[Workload, int] = {}
        self._logs: set[int] = set()
        self._families: set[Family] = set()
        """Of the proxies that wrote them."""
        self._logs_of: defaultdict[str, list[int]] = defaultdict(list)
        """Sidecars' logs by the addresses of their pods."""
        self._senders_of: defaultdict[str, list[int]] = defaultdict(list)
        """Senders by their address."""
        self._own_senders: list[tuple[object, ...]] = []
        self.foreign: Counter[int] = Counter()
        self._new_logs: list[tuple[object, ...]] = []
        self._new_own: list[tuple[object, ...]] = []
        self._new_signatures: list[pa.Table] = []
        self._hops: list[pa.Table] = []
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
        self.db.execute(of_roles())
        self.db.execute(rule("schema"))
        self._owners = {
            address: (self._workload(workload_of(pod)), str(pod.ref), pod.node or None)
            for address, pod in surroundings.owners().items()
        }
        self._ended = {
            (address, str(pod.ref)): (self._workload(workload_of(pod)), pod.node or None)
            for pod in surroundings.mesh.pods
            for address in pod.last_addresses
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.db.close()
        if isinstance(error, (duckdb.IOException, duckdb.OutOfMemoryException)):
            raise _disk_full(error, self._folder) from error

    def add_log(self, number: int, source: LogSource | None) -> Reporter | None:
        """The role of the proxy that writes this log; None if the snapshot knows none: its hops are only counted."""
        mesh = self._around.mesh
        reporter = None if source is None else mesh.reporter(source)
        pod = None if source is None else mesh.pod(ObjectRef(source.namespace, source.pod))
        if reporter is None or pod is None:
            return None
        gateway = str(mesh.gateway_of(pod)) if reporter.path is not None else None
        workload = self._workload(workload_of(pod)) if reporter is Reporter.SIDECAR else None
        self._new_logs.append((number, reporter.value, workload, gateway, pod.node or None))
        self._new_own += [(number, each) for each in pod.own_addresses]
        self._logs.add(number)
        self._families.add(reporter.family)
        for address in pod.own_addresses if reporter is Reporter.SIDECAR else ():
            self._logs_of[address].append(number)
            self._own_senders += [(number, sender) for sender in self._senders_of[address]]
        return reporter

    def learn(self, signatures: pa.Table, senders: pa.Table) -> None:
        """Take the new signatures and senders (`lanes.HopFingerprints`) before the hops that use them."""
        if signatures.num_rows:
            self._new_signatures.append(signatures)
        if senders.num_rows:
            columns = ("sender", "prefix", "namespace", "workload")
            rows = zip(*(senders[column].to_pylist() for column in columns), strict=True)
            self._insert("senders", [(number, *self._sender(number, *names)) for number, *names in rows])

    def add(self, number: int, table: pa.Table) -> None:
        """Take hops (`HOP_NEEDS` and `lanes.HOP_SCHEMA`) of a log that was added."""
        clean = table if pc.all(table["clean"]).as_py() else table.filter(table["clean"])
        self.ignored["unclean"] += table.num_rows - clean.num_rows
        if number not in self._logs:
            self.ignored["no-proxy"] += clean.num_rows
        elif clean.num_rows:
            naive = clean["start_time"].cast(pa.timestamp("us"))
            self._hops.append(clean.set_column(clean.schema.get_field_index("start_time"), "start_time", naive))
            self._rows += clean.num_rows
        if self._rows >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Judge the signatures and store the hops that wait: many small logs together, as each run of a rule costs."""
        for table, rows in (("logs", self._new_logs), ("own", self._new_own), ("own_senders", self._own_senders)):
            self._insert(table, rows)
            rows.clear()
        if self._new_signatures:
            signatures = pa.concat_tables(self._new_signatures)
            self._new_signatures.clear()
            self._judge(signatures)
        if self._hops:
            hops = pa.concat_tables(self._hops)
            self._hops.clear()
            self._rows = 0
            self._keep(hops)

    def _judge(self, signatures: pa.Table) -> None:
        found = {column: pc.unique(signatures[column]).to_pylist() for column in _ADDRESSES_AND_NAMES}
        places = _new(found["upstream_host"] + found["dst_addr"] + found["dst_hbone_addr"], self._places)
        placed = [(each, self._around.places.place(each)) for each in places]
        self._insert("places", [(each, where.ip, where.port, where.place.value) for each, where in placed])
        clusters = _new(found["upstream_cluster"], self._clusters)
        self._insert("clusters", [(each, *self._around.cluster(each)) for each in clusters])
        texts = (each for column in _SOCKETS for each in pc.unique(signatures[column]).to_pylist() if each is not None)
        sockets = _new((each.rstrip("0123456789") for each in texts), self._sockets)
        self._insert("sockets", [(each, _ip(each)) for each in sockets])
        hosts = _new(found["dst_service"], self._hosts)
        self._insert("hosts", [(each, self._around.places.service_of(each)) for each in hosts])
        self.db.register("new_signatures", signatures)
        try:
            if Family.ENVOY in self._families:
                self._decide("envoy", _ENVOY, _envoy)
            if Family.ZTUNNEL in self._families:
                self._decide("ztunnel", _ZTUNNEL, _ztunnel)
        finally:
            self.db.unregister("new_signatures")

    def _decide(
        self, name: str, columns: tuple[str, ...], facts_of: Callable[[tuple[Any, ...]], EnvoyFacts | ZtunnelFacts]
    ) -> None:
        """Give new signatures their fates: reduce them to distinct facts, ask `decide`, join the answers back."""
        # S608: only names from this file are put into these statements, never text from a log.
        named, came_in = ", ".join(columns), "came_in" if name == "envoy" else "false"
        self.db.execute(f"CREATE OR REPLACE TEMP TABLE facts AS {rule(name)}")
        rows = self.db.execute(f"SELECT DISTINCT {named} FROM facts").fetchall()  # noqa: S608
        if not rows:
            return
        fates = [self._fate_of(facts_of(row)) for row in rows]
        decided = [(*row, each.fate.value, each.path.value, each.reason) for row, each in zip(rows, fates, strict=True)]
        given = ", ".join(f"unnest(${n}) AS {column}" for n, column in enumerate((*columns, *_FATE), start=1))
        kept = f"signature, log, role, fate, path, reason, moved, {came_in}, host, port, reached, dialed, name, scheme"
        self.db.execute(
            f"INSERT INTO signatures SELECT {kept} FROM facts JOIN (SELECT {given}) USING ({named})",  # noqa: S608
            _columns(decided),
        )

    def _keep(self, hops: pa.Table) -> None:
        self.db.register("batch", hops)
        try:
            kept = self.db.execute(rule("hops")).fetchone()
            if kept == (hops.num_rows,):
                return
            for log, fate, count in self.db.execute(rule("ignored")).fetchall():
                self.ignored[fate] += count
                if fate == "foreign":
                    self.foreign[log] += count
        finally:
            self.db.unregister("batch")

    def remove_copies(self, older: Iterable[int], copy: int) -> int:
        """Remove the hops of a log that stand in an older log of the same container too; how many there were."""
        self.flush()
        before = self._count(copy)
        self.db.execute(rule("copies"), {"older": list(older), "copy": copy})
        return before - self._count(copy)

    def contradicting(self, older: Iterable[int], copy: int) -> int:
        """How many hops of a log an older log of the same container tells differently: one of the two was changed."""
        self.flush()
        found = self.db.execute(rule("contradicting"), {"older": list(older), "copy": copy}).fetchone()
        assert found is not None
        return int(found[0])

    def forget(self, logs: Iterable[int]) -> None:
        """Remove all hops of these logs: whole lines of them may be forged."""
        self.flush()
        for number in logs:
            self.db.execute("DELETE FROM hops WHERE hop >> ? = ?", [LINE_BITS, number])

    def roles(self) -> Mapping[int, str]:
        """The role (`Reporter` as text) of each log that was added, by number."""
        return dict(self.db.execute("SELECT log, role FROM logs").fetchall())

    def reached(self) -> frozenset[str]:
        """Every IP that some hop went to."""
        return frozenset(ip for (ip,) in self.db.execute("SELECT DISTINCT ip FROM places").fetchall())

    def inside_hosts(self) -> Mapping[str, int]:
        """The hosts of requests that stayed inside, by cluster and by what their senders called them.

        Counts signatures, not lines: lines that stayed inside are not kept.
        """
        found = self.db.execute(rule("inside_hosts")).fetchall()
        return {host: count for host, count in found if host is not None}

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

    def _sender(
        self, number: int, prefix: str | None, namespace: str | None, workload: str | None
    ) -> tuple[int | None, str | None, bool]:
        """The workload and node of the only pod that has this address; and whether the address identifies no pod."""
        address = None if prefix is None else _ip(prefix)
        if address is not None:
            self._senders_of[address].append(number)
            self._own_senders += [(log, number) for log in self._logs_of.get(address, ())]
        found, owner, node = self._owners.get(address or "", (None, "", None))
        # Pod IPs are reused. If ztunnel names the pod, attribute the flow only if that pod still owns the IP.
        if None not in (namespace, workload) and owner != f"{namespace}/{workload}":
            # Of a pod that has ended the snapshot still says which address it had.
            found, node = self._ended.get((address or "", f"{namespace}/{workload}"), (None, None))
        return found, node, address in _LOOPBACK

    def _insert(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Add rows of texts and numbers, as one list for each column: inserting row by row is slow."""
        if rows:
            columns = ", ".join(f"unnest(${n})" for n in range(1, len(rows[0]) + 1))
            self.db.execute(f"INSERT INTO {table} SELECT {columns}", _columns(rows))


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return list(map(list, zip(*rows, strict=True)))


def _new(values: Iterable[Any], known: set[str]) -> list[str]:
    """The values that were not known before; from now on they are."""
    new = [each for each in dict.fromkeys(values) if each is not None and each not in known]
    known.update(new)
    return new


def _disk_full(error: duckdb.Error, folder: File) -> BadLogs:
    """The error for a full disk or a memory limit that is too small."""
    return BadLogs(
        f"the hops did not fit: {str(error).splitlines()[0]}",
        hint=f"Free space where {folder} is, set TMPDIR to a larger disk, or audit a shorter window.",
    )


def _ip(prefix: str) -> str | None:
    """The canonical address of a socket up to its port; None if it is no IP's."""
    return ip_of(f"{prefix}1")


def _envoy(row: tuple[Any, ...]) -> EnvoyFacts:
    role, request, own, moved, foreign, came_in, place, *rest = row
    return EnvoyFacts(Reporter(role), request, own, moved, foreign, came_in, Place(place), *rest)


def _ztunnel(row: tuple[Any, ...]) -> ZtunnelFacts:
    inbound, early, opened, moved, foreign, place, *rest = row
    return ZtunnelFacts(inbound, early, opened, moved, foreign, Place(place), *rest)
