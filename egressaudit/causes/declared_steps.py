"""What the configuration makes of a flow at its source (`Symptoms.steps`), against what the line there says.

In: `Symptoms` with steps. Out: whether the two agree, and the rule that decides. Example: a step that sends to
`outbound|80||gw.egress.svc.cluster.local` and a line with PassthroughCluster do not agree. Where no steps are known,
nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.causes.symptoms import Symptoms
from egressaudit.model import Act, Choice, RuleRef, Step


def at_source(seen: Symptoms) -> Step | None:
    """What the proxy that carries the source does with the call; None if it is not known."""
    return next((each for each in seen.steps if each.reporter.at_source and each.choices), None)


def taken(seen: Symptoms) -> tuple[Choice, ...]:
    """The declared choices that the line at the source fits; empty if there is none, or nothing to hold it against."""
    step = at_source(seen)
    return () if step is None else tuple(each for each in step.choices if _fits(each, seen))


def agrees(seen: Symptoms) -> bool | None:
    """Whether the line at the source is what the configuration makes of the call; None where that is not known."""
    if at_source(seen) is None or seen.source_line is None or seen.by_ztunnel:
        return None
    return bool(taken(seen))


def _fits(choice: Choice, seen: Symptoms) -> bool:
    line = seen.source_line
    cluster = None if line is None else line.text("upstream_cluster")
    match choice.act:
        case Act.SEND:
            # A cluster that is not there is NC in the line, without a name.
            return cluster in {each.cluster for each in choice.to}
        case Act.PASSTHROUGH:
            return seen.cluster_kind in ("passthrough", "dynamic-dns")
        case _:
            return seen.cluster_kind == "blackhole" or (line is not None and line.text("upstream_host") is None)


def declared_words(step: Step) -> str:
    """Where the configuration sends it, and by which rule."""
    return "; or ".join(dict.fromkeys(_words(each) for each in step.choices))


def _words(choice: Choice) -> str:
    where = ", ".join(each.cluster for each in choice.to) or choice.reason or choice.act.value
    return f"{where} by {choice.rule}" if choice.rule is not None else where


def deciding_rules(seen: Symptoms) -> Iterator[RuleRef]:
    """The rules that decided, where the line is what they say."""
    for each in taken(seen):
        if each.rule is not None:
            yield each.rule
