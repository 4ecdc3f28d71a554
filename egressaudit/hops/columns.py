"""The columns of a hop and their types, e.g. `"response_code": "Int64"`; and the only place that makes a hops frame.

Envoy's columns are named by Istio's JSON keys (istio/istio pilot/pkg/model/telemetry_logging.go), ztunnel's by its own
keys with `_` for `.` (istio/ztunnel src/proxy/metrics.rs). What both write has one column.

In: hops, or rows of values by column. Out: a pandas frame with exactly these columns.
Example: `row_frame([])` has no rows, and every column of `HOP_COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from egressaudit.model import Hop

if TYPE_CHECKING:
    import pandas as pd

# Not pyarrow's strings: bytes that are not UTF-8 are kept as lone surrogates, which Arrow does not accept.
_TEXT = "string[python]"
# Nullable: an absent number is absent, not a float.
_NUMBER = "Int64"

_OF_THE_LINE: dict[str, str] = {
    "source": _TEXT,
    "line": "int64",
    "reporter": _TEXT,
    "dialect": _TEXT,
    "clean": "bool",
}

HOP_COLUMNS: dict[str, str] = {
    **_OF_THE_LINE,
    # Microseconds: a line may claim a year that nanoseconds cannot hold.
    "start_time": "datetime64[us, UTC]",
    "method": _TEXT,
    "path": _TEXT,
    "protocol": _TEXT,
    "response_code": _NUMBER,
    "response_flags": _TEXT,
    "response_code_details": _TEXT,
    "connection_termination_details": _TEXT,
    "upstream_transport_failure_reason": _TEXT,
    "bytes_received": _NUMBER,
    "bytes_sent": _NUMBER,
    "duration": _NUMBER,
    "upstream_service_time": _NUMBER,
    "x_forwarded_for": _TEXT,
    "user_agent": _TEXT,
    "request_id": _TEXT,
    "authority": _TEXT,
    "upstream_host": _TEXT,
    "upstream_cluster": _TEXT,
    "upstream_local_address": _TEXT,
    "downstream_local_address": _TEXT,
    "downstream_remote_address": _TEXT,
    "requested_server_name": _TEXT,
    "route_name": _TEXT,
    # The parts of upstream_cluster; `cluster_kind` is one of envoy.cluster_name.KINDS.
    "cluster_kind": _TEXT,
    "cluster_direction": _TEXT,
    "cluster_port": _NUMBER,
    "cluster_subset": _TEXT,
    "cluster_host": _TEXT,
    "src_addr": _TEXT,
    "src_workload": _TEXT,
    "src_namespace": _TEXT,
    "src_identity": _TEXT,
    "src_cluster": _TEXT,
    "dst_addr": _TEXT,
    "dst_hbone_addr": _TEXT,
    "dst_service": _TEXT,
    "dst_workload": _TEXT,
    "dst_namespace": _TEXT,
    "dst_identity": _TEXT,
    "dst_cluster": _TEXT,
    "direction": _TEXT,
    "bytes_recv": _NUMBER,
    "error": _TEXT,
    "message": _TEXT,
    "raw": _TEXT,
}
"""Each column of the hops frame and its dtype, in order. Times are UTC, durations milliseconds."""


def hop_frame(hops: Iterable[Hop]) -> pd.DataFrame:
    """The hops as a frame with exactly `HOP_COLUMNS`, one row each in their order; works without hops too."""
    return row_frame([hop_row(hop) for hop in hops])


def row_frame(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """The rows as a frame with exactly `HOP_COLUMNS`; missing values are absent, not empty."""
    import pandas as pd

    return pd.DataFrame(
        {
            column: pd.Series([row.get(column) for row in rows], dtype=dtype, name=column)
            for column, dtype in HOP_COLUMNS.items()
        }
    )


def hop_row(hop: Hop) -> dict[str, object]:
    """The hop's values by column; columns that its dialect does not have are left out."""
    return {
        **hop.fields,
        "source": str(hop.line.source),
        "line": hop.line.number,
        "reporter": hop.reporter.value,
        "dialect": hop.dialect,
        "clean": hop.clean,
        "raw": hop.line.text,
    }
