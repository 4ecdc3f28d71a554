"""Istio's default text access logs, each defined by its format string alone.

In: `[2026-11-23T08:04:44.258Z] "GET / HTTP/1.1" 200 - via_upstream ...`. Out: `AccessFields` with `{"method": "GET",
...}`.

The grammar of a line is generated from the format string; the pattern is one regular expression derived from that
grammar. A line that the pattern does not match goes to the grammar (Lark), which says where it broke.

A line is clean if and only if its grammar accepts it. Then no value contains a quote: values can only add quotes to the
format's own, and the line has no more than those. So every quoted field is whole. For the same reason no bare value
contains a space. Hence no sender has moved a field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property

from lark import Lark, Token

from egressaudit.hops.dialects.envoy.format_string import Value, line_grammar, parse_format
from egressaudit.hops.dialects.grammars import build, line_pattern, parse, terminals
from egressaudit.hops.dialects.result import AccessFields, Broken

_REQUEST = '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"'
_OUTCOME = "%RESPONSE_CODE% %RESPONSE_FLAGS%"
_DETAILS = "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%"
_MIXER = '"%DYNAMIC_METADATA(istio.mixer:status)%"'
_FAILURE = '"%UPSTREAM_TRANSPORT_FAILURE_REASON%"'
_BYTES = "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"
_HEADERS = '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"'
_ADDRESSES = (
    "%UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% "
    "%REQUESTED_SERVER_NAME%"
)
_ROUTE = "%ROUTE_NAME%"


class EnvoyText:
    """One default text format. Its grammar and pattern are built when first used.

    `untrusted` columns are always None: the line may also be of an older format, in which a sender wrote them.
    """

    def __init__(self, name: str, what: str, format_string: str, untrusted: tuple[str, ...] = ()) -> None:
        self.name = name
        self.what = what
        self.format_string = format_string
        self.quotes = format_string.count('"')
        self.untrusted = untrusted

    @cached_property
    def lark(self) -> Lark:
        """The grammar of a line: it defines the format, and is slow."""
        return build(self._grammar[0])

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern, derived from the grammar."""
        return line_pattern(terminals(self._grammar[0]), "line")

    def fast(self, text: str) -> AccessFields | Broken | None:
        """The fields of a clean line; None if the pattern does not match; Broken if a value cannot exist."""
        found = self.pattern.fullmatch(text)
        # Each column is a group, and no terminal has groups of its own.
        return None if found is None else self._access(found.groups(), found.start)

    def careful(self, text: str) -> AccessFields | Broken:
        """The fields of a clean line, or where it broke."""
        tree = parse(self.lark, text, self.what)
        if isinstance(tree, Broken):
            return tree
        tokens = {token.type.lower(): token for token in tree.scan_values(lambda each: isinstance(each, Token))}
        return self._access(
            [str(tokens[column]) for column, _ in self._converters], lambda column: tokens[column].start_pos or 0
        )

    @cached_property
    def _grammar(self) -> tuple[str, tuple[Value, ...]]:
        return line_grammar(parse_format(self.format_string))

    @cached_property
    def _converters(self) -> tuple[tuple[str, Callable[[str], object]], ...]:
        return tuple((value.column, value.convert) for value in self._grammar[1] if value.column is not None)

    def _access(self, texts: Sequence[str], start: Callable[[str], int]) -> AccessFields | Broken:
        fields: dict[str, object] = {}
        for (column, convert), text in zip(self._converters, texts, strict=True):
            try:
                fields[column] = convert(text[1:-1] if text[0] == '"' else text)
            except ValueError as error:
                return Broken(f"{column}: {error}", start(column) + 1)
        for column in self.untrusted:
            fields[column] = None
        return AccessFields(self.name, clean=True, fields=fields)


ISTIO = EnvoyText(
    "envoy-istio-text",
    "Istio's text access log",
    # EnvoyTextLogFormat in istio/istio pilot/pkg/model/telemetry_logging.go. Since 1.23 it has UPSTREAM_CLUSTER_RAW
    # for UPSTREAM_CLUSTER, which changes the value (no alt_stat_name) but not the line.
    f"{_REQUEST} {_OUTCOME} {_DETAILS} {_FAILURE} {_BYTES} {_HEADERS} {_ADDRESSES} {_ROUTE}",
)
"""Istio 1.9 to today."""

# Up to 1.2 a line ended with the SNI, and Envoy wrote that as the client sent it: with one space in it, the line also
# fits the format of 1.8 (or 1.3), with the SNI's second word as the route. So in these formats the route is not
# believed.
_ROUTE_MAY_BE_SNI = ("route_name",)

OLDER: tuple[EnvoyText, ...] = (
    EnvoyText(
        "envoy-istio-text-1.8",
        "Istio 1.8's text access log",
        f"{_REQUEST} {_OUTCOME} {_FAILURE} {_BYTES} {_HEADERS} {_ADDRESSES} {_ROUTE}",
        untrusted=_ROUTE_MAY_BE_SNI,
    ),
    EnvoyText(
        "envoy-istio-text-1.3",
        "Istio 1.3 to 1.7's text access log",
        f"{_REQUEST} {_OUTCOME} {_MIXER} {_FAILURE} {_BYTES} {_HEADERS} {_ADDRESSES} {_ROUTE}",
        untrusted=_ROUTE_MAY_BE_SNI,
    ),
    EnvoyText(
        "envoy-istio-text-1.2",
        "Istio 1.2's text access log",
        f"{_REQUEST} {_OUTCOME} {_MIXER} {_FAILURE} {_BYTES} {_HEADERS} {_ADDRESSES}",
    ),
    EnvoyText(
        "envoy-istio-text-1.1",
        "Istio 1.1's text access log",
        f"{_REQUEST} {_OUTCOME} {_MIXER} {_BYTES} {_HEADERS} {_ADDRESSES}",
    ),
    EnvoyText(
        "envoy-text",
        "Envoy's own text access log",
        # DEFAULT_FORMAT in envoyproxy/envoy; Istio 1.0 used it too.
        f"{_REQUEST} {_OUTCOME} {_BYTES} {_HEADERS}",
    ),
)
"""The defaults before Istio 1.9 (pilot/pkg/networking/core/v1alpha3/accesslog.go and listener.go of their tags)."""

TEXTS: tuple[EnvoyText, ...] = (ISTIO, *OLDER)
"""Every text format, the likeliest first. A line that is clean in two of them has the same trusted values in both."""


def is_default_format(format_string: str) -> bool:
    """Whether a format string is one of the defaults, whose lines are proven safe to read."""
    raw = format_string.removesuffix("\n").replace("%UPSTREAM_CLUSTER_RAW%", "%UPSTREAM_CLUSTER%")
    return any(raw == each.format_string for each in TEXTS)


def read_clean(text: str) -> AccessFields | Broken | None:
    """A clean line's fields by the patterns; Broken if a value cannot exist; None for a line that is not clean."""
    quotes = text.count('"')
    for each in TEXTS:
        if each.quotes == quotes and (access := each.fast(text)) is not None:
            return access
    return None


def read_text(text: str) -> AccessFields | Broken:
    """A clean line's fields, or where it broke, by the grammars."""
    quotes = text.count('"')
    readings = [each.careful(text) for each in TEXTS if each.quotes == quotes] or [ISTIO.careful(text)]
    taken = next((each for each in readings if isinstance(each, AccessFields)), None)
    return taken or max((each for each in readings if isinstance(each, Broken)), key=lambda broken: broken.column)
