"""Which way a flow left, as far as its lines prove it.

The rules, in the order in which they are asked:

1. No word from curl itself: unknown.
2. No line at the source: `direct` only for a pod that is provably outside the mesh's capture; else unknown.
3. The source's line says where it sent the flow: PassthroughCluster, BlackHoleCluster, straight to the external
   host, or to the address of a gateway or waypoint pod.
4. A gateway or waypoint proves `via-...` only with its own line: joined by addresses, a cluster that names the host,
   a real address outside the mesh, and neither a flag nor a detail that says that nothing left.
5. More than one candidate line for a hop: unknown.
6. A line of a log in which whole lines can be forged (CVE-2024-45808) is no proof, whatever it says: unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egressaudit.addresses import host_matches, ip_of, is_own, port_of
from egressaudit.judge.single import answered, connected, contradicts, curl_said, refused_by, sent_to, trouble
from egressaudit.model import Flow, Hop, LineCount, LogSource, ObjectRef, Path, Reporter, Scheme

HBONE_PORT = 15008
"""Where waypoints and ztunnels take tunnels (istio/ztunnel src/config.rs)."""

_ZTUNNEL_REFUSES = "connection closed due to policy rejection"
"""How its error begins where an AuthorizationPolicy refused (istio/ztunnel src/proxy.rs)."""

_USE_JSON = "Set meshConfig.accessLogEncoding to JSON: JSON logs escape what a workload writes."
_FIX_FORGEABLE = (
    "Upgrade the proxy to Istio 1.21.6, 1.22.5, 1.23.2 or later (OpenShift Service Mesh 2.6.2 or 3), or set "
    "meshConfig.accessLogEncoding to JSON, which escapes what a client sends."
)
_IS_LOGGING_ON = (
    "Is access logging on there? meshConfig.accessLogFile must be /dev/stdout, and no Telemetry may disable or "
    "filter it."
)

_SPEAK_HTTP = "If this port is HTTP in the mesh, proxies log its requests and not bare connections: use --scheme http."

_SERVICE_DOMAIN = ".svc."
"""Every Kubernetes Service host has it (`name.namespace.svc.cluster.local`)."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What judging one flow needs to know beside its lines.

    `proxies` maps the address of each gateway and waypoint pod to its kind and the gateway it belongs to;
    `addresses` are those of all pods and Services; `lines` counts what was read of each log.
    """

    uncaptured: str
    """Why the source pod's traffic provably is not captured; empty where it is, or where that cannot be told."""
    source_log: LogSource | None
    proxies: Mapping[str, tuple[Reporter, ObjectRef]]
    addresses: frozenset[str]
    lines: Mapping[LogSource, LineCount]
    logs: Mapping[str, LogSource]
    """The log of each gateway and waypoint pod that was read, by address."""
    writers: Mapping[LogSource, ObjectRef] = field(default_factory=dict)
    """The gateway or waypoint that writes each log: pods on the network of one node share its address."""
    forgeable: Mapping[LogSource, str] = field(default_factory=dict)
    """Why whole lines of a log may be forged, one sentence each; logs of which that is not known are not in it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A path, and whether bytes are proven to have gone there (`arrived`); `final` as in `Verdict`."""

    path: Path
    reason: str
    arrived: bool = False
    final: bool = True
    through: tuple[ObjectRef, ...] = ()
    """The gateway and waypoint pods whose own lines are in the chain."""
    advice: tuple[str, ...] = ()


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
            advice=(_FIX_FORGEABLE,),
        )
    first = flow.hops[0]
    return (
        _from_ztunnel(flow, first, around) if first.reporter is Reporter.ZTUNNEL else _from_sidecar(flow, first, around)
    )


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
            advice=(_USE_JSON,),
        )
    if around.uncaptured:
        if not result.connected:
            return Seen(
                Path.UNKNOWN,
                f"curl did not connect ({curl_said(flow)}), and {around.uncaptured}: that does not prove that policy "
                "blocked it",
            )
        if ip_of(result.remote_address) in around.addresses:
            return Seen(
                Path.UNKNOWN,
                f"{around.uncaptured}, and curl connected to {result.remote_address}, an address of this cluster",
            )
        return Seen(
            Path.DIRECT,
            f"{around.uncaptured}; curl connected straight to {result.remote_address}",
            arrived=True,
            # A pod that has a proxy may yet turn out to be captured: its line would come within the deadline.
            final=around.source_log is None,
        )
    if around.source_log is None:
        return Seen(Path.UNKNOWN, "no proxy is known to carry this pod's traffic, so no log can prove its path")
    count = around.lines.get(around.source_log, LineCount())
    curl = "" if result.exit_code == 0 else f" ({curl_said(flow)})"
    return Seen(
        Path.UNKNOWN,
        f"{around.source_log} has no line about this probe{curl}; {_counted(count)}",
        final=False,
        advice=(_SPEAK_HTTP, _IS_LOGGING_ON) if flow.probe.target.scheme is Scheme.TCP else (_IS_LOGGING_ON,),
    )


