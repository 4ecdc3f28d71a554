"""What joining needs to know of a line instead of its texts: its kind, its sender, and hashes of its sockets.

In: clean lines. Out: for each line the columns of `HOP_SCHEMA`; for the run the tables of kinds and senders. A
gateway's million lines name a few hundred combinations of host, cluster, address and outcome: what many lines say alike
is a kind, which has a number and is judged once. Only times and sockets tell its lines apart.

Each lane has a `Naming` that makes these; `tests/hops/test_fingerprint.py` is the definition that all are held to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

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

_TEXTS = (
    *("method", "path", "protocol", "authority", "requested_server_name"),
    *("upstream_local_address", "downstream_remote_address", "src_addr", "src_namespace", "src_workload"),
)
COUNTS = ("bytes_sent", "bytes_recv", ATTEMPTS)
NAMED_COLUMNS = (*SAID, *_TEXTS, *COUNTS)
"""All that is read of a line."""


class Naming(Protocol):
    """Numbers for the kinds and senders of one run, and hashes with a key that nobody knows before it."""

    def name(self, log: int, role: Reporter, rows: Sequence[Mapping[str, object]]) -> dict[str, pa.Array]:
        """The columns of `HOP_SCHEMA` for clean rows of this log."""

    def new_kinds(self) -> pa.Table:
        """The kinds since the last time: `kind` and `KIND_COLUMNS`. What was not seen for long may have two numbers."""

    def new_senders(self) -> pa.Table:
        """The senders since the last time: `sender` and `SENDER_COLUMNS`."""


@dataclass(frozen=True, slots=True)
class NamedLog:
    """A log of a run whose hops are named: its number, and the role of the proxy that writes it."""

    naming: Naming
    number: int
    role: Reporter

    def hops(self, rows: Sequence[Mapping[str, object] | None]) -> dict[str, pa.Array]:
        """The columns of `HOP_SCHEMA` for rows read line by line; None stands for a row that is not clean."""
        clean = [row for row in rows if row is not None]
        arrays = self.naming.name(self.number, self.role, clean)
        if len(clean) == len(rows):
            return arrays
        is_clean = np.array([row is not None for row in rows], dtype=np.bool_)
        places = pa.array(np.cumsum(is_clean) - 1, mask=~is_clean)
        return {column: array.take(places) for column, array in arrays.items()}


class HopNames:
    """The kinds and senders of all logs of a run."""

    def __init__(self) -> None:
        # The lanes stand on this module.
        from egressaudit.hops.lanes import lane

        self._naming = lane().naming()

    def log(self, number: int, role: Reporter) -> NamedLog:
        """A log whose hops are to be named."""
        return NamedLog(self._naming, number, role)

    def new_kinds(self) -> pa.Table:
        """The kinds since the last time: `kind` and `KIND_COLUMNS`. What was not seen for long may have two numbers."""
        return self._naming.new_kinds()

    def new_senders(self) -> pa.Table:
        """The senders since the last time: `sender` and `SENDER_COLUMNS`."""
        return self._naming.new_senders()


def written(value: object) -> str | None:
    r"""A value as the text that lines are compared by: bytes that are not UTF-8 as `\udcff`; None where there is none.

    A count below zero, which only a forged line has, is 0.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    return str(max(value, 0)) if isinstance(value, int) else None
