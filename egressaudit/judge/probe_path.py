"""Which way one probe left, as far as its lines prove it.

1. No word from curl itself: unknown.
2. No line at the source: `direct` only for a pod that is provably outside the mesh's capture; else unknown.
3. Each line of the chain has its fate (`fate.fate_of`), the same as in an audit. The first one that was not handed on
   to a proxy decides.
4. Through a gateway or waypoint it left only if its own line says so: joined by addresses, through a cluster that names
   the host, to an address that is proven outside.
5. More than one candidate line for a hop: unknown.
6. A line of a log in which whole lines can be forged (CVE-2024-45808) is no proof, whatever it says: unknown.

In: a `Flow` (the joined hops) and its surroundings. Out: `Seen(Path.VIA_GATEWAY, "it left through ...")`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from egressaudit.addresses import host_matches, ip_of
from egressaudit.join.line_facts import Fate, LineFate
from egressaudit.judge.fate import OTHER_ENDPOINTS, fate_of
from egressaudit.judge.hop_facts import Surfaces, ends_of, facts_of
from egressaudit.judge.single import (
    FIX_FORGEABLE,
    IS_LOGGING_ON,
    LOOK_OUTSIDE,
    SPEAK_HTTP,
    USE_JSON,
    contradicts,
    counted,
    curl_said,
    refused_by,
    sent_to,
    trouble,
)
from egressaudit.judge.words import REASONS
from egressaudit.mesh.places import Place
from egressaudit.model import Flow, Hop, LineCount, LogSource, ObjectRef, Path, Reporter, Scheme


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What judging one flow needs to know beside its lines. `lines` counts what was read of each log."""

    uncaptured: str
    """Why the source pod's traffic provably is not captured; empty where it is, or where that cannot be told."""
    source_log: LogSource | None
    surfaces: Surfaces
    lines: Mapping[LogSource, LineCount]
    logs: Mapping[str, LogSource]
    """The log of each gateway and waypoint pod that was read, by address."""
    writers: Mapping[LogSource, ObjectRef] = field(default_factory=dict)
    """The gateway or waypoint that writes each log: pods on the network of one node share its address."""
    mirrored: tuple[str, ...] = ()
    """The rules that may send copies of this request out of the cluster, unlogged."""
    forgeable: Mapping[LogSource, str] = field(default_factory=dict)
    """Why whole lines of a log may be forged, one sentence each; logs of which that is not known are not in it."""

    @property
    def proxies(self) -> Mapping[str, tuple[Reporter, ObjectRef]]:
        """The address of each gateway and waypoint pod: its kind, and the gateway it belongs to."""
        return self.surfaces.places.proxies


@dataclass(frozen=True, slots=True)
class Seen:
    """A path, and whether it is proven that it left (`certain`); `final` as in `Verdict`."""

    path: Path
    reason: str
    certain: bool = True
    final: bool = True
    through: tuple[ObjectRef, ...] = ()
    """The gateway and waypoint pods whose own lines are in the chain."""
    advice: tuple[str, ...] = ()
    word: str = ""
    """The reason in one word, as `FlowGroup.reason`."""


def path_seen(flow: Flow, around: Surroundings) -> Seen:
    """The way one flow left, by the rules above."""
    result = flow.probe.result
    if result.exit_code is None:
        return Seen(
            Path.UNKNOWN,
            "curl's own report did not come back: the exec stream was cut or curl was killed",
            advice=("Run it again; if it repeats, look for what ends processes or streams in that container.",),
        )
    if not flow.hops:
        return _no_source_line(flow, around)
    if flow.ambiguous:
        return Seen(
            Path.UNKNOWN,
            f"more than one log line fits this probe: {flow.ambiguous}",
            final=False,
            advice=("Run it again: a new probe has a new socket and a new nonce.",),
        )
    if found := next((each for each in flow.hops if each.line.source in around.forgeable), None):
        return Seen(
            Path.UNKNOWN,
            f"{found.line.source}:{found.line.number} proves nothing: {around.forgeable[found.line.source]}",
            advice=(FIX_FORGEABLE,),
        )
    return _by_lines(flow, around)


# ---------------------------------------------------------------- rule 2: nothing at the source


