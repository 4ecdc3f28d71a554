"""The line that decides: what it proves about one probe, in words.

The decisive line is the first of the chain that was not sent on to another proxy; its `Fate` is already known. In: that
line, its fate and who wrote it. Out: `Seen`, e.g. `Path.DIRECT`, "the sidecar sent it straight to 192.0.2.7:443 (...)".
"""

from __future__ import annotations

from egressaudit.addresses import host_matches, ip_of
from egressaudit.join.line_facts import Fate, LineFate
from egressaudit.judge.hop_facts import ends_of
from egressaudit.judge.probe_surroundings import ProbeSurroundings
from egressaudit.judge.probe_words import LOOK_OUTSIDE, NO_WAY_ON, sent_to, trouble, who_is
from egressaudit.judge.seen import Seen
from egressaudit.judge.words import REASONS
from egressaudit.model import Flow, Hop, ObjectRef, Path, Reporter


def not_left(hop: Hop, fate: LineFate, who: str, decisive: int, around: ProbeSurroundings) -> Seen:
    """A connection that was not made: who tried it, and where to.

    `decisive` is the line's place in the chain: 0 is the line at the source.
    """
    reached, cluster = sent_to(hop), hop.text("upstream_cluster")
    if ip_of(reached) in around.proxies:
        return Seen(
            Path.FAILED,
            f"{who} sent it to the {who_is(reached, around)} at {reached}, which did not take the connection "
            f"({trouble(hop)})",
            advice=("Look at the gateway's pods, its Service's targetPort and its listener for this port.",),
            word=fate.reason,
        )
    if decisive:
        return Seen(
            Path.FAILED,
            f"it reached {who}, which could not pass it on: {trouble(hop)}, cluster {cluster or 'none'}",
            advice=(LOOK_OUTSIDE if cluster else NO_WAY_ON,),
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


def way_out(flow: Flow, decisive: int, fate: LineFate, who: str, around: ProbeSurroundings) -> Seen:
    """A connection that was made, or may have been: its path, and through which gateway or waypoint."""
    hop, target = flow.hops[decisive], flow.probe.target
    reached, cluster = sent_to(hop), hop.text("upstream_cluster")
    certain = fate.fate is Fate.LEFT
    ended = "" if certain else f"; no line says that it was connected ({trouble(hop)})"
    if decisive:
        # A gateway serves many hosts and workloads: that it sent something out proves nothing about this probe unless
        # the cluster is the probed host's.
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


def unproven(hop: Hop, fate: LineFate, who: str) -> Seen:
    """A line that proves no path, and why it does not."""
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


def _names_target(hop: Hop, target: str, around: ProbeSurroundings) -> bool:
    """Whether the cluster's name proves the host: not where the sender chose the address."""
    host, port, gateway = hop.text("cluster_host"), hop.get("cluster_port"), around.writers.get(hop.line.source)
    cluster = gateway, host, port, hop.text("cluster_subset") or ""
    stands = any((each.gateway, each.host, each.port, each.subset) == cluster for each in around.stand_ins)
    return (stands or host_matches(host, target)) and not ends_of(hop, around.surfaces).by_sender