# ---------------------------------------------------------------- rule 3: the source's line


def _from_sidecar(flow: Flow, hop: Hop, around: Surroundings) -> Seen:
    cluster, reached, kind = hop.text("upstream_cluster"), hop.text("upstream_host"), hop.text("cluster_kind")
    target = flow.probe.target.host
    if contradicts(flow, hop):
        return Seen(
            Path.UNKNOWN,
            f"curl was answered {flow.probe.result.http_code}, but the source's line says {hop.get('response_code')}",
        )
    if refusal := refused_by(hop):
        return Seen(Path.BLOCKED, f"the source's proxy refused it: {refusal}")
    arrived = connected(hop)
    if ip_of(reached) in around.proxies:
        return (
            _through_proxies(flow, around)
            if arrived
            else Seen(
                Path.FAILED,
                f"the sidecar sent it to the {_who(reached, around)} at {reached}, which did not take the connection "
                f"({trouble(hop)})",
                advice=("Look at the gateway's pods, its Service's targetPort and its listener for this port.",),
            )
        )
    if reached is not None and _inside(reached, around):
        return Seen(
            Path.UNKNOWN,
            f"the sidecar sent it to {reached} ({cluster}), an address of this cluster that is not known as a gateway "
            "or waypoint pod",
            advice=("Was a gateway pod replaced during the run? Run it again.",),
        )
    if kind in ("passthrough", "dynamic-dns"):
        ended = "" if arrived else f"; the connection failed ({trouble(hop)})"
        return Seen(
            Path.PASSTHROUGH,
            f"the sidecar does not know {target} on port {flow.probe.target.port} and sent it to "
            f"{reached or 'its original destination'} through {cluster}{ended}",
            arrived=arrived,
        )
    if host_matches(hop.text("cluster_host"), target) and kind == "outbound":
        ended = "" if arrived else f"; the connection failed ({trouble(hop)})"
        return Seen(
            Path.DIRECT,
            f"the sidecar sent it straight to {reached or target} ({cluster}, route {hop.text('route_name') or '-'})"
            f"{ended}",
            arrived=arrived,
        )
    if reached is None:
        return Seen(
            Path.FAILED,
            f"the sidecar could not send it on: {trouble(hop)}, cluster {cluster or 'none'}",
            advice=("A cluster without endpoints is a gateway without ready pods; NC or NR is a route to nothing.",),
        )
    if _SERVICE_DOMAIN in (hop.text("cluster_host") or _SERVICE_DOMAIN):
        return Seen(
            Path.UNKNOWN,
            f"the sidecar sent it to {reached} ({cluster}), which is not known as a gateway or waypoint pod",
            advice=("Was a gateway pod replaced during the run? Run it again.",),
        )
    return Seen(Path.DIRECT, f"the sidecar sent it out to {reached} ({cluster})", arrived=arrived)


def _from_ztunnel(flow: Flow, hop: Hop, around: Surroundings) -> Seen:
    reached, service, error = hop.text("dst_addr"), hop.text("dst_service"), hop.text("error")
    if error and error.startswith(_ZTUNNEL_REFUSES):
        return Seen(Path.BLOCKED, f"ztunnel refused it: {error}")
    known = around.proxies.get(ip_of(reached) or "")
    if known is not None and port_of(reached) == HBONE_PORT:
        if error:
            return Seen(Path.FAILED, f"ztunnel sent it to the {_who(reached, around)} at {reached}, but: {error}")
        if not host_matches(service, flow.probe.target.host):
            return Seen(
                Path.UNKNOWN,
                f"ztunnel's line names the service {service or '-'}, not {flow.probe.target.host}",
            )
        return _through_proxies(flow, around)
    if ip_of(reached) in around.addresses:
        return Seen(Path.UNKNOWN, f"ztunnel sent it to {reached}, a pod that is not known as a waypoint")
    arrived = error is None
    ended = "" if arrived else f"; it failed: {error}"
    if service is None:
        return Seen(
            Path.PASSTHROUGH,
            f"ztunnel knows no service at {reached} and passed it through{ended}",
            arrived=arrived,
            advice=(
                "Is DNS capture on? Without it ambient pods dial the public address and ServiceEntry is not used.",
            ),
        )
    return Seen(Path.DIRECT, f"ztunnel sent it straight to {reached} ({service}){ended}", arrived=arrived)


