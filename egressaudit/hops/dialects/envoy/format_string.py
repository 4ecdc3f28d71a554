"""Envoy's format strings: read one by its grammar, and generate from it the Lark grammar of the lines it writes.

In: `[%START_TIME%] "%REQ(:METHOD)%"`. Out: `("[", Operator("START_TIME"), '] "', Operator("REQ", ":METHOD"), '"')`, and
the grammar of a line: `line: "[" START_TIME "] " METHOD`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lark import Token, Tree

from egressaudit.hops.dialects.converters import MAX_DIGITS, absent, integer, timestamp, verbatim
from egressaudit.hops.dialects.grammars import grammar

TOO_MUCH = 10**9
"""A length that no value has: Envoy's lines are shorter by far."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One `%COMMAND(PARAMETERS):MAX_LENGTH%` of a format string."""

    command: str
    parameters: str | None = None
    max_length: int | None = None

    @property
    def key(self) -> str:
        """Its name in `VALUES`. The maximum length is left out: it does not change what a field means."""
        return self.command if self.parameters is None else f"{self.command}({self.parameters})"


@dataclass(frozen=True, slots=True)
class Value:
    """What an operator writes: the column it fills (or None), its terminal, and its converter."""

    column: str | None
    terminal: str
    convert: Callable[[str], object]


# Every negated class lists \n, so that no pattern reaches over a line's end. A bare value has no spaces and no quotes.
BARE = r'[^ "\n]+'
# The only bare value that may contain spaces: Envoy writes it unchanged, and one of its constants is "transport socket
# timeout was reached" (envoyproxy/envoy source/common/network/connection_impl.cc).
WORDS = r'[^ "\n]+(?: [^ "\n]+)*'
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
COUNT = rf"[0-9]{{1,{MAX_DIGITS}}}"
COUNT_OR_ABSENT = rf"-?[0-9]{{1,{MAX_DIGITS}}}|-"
PROTOCOL = r"HTTP\/[0-9](?:\.[0-9])?|-"
# Several at once are joined by ","; extensions may register their own.
FLAGS = r"[A-Z0-9_]+(?:,[A-Z0-9_]+)*|-"


def _text(column: str, terminal: str = BARE) -> Value:
    return Value(column, terminal, absent(verbatim))


def _number(column: str, terminal: str = COUNT_OR_ABSENT) -> Value:
    return Value(column, terminal, absent(integer))


VALUES: dict[str, Value] = {
    "START_TIME": Value("start_time", TIME, timestamp),
    "REQ(:METHOD)": _text("method"),
    "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)": _text("path"),
    "PROTOCOL": _text("protocol", PROTOCOL),
    "RESPONSE_CODE": _number("response_code", COUNT),  # 0, never "-", where no response began
    "RESPONSE_FLAGS": _text("response_flags", FLAGS),
    "RESPONSE_CODE_DETAILS": _text("response_code_details"),  # Envoy writes "_" for its spaces
    "CONNECTION_TERMINATION_DETAILS": _text("connection_termination_details", WORDS),
    "UPSTREAM_TRANSPORT_FAILURE_REASON": _text("upstream_transport_failure_reason"),
    "BYTES_RECEIVED": _number("bytes_received", COUNT),
    "BYTES_SENT": _number("bytes_sent", COUNT),
    "DURATION": _number("duration"),
    "RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)": _number("upstream_service_time"),
    "REQ(X-FORWARDED-FOR)": _text("x_forwarded_for"),
    "REQ(USER-AGENT)": _text("user_agent"),
    "REQ(X-REQUEST-ID)": _text("request_id"),
    "REQ(:AUTHORITY)": _text("authority"),
    "UPSTREAM_HOST": _text("upstream_host"),
    "UPSTREAM_CLUSTER": _text("upstream_cluster"),
    "UPSTREAM_CLUSTER_RAW": _text("upstream_cluster"),
    "UPSTREAM_LOCAL_ADDRESS": _text("upstream_local_address"),
    "DOWNSTREAM_LOCAL_ADDRESS": _text("downstream_local_address"),
    "DOWNSTREAM_REMOTE_ADDRESS": _text("downstream_remote_address"),
    "REQUESTED_SERVER_NAME": _text("requested_server_name"),
    "ROUTE_NAME": _text("route_name"),
    # Mixer was removed in Istio 1.8; its status is of no use here.
    "DYNAMIC_METADATA(istio.mixer:status)": Value(None, BARE, verbatim),
}
"""Every operator of Istio's default formats. The columns are those of `columns.HOP_COLUMNS`."""


def parse_format(text: str) -> tuple[str | Operator, ...]:
    """The literal texts and operators of a format string, in order; `%%` is a literal `%`.

    Raises lark.UnexpectedInput if it is malformed; Envoy refuses such a format, too.
    """
    items: list[str | Operator] = []
    for item in grammar("envoy_format").parse(text).children:
        if isinstance(item, Tree) and item.data == "operator":
            items.append(_operator(item))
            continue
        literal = "%" if isinstance(item, Tree) else str(item)
        match items:
            case [*_, str() as before]:
                items[-1] = before + literal
            case _:
                items.append(literal)
    return tuple(items)


def _operator(tree: Tree[Token]) -> Operator:
    command, parameters, max_length = tree.children
    return Operator(
        command=str(command),
        parameters=None if parameters is None else str(parameters)[1:-1],
        max_length=None if max_length is None else _length(str(max_length)),
    )


def _length(digits: str) -> int:
    """The number; what has more digits than any line has characters is TOO_MUCH."""
    return min(int(digits), TOO_MUCH) if len(digits) <= len(str(TOO_MUCH)) else TOO_MUCH


def line_grammar(items: tuple[str | Operator, ...]) -> tuple[str, tuple[Value, ...]]:
    """The Lark grammar of the lines a format writes, and the values of its terminals in order.

    An operator between quotes is one terminal together with its quotes. It may contain anything but a quote, and may be
    empty. Raises KeyError for an operator that is not in `VALUES`.
    """
    parts = list(items)
    symbols: list[str] = []
    terminals: list[str] = []
    values: list[Value] = []
    for n, part in enumerate(parts):
        if isinstance(part, str):
            # The quotes of a quoted operator are part of that operator's terminal.
            literal = part[1:] if n > 0 and is_quoted(items, n - 1) else part
            literal = literal[:-1] if n + 1 < len(parts) and is_quoted(items, n + 1) else literal
            if literal:
                symbols.append(_literal(literal))
            continue
        value = VALUES[part.key]
        name = f"_UNUSED_{n}" if value.column is None else value.column.upper()
        terminals.append(f'{name}: /"[^"\\n]*"/' if is_quoted(items, n) else f"{name}: /{value.terminal}/")
        symbols.append(name)
        if value.column is not None:
            values.append(value)
    return "\n".join([f"start: line\nline: {' '.join(symbols)}", *terminals, ""]), tuple(values)


def is_quoted(items: tuple[str | Operator, ...], n: int) -> bool:
    """Whether item `n` is an operator with a quote right before and right after it."""
    if n == 0 or n + 1 >= len(items) or isinstance(items[n], str):
        return False
    before, after = items[n - 1], items[n + 1]
    return isinstance(before, str) and isinstance(after, str) and before.endswith('"') and after.startswith('"')


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
