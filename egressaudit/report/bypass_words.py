"""The bypass battery in words, for every report that a person reads.

In: a `BypassReport`. Out: its outcome with counts, e.g. "15 ways around the gateway tried from shop/cart-1: 2 open,
13 closed", and rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from egressaudit.model import Attempted, BypassReport, BypassStanding

ORDER = (BypassStanding.OPEN, BypassStanding.NOT_PROVABLE, BypassStanding.CLOSED, BypassStanding.NOT_TRIED)
"""What matters most comes first."""


def bypass_sentence(report: BypassReport) -> str:
    """The outcome in one sentence, with every count."""
    counts = {each: len(report.standing(each)) for each in ORDER}
    tried = sum(counts.values()) - counts[BypassStanding.NOT_TRIED]
    said = ", ".join(f"{count} {standing}" for standing, count in counts.items() if count)
    ways = "1 way" if tried == 1 else f"{tried} ways"
    return f"{ways} around the gateway tried from {report.source}: {said or 'none'}"


def ways_words(reports: Sequence[BypassReport]) -> Iterator[str]:
    """The counts of all batteries together, `ways around: 2 open, 14 closed`; nothing without one."""
    if reports:
        counts = {each: sum(len(report.standing(each)) for report in reports) for each in ORDER}
        said = ", ".join(f"{count} {standing}" for standing, count in counts.items() if count)
        yield f"ways around: {said or 'none'}"


def sorted_attempts(report: BypassReport) -> tuple[Attempted, ...]:
    """The attempts, open ones first; those of one standing in the order of the catalogue."""
    return tuple(each for standing in ORDER for each in report.standing(standing))


def attempt_lines(attempt: Attempted) -> Iterator[tuple[str, str]]:
    """What a report says about one attempt below its title: a label and a sentence each."""
    yield "because", attempt.because
    if attempt.asked:
        yield "asked", attempt.asked
    if attempt.control:
        yield "control", attempt.control
    if attempt.confidence is not None:
        yield "proof", attempt.confidence.value
    for each in attempt.advice:
        yield "→", each
