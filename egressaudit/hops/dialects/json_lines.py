"""Lines that are JSON objects: Envoy's and ztunnel's access logs, and the application logs in the same files.

In: `{"start_time": "2026-11-23T08:04:44.258Z", "response_code": 200, ...}`. Out: `AccessFields`, `Other` or `Broken`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from egressaudit.hops.dialects.converters import absent, integer, integer_if_any, milliseconds, timestamp, verbatim
from egressaudit.hops.dialects.result import AccessFields, Broken, LineResult, Other
from egressaudit.model import Family

_NUMBERS = (
    "response_code",
    "bytes_received",
    "bytes_sent",
    "duration",
)
_TEXTS = (
    "method",
    "path",
    "protocol",
    "response_flags",
    "response_code_details",
    "connection_termination_details",
    "upstream_transport_failure_reason",
    "x_forwarded_for",
    "user_agent",
    "request_id",
    "authority",
    "upstream_host",
    "upstream_cluster",
    "upstream_local_address",
    "downstream_local_address",
    "downstream_remote_address",
    "requested_server_name",
    "route_name",
)
ENVOY_KEYS: dict[str, Callable[[str], object]] = {
    "start_time": timestamp,
    **dict.fromkeys(_NUMBERS, absent(integer)),
    # If the response starts before the request ends, Envoy 1.40 logs the upstream's own header here: it can be any
    # text.
    "upstream_service_time": integer_if_any,
    **dict.fromkeys(_TEXTS, absent(verbatim)),
}
"""The 24 keys of EnvoyJSONLogFormatIstio (istio/istio pilot/pkg/model/telemetry_logging.go), which are our columns."""

ENVOY_IDENTIFYING = ("start_time", "response_code", "downstream_remote_address")
"""Keys that every access line has. Others may be missing: Telemetry can omit empty values."""

ZTUNNEL_KEYS: dict[str, tuple[str, Callable[[str], object]]] = {
    **{
        key: (key.replace(".", "_"), verbatim)
        for key in (
            "src.addr",
            "src.workload",
            "src.namespace",
            "src.identity",
            "src.cluster",
            "dst.addr",
            "dst.hbone_addr",
            "dst.service",
            "dst.workload",
            "dst.namespace",
            "dst.identity",
            "dst.cluster",
            "direction",
            "error",
        )
    },
    "bytes_sent": ("bytes_sent", integer),
    "bytes_recv": ("bytes_recv", integer),
    "duration": ("duration", milliseconds),
}
"""ztunnel's keys (istio/ztunnel src/proxy/metrics.rs), their columns and converters."""

ZTUNNEL_MESSAGES = ("connection complete", "connection opened", "connection failed")
ZTUNNEL_IDENTIFYING = ("src.addr", "dst.addr", "direction")
"""Keys that every access line has, even an early denial (log_early_deny)."""

# For a value that is not UTF-8, Envoy 1.40 writes each byte as a character, `\u00ff`: valid JSON, though not what was
# sent. Earlier versions wrote `\ooo` for each byte that needs an escape, even for quotes and backslashes
# (envoyproxy/envoy source/common/json/json_sanitizer.cc). Other escapes are matched too, only to step over them.
_ESCAPE = re.compile(r"\\(?:([0-3][0-7]{2})|.)", re.DOTALL)


class _Duplicate(ValueError):
    """An object has a key twice: whichever value we took, the other could be the true one."""


class _WrongKind(ValueError):
    """A value has a JSON type that its key never has."""


class EnvoyJson:
    """See `dialects.Dialect`."""

    name = "envoy-istio-json"
    family = Family.ENVOY

    @staticmethod
    def starts(text: str) -> bool:
        """Whether it may be an object."""
        return text.startswith("{")

    @staticmethod
    def read(text: str) -> LineResult:
        """See `read_envoy_json`."""
        return read_envoy_json(text)


class ZtunnelJson:
    """See `dialects.Dialect`."""

    name = "ztunnel-json"
    family = Family.ZTUNNEL

    @staticmethod
    def starts(text: str) -> bool:
        """Whether it may be an object."""
        return text.startswith("{")

    @staticmethod
    def read(text: str) -> LineResult:
        """See `read_ztunnel_json`."""
        return read_ztunnel_json(text)


