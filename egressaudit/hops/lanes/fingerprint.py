"""A line's fingerprint, which joining uses instead of its texts: signature, sender, and hashes of its sockets.

In: clean lines. Out: for each line the columns of `HOP_SCHEMA`, e.g. `{"signature": 7, "sender": 3, "sent": 0x9f..}`;
for the run the tables of signatures and senders.

A gateway's million lines have only a few hundred combinations of host, cluster, address and outcome. Such a combination
is a signature: it has a number and is judged once. Lines with the same signature differ only in times and sockets.

Each lane makes these by `Fingerprints`. `tests/hops/test_fingerprint.py` defines them and holds every lane to it.
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
        "signature": pa.int32(),
        "sender": pa.int32(),
        # A hash of upstream_local_address and upstream_host; ztunnel: of dst_addr.
        "sent": pa.uint64(),
        # A hash of downstream_remote_address and downstream_local_address; ztunnel: of src_addr and the dialed address.
        "came": pa.uint64(),
        # A hash of the source IP and the address within the tunnel; 0 where there is no tunnel.
        "tunnel": pa.uint64(),
        # A hash of method, path and authority; 0 for ztunnel.
        "asked": pa.uint64(),
    }
)
"""The columns that stand for the texts of a line. They are null for a line that is not clean."""

SIGNATURE_TEXTS = (
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
"""The columns whose texts are part of the signature as they are; `SIGNATURE_COLUMNS` has the rest."""

SIGNATURE_COLUMNS = ("log", "bits", *SIGNATURE_TEXTS, "asked_name", "remote", "own_prefix")
"""`asked_name` is the authority of a request, else the server name. `remote` is the peer's socket, present only where
no cluster shows whether the request came in or went out. `own_prefix` is the proxy's socket to the upstream, up
to its port."""

SENDER_COLUMNS = ("prefix", "namespace", "workload")
"""The socket that the line's sender used, up to its port, and the sender's name where ztunnel gives it."""

REQUEST, OWN, MOVED, SINGLE = 1, 2, 4, 8
"""Bits of a signature: it is a request; the proxy had its own socket to its upstream; it counted bytes (Envoy: to the
client; ztunnel: either way); the proxy logged that it made exactly one attempt."""

ATTEMPTS = "upstream_request_attempt_count"
"""The column of custom formats with `%UPSTREAM_REQUEST_ATTEMPT_COUNT%`; no default format has it."""

_TEXTS = (
    *("method", "path", "protocol", "authority", "requested_server_name"),
    *("upstream_local_address", "downstream_remote_address", "src_addr", "src_namespace", "src_workload"),
)
COUNTS = ("bytes_sent", "bytes_recv", ATTEMPTS)
READ_COLUMNS = (*SIGNATURE_TEXTS, *_TEXTS, *COUNTS)
"""Every column that a fingerprint is made from."""


class Fingerprints(Protocol):
    """Numbers for the signatures and senders of one run, and hashes with a random key of the run."""

    def of(self, log: int, role: Reporter, rows: Sequence[Mapping[str, object]]) -> dict[str, pa.Array]:
        """The columns of `HOP_SCHEMA` for clean rows of this log."""

    def new_signatures(self) -> pa.Table:
        """The signatures that are new since the last call: `signature` and `SIGNATURE_COLUMNS`.

        Memory is bounded, so a signature that was not seen for long may get a second number.
        """

    def new_senders(self) -> pa.Table:
        """The senders that are new since the last call: `sender` and `SENDER_COLUMNS`."""


@dataclass(frozen=True, slots=True)
class FingerprintedLog:
    """A log whose hops get fingerprints: its number in the run, and the role of the proxy that writes it."""

    fingerprints: Fingerprints
    number: int
    role: Reporter

    def hops(self, rows: Sequence[Mapping[str, object] | None]) -> dict[str, pa.Array]:
        """The columns of `HOP_SCHEMA` for rows read line by line; None stands for a row that is not clean."""
        clean = [row for row in rows if row is not None]
        arrays = self.fingerprints.of(self.number, self.role, clean)
        if len(clean) == len(rows):
            return arrays
        is_clean = np.array([row is not None for row in rows], dtype=np.bool_)
        places = pa.array(np.cumsum(is_clean) - 1, mask=~is_clean)
        return {column: array.take(places) for column, array in arrays.items()}


class HopFingerprints:
    """The signatures and senders of all logs of a run."""

    def __init__(self) -> None:
        # Imported here because the lanes import this module.
        from egressaudit.hops.lanes import lane

        self._fingerprints = lane().fingerprints()

    def log(self, number: int, role: Reporter) -> FingerprintedLog:
        """A log whose hops get fingerprints."""
        return FingerprintedLog(self._fingerprints, number, role)

    def new_signatures(self) -> pa.Table:
        """The signatures that are new since the last call: `signature` and `SIGNATURE_COLUMNS`.

        Memory is bounded, so a signature that was not seen for long may get a second number.
        """
        return self._fingerprints.new_signatures()

    def new_senders(self) -> pa.Table:
        """The senders that are new since the last call: `sender` and `SENDER_COLUMNS`."""
        return self._fingerprints.new_senders()


def written(value: object) -> str | None:
    r"""A value as the text that lines are compared by: bytes that are not UTF-8 as `\udcff`; None if there is none.

    A count below zero, which only a forged line has, is 0.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    return str(max(value, 0)) if isinstance(value, int) else None
