"""What the proxies do instead of what was meant: the first place at which a way leaves the one that was meant.

In: the ends of a `model.Way`, the target, what was meant. Out: `Fault`s, e.g. `egress/gw has no route for
docs.example.com on port 8080, where VirtualService egress/docs spec.http[0] sends it`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from egressaudit.mesh import way_fault_texts as fault
from egressaudit.model import Act, Fault, Path, Reporter, Step, WayEnd


def way_faults(ends: Iterable[WayEnd], host: str, path: Path | None, *, explained: bool) -> tuple[Fault, ...]:
    """Why a way that was meant, by a path, is not the way that is taken; empty where nothing was meant.

    `ends` are those of the way that is taken. `explained`: faults that are known already say why it leaves at its
    source.
    """
    if path is None:
        return ()
    return tuple(dict.fromkeys(each for end in ends for each in _of_end(end, host, explained=explained)))


def _of_end(end: WayEnd, host: str, *, explained: bool) -> Iterator[Fault]:
    last, choice = end.passed[-1], end.choice
    if choice.act is Act.REFUSE:
        if choice.reason == "no-cluster" and choice.rule is not None:
            yield fault.cluster_missing(choice.rule, last.proxy, host)
        elif not last.reporter.at_source:
            yield from _refused(last, choice.reason, host)
    elif end.to is not None and last.reporter.at_source and end.rules and not explained:
        yield fault.sent_past_gateway(end.rules[-1], host, end.to.cluster)


def _refused(step: Step, reason: str, host: str) -> Iterator[Fault]:
    port = step.call.port
    match reason:
        case "no-listener":
            yield fault.not_listening(step.proxy, port)
        case "no-filter-chain" if step.reporter is Reporter.WAYPOINT:
            yield fault.no_route_at_gateway(step.proxy, port, host)
        case "no-filter-chain":
            yield fault.server_name_not_served(step.proxy, port, host)
        case "no-route":
            yield fault.no_route_at_gateway(step.proxy, port, host)
        case "tls-error":
            yield fault.other_tls_at_gateway(step.proxy, port, host)
        case "protocol-error":
            yield fault.not_http_at_gateway(step.proxy, port, host)
