"""Lines as proxies write them: Istio's default text and JSON, ztunnel's text and JSON, and the agents' other lines.

Sources: istio/istio pilot/pkg/model/telemetry_logging.go (EnvoyTextLogFormat, EnvoyJSONLogFormatIstio); istio/ztunnel
src/telemetry.rs and src/proxy/metrics.rs.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from worlds.model import Line

_TEXT = (
    '[{start_time}] "{method} {path} {protocol}" {response_code} {response_flags} {response_code_details} '
    '{connection_termination_details} "{upstream_transport_failure_reason}" {bytes_received} {bytes_sent} {duration} '
    '{upstream_service_time} "{x_forwarded_for}" "{user_agent}" "{request_id}" "{authority}" "{upstream_host}" '
    "{upstream_cluster} {upstream_local_address} {downstream_local_address} {downstream_remote_address} "
    "{requested_server_name} {route_name}"
)
_ORDER = (
    "start_time", "route_name", "method", "path", "protocol", "response_code", "response_flags", "response_code_details",
    "connection_termination_details", "bytes_received", "bytes_sent", "duration", "upstream_service_time",
    "x_forwarded_for", "user_agent", "request_id", "authority", "upstream_host", "upstream_cluster",
    "upstream_local_address", "downstream_local_address", "downstream_remote_address", "requested_server_name",
    "upstream_transport_failure_reason",
)  # fmt: skip
NOTHING: dict[str, Any] = dict.fromkeys(_ORDER, "-") | {"response_code": 0, "bytes_received": 0, "bytes_sent": 0}
"""An access line that says nothing."""


def stamp(moment: int, digits: int = 3) -> str:
    """A moment in milliseconds as RFC 3339, UTC."""
    second, rest = divmod(moment, 1000)
    return (
        datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:03d}".ljust(digits + 1, "0") + "Z"
    )


def render(line: Line, log_format: str, skew: int) -> str:
    """The line as its proxy writes it, by a clock that is so far ahead."""
    if line.kind == "raw":
        return str(line.fields["text"])
    if line.kind == "agent":
        return _agent(line, log_format, skew)
    return (_envoy if line.kind == "envoy" else _ztunnel)(line, log_format, skew)


def _envoy(line: Line, log_format: str, skew: int) -> str:
    fields = NOTHING | line.fields
    fields["start_time"] = stamp(line.begin + skew)
    fields["duration"] = line.end - line.begin
    if log_format == "text":
        return _TEXT.format(**fields)
    # Envoy writes null for what is absent, but `-` for no flags; a header is text.
    typed = {key: None if fields[key] == "-" and key != "response_flags" else fields[key] for key in _ORDER}
    if typed["upstream_service_time"] is not None:
        typed["upstream_service_time"] = str(typed["upstream_service_time"])
    return json.dumps(typed, separators=(",", ":"))


_ZTUNNEL = (
    "src.addr", "src.workload", "src.namespace", "src.identity", "dst.addr", "dst.hbone_addr", "dst.service",
    "dst.workload", "dst.namespace", "dst.identity", "direction", "bytes_sent", "bytes_recv", "duration", "error",
)  # fmt: skip


def _ztunnel(line: Line, log_format: str, skew: int) -> str:
    fields = dict(line.fields)
    early = fields.pop("early", False)
    message = "connection failed" if early else "connection complete"
    level = "warn" if early else "error" if fields.get("error") else "info"
    if not early:
        fields["duration"] = f"{line.end - line.begin}ms"
    time = stamp(line.end + skew, 6)
    told = {key: fields[key] for key in _ZTUNNEL if fields.get(key) not in (None, "")}
    if log_format == "json":
        head = {"level": level, "time": time, "scope": "access", "message": message}
        return json.dumps(head | told, separators=(",", ":"))
    words = " ".join(
        f"{key}={value}" if key.endswith("addr") or isinstance(value, int) else f"{key}={json.dumps(value)}"
        for key, value in told.items()
    )
    return f"{time}\t{level}\taccess\t{message}\t{words}"


def _agent(line: Line, log_format: str, skew: int) -> str:
    said, time = line.fields["text"], stamp(line.end + skew, 6)
    if log_format == "json":
        return json.dumps({"level": "info", "time": time, "scope": "main", "msg": said})
    return f"{time}\tinfo\t{said}"


def socket(ip: str, port: int) -> str:
    """An address as proxies write it."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