# ---------------------------------------------------------------- rule 4: the gateway's own line


def _through_proxies(flow: Flow, around: Surroundings) -> Seen:
    first, last = flow.hops[0], flow.hops[-1]
    if last is first:
        return _no_proxy_line(flow, around)
    result, target = flow.probe.result, flow.probe.target
    where = f"{last.line.source}:{last.line.number}"
    who = _writer(last, sent_to(flow.hops[-2]), around)
    reached, cluster = last.text("upstream_host"), last.text("upstream_cluster")
    if contradicts(flow, last):
        return Seen(
            Path.UNKNOWN,
            f"curl was answered {result.http_code}, but {where} says {last.get('response_code')}",
        )
    if refusal := refused_by(last):
        return Seen(Path.BLOCKED, f"the {who} refused it: {refusal} ({where})")
    if ip_of(reached) in around.proxies and connected(last):
        return _no_proxy_line(flow, around)
    if not connected(last):
        return Seen(
            Path.FAILED,
            f"it reached the {who}, which could not pass it on: {trouble(last)}, cluster {cluster or 'none'}",
            advice=(
                "The steering is right so far; look at the external host and what lies between (firewall, proxy, TLS).",
            ),
        )
    if ip_of(reached) is None or _inside(reached, around):
        return Seen(Path.UNKNOWN, f"the {who} sent it on to {reached}, which is not an address outside the mesh")
    if last.text("cluster_kind") not in ("outbound", "inbound-vip") or not host_matches(
        last.text("cluster_host"), target.host
    ):
        return Seen(
            Path.UNKNOWN,
            f"the {who} sent it to {reached} through {cluster}, which does not name {target.host}",
        )
    if not answered(flow):
        return Seen(
            Path.FAILED,
            f"it left through the {who} to {reached}, but curl got no answer ({curl_said(flow)})",
        )
    return Seen(
        Path.VIA_WAYPOINT if last.reporter is Reporter.WAYPOINT else Path.VIA_GATEWAY,
        f"it left through the {who} to {reached} ({cluster})",
        arrived=True,
        through=tuple(ObjectRef(hop.line.source.namespace, hop.line.source.pod) for hop in flow.hops[1:]),
    )


def _no_proxy_line(flow: Flow, around: Surroundings) -> Seen:
    """The chain ends at a connection to a gateway or waypoint that has no line of its own."""
    reached = sent_to(flow.hops[-1])
    log = around.logs.get(ip_of(reached) or "")
    if log is None:
        return Seen(
            Path.UNKNOWN,
            f"it was sent to the {_who(reached, around)} at {reached}, whose log was not read",
            advice=("If that is the right gateway, name it: --expect gateway=NAMESPACE/NAME.",),
        )
    if any(hop.line.source == log for hop in flow.unclean):
        return Seen(
            Path.UNKNOWN,
            f"the line of {log} about this probe is not clean, so it proves nothing",
            final=False,
            advice=(_USE_JSON,),
        )
    count = around.lines.get(log, LineCount())
    return Seen(
        Path.UNKNOWN,
        f"it was sent to the {_who(reached, around)} at {reached}, but {log} has no line about it; {_counted(count)}",
        final=False,
        advice=(_IS_LOGGING_ON,),
    )


# ---------------------------------------------------------------- in words, and where


def _inside(reached: str | None, around: Surroundings) -> bool:
    """Whether it is an address of the cluster or of the proxy's own pod: what went there has not left."""
    return ip_of(reached) in around.addresses or is_own(reached)


def _who(reached: str | None, around: Surroundings) -> str:
    kind, ref = around.proxies[ip_of(reached) or ""]
    return f"{'waypoint' if kind is Reporter.WAYPOINT else 'egress gateway'} {ref}"


def _writer(hop: Hop, reached: str | None, around: Surroundings) -> str:
    """The gateway or waypoint that wrote this line, else whose address was reached."""
    ref = around.writers.get(hop.line.source)
    kind = "waypoint" if hop.reporter is Reporter.WAYPOINT else "egress gateway"
    return _who(reached, around) if ref is None else f"{kind} {ref}"


def _counted(count: LineCount) -> str:
    if count.access == 0:
        return f"it wrote no access line at all while this ran ({count.read} lines read)"
    return f"it wrote {count.access} access lines while this ran"
