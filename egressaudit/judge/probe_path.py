"""Which way one probe left, as far as its lines prove it.

1. No word from curl itself: unknown.
2. No line at the source: `direct` only for a pod that is provably outside the mesh's capture; else unknown.
3. Each line of the chain has its fate (`fate.fate_of`), the same as in an audit. The first line that was not sent on to
   another proxy decides.
4. It left through a gateway or waypoint only if that proxy's own line says so: joined by addresses, through a cluster
   that names the host, to an address that is proven to be outside.
5. More than one candidate line for a hop: unknown.
6. A log in which whole lines can be forged (CVE-2024-45808) proves nothing, whatever its lines say: unknown.

`missing_line` has rule 2 and the end of rule 4, `decisive_line` the words of rules 3 and 4.

In: a `Flow` (the joined hops) and its surroundings. Out: `Seen(Path.VIA_GATEWAY, "it left through ...")`.
"""

from __future__ import annotations

from dataclasses import replace

from egressaudit.addresses import host_matches
from egressaudit.join.line_facts import Fate
from egressaudit.judge.decisive_line import not_left, unproven, way_out
from egressaudit.judge.fate import OTHER_ENDPOINTS, fate_of
from egressaudit.judge.hop_facts import facts_of
from egressaudit.judge.missing_line import no_proxy_line, no_source_line
from egressaudit.judge.probe_surroundings import ProbeSurroundings
from egressaudit.judge.probe_words import FIX_FORGEABLE, contradicts, refused_by, who_wrote
from egressaudit.judge.seen import Seen
from egressaudit.judge.words import REASONS
from egressaudit.model import Flow, Path, Reporter


def path_seen(flow: Flow, around: ProbeSurroundings) -> Seen:
    """The way one flow left, by the rules above."""
    result = flow.probe.result
    if result.exit_code is None:
        return Seen(
            Path.UNKNOWN,
            "curl's own report did not come back: the exec stream was cut or curl was killed",
            advice=("Run it again; if it repeats, look for what ends processes or streams in that container.",),
        )
    if not flow.hops:
        return no_source_line(flow, around)
    if flow.ambiguous:
        return Seen(
            Path.UNKNOWN,
            f"more than one log line fits this probe: {flow.ambiguous}",
            final=False,
            soon=True,
            advice=("Run it again: a new probe has a new socket and a new nonce.",),
        )
    if found := next((each for each in flow.hops if each.line.source in around.forgeable), None):
        return Seen(
            Path.UNKNOWN,
            f"{found.line.source}:{found.line.number} proves nothing: {around.forgeable[found.line.source]}",
            advice=(FIX_FORGEABLE,),
        )
    return _by_lines(flow, around)


def _by_lines(flow: Flow, around: ProbeSurroundings) -> Seen:
    fates = [fate_of(facts_of(hop, around.surfaces)) for hop in flow.hops]
    decisive = next((n for n, each in enumerate(fates) if each.fate is not Fate.ONWARD), len(fates) - 1)
    hop, fate = flow.hops[decisive], fates[decisive]
    who = who_wrote(flow, decisive, around)
    doubt = any(each.reason == OTHER_ENDPOINTS for each in fates[: decisive + 1])
    if against := _against(flow, decisive):
        return against
    match fate.fate:
        case Fate.ONWARD:
            return no_proxy_line(flow, around)
        case Fate.REFUSED:
            said = refused_by(hop, fate)
            place = f" ({hop.line.source}:{hop.line.number})" if decisive else ""
            seen = Seen(Path.BLOCKED, f"{who} refused it: {said}{place}", word=fate.reason)
            return _doubted(seen) if doubt else seen
        case Fate.NOT_LEFT:
            seen = not_left(hop, fate, who, decisive, around)
            return _doubted(seen) if doubt else seen
        case Fate.FOREIGN:
            where = f"{hop.line.source}:{hop.line.number}"
            return Seen(Path.UNKNOWN, f"{where} has another pod's sockets, so it proves nothing for its own pod")
        case Fate.LEFT | Fate.MAY_HAVE_LEFT if fate.path is not Path.UNKNOWN:
            seen = way_out(flow, decisive, fate, who, around)
            return _doubted(seen) if doubt and seen.path is not Path.UNKNOWN else seen
    return unproven(hop, fate, who)


def _doubted(seen: Seen) -> Seen:
    """True of the last attempt, and no proof that there was no other."""
    return replace(seen, word=OTHER_ENDPOINTS, reason=f"{seen.reason}; {REASONS[OTHER_ENDPOINTS]}")


def _against(flow: Flow, decisive: int) -> Seen | None:
    """A line on the way that is about something else: another status, or a tunnel for another service."""
    for number, hop in enumerate(flow.hops[: decisive + 1]):
        if contradicts(flow, hop):
            where = f"{hop.line.source}:{hop.line.number}" if number else "the source's line"
            code = flow.probe.result.http_code
            return Seen(Path.UNKNOWN, f"curl was answered {code}, but {where} says {hop.get('response_code')}")
    first, target = flow.hops[0], flow.probe.target.host
    service = first.text("dst_service")
    if first.reporter is Reporter.ZTUNNEL and first.text("dst_hbone_addr") and not host_matches(service, target):
        return Seen(Path.UNKNOWN, f"ztunnel's line names the service {service or '-'}, not {target}")
    return None
