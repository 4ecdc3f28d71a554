"""One line of a flow, with its decisive fields marked and named, and what follows from it.

In: a `ToldLine`. Out: a `TaggedLine`: the text, a tag for each decisive field, and one sentence on its fate.
Example: in a line with `503 UH` the tag `b` marks `UH` and says what it means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from string import ascii_lowercase

from egressaudit.hops.field_spans import spans_of
from egressaudit.hops.line_parser import LineParser
from egressaudit.join.line_facts import Fate, LineFate
from egressaudit.judge.line_alone import alone
from egressaudit.judge.words import REASONS
from egressaudit.model import Hop, LogLine, LogSource, Reporter, Unparsed
from egressaudit.report.safe import printable
from egressaudit.report.story.field_words import COLUMNS, said
from egressaudit.report.story.told_flow import ToldFlow, ToldLine

_LONGEST = 16 * 1024
"""Characters of a line that are read; container runtimes cut lines there."""

_NO_FIELDS = (
    "This line isn't in one of the default access log formats, so its fields can't be named: {why}. If the format is "
    "your own, `egressaudit explain --format FORMAT` names them."
)


@dataclass(frozen=True, slots=True)
class Tag:
    """A mark in a line, and its footnote."""

    letter: str
    """'' if the value isn't in the line: an absent field that decides."""
    column: str
    value: str
    """'-' if absent."""
    says: str
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class TaggedLine:
    """A line as it is shown."""

    title: str
    """Which proxy wrote it, and where it is."""
    link: str
    """What links it to the hop before."""
    text: str
    tags: tuple[Tag, ...]
    fate: str
    """In the word of docs/evidence.md; '' if the line could not be read."""
    follows: str


def tagged_lines(flow: ToldFlow, parser: LineParser) -> list[TaggedLine]:
    """The lines of a flow with their marks, in its order."""
    lines = flow.lines
    hops = [_hop(line, _text(line), parser) for line in lines]
    found: list[TaggedLine] = []
    for n, (line, hop) in enumerate(zip(lines, hops, strict=True)):
        followed = n + 1 < len(lines)
        link = f"linked by {line.joined_by}" if line.joined_by else _link(hops[n - 1], hop) if n else ""
        found.append(_tagged(line, hop, printable(link), followed=followed, left=flow.left))
    return found


def _tagged(line: ToldLine, hop: Hop | str, link: str, *, followed: bool, left: bool) -> TaggedLine:
    title = printable(f"{line.reporter.noun if line.reporter else 'proxy'}  {line.source}:{line.number}")
    text = _text(line)
    if isinstance(hop, str):
        return TaggedLine(title, link, text, (), "", _NO_FIELDS.format(why=printable(hop)))
    fate = alone(hop, followed=followed)
    tags = tuple(_lettered(_tags(hop, text)))
    if fate.fate is Fate.LEFT and not left:
        # Whether an address is outside only a snapshot says, and the report's verdict does not say that it is.
        sent = f"It was sent to {_reached(hop)}. No line shows what became of it there; the verdict says what is known."
        return TaggedLine(title, link, text, tags, "", printable(sent))
    return TaggedLine(title, link, text, tags, fate.fate.value, printable(_follows(hop, fate)))


def _reached(hop: Hop) -> str | None:
    return hop.text("dst_addr" if hop.reporter is Reporter.ZTUNNEL else "upstream_host")


def _text(line: ToldLine) -> str:
    return printable(line.raw, _LONGEST)


def _link(before: Hop | str, hop: Hop | str) -> str:
    """What two lines have in common, for a report that doesn't say it."""
    if isinstance(before, str) or isinstance(hop, str):
        return ""
    client, inner = hop.text("downstream_remote_address"), before.text("dst_hbone_addr")
    if client is not None and client == before.text("upstream_local_address"):
        return "linked by the socket: its client is the socket that the hop before sent from"
    if inner is not None and inner == hop.text("downstream_local_address"):
        return "linked by the address within the tunnel, and by time"
    return "a line of the same group of flows, perhaps not of the same connection"


def _hop(line: ToldLine, text: str, parser: LineParser) -> Hop | str:
    """The hop: as the report has it, else as the line reads; or why it cannot be read."""
    reporter = line.reporter or Reporter.SIDECAR
    log = LogLine(LogSource("", "", line.source), line.number, text)
    if line.fields:
        return Hop(log, reporter, line.dialect, clean=True, fields=line.fields)
    found = parser.parse(log, reporter)
    if isinstance(found, Hop):
        return found if found.clean else "it isn't clean, so its sender may have written fields"
    return found.reason if isinstance(found, Unparsed) else "it isn't an access line"


def _tags(hop: Hop, text: str) -> Iterator[Tag]:
    spans = spans_of(text, hop.dialect, hop.fields)
    for column in COLUMNS:
        words = said(column, hop)
        # A column that the dialect doesn't have says nothing by its absence.
        if words and (column in spans or column in hop.fields):
            yield Tag("", column, printable(hop.text(column) or "-", 500), words, spans.get(column))


def _lettered(tags: Iterator[Tag]) -> Iterator[Tag]:
    """Letters in the order in which the fields stand in the line; what has no place there comes last."""
    ordered = sorted(tags, key=lambda each: (each.span is None, each.span or (0, 0)))
    for letter, tag in zip(ascii_lowercase, ordered, strict=False):
        yield tag if tag.span is None else replace(tag, letter=letter)


def _follows(hop: Hop, fate: LineFate) -> str:
    reached = _reached(hop)
    match fate.fate:
        case Fate.REFUSED:
            return f"The mesh refused it ({REASONS.get(fate.reason, fate.reason)}): nothing was sent on from here."
        case Fate.NOT_LEFT if reached is None:
            return "No address was chosen: nothing was sent on from here."
        case Fate.NOT_LEFT:
            return f"The connection to {reached} was not made: nothing was sent on from here."
        case Fate.ONWARD:
            return f"It was sent to {reached}, the proxy of the next hop."
        case Fate.LEFT:
            return f"It was sent to {reached}, which is outside by the report's verdict."
        case Fate.INBOUND:
            return "It arrived for the pod itself: the line says nothing about what left."
        case _:
            return (
                f"An address was chosen ({reached}), and the line proves neither that a connection was made nor that "
                "none was."
                if reached
                else "The line doesn't say where it was sent."
            )
