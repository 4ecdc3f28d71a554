"""Envoy's operators: the column each fills, what its values look like, and who can write them.

The list follows envoyproxy/envoy docs/root/configuration/advanced/substitution_formatter.rst (about 1.37). The value of
an unknown operator is kept as text that anybody may have written.

In: `Operator("RESPONSE_CODE")`. Out: `Field("response_code", "number", ...)`, trusted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache

from egressaudit.hops.dialects.converters import MAX_DIGITS, absent, integer, integer_if_any, timestamp, verbatim
from egressaudit.hops.dialects.envoy.format_string import VALUES, Operator
from egressaudit.hops.dialects.envoy.strftime import time_pattern


@dataclass(frozen=True, slots=True)
class Field:
    """What one operator of a format writes.

    `column` is one of `columns.HOP_COLUMNS` or named after the operator; `dtype` is `text`, `number` or `time`. `shape`
    matches every whole value that Envoy can write, and `alphabet` each of its characters; `usual` matches the
    characters of ordinary values. `sender` and `upstream` tell who can choose the text.
    """

    column: str
    dtype: str
    shape: str
    alphabet: str
    usual: str
    convert: Callable[[str], object]
    sender: bool = False
    upstream: bool = False
    breaks: bool = False
    """Whether a value may contain a newline."""

    @property
    def trusted(self) -> bool:
        """Whether only the proxy, and those who configure it, choose the value."""
        return not (self.sender or self.upstream)

    def never_holds(self, character: str) -> bool:
        """Whether Envoy guarantees that values never contain this character."""
        return _compiled(self.alphabet).fullmatch(character) is None

    def seldom_holds(self, character: str) -> bool:
        """Whether ordinary values don't contain this character."""
        return _compiled(self.usual).fullmatch(character) is None

    def fits(self, text: str) -> bool:
        """Whether Envoy can have written this value."""
        return _compiled(self.shape).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


# Classes of characters. Each contains `-`, which Envoy writes for an absent value.
_ANY = r"[^\n]"
_NOTHING = r"[^\s\S]"
_NOT_BLANK = r"[^ \t\n\r\f\v]"
_ADDRESS = r"[0-9A-Za-z.:\[\]%/_@-]"
_WORD = r"[0-9A-Za-z_.-]"
_CLUSTER = r"[0-9A-Za-z|._;*/:\[\]@~%+-]"
_COUNT = rf"-?[0-9]{{1,{MAX_DIGITS}}}|-"


def _some(alphabet: str) -> str:
    return f"{alphabet}+"


def _proxy(alphabet: str, *, sender: bool = False, upstream: bool = False) -> Field:
    """Text that the proxy writes, from a known set of characters."""
    return Field("", "text", _some(alphabet), alphabet, alphabet, absent(verbatim), sender, upstream)


def _named(usual: str) -> Field:
    """Text from the mesh's configuration: nothing is guaranteed but that it is one line."""
    return Field("", "text", f"{_ANY}*", _ANY, usual, absent(verbatim))


def _header(*, upstream: bool = False) -> Field:
    """Text as it was sent. HTTP codecs refuse only newlines and NUL in a header."""
    return Field("", "text", f"{_ANY}*", _ANY, _NOTHING, absent(verbatim), not upstream, upstream)


_NUMBER = Field("", "number", _COUNT, "[0-9-]", "[0-9-]", absent(integer))
_OPAQUE = Field("", "text", r"[\s\S]*", r"[\s\S]", _NOTHING, absent(verbatim), sender=True, upstream=True, breaks=True)
"""Metadata, filter state, names in certificates: filters and peers choose it, and it may contain newlines."""

# Envoy replaces only " " (by "_": source/common/formatter/stream_info_formatter.cc). Envoy 1.40 quotes the names in a
# refused certificate here, with their newlines.
_FAILURE = Field("", "text", r"[^ ]+", r"[^ ]", _NOTHING, absent(verbatim), upstream=True, breaks=True)
# Envoy's own texts here may contain spaces ("transport socket timeout was reached").
_REASON = _named(r"[^\"\t|;]")
_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
_MOMENT = Field("", "time", _ISO, "[0-9T:.Z-]", "[0-9T:.Z-]", timestamp)
_CERTIFICATE_DATE = Field("", "text", rf"{_ISO}|-", "[0-9T:.Z-]", "[0-9T:.Z-]", absent(verbatim))

_ENDS = ("UPSTREAM_LOCAL", "UPSTREAM_REMOTE", "DOWNSTREAM_REMOTE", "DOWNSTREAM_DIRECT_REMOTE", "DOWNSTREAM_LOCAL",
         "DOWNSTREAM_DIRECT_LOCAL")  # fmt: skip