def _no_source_line(flow: Flow, around: Surroundings) -> Seen:
    result = flow.probe.result
    if flow.ambiguous:
        return Seen(Path.UNKNOWN, f"more than one line of the source fits this probe: {flow.ambiguous}", final=False)
    if flow.unclean:
        line = flow.unclean[0].line
        return Seen(
            Path.UNKNOWN,
            f"{line.source}:{line.number} may be about this probe but is not clean: it holds quotes or spaces that its "
            "format does not make",
            final=False,
            advice=(USE_JSON,),
        )
    if around.uncaptured:
        if not result.connected:
            return Seen(
                Path.UNKNOWN,
                f"curl did not connect ({curl_said(flow)}), and {around.uncaptured}: that does not prove that policy "
                "blocked it",
            )
        place = around.surfaces.places.place(result.remote_address).place
        if place is not Place.OUTSIDE:
            of_cluster = place in (Place.PROXY, Place.INSIDE, Place.SERVICE)
            what = "an address of this cluster" if of_cluster else "which is not proven to be outside the cluster"
            return Seen(Path.UNKNOWN, f"{around.uncaptured}, and curl connected to {result.remote_address}, {what}")
        return Seen(
            Path.DIRECT,
            f"{around.uncaptured}; curl connected straight to {result.remote_address}",
            # A pod that has a proxy may yet turn out to be captured: its line would come within the deadline.
            final=around.source_log is None,
        )
    if around.source_log is None:
        return Seen(Path.UNKNOWN, "no proxy is known to carry this pod's traffic, so no log can prove its path")
    count = around.lines.get(around.source_log, LineCount())
    curl = "" if result.exit_code == 0 else f" ({curl_said(flow)})"
    return Seen(
        Path.UNKNOWN,
        f"{around.source_log} has no line about this probe{curl}; {counted(count)}",
        final=False,
        advice=(SPEAK_HTTP, IS_LOGGING_ON) if flow.probe.target.scheme is Scheme.TCP else (IS_LOGGING_ON,),
    )


# ---------------------------------------------------------------- rules 3 and 4: what the lines say


def _by_lines(flow: Flow, around: Surroundings) -> Seen:
    fates = [fate_of(facts_of(hop, around.surfaces)) for hop in flow.hops]
    decisive = next((n for n, each in enumerate(fates) if each.fate is not Fate.ONWARD), len(fates) - 1)
    hop, fate = flow.hops[decisive], fates[decisive]
    who = _who_wrote(flow, decisive, around)
    if against := _against(flow, decisive):
        return against
    match fate.fate:
        case Fate.ONWARD:
            return _no_proxy_line(flow, around)
        case Fate.REFUSED:
            said = refused_by(hop, fate)
            place = f" ({hop.line.source}:{hop.line.number})" if decisive else ""
            return Seen(Path.BLOCKED, f"{who} refused it: {said}{place}", word=fate.reason)
        case Fate.NOT_LEFT:
            return _not_left(hop, fate, who, decisive, around)
        case Fate.FOREIGN:
            where = f"{hop.line.source}:{hop.line.number}"
            return Seen(Path.UNKNOWN, f"{where} has another pod's sockets, so it proves nothing for its own pod")
        case Fate.LEFT | Fate.MAY_HAVE_LEFT if fate.path is not Path.UNKNOWN:
            seen = _left(flow, decisive, fate, who, around)
            doubt = any(each.reason == OTHER_ENDPOINTS for each in fates[: decisive + 1])
            return _doubted(seen) if doubt and seen.path is not Path.UNKNOWN else seen
    return _unproven(hop, fate, who)


def _doubted(seen: Seen) -> Seen:
    """True of the last attempt, and no proof that there was no other."""
    return replace(seen, word=OTHER_ENDPOINTS, reason=f"{seen.reason}; {REASONS[OTHER_ENDPOINTS]}")


def _not_left(hop: Hop, fate: LineFate, who: str, decisive: int, around: Surroundings) -> Seen:
    reached, cluster = sent_to(hop), hop.text("upstream_cluster")
    if ip_of(reached) in around.proxies:
        return Seen(
            Path.FAILED,
            f"{who} sent it to the {_who(reached, around)} at {reached}, which did not take the connection "
            f"({trouble(hop)})",
            advice=("Look at the gateway's pods, its Service's targetPort and its listener for this port.",),
            word=fate.reason,
        )
    if decisive:
        return Seen(
            Path.FAILED,
            f"it reached {who}, which could not pass it on: {trouble(hop)}, cluster {cluster or 'none'}",
            advice=(LOOK_OUTSIDE,),
            word=fate.reason,
        )
    named = "" if hop.reporter is Reporter.ZTUNNEL else f", cluster {cluster or 'none'}"
    if reached is None or hop.reporter is Reporter.ZTUNNEL:
        return Seen(
            Path.FAILED,
            f"{who} could not send it on: {trouble(hop)}{named}",
            advice=("A cluster without endpoints is a gateway without ready pods; NC or NR is a route to nothing.",),
            word=fate.reason,
        )
    return Seen(
        Path.FAILED,
        f"{who} would have sent it straight to {reached}{named}, but could not connect ({trouble(hop)}): nothing left",
        advice=("It was not steered to a gateway: had the connection been made, it would have left around it.",),
        word=fate.reason,
    )


