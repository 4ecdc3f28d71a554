"""ztunnel's text log: its access lines and its application log.

In: `2026-11-23T08:04:44.258Z TAB info TAB access TAB connection complete TAB src.addr=10.0.0.5:41000 ...`. Out:
`AccessFields` with `{"src_addr": "10.0.0.5:41000", ...}`.

Two patterns are derived from the grammar's flat rules: one for the head of a line, one for each pair after it. ztunnel
quotes and escapes text, so a key that occurs twice means that somebody's text got into the line unquoted. Such a line
is not clean: only what comes before any text is kept.
"""

from __future__ import annotations

import re
from functools import cache

from lark import Token

from egressaudit.hops.dialects.converters import timestamp, unquoted
from egressaudit.hops.dialects.grammars import grammar, line_pattern, parse
from egressaudit.hops.dialects.json_lines import ZTUNNEL_IDENTIFYING, ZTUNNEL_KEYS
from egressaudit.hops.dialects.other import read_other
from egressaudit.hops.dialects.result import AccessFields, Broken, LineResult
from egressaudit.model import Family

_WHAT = "ztunnel's text access log"

_Pairs = list[tuple[str, str, int]]
"""Key, value as written, and where the value starts in the line."""


class ZtunnelText:
    """See `dialects.Dialect`."""

    name = "ztunnel-text"
    family = Family.ZTUNNEL

    @staticmethod
    def starts(text: str) -> bool:
        """Whether the third word, the scope, is `access`: such a line must be a whole access line."""
        return text.split(maxsplit=3)[2:3] == ["access"]

    @staticmethod
    def read(text: str) -> AccessFields | Broken:
        """See `read_ztunnel_text`."""
        return read_ztunnel_text(text)


class ZtunnelApplication:
    """See `dialects.Dialect`: ztunnel's application log in text, in any scope but `access`."""

    name = "ztunnel"
    family = Family.ZTUNNEL

    @staticmethod
    def starts(_text: str) -> bool:
        """Any line may be one, so this is the last of its family."""
        return True

    @staticmethod
    def read(text: str) -> LineResult:
        """The application log line; for any other line, the grammar of access lines says where it broke."""
        return read_other(text, kind="ztunnel") or read_ztunnel_text(text)


def read_ztunnel_text(text: str) -> AccessFields | Broken:
    """The fields of an access line, or where it broke; the patterns first, then the grammar."""
    return fast(text) or careful(text)


def fast(text: str) -> AccessFields | Broken | None:
    """The fields of an access line; None if the patterns do not match."""
    head, pair = _patterns()
    begins = head.match(text)
    if begins is None:
        return None
    pairs: _Pairs = []
    position = begins.end()
    while position < len(text):
        found = pair.match(text, position)
        if found is None:
            return None
        pairs.append((found["key"], found["value"], found.start("value")))
        position = found.end()
    return _access(begins["time"], begins["message"], pairs) if pairs else None


def value_spans(text: str) -> dict[str, tuple[int, int]]:
    """Where the values of a line stand, by column; {} for a line that the patterns do not match."""
    head, pair = _patterns()
    begins = head.match(text)
    if begins is None:
        return {}
    spans = {"start_time": begins.span("time"), "message": begins.span("message")}
    position = begins.end()
    while found := pair.match(text, position):
        if found["key"] in ZTUNNEL_KEYS:
            spans.setdefault(ZTUNNEL_KEYS[found["key"]][0], found.span("value"))
        position = found.end()
    return spans


def careful(text: str) -> AccessFields | Broken:
    """The fields of an access line, or where it broke."""
    tree = parse(grammar("ztunnel_text"), text, _WHAT)
    if isinstance(tree, Broken):
        return tree
    tokens = {"KEY": [], "VALUE": [], "TIME": [], "MESSAGE": []}  # type: dict[str, list[Token]]
    for token in tree.scan_values(lambda each: isinstance(each, Token) and each.type in tokens):
        tokens[token.type].append(token)
    pairs = [
        (str(key), str(value), value.start_pos or 0) for key, value in zip(tokens["KEY"], tokens["VALUE"], strict=True)
    ]
    return _access(str(tokens["TIME"][0]), str(tokens["MESSAGE"][0]), pairs)


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    parser = grammar("ztunnel_text")
    return line_pattern(parser, "head"), line_pattern(parser, "pair")


def _access(time: str, message: str, pairs: _Pairs) -> AccessFields | Broken:
    try:
        fields: dict[str, object] = {"start_time": timestamp(time), "message": message}
    except ValueError as error:
        return Broken(f"time: {error}", 1)
    keys = [key for key, _, _ in pairs]
    if len(set(keys)) != len(keys):
        # ztunnel writes src.addr first, from the socket: no text of a sender comes before it.
        first, value, _ = pairs[0]
        return AccessFields(
            ZtunnelText.name, clean=False, fields=fields | ({"src_addr": value} if first == "src.addr" else {})
        )
    if missing := [key for key in ZTUNNEL_IDENTIFYING if key not in keys]:
        return Broken(f"{_WHAT} lacks {', '.join(missing)}", pairs[-1][2] + len(pairs[-1][1]) + 1)
    fields.update(dict.fromkeys(column for column, _ in ZTUNNEL_KEYS.values()))
    for key, value, start in pairs:
        if key in ZTUNNEL_KEYS:
            column, convert = ZTUNNEL_KEYS[key]
            try:
                fields[column] = convert(unquoted(value))
            except ValueError as error:
                return Broken(f"{key}: {error}", start + 1)
    return AccessFields(ZtunnelText.name, clean=True, fields=fields)
