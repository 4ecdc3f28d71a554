"""Output of several lines: recognise the lines that continue it, so that they do not count as unparsed.

An agent that starts writes its configuration like this, and only the first line has a time:

    2026-11-01T12:00:00.000001Z TAB info TAB Effective config: binaryPath: /usr/local/bin/envoy
    concurrency: 2
    proxyMetadata:
      ISTIO_META_DNS_CAPTURE: "true"

`grammars/other_blocks.lark` has the opening lines and, for each, the forms of the lines that may follow. A line that
does not follow directly, or has no such form, ends the block and stays what it is. A line that some dialect reads as an
access line, or that `looks_like_access`, never belongs to a block.

In: the lines of a log in order, each with its reading. Out: the same reading, or `Other` for a line of an open block.
Example: `concurrency: 2` is `Other` right after the first line above, and unparsed anywhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from egressaudit.hops.dialects.grammars import grammar, line_pattern
from egressaudit.hops.dialects.result import Broken, LineResult, Other
from egressaudit.model import LogSource

_SOCKET = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\]):[0-9]"
_LIKE_ACCESS = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}"
    r'|HTTP/[0-9]|"- - -"'
    r"|(?:in|out)bound(?:-vip|-pod)?(?:\||_\.)|PassthroughCluster|BlackHoleCluster"
    r"|(?:src|dst)\.addr|start_time|response_(?:code|flags)|upstream_(?:host|cluster|local)|downstream_(?:local|remote)"
    rf"|egressaudit/|{_SOCKET}[^\n]*{_SOCKET}"
)


def looks_like_access(text: str) -> bool:
    """Whether a line has anything that an access line in any format may have.

    That is a time, a protocol, a cluster's name, a key of an access log, two sockets, or this tool's own user agent. It
    may then be an access line in a format that we don't know, so it must not pass for anything else.
    """
    return text.startswith("{") or _LIKE_ACCESS.search(text) is not None


@dataclass(frozen=True, slots=True)
class _Form:
    """How a block begins, which lines may follow, and how many of them at most.

    `behind_blank` are the rules for lines after an empty line; None if an empty line ends the block. `last` is the rule
    of the line that ends the block and still belongs to it.
    """

    opening: str
    lines: tuple[str, ...]
    behind_blank: tuple[str, ...] | None
    limit: int
    last: str | None = None


_FORMS = (
    # An empty line ends the YAML, except within a text of several lines, which is indented.
    _Form("settings_opening", ("settings_line",), ("indented_line",), 1_000),
    _Form("rejected_opening", ("indented_line", "rejected_line"), None, 1_000, "last_line"),
    _Form("envoy_opening", ("indented_line",), None, 500, "last_line"),
    _Form("served_opening", ("dump_line",), ("dump_line",), 1_000),
)
_DUMP = _Form("dump_opening", ("dump_line", "dump_opening"), ("dump_line", "dump_opening"), 10_000)
"""A crash of a Go program. Go's runtime writes no time before it, and lists every goroutine."""


@dataclass(frozen=True, slots=True)
class _Open:
    """A block that is open; `number` is its last line so far."""

    form: _Form
    kind: str
    number: int
    lines: int = 0
    blank: bool = False


class Blocks:
    """The open blocks, at most one in each log. Call `read` for the lines of a log in their order.

    The next line of a block must have the next number. So lines that were not shown to it end a block, and a block
    never continues from one file of a rotated log into the next, where numbers start again.
    """

    def __init__(self) -> None:
        self._open: dict[LogSource, _Open] = {}

    def read(self, source: LogSource, number: int, text: str, reading: LineResult, writer: str) -> LineResult:
        """The same result, or `Other` if the line belongs to the open block; `writer` is whose log it is."""
        block = self._open.pop(source, None)
        if block is not None and (number != block.number + 1 or block.lines == block.form.limit):
            block = None
        match reading:
            case Other("blank"):
                if block is not None and block.form.behind_blank is not None:
                    self._open[source] = replace(block, number=number, lines=block.lines + 1, blank=True)
            case Other(kind):
                form = next((form for form in _FORMS if _matches((form.opening,), text)), None)
                if form is not None:
                    self._open[source] = _Open(form, kind, number)
            case Broken() if not looks_like_access(text):
                return self._broken(source, number, text, block, writer) or reading
        return reading

    def close(self, source: LogSource) -> None:
        """End the block that is open in this log, if there is one."""
        self._open.pop(source, None)

    def _broken(self, source: LogSource, number: int, text: str, block: _Open | None, writer: str) -> Other | None:
        if block is not None:
            if block.form.last is not None and _matches((block.form.last,), text):
                return Other(block.kind)
            rules = (block.form.behind_blank or ()) if block.blank else block.form.lines
            if _matches(rules, text):
                self._open[source] = replace(block, number=number, lines=block.lines + 1)
                return Other(block.kind)
        if _matches((_DUMP.opening,), text):
            self._open[source] = _Open(_DUMP, writer, number)
            return Other(writer)
        return None


def _matches(rules: tuple[str, ...], text: str) -> bool:
    return any(_pattern(rule).fullmatch(text) for rule in rules)


@cache
def _pattern(rule: str) -> re.Pattern[str]:
    # The openings are tried together, so they share one parser. A single parser for all rules would take seconds to
    # build: Lark compares the first words of all of them.
    return line_pattern(grammar("other_blocks", *(_OPENINGS if rule in _OPENINGS else (rule,))), rule)


_OPENINGS = tuple(form.opening for form in _FORMS)