_COUNTERS = """
REQUEST_HEADERS_BYTES BYTES_RECEIVED BYTES_SENT BYTES_RETRANSMITTED PACKETS_RETRANSMITTED RESPONSE_HEADERS_BYTES
RESPONSE_TRAILERS_BYTES UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_WIRE_BYTES_SENT UPSTREAM_WIRE_BYTES_RECEIVED
UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT
UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT DOWNSTREAM_WIRE_BYTES_RECEIVED
DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT
DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED CONNECTION_ID UPSTREAM_CONNECTION_ID RESPONSE_CODE DURATION
REQUEST_DURATION REQUEST_TX_DURATION RESPONSE_DURATION RESPONSE_TX_DURATION ROUNDTRIP_DURATION
DOWNSTREAM_HANDSHAKE_DURATION UPSTREAM_CONNECTION_POOL_READY_DURATION COMMON_DURATION
"""
_WORDS_OF_ENVOY = """
DOWNSTREAM_DETECTED_CLOSE_TYPE ACCESS_LOG_TYPE HOSTNAME UNIQUE_ID DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_VERSION
UPSTREAM_TLS_CIPHER UPSTREAM_TLS_VERSION
"""
_HEX_OF_SENDER = """
TRACE_ID DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_SERIAL
TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT
"""

_FIELDS: dict[str, Field] = {
    **dict.fromkeys(_COUNTERS.split(), _NUMBER),
    **dict.fromkeys(_WORDS_OF_ENVOY.split(), _proxy(_WORD)),
    **dict.fromkeys(_HEX_OF_SENDER.split(), _proxy(_WORD, sender=True)),
    "UPSTREAM_TLS_SESSION_ID": _proxy(_WORD, upstream=True),
    **{f"{end}_ADDRESS": _proxy(_ADDRESS) for end in _ENDS},
    **{f"{end}_ADDRESS_WITHOUT_PORT": _proxy(_ADDRESS) for end in _ENDS},
    **{f"{end}_PORT": _NUMBER for end in _ENDS},
    **dict.fromkeys(("UPSTREAM_HOST", "UPSTREAM_HOST_NAME", "UPSTREAM_HOST_NAME_WITHOUT_PORT"), _proxy(_ADDRESS)),
    **dict.fromkeys(("UPSTREAM_CLUSTER", "UPSTREAM_CLUSTER_RAW"), _proxy(_CLUSTER)),
    "PROTOCOL": replace(_proxy("[HTP/0-9.-]"), shape=r"HTTP/[0-9](?:\.[0-9])?|-"),
    "UPSTREAM_PROTOCOL": replace(_proxy("[HTP/0-9.-]"), shape=r"HTTP/[0-9](?:\.[0-9])?|-"),
    **dict.fromkeys(("RESPONSE_FLAGS", "RESPONSE_FLAGS_LONG"), _proxy("[0-9A-Za-z_,-]")),
    # Envoy writes "_" for spaces here; names in a refused certificate are quoted here.
    "RESPONSE_CODE_DETAILS": replace(_proxy(_NOT_BLANK, upstream=True), usual=_NOTHING),
    "CONNECTION_TERMINATION_DETAILS": _REASON,
    "DOWNSTREAM_LOCAL_CLOSE_REASON": _REASON,
    "UPSTREAM_TRANSPORT_FAILURE_REASON": _FAILURE,
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON": replace(_FAILURE, sender=True, upstream=False),
    **dict.fromkeys(
        ("ROUTE_NAME", "VIRTUAL_CLUSTER_NAME", "FILTER_CHAIN_NAME", "CUSTOM_FLAGS"), _named(r"[^\" \t]")
    ),
    **dict.fromkeys(("GRPC_STATUS", "GRPC_STATUS_NUMBER"), _proxy(_WORD, upstream=True)),
    **dict.fromkeys(("REQ", "REQ_WITHOUT_QUERY", "PATH", "QUERY_PARAM"), _header()),
    **dict.fromkeys(("RESP", "TRAILER"), _header(upstream=True)),
    # Envoy before the fix of CVE-2024-45808 writes the SNI as it was sent.
    "REQUESTED_SERVER_NAME": _header(),
    "STREAM_ID": _header(),
    **{f"{side}_PEER_CERT_V_{end}": replace(_CERTIFICATE_DATE, sender=side == "DOWNSTREAM",
                                           upstream=side == "UPSTREAM")
       for side in ("DOWNSTREAM", "UPSTREAM") for end in ("START", "END")},
}  # fmt: skip
_SAME = {
    "REQUEST_HEADER": "REQ",
    "RESPONSE_HEADER": "RESP",
    "RESPONSE_TRAILER": "TRAILER",
}
_HEADERS = ("REQ", "RESP", "TRAILER", "REQ_WITHOUT_QUERY")
# Envoy keeps Host under this name (source/common/http/header_map_impl.cc).
_SPELLINGS = {"REQ(HOST)": "REQ(:AUTHORITY)", "REQ(:PATH)": "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)"}
_CUT = ("REQ", "RESP", "TRAILER", "REQ_WITHOUT_QUERY", "PATH", "QUERY_PARAM")
"""Operators that take a maximum length. For others Envoy refuses one, and a value that was cut is never believed."""

