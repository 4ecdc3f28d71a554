"""A probe of which a proxy has no line: which way it left then, and what to do about it.

In: the joined hops of one probe and its surroundings. Out: `Seen`, e.g. `Path.DIRECT` for a pod that is provably not
captured, else UNKNOWN: "egress/egress-0/istio-proxy has no line about this probe; ...".
"""

from __future__ import annotations

from egressaudit.addresses import ip_of
from egressaudit.judge.probe_surroundings import ProbeSurroundings
from egressaudit.judge.probe_words import IS_LOGGING_ON, SPEAK_HTTP, USE_JSON, counted, curl_said, sent_to, who_is
from egressaudit.judge.seen import Seen
from egressaudit.mesh.places import Place
from egressaudit.model import Flow, LineCount, Path, Scheme


def no_source_line(flow: Flow, around: ProbeSurroundings) -> Seen:
    """No proxy at the source has a line about it."""
    result = flow.probe.result
    # Lines are joined by curl's socket: without one nothing can come that would be about it.
    final = result.local_address is None
    if flow.ambiguous:
        why = f"more than one line of the source fits this probe: {flow.ambiguous}"
        return Seen(Path.UNKNOWN, why, final=False, soon=True)
    if flow.unclean:
        line = flow.unclean[0].line
        return Seen(
            Path.UNKNOWN,
            f"{line.source}:{line.number} may be about this probe but is not clean: it holds quotes or spaces that its "
            "format does not make",
            final=final,
            soon=True,
            advice=(USE_JSON,),
        )
    if around.uncaptured:
        # Nothing on the way writes a log, so curl is the only witness: it can prove that a connection was made, but not
        # why one was not.
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
            reached = "curl did not report where it connected to"
            if result.remote_address is not None:
                reached = f"curl connected to {result.remote_address}, {what}"
            return Seen(Path.UNKNOWN, f"{around.uncaptured}, and {reached}")
        return Seen(
            Path.DIRECT,
            f"{around.uncaptured}; curl connected straight to {result.remote_address}",
            # A pod that has a proxy may yet turn out to be captured: then its line comes with the next flush.
            final=around.source_log is None,
            soon=True,
        )
    if around.source_log is None:
        return Seen(Path.UNKNOWN, "no proxy is known to carry this pod's traffic, so no log can prove its path")
    count = around.lines.get(around.source_log, LineCount())
    curl = "" if result.exit_code == 0 else f" ({curl_said(flow)})"
    return Seen(
        Path.UNKNOWN,
        f"{around.source_log} has no line about this probe{curl}; {counted(count)}",
        final=final,
        soon=around.bare or bool(around.silent.get(around.source_log)),
        advice=(SPEAK_HTTP, IS_LOGGING_ON) if flow.probe.target.scheme is Scheme.TCP else (IS_LOGGING_ON,),
    )


def no_proxy_line(flow: Flow, around: ProbeSurroundings) -> Seen:
    """The chain ends at a connection to a gateway or waypoint that has no line of its own."""
    reached = sent_to(flow.hops[-1])
    log = around.logs.get(ip_of(reached) or "")
    if log is None:
        return Seen(
            Path.UNKNOWN,
            f"it was sent to the {who_is(reached, around)} at {reached}, whose log was not read",
            advice=("Is it the right one? Run again with --expect gateway=NAMESPACE/NAME: its chain is followed.",),
        )
    if any(hop.line.source == log for hop in flow.unclean):
        return Seen(
            Path.UNKNOWN,
            f"the line of {log} about this probe is not clean, so it proves nothing",
            final=False,
            soon=True,
            advice=(USE_JSON,),
        )
    count = around.lines.get(log, LineCount())
    return Seen(
        Path.UNKNOWN,
        f"it was sent to the {who_is(reached, around)} at {reached}, but {log} has no line about it; {counted(count)}",
        final=False,
        soon=bool(around.silent.get(log)),
        advice=(IS_LOGGING_ON,),
    )
