"""The lane that is always there: it takes no line of a block, and leaves all of them to the patterns and grammars.

In: the bytes of a block. Out: where its lines lie. `tables` then reads them one by one. What joining needs of a line
(`fingerprint`) is made here in Python, by the same rules as in `native/src/hops.rs`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from egressaudit.hops.lanes.block import Block, starts_of
from egressaudit.hops.lanes.fingerprint import (
    ATTEMPTS,
    HOP_SCHEMA,
    MOVED,
    OWN,
    READ_COLUMNS,
    REQUEST,
    SENDER_COLUMNS,
    SIGNATURE_COLUMNS,
    SIGNATURE_TEXTS,
    SINGLE,
    FingerprintedLog,
    written,
)
from egressaudit.model import Reporter

_MOST = 1 << 18
"""Rows that are remembered: a hostile sender can make any number of signatures."""

_MOST_DIGITS = 18
"""Digits of a number that always fits 64 bits, as `native/src/values.rs` has it."""

_DIGITS = "0123456789"

_Texts = Mapping[str, str | None]


class PlainLane:
    """See `lanes.Lane`."""

    @staticmethod
    def read_block(
        data: bytes | bytearray,
        length: int,
        _barred: Collection[int],
        _reporter: Reporter | None,
        _columns: frozenset[str],
        _log: FingerprintedLog | None = None,
    ) -> Block:
        """Where the lines of a block lie; none of them is taken."""
        own = np.frombuffer(data, dtype=np.uint8, count=length)
        ends = np.flatnonzero(own == ord("\n"))
        return Block(starts_of(ends), ends, np.zeros(0, dtype=np.int64), [])

    @staticmethod
    def fingerprints() -> PlainFingerprints:
        """Numbers for the signatures and senders of a new run."""
        return PlainFingerprints()


class PlainFingerprints:
    """See `fingerprint.Fingerprints`. For one thread."""

    def __init__(self) -> None:
        self._signatures = _Distinct()
        self._senders = _Distinct()
        # A random key for each run, so nobody can prepare sockets or requests whose hashes collide.
        self._key = os.urandom(16)

    def of(self, log: int, role: Reporter, rows: Sequence[Mapping[str, object]]) -> dict[str, pa.Array]:
        """The columns of `HOP_SCHEMA` for clean rows of this log."""
        hops = [self._hop(log, role, {column: written(row.get(column)) for column in READ_COLUMNS}) for row in rows]
        columns = zip(*hops, strict=True) if hops else [[] for _ in HOP_SCHEMA]
        return {field.name: pa.array(values, field.type) for field, values in zip(HOP_SCHEMA, columns, strict=True)}

    def new_signatures(self) -> pa.Table:
        """The signatures that are new since the last call."""
        types = [pa.int64(), pa.int64(), *[pa.string()] * (len(SIGNATURE_COLUMNS) - 2)]
        return self._signatures.new_rows("signature", dict(zip(SIGNATURE_COLUMNS, types, strict=True)))

    def new_senders(self) -> pa.Table:
        """The senders that are new since the last call."""
        return self._senders.new_rows("sender", dict.fromkeys(SENDER_COLUMNS, pa.string()))

    def _hop(self, log: int, role: Reporter, row: _Texts) -> tuple[int, int, int, int, int, int]:
        signature = self._signatures.number(_signature(log, row))
        sender, hashed = _of_ztunnel(row) if role is Reporter.ZTUNNEL else _of_envoy(row, role)
        sent, came, tunnel, asked = (0 if parts is None else self._hash(parts) for parts in hashed)
        return signature, self._senders.number(sender), sent, came, tunnel, asked

    def _hash(self, parts: Iterable[str | None]) -> int:
        """Never 0: that means "no value"."""
        # UTF-8 never contains 0xff or 0xfe, so one text cannot pass for two.
        data = b"".join(b"\xfe" if part is None else part.encode() + b"\xff" for part in parts)
        return max(int.from_bytes(blake2b(data, digest_size=8, key=self._key).digest()), 1)


class _Distinct:
    """Numbers for rows: equal rows have one number, unless the first was not seen for long."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], int] = {}
        self._new: list[tuple[object, ...]] = []
        self._next = 0

    def number(self, row: tuple[object, ...]) -> int:
        """The number of a row, a new one where it is not known."""
        if (known := self._known.get(row)) is not None:
            return known
        if len(self._known) == _MOST:
            self._known.clear()
        self._known[row] = number = self._next
        self._new.append(row)
        self._next += 1
        return number

    def new_rows(self, number: str, types: Mapping[str, pa.DataType]) -> pa.Table:
        """The rows since the last time, with their number in a column of this name."""
        new, self._new = self._new, []
        first = self._next - len(new)
        columns = zip(*new, strict=True) if new else [[] for _ in types]
        arrays = {name: pa.array(values, types[name]) for name, values in zip(types, columns, strict=True)}
        return pa.table({number: pa.array(range(first, self._next), pa.int32()), **arrays})


