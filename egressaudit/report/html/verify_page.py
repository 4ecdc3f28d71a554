"""The report of `verify` as a page: `egressaudit verify ... -o html=verify.html`.

In: a `VerifyReport`. Out: an HTML file with the outcome, each host by source, and each verdict with its lines, in which
the fields that decide are marked. It has no script at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from egressaudit import __version__
from egressaudit.judge.network_words import network_view_words
from egressaudit.model import BypassReport, Hop, MatrixRow, Verdict, VerifyReport
from egressaudit.report.bypass_words import attempt_lines, bypass_sentence, sorted_attempts
from egressaudit.report.cause_words import cause_words, told_apart
from egressaudit.report.html.marked_line import pieces_of
from egressaudit.report.html.page_file import page
from egressaudit.report.html.page_words import LABELS, state_word
from egressaudit.report.identity_words import identity_facts
from egressaudit.report.output_formats import ReportWriter
from egressaudit.report.screen import Screen
from egressaudit.report.story.told_flow import ToldFlow, ToldLine
from egressaudit.report.verify_matrix import answer_words
from egressaudit.report.wording import RAW_LIMIT, difference_lines, expectation_words, shares, views_of

_MOST_ENDPOINTS = 3


def _write(report: VerifyReport, out: BinaryIO, _screen: Screen) -> None:
    out.write(
        page(
            "verify.html.jinja",
            {
                "outcome": report.outcome.value,
                "state": state_word(report.outcome),
                "sentence": answer_words(report),
                "rows": tuple(map(_row, report.matrix)),
                "verdicts": tuple(_verdict(each, report) for each in report.verdicts),
                "batteries": tuple(map(_battery, report.bypass)),
                "network": [network_view_words(each, _MOST_ENDPOINTS) for each in report.network],
                "trusted": report.trusted,
                "notes": report.notes,
                "logs": tuple(_logs(report)),
                "about": (*identity_facts(report), ("tool", f"egressaudit {__version__}")),
                "version": __version__,
            },
        )
    )


def _error(message: str, hint: str) -> bytes:
    return page("not_performed.html.jinja", {"message": message, "hint": hint})


def _logs(report: VerifyReport) -> Iterator[tuple[str, str]]:
    """What became of the lines of each log."""
    for source, count in sorted(report.lines.items()):
        reporter = report.reporters.get(source)
        yield str(source), f"{reporter.noun if reporter else 'unknown'}: {shares(count)}"


def _row(row: MatrixRow) -> dict[str, str]:
    """A host from a source."""
    decisive = row.decisive
    return {
        "state": "waived" if row.waived else state_word(row.outcome),
        "outcome": "not probed" if row.outcome is None else "FAIL waived" if row.waived else row.outcome.value,
        "asked": row.cell.asked,
        "source": row.cell.source,
        "path": decisive.path_seen.value if decisive else "",
        "why": row.cell.reason or (decisive.reason if decisive else ""),
    }


def _verdict(verdict: Verdict, report: VerifyReport) -> dict[str, object]:
    """A verdict with its lines."""
    probe = verdict.flow.probe
    unclean = [each.line for each in verdict.flow.unclean]
    return {
        "state": "waived" if verdict.waived else state_word(verdict.outcome),
        "outcome": f"{verdict.outcome} waived" if verdict.waived else verdict.outcome.value,
        "target": str(probe.target),
        "path": verdict.path_seen.value,
        "source": f"{probe.source} ({probe.container})",
        "reason": verdict.reason,
        "facts": tuple(_facts(verdict)),
        "advice": (*told_apart(verdict.advice, verdict.causes), *difference_lines(views_of(report, verdict))),
        "hops": tuple(_hops(verdict)),
        "unclean": tuple((str(each.source), each.number, each.text[:RAW_LIMIT]) for each in unclean),
    }


def _facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield from ((LABELS[label], sentence) for label, sentence in cause_words(verdict.causes))
    if verdict.waived is not None:
        yield "Waived", f"until {verdict.waived.expires}: {verdict.waived.reason}"
    yield "Expected", expectation_words(verdict.expectation)
    if verdict.expectation.because:
        yield "Because of", ", ".join(verdict.expectation.because)
    yield "Curl", "; ".join(_curl(verdict))
    if verdict.flow.ambiguous:
        yield "Ambiguous", verdict.flow.ambiguous


def _curl(verdict: Verdict) -> Iterator[str]:
    result = verdict.flow.probe.result
    yield "no result" if result.exit_code is None else f"exit {result.exit_code}"
    if result.http_code:
        yield f"HTTP {result.http_code}"
    if result.error:
        yield result.error


def _hops(verdict: Verdict) -> Iterator[dict[str, object]]:
    from egressaudit.hops.line_parser import LineParser
    from egressaudit.report.story.told_line import tagged_lines

    flow = verdict.flow
    joined = [*flow.joined_by, *[""] * len(flow.hops)]
    probe = flow.probe
    told = ToldFlow(
        number=1,
        outcome=verdict.outcome.value,
        path=verdict.path_seen.value,
        target=str(probe.target),
        host=probe.target.host,
        port=probe.target.port,
        sender=str(probe.source),
        reason=verdict.reason,
        lines=tuple(_line(hop, by) for hop, by in zip(flow.hops, joined, strict=False)),
    )
    for each in tagged_lines(told, LineParser()):
        yield {
            "title": each.title,
            "link": each.link,
            "pieces": tuple(pieces_of(each)),
            "notes": each.tags,
            "follows": f"{each.fate}: {each.follows}" if each.fate else each.follows,
        }


def _line(hop: Hop, joined_by: str) -> ToldLine:
    return ToldLine(
        str(hop.line.source), hop.line.number, hop.line.text, hop.reporter, hop.dialect, hop.fields, joined_by
    )


def _battery(report: BypassReport) -> dict[str, object]:
    """What was tried to get around the gateway, open ways first."""
    states = {"open": "fail", "not provable": "unproven", "closed": "pass", "not tried": "none"}
    rows: Sequence[dict[str, object]] = [
        {
            "state": states[each.standing.value],
            "standing": each.standing.value,
            "title": f"{each.code} {each.title}",
            "words": tuple(attempt_lines(each)),
        }
        for each in sorted_attempts(report)
    ]
    return {"sentence": bypass_sentence(report), "rows": rows}


VERIFY = ReportWriter(_write, _error)
