"""The lines that prove a group of flows, as the page shows them: hop by hop, with marks on the fields that decide.

In: a `Judged`, or other evidence. Out: rows for the page's JSON, e.g. one for
`[2026-...] "GET / HTTP/1.1" 503 UH ...` with a mark on `UH` and the words "NoHealthyUpstream: no endpoint of ...".

`egressaudit explain` tells a flow of a JSON report by the same code (`report.story`). A page for a large mesh would be
larger than any browser likes if it had every line of every group, so there is a limit: flows that passed are the first
to go without their lines, and the page says where those stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from egressaudit.model import AuditReport, DataplaneMode, Evidence, Judged, Outcome, Reporter
from egressaudit.report.html.shared_texts import SharedTexts
from egressaudit.report.safe import printable
from egressaudit.report.story.told_flow import ToldFlow, ToldLine
from egressaudit.report.wording import RAW_LIMIT, place, way

if TYPE_CHECKING:
    from egressaudit.report.story.told_line import Tag, TaggedLine

MOST_CHARACTERS = 1_200_000
"""Of raw lines in one page. Violations and what is unproven are served first."""
MOST_OTHERS = 4
"""Further lines of the same group, each without marks."""

_AT_ROLE = {"gateway": Reporter.EGRESS_GATEWAY, "waypoint": Reporter.WAYPOINT}

Row = dict[str, object]


@dataclass(slots=True)
class Chains:
    """Makes the rows, and keeps the account of how much they hold."""

    texts: SharedTexts
    reporters: Mapping[str, Reporter | None]
    """Which kind of proxy wrote a log, by its name."""
    room: int = MOST_CHARACTERS
    left_out: int = field(default=0, init=False)
    """Groups whose lines found no room."""

    def of_groups(self, judged: Sequence[Judged]) -> list[Row | None]:
        """A row for each group, in its order; None where no line proves it or no room was left."""
        order = sorted(range(len(judged)), key=lambda n: _rank(judged[n].outcome))
        made = {n: self._of_group(judged[n]) for n in order}
        return [made[n] for n in range(len(judged))]

    def of_lines(self, evidence: Iterable[Evidence]) -> Row | None:
        """Lines that belong to no group, e.g. those that are not clean: without marks, for they prove nothing."""
        lines = tuple(evidence)
        return self._within(lines, lambda: {"hops": [], "others": [self._other(each) for each in lines]})

    def _of_group(self, judged: Judged) -> Row | None:
        chain, others = _one_of_each_role(judged.group.evidence)
        if judged.outcome in (Outcome.PASS, None):
            others = ()
        return self._within(
            (*chain, *others[:MOST_OTHERS]),
            lambda: {
                "hops": self._hops(judged, chain),
                "others": [self._other(each) for each in others[:MOST_OTHERS]],
            },
        )

    def _within(self, lines: tuple[Evidence, ...], make: Callable[[], Row]) -> Row | None:
        if not lines:
            return None
        size = sum(min(len(each.raw), RAW_LIMIT) for each in lines)
        if size > self.room:
            self.left_out += 1
            return None
        self.room -= size
        return make()

    def _hops(self, judged: Judged, chain: tuple[Evidence, ...]) -> list[Row]:
        from egressaudit.hops.line_parser import LineParser
        from egressaudit.report.story.told_line import tagged_lines

        group = judged.group
        at_source = Reporter.ZTUNNEL if group.mode is DataplaneMode.AMBIENT else Reporter.SIDECAR
        told = ToldFlow(
            number=1,
            outcome=judged.outcome.value if judged.outcome else "",
            path=way(group),
            target=place(group),
            host=group.host,
            port=group.port,
            sender=group.subject,
            reason=judged.because,
            lines=tuple(
                ToldLine(
                    each.source,
                    each.line,
                    each.raw[:RAW_LIMIT],
                    self.reporters.get(each.source) or _AT_ROLE.get(each.role, at_source),
                )
                for each in chain
            ),
        )
        # A parser of its own for each group: one takes a line for the rest of a broken one that it saw before, and here
        # lines don't come in their order.
        return [self._hop(each) for each in tagged_lines(told, LineParser())]

    def _hop(self, line: TaggedLine) -> Row:
        keep = self.texts.index
        return {
            "title": keep(line.title),
            "link": keep(line.link),
            "raw": line.text,
            "marks": [self._mark(tag, line.text) for tag in line.tags],
            "fate": keep(line.fate),
            "follows": keep(line.follows),
        }

    def _mark(self, tag: Tag, text: str) -> list[object]:
        """Letter, column, value where the line does not have it, what it says, and its start and end."""
        keep = self.texts.index
        start, end = (-1, -1) if tag.span is None else (_units(text, tag.span[0]), _units(text, tag.span[1]))
        return [tag.letter, keep(tag.column), keep("" if tag.span else tag.value), keep(tag.says), start, end]

    def _other(self, evidence: Evidence) -> Row:
        return {
            "place": self.texts.index(f"{evidence.source}:{evidence.line}"),
            "role": self.texts.index(evidence.role),
            "raw": printable(evidence.raw, RAW_LIMIT),
        }


def reporters_of(report: AuditReport) -> dict[str, Reporter | None]:
    """Which kind of proxy wrote each log."""
    return {each.name: each.reporter for each in report.coverage.sources}


def _rank(outcome: Outcome | None) -> int:
    return (Outcome.FAIL, Outcome.INCONCLUSIVE, None, Outcome.PASS).index(outcome)


def _one_of_each_role(lines: tuple[Evidence, ...]) -> tuple[tuple[Evidence, ...], tuple[Evidence, ...]]:
    """The first line of each proxy on the way, and the rest: a group has the lines of several flows."""
    first: dict[str, Evidence] = {}
    for each in lines:
        first.setdefault(each.role, each)
    chain = tuple(first.values())
    return chain, tuple(each for each in lines if each not in chain)


def _units(text: str, index: int) -> int:
    """The place of a character in JavaScript, which counts UTF-16 code units."""
    return index if text.isascii() else len(text[:index].encode("utf-16-le", "surrogatepass")) // 2
