"""A block of findings in words, once for all reports that people read.

In: a `FindingGroup`, what explains what, the reader's `ReportView`. Out: a `BlockInWords`: what its findings share is
said once, what differs stands with the workload. Of a single finding all is said. Example:

    EA101 high  40 findings of 12 workloads
      cause     EC88 no rule leads the host to a gateway
      shop/Deployment/cart: docs.example.com:443 (3 flows)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from egressaudit.findings import controls
from egressaudit.model import Cause, Evidence, Finding, Judged
from egressaudit.report.cause_words import cause_words, gaps_beside, other_causes, told_apart
from egressaudit.report.explained import Explanations
from egressaudit.report.finding_groups import FindingGroup
from egressaudit.report.view import ReportView
from egressaudit.report.wording import (
    counted,
    expected_words,
    flows_words,
    place,
    proof_words,
    rule_words,
    way,
)
from egressaudit.times import rfc3339

EVIDENCE = 2
"""Lines of evidence under a block unless the reader says otherwise: of a flow through a gateway that is all."""
_MEMBERS = 10
"""Workloads of a block, where not all are wanted."""
_PLACES = 5
"""Hosts of one workload of a block, where not all are wanted."""
_DISTINCT = 3
"""Different sentences about one thing."""
_LOOK = "look"
"""Said once for all blocks, by each report."""
_RULED_OUT = "not"
"""Part of the evidence: it is shown where evidence is asked for."""


@dataclass(frozen=True, slots=True)
class BlockInWords:
    """What is said of a group of findings."""

    group: FindingGroup
    title: str
    """Code, severity, and the subject or how many there are."""
    sentences: tuple[str, ...]
    """What was seen."""
    facts: tuple[tuple[str, str], ...]
    """Label and sentence."""
    members: tuple[str, ...]
    """A line for each workload; empty for a single finding."""
    left_out: str
    """How many workloads are not listed; '' if all are."""
    advice: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    evidence_title: str
    """How many lines are shown of how many there are; '' if there are none."""


def finding_block(group: FindingGroup, known: Explanations, view: ReportView, *, whole: bool = False) -> BlockInWords:
    """The block of a group; with `whole` it lists every workload and host."""
    findings = group.findings
    lines = [line for each in findings for line in each.evidence]
    wanted = EVIDENCE if view.evidence is None else view.evidence
    total = sum(max(each.evidence_total, len(each.evidence)) for each in findings)
    members, left_out = ((), "") if len(findings) == 1 else _members(findings, whole=whole)
    return BlockInWords(
        group=group,
        title=f"{group.code} {group.severity}  {_whose(findings)}",
        sentences=_sentences(findings),
        facts=tuple(_facts(findings, known, asked=bool(view.evidence))),
        members=members,
        left_out=left_out,
        advice=_advice(findings),
        evidence=tuple(lines[:wanted]),
        evidence_title=f"evidence, {min(wanted, len(lines))} of {counted(total, 'line')}" if lines else "",
    )


def has_fix(groups: Iterable[FindingGroup]) -> bool:
    """Whether a fix is written for any of these."""
    return any(cause.fixes for group in groups for each in group.findings for cause in each.causes)


def several(texts: Iterable[str], most: int = _DISTINCT) -> str:
    """Different texts, each once: `a; b; and 2 more`."""
    found = list(dict.fromkeys(each for each in texts if each))
    more = len(found) - most
    return "; ".join((*found[:most], *((f"and {more} more",) if more > 0 else ())))


def in_one_line(group: FindingGroup) -> str:
    """A group for a list: `no rule leads the host to a gateway (EC88): shop/Deployment/cart and 11 more`."""
    subjects = list(dict.fromkeys(each.subject for each in group.findings))
    more = f" and {len(subjects) - 1} more" if len(subjects) > 1 else ""
    what = title_of(group.code) if group.cause is None else f"{group.cause.cause.title} ({group.cause.code})"
    return f"{what}: {subjects[0]}{more}"


def title_of(code: str) -> str:
    """What a control is about; the code itself if no control has it."""
    return controls()[code].title if code in controls() else code


def _whose(findings: Sequence[Finding]) -> str:
    if len(findings) == 1:
        return findings[0].subject
    subjects = {each.subject for each in findings}
    if len(subjects) == 1:
        return f"{len(findings)} findings of {findings[0].subject}"
    if any(each.judged is None for each in findings):
        return f"{len(findings)} findings"
    return f"{len(findings)} findings of {counted(len(subjects), 'workload')}"


def _sentences(findings: Sequence[Finding]) -> tuple[str, ...]:
    if len(findings) == 1:
        return (findings[0].message,)
    said = dict.fromkeys(map(_said, findings))
    if len(said) == 1:
        return tuple(said)
    return (title_of(findings[0].code),)


def _facts(findings: Sequence[Finding], known: Explanations, *, asked: bool) -> Iterator[tuple[str, str]]:
    judged = [each.judged for each in findings if each.judged is not None]
    waivers = (each.waived for each in findings)
    said = [
        ("waived", several(f"until {each.expires}: {each.reason}" for each in waivers if each is not None)),
        ("seen", _seen(judged)),
        ("expected", _expected(judged)),
        *(each for each in _causes(findings) if each[0] != _LOOK and (asked or each[0] != _RULED_OUT)),
        (
            "gap",
            several((gap for each in findings for gap in gaps_beside(each)), _DISTINCT if len(findings) == 1 else 1),
        ),
        ("rule", several(rule_words(each.rule, each.controls) for each in findings if each.rule or each.controls)),
        ("proof", several(proof_words(each.confidence) for each in findings)),
        ("why", _explained(findings, known)),
        ("explains", _explaining(known.by(findings))),
    ]
    return ((label, sentence) for label, sentence in said if sentence)


def _explained(findings: Sequence[Finding], known: Explanations) -> str:
    """`12 of 16 explained by EA307 egress/gw-1/istio-proxy; EA302 shop/cart-1/istio-proxy; and 3 more`."""
    number = sum(bool(known.of((each,))) for each in findings)
    share = f"{number} of {len(findings)} " if number < len(findings) else ""
    return f"{share}explained by {several(map(_name, known.of(findings)))}" if number else ""


def _explaining(findings: Sequence[Finding]) -> str:
    """`explains 16 findings: EA303 shop/Deployment/cart; and 15 more`."""
    return f"{counted(len(findings), 'finding')}: {several(map(_name, findings))}" if findings else ""


def _name(finding: Finding) -> str:
    return f"{finding.code} {finding.subject}"


def _expected(judged: Sequence[Judged]) -> str:
    said = list(dict.fromkeys(expected_words(each.decision) for each in judged))
    # Each has a semicolon before who says so.
    return (
        said[0]
        if len(said) == 1
        else several(f"{each.replace('; ', ' (', 1)})" if "; " in each else each for each in said)
    )


def _seen(judged: Sequence[Judged]) -> str:
    groups = [each.group for each in judged]
    if len(groups) < 2:
        return "".join(map(flows_words, groups))
    flows = counted(sum(each.flows for each in groups), "flow")
    places = counted(len({place(each) for each in groups}), "host and port", "hosts and ports")
    ways = several(way(each) + (f" ({each.reason})" if each.reason else "") for each in groups)
    first, last = min(each.first for each in groups), max(each.last for each in groups)
    return f"{flows} to {places}, {rfc3339(first)} to {rfc3339(last)}: {ways}"


def _causes(findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """The words of the causes: of findings that share one, the facts of the first are an example."""
    by: dict[str, list[Finding]] = {}
    for each in findings:
        if each.causes:
            by.setdefault(each.causes[0].code, []).append(each)
    for alike in by.values():
        first = alike[0]
        if len(alike) == len(findings) and all(each.causes == first.causes for each in alike[1:]):
            yield from cause_words(first.causes)
        else:
            yield from _one_cause(alike, len(findings))


def _one_cause(alike: Sequence[Finding], total: int) -> Iterator[tuple[str, str]]:
    """The words of one cause of several findings; `total` is how many findings the block has."""
    first = alike[0]
    yield from _shares((("cause", each.causes[0].cause) for each in alike), total)
    example = "; ".join(first.causes[0].because[:_DISTINCT])
    # If a finding isn't about flows, each workload has its own sentence.
    if example and not (first.judged is None and example in first.message):
        yield "example", example
    yield from _shares((other for each in alike for other in other_causes(each.causes)), total)
    for label, sentence in cause_words(first.causes):
        if label == "at":
            found = (each.causes[0] for each in alike if each.causes[0].objects)
            yield label, several(f"{each.objects[0]} {each.field}".rstrip() for each in found)
        elif label == "change":
            more = sum(any(cause.fixes for cause in each.causes) for each in alike) - 1
            yield label, f"{sentence}, and {more} more like it" if more else sentence
        elif label not in ("cause", "or", "also"):
            yield label, sentence


def _shares(causes: Iterable[tuple[str, Cause]], total: int) -> Iterator[tuple[str, str]]:
    """Each cause with its label, and of how many of the findings it is one."""
    for (label, code, title), number in Counter((label, each.code, each.title) for label, each in causes).items():
        yield label, f"{code} {title}" + (f" ({number} of {total})" if number < total else "")


def _advice(findings: Sequence[Finding]) -> tuple[str, ...]:
    known = {f"Configuration: {gap}" for each in findings for gap in gaps_beside(each)}
    said = dict.fromkeys(advice for each in findings for advice in told_apart(each.advice, each.causes))
    shown = [each for each in said if each not in known]
    more = len(shown) - _DISTINCT
    return (*shown[:_DISTINCT], *((f"and {more} more, all in -o json",) if more > 0 else ()))


def _members(findings: Sequence[Finding], *, whole: bool) -> tuple[tuple[str, ...], str]:
    """A line for each workload, and how many are left out."""
    by: dict[str, list[Finding]] = {}
    for each in findings:
        by.setdefault(each.subject, []).append(each)
    ways = {way(each.judged.group) for each in findings if each.judged is not None}
    apart = len({_said(each) for each in findings}) > 1, len(ways) > 1
    subjects = list(by)
    most = len(subjects) if whole else _MEMBERS
    lines = tuple(_member(each, by[each], apart, whole=whole) for each in subjects[:most])
    left = subjects[most:]
    if not left:
        return lines, ""
    number = sum(len(by[each]) for each in left)
    return lines, f"and {len(left)} more with {counted(number, 'finding')}; -o text=FILE lists all"


def _said(finding: Finding) -> str:
    return finding.message if finding.judged is None else finding.judged.because


def _member(subject: str, findings: Sequence[Finding], apart: tuple[bool, bool], *, whole: bool) -> str:
    told = dict.fromkeys(_told(each, apart) for each in findings)
    shown = [each for each in told if each]
    most = len(shown) if whole else _PLACES
    more = len(shown) - most
    words = ", ".join((*shown[:most], *((f"and {more} more",) if more > 0 else ())))
    return f"{subject}: {words}" if words else subject


def _told(finding: Finding, apart: tuple[bool, bool]) -> str:
    """What a block says about one of its findings; `apart`: whether they differ in their sentence, in their way."""
    sentences, ways = apart
    if finding.judged is None:
        return finding.message if sentences else ""
    group = finding.judged.group
    names = f" called {several(group.server_names)}" if group.server_names else ""
    path = f"{way(group)}, " if ways else ""
    return f"{place(group)}{names} ({path}{counted(group.flows, 'flow')})"
