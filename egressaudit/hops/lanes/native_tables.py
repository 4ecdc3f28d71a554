"""What the compiled lane must know about the dialects: their formats and keys, handed over to be written only once.

In: the dialects' tables. Out: `Lanes`, e.g. for Istio's text the steps `[`, time, `] "`, quoted, ...
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache

from egressaudit._lanes import Lanes
from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.hops.dialects.converters import integer, milliseconds
from egressaudit.hops.dialects.envoy.default_text import ISTIO, TEXTS, EnvoyText
from egressaudit.hops.dialects.envoy.forged import RECOVERED
from egressaudit.hops.dialects.envoy.format_string import (
    BARE,
    COUNT,
    COUNT_OR_ABSENT,
    FLAGS,
    PROTOCOL,
    TIME,
    VALUES,
    WORDS,
    is_quoted,
    parse_format,
)
from egressaudit.hops.dialects.json_lines import (
    ENVOY_IDENTIFYING,
    ENVOY_KEYS,
    ZTUNNEL_IDENTIFYING,
    ZTUNNEL_KEYS,
    ZTUNNEL_MESSAGES,
)
from egressaudit.model.lines import LOG_LEVELS

__all__ = ["COLUMNS", "DIALECTS", "FORGED", "ZTUNNEL", "lanes"]

DIALECTS = (*(text.name for text in TEXTS), "envoy-istio-json", "ztunnel-text", ISTIO.name)
"""The dialects by the numbers that the module uses; the last one is text that is not clean."""
ZTUNNEL, FORGED = len(DIALECTS) - 2, len(DIALECTS) - 1

COLUMNS = tuple(HOP_COLUMNS)
"""The columns by the numbers that the module uses."""

_KINDS = {
    TIME: "time",
    COUNT: "count",
    COUNT_OR_ABSENT: "count or absent",
    PROTOCOL: "protocol",
    FLAGS: "flags",
    BARE: "bare",
    WORDS: "words",
}

_Step = tuple[bytes, str, int | None]
_Key = tuple[bytes, int, str]


@cache
def lanes() -> Lanes:
    """The lanes for every default dialect."""
    envoy = {key: (key, "time" if key == "start_time" else _kind_of(key)) for key in ENVOY_KEYS}
    ztunnel = {key: (column, _ztunnel_kind(convert)) for key, (column, convert) in ZTUNNEL_KEYS.items()}
    return Lanes(
        formats=[_format(text) for text in TEXTS],
        envoy=_keys(envoy, ENVOY_IDENTIFYING),
        ztunnel=_keys(ztunnel, ZTUNNEL_IDENTIFYING),
        message=(COLUMNS.index("message"), [message.encode() for message in ZTUNNEL_MESSAGES]),
        forged=[COLUMNS.index(column) for column in RECOVERED],
        levels=[level.encode() for level in LOG_LEVELS],
        raw=COLUMNS.index("raw"),
    )


def _format(text: EnvoyText) -> tuple[list[_Step], bytes]:
    """Each value of a format with the literal text before it; and the literal text after the last value."""
    items = parse_format(text.format_string)
    steps: list[_Step] = []
    literal = ""
    for n, item in enumerate(items):
        if isinstance(item, str):
            literal = item
            continue
        value = VALUES[item.key]
        kind = "quoted" if is_quoted(items, n) else _KINDS[value.terminal]
        known = value.column is not None and value.column not in text.untrusted
        steps.append((literal.encode(), kind, COLUMNS.index(str(value.column)) if known else None))
        literal = ""
    return steps, literal.encode()


def _keys(keys: Mapping[str, tuple[str, str]], required: Collection[str]) -> tuple[list[_Key], list[int]]:
    known = [(key.encode(), COLUMNS.index(column), kind) for key, (column, kind) in keys.items()]
    return known, [COLUMNS.index(keys[key][0]) for key in required]


def _kind_of(column: str) -> str:
    return "number" if HOP_COLUMNS[column] == "Int64" else "text"


def _ztunnel_kind(convert: Callable[[str], object]) -> str:
    if convert is milliseconds:
        return "milliseconds"
    return "number" if convert is integer else "text"