_TAKES_NONE = {"PROTOCOL", "HOSTNAME", "UPSTREAM_HOST", "UPSTREAM_CLUSTER", "UPSTREAM_CLUSTER_RAW", "RESPONSE_CODE"}


def field_of(operator: Operator) -> Field:
    """What an operator writes. Its column is the one of `columns.HOP_COLUMNS` with that meaning, else its own."""
    same = _same(operator)
    field = _FIELDS.get(same.command, _OPAQUE)
    own = re.sub(r"[^a-z0-9]+", "_", f"{same.command}_{same.parameters or ''}".lower()).strip("_")
    if own in KNOWN_COLUMNS:
        # An operator whose name merely equals a column's must not fill that column.
        own = f"{own}_as_text"
    cut = same.max_length is not None and same.command not in _CUT
    if cut or (same.parameters is not None and same.command in _TAKES_NONE):
        return replace(_OPAQUE, column=own)
    if same.command in ("START_TIME", "START_TIME_LOCAL", "EMIT_TIME", "EMIT_TIME_LOCAL"):
        return _time(same, own)
    if same.command == "RESPONSE_CODE_DETAILS" and same.parameters is not None:
        return replace(_OPAQUE, column=own)
    if same.command.endswith(("_V_START", "_V_END")) and same.parameters is not None:
        pattern = time_pattern(same.parameters)
        return replace(field, column=own, shape=f"{pattern.shape}|-", alphabet=f"(?:{pattern.alphabet}|-)")
    known = VALUES.get(same.key)
    if known is not None and known.column is None:
        # Mixer's status of Istio 1.1 to 1.7, which Mixer alone set.
        return replace(_named(r"[^\" \t]"), column=own)
    if known is not None and known.column is not None:
        converted = {"convert": integer_if_any, "dtype": "number"} if known.column == "upstream_service_time" else {}
        return replace(field, column=known.column, **converted)  # type: ignore[arg-type]
    return replace(field, column=own)


def _same(operator: Operator) -> Operator:
    """The operator under its main name: several spellings mean the same."""
    command, parameters = _SAME.get(operator.command, operator.command), operator.parameters
    if command in _HEADERS and parameters is not None:
        parameters = parameters.upper()
    if command == "PATH" and (parameters or "WQ").partition(":")[0] in ("WQ", ""):
        command, parameters = "REQ", ":PATH"
    if command == "REQUESTED_SERVER_NAME" and (parameters or "").startswith("SNI_ONLY"):
        parameters = None
    same = Operator(command, parameters, operator.max_length)
    if (spelling := _SPELLINGS.get(same.key)) is not None:
        same = replace(same, parameters=spelling.partition("(")[2].removesuffix(")"))
    return same


def _time(operator: Operator, own: str) -> Field:
    mine = "start_time" if operator.command == "START_TIME" else own
    if operator.parameters is None:
        local = operator.command.endswith("_LOCAL")
        # Local times have the zone's offset instead of the Z.
        return replace(_CERTIFICATE_DATE, column=own, shape=r"[0-9T:.Z+-]+", alphabet="[0-9T:.Z+-]",
                       usual="[0-9T:.Z+-]") if local else replace(_MOMENT, column=mine)  # fmt: skip
    pattern = time_pattern(operator.parameters)
    if pattern.convert is None or operator.command.endswith("_LOCAL"):
        return Field(own, "text", f"(?:{pattern.shape})", pattern.alphabet, pattern.alphabet, verbatim)
    return Field(mine, "time", pattern.shape, pattern.alphabet, pattern.alphabet, pattern.convert)


def fields_of(operators: Iterable[Operator], columns: Iterable[str] = ()) -> tuple[Field, ...]:
    """What each operator of a format writes, every one in a column of its own: a second `x` is `x_2`.

    `columns` are taken already. The first that fits a column of `columns.HOP_COLUMNS` has it.
    """
    taken = set(columns)
    fields = []
    for field in map(field_of, operators):
        column, n = field.column, 1
        while column in taken or column in _RESERVED:
            n += 1
            column = f"{field.column}_{n}"
        taken.add(column)
        fields.append(replace(field, column=column))
    return tuple(fields)


KNOWN_COLUMNS = frozenset(value.column for value in VALUES.values() if value.column is not None)
"""The columns of `columns.HOP_COLUMNS` that operators fill."""

_RESERVED = frozenset(
    {"source", "line", "reporter", "dialect", "clean", "direction", "bytes_recv", "error", "message", "raw"}
    | {f"cluster_{part}" for part in ("kind", "direction", "port", "subset", "host")}
    | {f"{end}_{part}" for end in ("src", "dst") for part in ("addr", "workload", "namespace", "identity", "cluster")}
    | {"dst_hbone_addr", "dst_service"}
)
"""The other columns of `columns.HOP_COLUMNS`: no operator may fill them, whatever its name."""
