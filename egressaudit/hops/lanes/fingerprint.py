"""What the joining of hops needs of lines instead of their texts: kinds, senders, and hashes of sockets.

A gateway's million lines name a few hundred combinations of host, cluster, address and outcome: what many say alike is
a kind, which has a number and is judged once. Only times and sockets tell its lines apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from egressaudit._lanes import Naming
from egressaudit.hops.lanes.arrow_schema import number_array
from egressaudit.hops.lanes.native_tables import COLUMNS
from egressaudit.model import Reporter

HOP_SCHEMA = pa.schema(
    {
        "kind": pa.int32(),
        "sender": pa.int32(),
        # Hashes: of the proxy's socket to where it sent it and of that address; of the socket it came from and of that
        # it came to; of the IP it came from and the address within the tunnel (0: no tunnel); of what was asked for.
        "sent": pa.uint64(),
        "came": pa.uint64(),
        "tunnel": pa.uint64(),
        "asked": pa.uint64(),
    }
)
"""The columns that stand for the texts of a line. Of one that is not clean they are null."""

SAID = (
    "response_flags",
    "response_code_details",
    "connection_termination_details",
    "upstream_host",
    "downstream_local_address",
    "route_name",
    "upstream_cluster",
    "message",
    "direction",
    "error",
    "dst_addr",
    "dst_hbone_addr",
    "dst_service",
)
"""What lines of one kind have in common beside their log, the bits `REQUEST` and `OWN`, and the name asked for."""

KIND_COLUMNS = ("log", "bits", *SAID, "said", "remote", "own_prefix")
"""`said` is the authority of a request, else the server name; `remote` is where it came from, if no cluster tells;
`own_prefix` is the proxy's socket towards the upstream, up to its port."""

SENDER_COLUMNS = ("prefix", "namespace", "workload")
"""The socket that it came from up to its port, and who ztunnel says it was."""

REQUEST, OWN, MOVED, SINGLE = 1, 2, 4, 8
"""Bits of a kind: it is a request; the proxy had a socket of its own to its upstream; it counted bytes (an Envoy those
to the client, a ztunnel those either way); the proxy says that it made one attempt."""

ATTEMPTS = "upstream_request_attempt_count"
"""The column of custom formats with `%UPSTREAM_REQUEST_ATTEMPT_COUNT%`; no default format has it."""

_MORE = (
    *("method", "path", "protocol", "authority", "requested_server_name"),
    *("upstream_local_address", "downstream_remote_address", "src_addr", "src_namespace", "src_workload"),
)
_COUNTS = ("bytes_sent", "bytes_recv", ATTEMPTS)
_READ = (*SAID, *_MORE, *_COUNTS)
_ALL = (*COLUMNS, ATTEMPTS)
_NUMBERS = [_ALL.index(column) for column in _READ]


@dataclass(frozen=True, slots=True)
class NamedLog:
    """A log of a run whose hops are named: its number, and the role of the proxy that writes it."""

    naming: Naming
    number: int
    role: Reporter

    @property
    def parts(self) -> tuple[Naming, tuple[int, str]]:
        """As `Lanes.take` wants it."""
        return self.naming, (self.number, self.role.value)

    def hops(self, rows: Sequence[Mapping[str, object] | None]) -> dict[str, pa.Array]:
        """The columns of `HOP_SCHEMA` for rows of the careful lane; None for those that are not clean."""
        clean = [[_bytes(row.get(column)) for column in _READ] for row in rows if row is not None]
        arrays = hop_arrays(self.naming.name((self.number, self.role.value), _NUMBERS, clean))
        if len(clean) == len(rows):
            return arrays
        is_clean = np.array([row is not None for row in rows], dtype=np.bool_)
        places = pa.array(np.cumsum(is_clean) - 1, mask=~is_clean)
        return {column: array.take(places) for column, array in arrays.items()}


class HopNames:
    """The kinds and senders of all logs of a run."""

    def __init__(self) -> None:
        self._naming = Naming(_ALL, SAID)

    def log(self, number: int, role: Reporter) -> NamedLog:
        """A log whose hops are to be named."""
        return NamedLog(self._naming, number, role)

    def new_kinds(self) -> pa.Table:
        """The kinds since the last time: `kind` and `KIND_COLUMNS`. What was not seen for long may have two numbers."""
        return _table("kind", KIND_COLUMNS, *self._naming.new_kinds())

    def new_senders(self) -> pa.Table:
        """The senders since the last time: `sender` and `SENDER_COLUMNS`."""
        return _table("sender", SENDER_COLUMNS, *self._naming.new_senders())


def hop_arrays(parts: tuple[Any, Any, list[Any]]) -> dict[str, pa.Array]:
    """The columns of `HOP_SCHEMA` as `native/` gives them."""
    kinds, senders, hashes = parts
    return {
        field.name: pa.Array.from_buffers(field.type, len(memoryview(kinds)) // 4, [None, pa.py_buffer(values)])
        for field, values in zip(HOP_SCHEMA, (kinds, senders, *hashes), strict=True)
    }


def _table(number: str, columns: Sequence[str], first: int, parts: Sequence[tuple[int, Any, list[Any]]]) -> pa.Table:
    arrays: dict[str, pa.Array] = {}
    for column, (_, validity, values) in zip(columns, parts, strict=True):
        # Texts have their ends and their bytes, numbers only themselves.
        kind = pa.string() if len(values) > 1 else pa.int64()
        count = len(memoryview(values[0])) // 4 - 1 if len(values) > 1 else len(memoryview(values[0])) // 8
        buffers = [None if validity is None else pa.py_buffer(validity), *map(pa.py_buffer, values)]
        arrays[column] = pa.Array.from_buffers(kind, count, buffers)
    count = len(arrays[columns[0]])
    return pa.table({number: number_array(np.arange(first, first + count, dtype=np.int32), pa.int32()), **arrays})


def _bytes(value: object) -> bytes | None:
    if isinstance(value, int):
        return b"%d" % max(value, 0)
    return value.encode("utf-8", "backslashreplace") if isinstance(value, str) else None
