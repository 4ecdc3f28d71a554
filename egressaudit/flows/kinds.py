"""Kinds of lines: what many lines say alike is judged once.

A gateway's million lines name a few hundred combinations of host, cluster, address and outcome; only times and sockets
tell their lines apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from egressaudit.dialects import cluster_columns

_MOST = 1 << 62
"""Keys are smaller than that: they fit in 64 bits."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the lines of one kind of proxy are read by the rules `NAME.sql` and `NAME_hops.sql`."""

    name: str
    said: Callable[[pa.Table], pa.Table]
    """What of the lines decides their fate, without what would tell one line from all others."""
    parts: Callable[[pa.Table], pa.Table]
    """The same with what is read in its names: of each kind it is enough to do that once."""
    address: str
    """The column that then says where it sent a request."""
    host: str
    """The column that then has the host's name that the proxy knows."""
    came: Callable[[pa.Table], pa.Table]
    """Where each request came from: `prefix` is the socket without its port, `pod` who it was where that is said."""


def _envoy_said(batch: pa.Table) -> pa.Table:
    request = pc.or_(pc.or_(pc.is_valid(batch["method"]), pc.is_valid(batch["path"])), pc.is_valid(batch["protocol"]))
    remote = batch["downstream_remote_address"]
    made = {
        "request": request,
        "own": pc.is_valid(batch["upstream_local_address"]),
        "said": pc.if_else(request, batch["authority"], batch["requested_server_name"]),
        # Read only where no cluster tells whether the request came in or went out.
        "remote": pc.if_else(pc.is_null(batch["upstream_cluster"]), remote, pa.scalar(None, remote.type)),
    }
    return pa.table({name: batch[name] for name in _ENVOY_SAID} | made)


def _envoy_parts(said: pa.Table) -> pa.Table:
    clusters = [_cluster(name) for name in said["upstream_cluster"].to_pylist()]
    for column, kind in (("cluster_kind", pa.string()), ("cluster_port", pa.int32()), ("cluster_host", pa.string())):
        said = said.append_column(column, pa.array([each[column] for each in clusters], kind))
    return said


# A mesh has few clusters; the bound is for logs that are not of a mesh.
_cluster = lru_cache(maxsize=4096)(cluster_columns)


def _envoy_came(batch: pa.Table) -> pa.Table:
    remote = batch["downstream_remote_address"]
    # Port 0: Envoy took the address from X-Forwarded-For, which the sender writes.
    prefix = pc.if_else(pc.ends_with(remote, ":0"), pa.scalar(None, remote.type), _prefixes(remote))
    return pa.table({"prefix": prefix, "pod": pa.nulls(batch.num_rows, pa.string())})


def _ztunnel_came(batch: pa.Table) -> pa.Table:
    # An address is another pod's after a while: ztunnel names the pod, and only its owner's flows are its own.
    pod = pc.binary_join_element_wise(batch["src_namespace"], batch["src_workload"], "/")
    return pa.table({"prefix": _prefixes(batch["src_addr"]), "pod": pod})


def _prefixes(sockets: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    return pc.ascii_rtrim(sockets, characters="0123456789")


_ENVOY_SAID = (
    "log",
    "response_flags",
    "response_code_details",
    "connection_termination_details",
    "upstream_host",
    "downstream_local_address",
    "route_name",
    "upstream_cluster",
)
_ZTUNNEL_SAID = ("log", "message", "direction", "error", "dst_addr", "dst_hbone_addr", "dst_service")


def _ztunnel_said(batch: pa.Table) -> pa.Table:
    return batch.select(_ZTUNNEL_SAID)


def _ztunnel_parts(said: pa.Table) -> pa.Table:
    return said


ENVOY = Dialect("envoy", _envoy_said, _envoy_parts, "upstream_host", "cluster_host", _envoy_came)
ZTUNNEL = Dialect("ztunnel", _ztunnel_said, _ztunnel_parts, "dst_addr", "dst_service", _ztunnel_came)


def distinct(table: pa.Table) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """The distinct rows of a table, and for each of its rows the number of that one. The table must have a row."""
    key, size = np.zeros(table.num_rows, dtype=np.int64), 1
    for name in table.column_names:
        codes, count = _codes(table[name])
        if size * count > _MOST:
            key, size = _codes(pa.chunked_array([pa.array(key)]))
        # A number whose digits are the codes: rows that differ have different ones.
        key, size = key * count + codes, size * count
    codes, count = _codes(pa.chunked_array([pa.array(key)]))
    first = np.empty(count, dtype=np.int64)
    # The first row of each: it is written last.
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return table.take(pa.array(first)), codes


def _codes(column: pa.ChunkedArray[Any]) -> tuple[npt.NDArray[np.int64], int]:
    """The number of each value among the distinct ones (None is one of them), and how many these are."""
    # All chunks get one dictionary (apache/arrow cpp/src/arrow/compute/kernels/vector_hash.cc).
    chunks = pc.dictionary_encode(column, null_encoding="encode").chunks
    codes = [each.indices.to_numpy(zero_copy_only=False) for each in chunks]
    return np.concatenate(codes).astype(np.int64), len(chunks[0].dictionary)
