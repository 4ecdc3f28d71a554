"""Causes in words, for every report that a person reads: the cause, what it is not, and what to do.

In: found causes, the first one first. Out: labelled sentences, e.g. `("cause", "EC26 the rule is not for the mesh:
VirtualService egress/docs does not list ...")`, `("not", "EC27: there another port of the host goes ...")`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from egressaudit.causes import causes
from egressaudit.model import Cause, Finding, FoundCause, LookAlike

LOOK = "`verify --fix FILE` writes it for `kubectl diff -f`, and so do reports in JSON; nothing is applied"
"""How to look at a fix."""
MOST_SHOWN = 3
"""Causes that a person is shown; JSON has all."""


def cause_words(found: Sequence[FoundCause]) -> Iterator[tuple[str, str]]:
    """Label and sentence of each: `cause`, `or` for what cannot be told apart from it, `also`, `not`, `fix`, `at`.

    Then `change`, `patch`, `others` and `look` of the smallest fix.

    Of the causes there are at most three; of what it is not, all look-alikes of the first.
    """
    if not found:
        return
    first = found[0]
    yield "cause", f"{first.code} {first.sentence}"
    for (label, _), each in zip(other_causes(found), found[1:], strict=False):
        yield label, f"{each.code} {each.sentence}"
    if first.excluded:
        yield "not", "; ".join(map(_told, first.excluded))
    yield "fix", first.cause.remedy
    if first.objects:
        yield "at", f"{first.objects[0]} {first.field}".rstrip()
    yield from _fixes(found)


def other_causes(found: Sequence[FoundCause]) -> Iterator[tuple[str, Cause]]:
    """Those after the first that a person is shown: `or` for what cannot be told apart from it, `also` for others."""
    alike = {each.code for each in found[0].cause.unlike} if found else ()
    for each in found[1:MOST_SHOWN]:
        yield ("or" if each.code in alike else "also"), each.cause


def _fixes(found: Sequence[FoundCause]) -> Iterator[tuple[str, str]]:
    """The smallest fix of the first cause that has one: what it does, to whom, and how to look at it.

    No command: a line that is folded cannot be copied. A patch can, folded or not.
    """
    fix = next((each.fixes[0] for each in found[:MOST_SHOWN] if each.fixes), None)
    if fix is None:
        return
    yield "change", fix.title
    if fix.patch:
        yield "patch", fix.patch
    for sentence in fix.affects:
        yield "others", sentence
    yield "look", LOOK


def _told(each: LookAlike) -> str:
    """`EC27 the rule is for another port (there another port of the host goes to the gateway)`."""
    return f"{each.code} {causes()[each.code].title} ({each.fact})"


def gaps_beside(finding: Finding) -> tuple[str, ...]:
    """The faults of the configuration that no cause names."""
    known = {fact for each in finding.causes for fact in each.because}
    faults = finding.judged.decision.fault_texts if finding.judged is not None else ()
    return tuple(each for each in faults if each not in known)


def told_apart(advice: Sequence[str], found: Sequence[FoundCause]) -> tuple[str, ...]:
    """The advice that the causes do not give already."""
    known = {f"Configuration: {fact}" for each in found for fact in each.because}
    known |= {each.cause.remedy for each in found}
    return tuple(each for each in advice if each not in known)