def read_envoy_json(text: str) -> LineResult:
    """A line of Istio's JSON access log; Other for an application log line of agent or Envoy."""
    document = json_object(text)
    if isinstance(document, Broken):
        return document
    # Check this first: the message of an application log may hold text from a sender.
    if "level" in document:
        return _application(document, "istio-agent")
    if missing := [key for key in ENVOY_IDENTIFYING if document.get(key) is None]:
        return Broken(f"a JSON object without {', '.join(missing)} is no access line", 1)
    fields: dict[str, object] = {}
    for key, convert in ENVOY_KEYS.items():
        try:
            fields[key] = _value(document.get(key), convert)
        except ValueError as error:
            return Broken(f"{key}: {error}", 1)
    return AccessFields(EnvoyJson.name, clean=True, fields=fields)


def read_ztunnel_json(text: str) -> LineResult:
    """A line of ztunnel's JSON log; Other for all scopes but `access`."""
    document = json_object(text)
    if isinstance(document, Broken):
        return document
    if document.get("scope") != "access":
        return _application(document, "ztunnel")
    message = document.get("message")
    if message not in ZTUNNEL_MESSAGES:
        return Broken("not a message of ztunnel's access log", 1)
    if missing := [key for key in ZTUNNEL_IDENTIFYING if key not in document]:
        return Broken(f"ztunnel's access line lacks {', '.join(missing)}", 1)
    fields: dict[str, object] = {"message": message}
    try:
        fields["start_time"] = timestamp(str(document.get("time")))
        for key, (column, convert) in ZTUNNEL_KEYS.items():
            fields[column] = _value(document.get(key), convert)
    except ValueError as error:
        return Broken(f"not ztunnel's access log: {error}", 1)
    return AccessFields(ZtunnelJson.name, clean=True, fields=fields)


def _application(document: Mapping[str, Any], kind: str) -> Other | Broken:
    if "level" in document and ("time" in document or "scope" in document):
        scope = document.get("scope")
        return Other("envoy" if isinstance(scope, str) and scope.startswith("envoy") else kind)
    return Broken("a JSON object that is neither an access line nor an application log line", 1)


def _value(value: object, convert: Callable[[str], object]) -> object:
    """A JSON value converted: numbers may be numbers or text; absence is written as null or `-`."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _WrongKind(f"a {type(value).__name__} where text or a whole number belongs")
    return convert(str(value))


def json_object(text: str) -> dict[str, Any] | Broken:
    """A line's JSON object with Envoy's own escapes undone; Broken if it is not one object, or has a key twice."""
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except _Duplicate as error:
        return Broken(str(error), 1)
    except json.JSONDecodeError as error:
        if "\\" in text and (repaired := _ESCAPE.sub(_as_json_escape, text)) != text:
            return _repaired_object(repaired)
        return Broken(f"not JSON: {error.msg}", error.pos + 1)
    except (ValueError, RecursionError) as error:
        # NaN, a number of thousands of digits, or endless nesting.
        return Broken(f"not JSON that a proxy writes: {error}", 1)
    return document if isinstance(document, dict) else Broken("JSON, but not an object", 1)


def _repaired_object(text: str) -> dict[str, Any] | Broken:
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return Broken(f"not JSON, even with Envoy's octal escapes undone: {error}", 1)
    if not isinstance(document, dict):
        return Broken("JSON, but not an object", 1)
    return {key: _rejoined(value) for key, value in document.items()}


def _as_json_escape(found: re.Match[str]) -> str:
    """Envoy's octal escape as a JSON escape; bytes from 0x80 on as surrogateescape has them."""
    if found[1] is None:
        return found[0]
    byte = int(found[1], 8)
    return f"\\u{byte:04x}" if byte < 0x80 else f"\\udc{byte:02x}"


def _rejoined(value: object) -> object:
    """Text whose bytes were escaped one by one, decoded again where they form UTF-8."""
    if not isinstance(value, str):
        return value
    try:
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Duplicate(f"the key {twice[:40]!r} occurs twice")
    return document


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
