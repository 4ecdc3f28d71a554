"""The lines that a report shows: those that prove flows, and those that prove nothing.

In: flows with the places of their lines, and the logs. Out: groups with `Evidence`, and `UnjudgedLines`. The logs are
read again for this: keeping every line from the first reading would take as much memory as the logs are large.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from egressaudit.findings.facts import UnjudgedLines
from egressaudit.join.results import Proof
from egressaudit.join.window_hops import WindowHops
from egressaudit.model import Evidence, FlowGroup, Judged, LogSource, Reporter
from egressaudit.probe import is_marked
from egressaudit.sources import Sources
from egressaudit.sources.lookup import lines_at

Texts = Mapping[tuple[str, int], str]
"""A line's text by its log's path and its number."""


def shown_lines(
    flows: Iterable[tuple[FlowGroup, tuple[Proof, ...]]],
    hops: WindowHops,
    sources: Sources,
) -> Texts:
    """All lines that a report shows of flows and of what is not clean, from the logs that `hops` are of."""
    wanted: defaultdict[str, set[int]] = defaultdict(set)
    for _, proofs in flows:
        for proof in proofs:
            for number, line in filter(None, (proof.sender, proof.last)):
                wanted[hops.logs[number].path].add(line)
    for path, lines in hops.unclean.items():
        wanted[path].update(lines)
    return lines_at(sources, {path: lines for path, lines in wanted.items() if lines})


def with_evidence(
    flows: Iterable[tuple[FlowGroup, tuple[Proof, ...]]], hops: WindowHops, texts: Texts
) -> list[FlowGroup]:
    """The groups with the lines that prove them."""
    logs = hops.logs
    roles = {number: Reporter(role).place for number, role in hops.engine.roles().items()}

    def evidence(ref: tuple[int, int]) -> Evidence:
        number, line = ref
        return Evidence(logs[number].name, line, texts.get((logs[number].path, line), ""), roles[number])

    return [
        replace(
            group,
            evidence=tuple(
                dict.fromkeys(
                    evidence(ref) for proof in proofs for ref in (proof.sender, proof.last) if ref is not None
                )
            ),
        )
        for group, proofs in flows
    ]


def marked(judged: Judged) -> Judged:
    """The same, saying how many of the lines shown carry the mark of our own probes. It changes no outcome."""
    evidence = judged.group.evidence
    count = sum(is_marked(each.raw) for each in evidence)
    if not count:
        return judged
    shown = "the line shown carries" if len(evidence) == 1 else f"{count} of the {len(evidence)} lines shown carry"
    because = f"{judged.because}; {shown} the mark of egressaudit's own probes, which any sender can write"
    return replace(judged, because=because)


def unjudged_lines(hops: WindowHops, texts: Texts, unproven: frozenset[LogSource] = frozenset()) -> UnjudgedLines:
    """The lines that are not clean or not parsed, and the logs of no pod, those of `unproven` proxies apart."""
    unclean, unparsed, unknown, foreign = [], [], [], []
    for number, log in enumerate(hops.logs):
        if count := hops.engine.foreign.get(number, 0):
            foreign.append((log.name, count))
        if log.count.unclean:
            lines = tuple(
                Evidence(log.name, line, texts.get((log.path, line), ""), "unclean") for line in hops.unclean[log.path]
            )
            unclean.append((log.name, log.count.unclean, lines))
        if log.count.unparsed:
            unparsed.append((log.name, log.count.unparsed, tuple(hops.unparsed[log.path])))
        if log.count.access and log.path not in hops.judged and log.source not in unproven:
            unknown.append((log.name, log.count.access))
    return UnjudgedLines(tuple(unclean), tuple(unparsed), tuple(unknown), tuple(foreign))
