"""Kinds of lines: what many lines say alike is judged once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from egressaudit.dialects import cluster_columns

_REQUEST, _OWN = 1, 2


def readable(kinds: pa.Table) -> pa.Table:
    """Kinds as `rules/envoy.sql` and `rules/ztunnel.sql` read them: bits as columns, and what a cluster's name says."""
    clusters = [_cluster(name) for name in kinds["upstream_cluster"].to_pylist()]
    made: dict[str, Any] = {
        "request": pc.not_equal(pc.bit_wise_and(kinds["bits"], _REQUEST), 0),
        "own": pc.not_equal(pc.bit_wise_and(kinds["bits"], _OWN), 0),
        "cluster_kind": pa.array([each["cluster_kind"] for each in clusters], pa.string()),
        "cluster_port": pa.array([each["cluster_port"] for each in clusters], pa.int32()),
        "cluster_host": pa.array([each["cluster_host"] for each in clusters], pa.string()),
    }
    for column, values in made.items():
        kinds = kinds.append_column(column, values)
    return kinds


# A mesh has few clusters; the bound is for logs that are not of a mesh.
_cluster = lru_cache(maxsize=4096)(cluster_columns)