def _left(flow: Flow, decisive: int, fate: LineFate, who: str, around: Surroundings) -> Seen:
    hop, target = flow.hops[decisive], flow.probe.target
    reached, cluster = sent_to(hop), hop.text("upstream_cluster")
    certain = fate.fate is Fate.LEFT
    ended = "" if certain else f"; no line says that it was connected ({trouble(hop)})"
    if decisive:
        if not _names_target(hop, target.host, around):
            said = f"{who} sent it to {reached} through {cluster}, which does not name {target.host}"
            return Seen(Path.UNKNOWN, said)
        went = f"it left through {who} to {reached} ({cluster})"
        if not certain:
            went = f"it reached {who}, which tried to pass it on to {reached} ({cluster}); whether an attempt was"
            went += f" connected is not known: {trouble(hop)}"
        return Seen(
            fate.path,
            went,
            certain=certain,
            advice=() if certain else (LOOK_OUTSIDE,),
            through=tuple(ObjectRef(each.line.source.namespace, each.line.source.pod) for each in flow.hops[1:]),
            word=fate.reason,
        )
    if hop.reporter is Reporter.ZTUNNEL:
        return _left_from_ztunnel(hop, fate, ended)
    if fate.path is Path.PASSTHROUGH:
        said = (
            f"the sidecar does not know {target.host} on port {target.port} and sent it to {reached} through "
            f"{cluster}{ended}"
        )
    elif host_matches(hop.text("cluster_host"), target.host):
        said = f"the sidecar sent it straight to {reached} ({cluster}, route {hop.text('route_name') or '-'}){ended}"
    else:
        said = f"the sidecar sent it out to {reached} ({cluster}){ended}"
    return Seen(fate.path, said, certain=certain, word=fate.reason)


def _left_from_ztunnel(hop: Hop, fate: LineFate, ended: str) -> Seen:
    reached, certain = hop.text("dst_addr"), fate.fate is Fate.LEFT
    if fate.path is Path.DIRECT:
        said = f"ztunnel sent it straight to {reached} ({hop.text('dst_service')}){ended}"
        return Seen(Path.DIRECT, said, certain=certain, word=fate.reason)
    return Seen(
        Path.PASSTHROUGH,
        f"ztunnel knows no service at {reached} and passed it through{ended}",
        certain=certain,
        advice=("Is DNS capture on? Without it ambient pods dial the public address and ServiceEntry is not used.",),
        word=fate.reason,
    )


def _unproven(hop: Hop, fate: LineFate, who: str) -> Seen:
    reached, cluster = sent_to(hop), hop.text("upstream_cluster")
    through = f" ({cluster})" if cluster else ""
    if fate.fate in (Fate.INSIDE, Fate.INBOUND) or fate.reason == "inside-address":
        return Seen(
            Path.UNKNOWN,
            f"{who} sent it to {reached}{through}, an address of this cluster that is not known as a gateway or "
            "waypoint pod",
            advice=("Was a gateway pod replaced during the run? Run it again.",),
            word=fate.reason,
        )
    return Seen(
        Path.UNKNOWN,
        f"{who} sent it to {reached}{through}: {REASONS.get(fate.reason, fate.reason)}",
        advice=("Was a gateway pod replaced during the run? Run it again.",) if "replaced" in fate.reason else (),
        final=fate.reason != "no-gateway-line",
        word=fate.reason,
    )


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


def _names_target(hop: Hop, target: str, around: Surroundings) -> bool:
    """Whether the cluster's name proves the host: not where the sender chose the address."""
    return host_matches(hop.text("cluster_host"), target) and not ends_of(hop, around.surfaces).by_sender


def _no_proxy_line(flow: Flow, around: Surroundings) -> Seen:
    """The chain ends at a connection to a gateway or waypoint that has no line of its own."""
    reached = sent_to(flow.hops[-1])
    log = around.logs.get(ip_of(reached) or "")
    if log is None:
        return Seen(
            Path.UNKNOWN,
            f"it was sent to the {_who(reached, around)} at {reached}, whose log was not read",
            advice=("Is it the right one? Run again with --expect gateway=NAMESPACE/NAME: its chain is followed.",),
        )
    if any(hop.line.source == log for hop in flow.unclean):
        return Seen(
            Path.UNKNOWN,
            f"the line of {log} about this probe is not clean, so it proves nothing",
            final=False,
            advice=(USE_JSON,),
        )
    count = around.lines.get(log, LineCount())
    return Seen(
        Path.UNKNOWN,
        f"it was sent to the {_who(reached, around)} at {reached}, but {log} has no line about it; {counted(count)}",
        final=False,
        advice=(IS_LOGGING_ON,),
    )


# ---------------------------------------------------------------- in words, and where


def _who(reached: str | None, around: Surroundings) -> str:
    kind, ref = around.proxies[ip_of(reached) or ""]
    return f"{kind.noun} {ref}"


def _who_wrote(flow: Flow, number: int, around: Surroundings) -> str:
    """The proxy that wrote a line of the chain."""
    hop = flow.hops[number]
    if hop.reporter.at_source:
        return "ztunnel" if hop.reporter is Reporter.ZTUNNEL else f"the {hop.reporter.noun}"
    ref = around.writers.get(hop.line.source)
    if ref is None:
        return f"the {_who(sent_to(flow.hops[number - 1]), around)}"
    return f"the {hop.reporter.noun} {ref}"
