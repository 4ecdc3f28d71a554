"""What the reports of `analyze` say in the same words: ways, effects, and the outcome with its counts.

In: a part of the report. Out: words, e.g. `shop (sidecar) → egress gateway egress/gw → docs.redhat.com:80`.
"""

from __future__ import annotations

from collections.abc import Sequence

from egressaudit.model import Outcome, Path, Reporter
from egressaudit.model.analysis import AnalyzeReport, DeclaredWay, Effect, FoundFault
from egressaudit.report.wording import counted

EFFECTS = {
    Effect.AROUND: "goes around",
    Effect.FAILS: "does not get out",
    Effect.UNSEEN: "is not logged",
    Effect.OPEN: "not decided",
}
NOTHING = "no declared way"


def place_of(way: DeclaredWay) -> str:
    """`docs.redhat.com:443`; an IPv6 address in brackets."""
    return f"[{way.host}]:{way.port}" if ":" in way.host else f"{way.host}:{way.port}"


def hops_of(way: DeclaredWay) -> tuple[str, ...]:
    """The proxies on the way, in its order: `waypoint egress/waypoint`, `egress gateway egress/gw`."""
    if way.path is None or way.via is None:
        return ()
    last = Reporter.on(way.path)
    first = Reporter.WAYPOINT if way.path is Path.VIA_GATEWAY else Reporter.EGRESS_GATEWAY
    return (*(f"{first.noun} {each}" for each in way.passing), f"{last.noun if last else way.path} {way.via}")


def named(items: Sequence[str], most: int) -> str:
    """The first few of several names, and how many more there are."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")


def hit_words(found: FoundFault, most: int) -> str:
    """What a fault hits: `docs.redhat.com:80 from shop (sidecar)`."""
    return f"{named(found.hosts, most)} from {named(found.sources, most)}"


def undeclared(report: AnalyzeReport) -> tuple[str, ...]:
    """The hosts and ports with no declared way from at least one group of sources, sorted."""
    return tuple(sorted({place_of(each) for each in report.ways if each.path is None}))


def summary_line(report: AnalyzeReport) -> str:
    """The outcome in words with its counts: what a reader who reads one line must know."""
    outcomes = [each.outcome for each in report.ways]
    hosts = {(each.host, each.port) for each in report.ways}
    around = sum(each.effect is Effect.AROUND for each in report.faults)
    groups = counted(len(report.groups), "group")
    parts = [
        f"{counted(len(hosts), 'host and port', 'hosts and ports')} from {groups} of sources",
        f"{counted(outcomes.count(Outcome.PASS), 'way')} without a fault",
        f"{len(undeclared(report))} with no declared way",
        counted(len(report.faults), "fault"),
    ]
    if around:
        parts.append(f"{around} of them around a gateway or waypoint")
    if report.undecided:
        parts.append(f"{counted(len(report.undecided), 'kind')} of objects not read")
    return f"{report.outcome}: {', '.join(parts)}"