_Hashed = tuple[tuple[str | None, ...] | None, ...]
"""What `sent`, `came`, `tunnel` and `asked` are hashes of, None if there is nothing."""


def _signature(log: int, row: _Texts) -> tuple[object, ...]:
    """The signature of a line: the values of `SIGNATURE_COLUMNS`."""
    is_request = any(row[column] is not None for column in ("method", "path", "protocol"))
    own = row["upstream_local_address"]
    has_moved = any(_number(row[column]) > 0 for column in ("bytes_sent", "bytes_recv"))
    bits = (
        (REQUEST if is_request else 0)
        | (OWN if own is not None else 0)
        | (MOVED if has_moved else 0)
        | (SINGLE if _number(row[ATTEMPTS]) == 1 else 0)
    )
    return (
        log,
        bits,
        *(row[column] for column in SIGNATURE_TEXTS),
        row["authority" if is_request else "requested_server_name"],
        # Needed only where no cluster shows whether the request came in or went out.
        row["downstream_remote_address"] if row["upstream_cluster"] is None else None,
        _part(own, _without_port),
    )


def _of_envoy(row: _Texts, role: Reporter) -> tuple[tuple[str | None, ...], _Hashed]:
    remote, local = row["downstream_remote_address"], row["downstream_local_address"]
    # Port 0: Envoy took the address from X-Forwarded-For, which the sender writes.
    socket = None if remote is None or remote.endswith(":0") else remote
    ip = _part(socket, _ip_of) if role is Reporter.WAYPOINT else None
    hashed = (
        (row["upstream_local_address"], row["upstream_host"]),
        (remote, local),
        None if ip is None else (ip, local),
        (row["method"], row["path"], row["authority"]),
    )
    return (_part(socket, _without_port), None, None), hashed


def _of_ztunnel(row: _Texts) -> tuple[tuple[str | None, ...], _Hashed]:
    source, address = row["src_addr"], row["dst_addr"]
    dialed = address if row["dst_hbone_addr"] is None else row["dst_hbone_addr"]
    ip = _part(source, _ip_of)
    # Pod IPs are reused, so keep the pod that ztunnel names: the flow is attributed only if it still owns the IP.
    sender = (_part(source, _without_port), row["src_namespace"], row["src_workload"])
    return sender, ((address,), (source, dialed), None if ip is None else (ip, dialed), None)


def _part(socket: str | None, part: Callable[[str], str]) -> str | None:
    return None if socket is None else part(socket)


def _without_port(socket: str) -> str:
    """A socket up to the colon before its port."""
    return socket.rstrip(_DIGITS)


def _ip_of(socket: str) -> str:
    """A socket's address, without the brackets of IPv6."""
    return socket[1:].split("]", 1)[0] if socket.startswith("[") else socket.split(":", 1)[0]


def _number(text: str | None) -> int:
    """The number that a whole text is, 0 where it is none."""
    is_number = text is not None and len(text) <= _MOST_DIGITS and text.isascii() and text.isdigit()
    return int(text or 0) if is_number else 0
