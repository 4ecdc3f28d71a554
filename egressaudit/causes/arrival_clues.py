"""What shows why the last proxy could not reach the host outside.

In: `Symptoms`. Out: `Because` for each row of `not_arrived`. Example: `503 UH no_healthy_upstream` at the gateway, for
the host's own cluster, is EC65's.
"""

from __future__ import annotations

from egressaudit.addresses import ip_of
from egressaudit.causes.cause_rule import Because
from egressaudit.causes.line_clues import Trouble, details, error, flags, quoted, said, trouble
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.places import Place
from egressaudit.mesh.untyped import text
from egressaudit.model import FlowGroup, Hop, Path, Reporter

_THROUGH = (Path.VIA_GATEWAY, Path.VIA_WAYPOINT)
_ENDED = frozenset({"UT", "UC", "UPE", "UR", "DT", "SI", "UMSDR", "DPE", "DC"})
_REJECTED = ("certificate_verify_failed", "wrong_version_number", "san_match", "subject_alt", "handshake_failure")


def _last(seen: Symptoms) -> Hop | None:
    return seen.unjoined_failure or (seen.hops[-1] if seen.hops else None)


def not_resolved(seen: Symptoms) -> Because | None:
    """That the last proxy found no address for the name."""
    line = _last(seen)
    if line is None or line.text("upstream_host") or (seen.proxy_line is not None and _dialed_again(seen, line)):
        return None
    unresolved = {"UH", "DF"} & set(flags(line)) or "dns" in said(line) or error(line).startswith("no ip addresses")
    if not unresolved:
        return None
    return Because((quoted(line),), tuple(str(each) for each in seen.entries))


def cut_off_outside(seen: Symptoms) -> Because | None:
    """That the host, or what lies before it, did not take the connection."""
    line = _last(seen)
    if line is not None and (known := _still_connecting(line)):
        return known
    if line is None or trouble(line) not in (Trouble.REFUSED, Trouble.TIMEOUT, Trouble.OTHER):
        return None
    reached = line.text("dst_addr") or line.text("upstream_host")
    if reached is None or seen.mesh.places.place(reached).place is Place.PROXY:
        return None
    others = [each for each in seen.peers if each.path in _THROUGH and set(each.via) & set(seen.through or (seen.via,))]
    elsewhere = [each for each in others if each.host != seen.target.host]
    more: tuple[str, ...] = ()
    if elsewhere:
        more = (f"{elsewhere[0].host} is reached through the same gateway: it is about this host alone",)
    return Because((f"{quoted(line)}, at {reached}", *more))


def _still_connecting(line: Hop) -> Because | None:
    """That the client gave up before the proxy had a connection, of which Envoy sets no flag (tcp_proxy.cc)."""
    silent = line.text("response_flags") is None and line.text("method") is None and not line.reporter.at_source
    if (
        not silent
        or line.text("upstream_local_address")
        or line.text("cluster_kind") not in ("outbound", "inbound-vip")
    ):
        return None
    took = line.get("duration")
    return Because((f"the {line.reporter.noun} was still connecting when the connection ended, after {took} ms",))


def tls_outside(seen: Symptoms) -> Because | None:
    """That the last proxy's own TLS to the host failed."""
    line = _last(seen)
    if line is None or trouble(line) is not Trouble.TLS:
        return None
    words = said(line)
    token = next((each for each in _REJECTED if each in words), "")
    meaning = {
        "certificate_verify_failed": "the host's certificate is not trusted, or is for another name",
        "wrong_version_number": "one side speaks TLS and the other does not: TLS within TLS, or a plaintext port",
    }.get(token, "")
    return Because((quoted(line), *((meaning,) if meaning else ())), (), "spec.trafficPolicy.tls")


def comes_back(seen: Symptoms) -> Because | None:
    """That the gateway sent it to a proxy of the mesh."""
    line = seen.proxy_line
    if line is None:
        return None
    if line.text("upstream_host") is None:
        return _dialed_again(seen, line)
    reached = line.text("upstream_host")
    own = ip_of(reached) is not None and ip_of(reached) == ip_of(line.text("downstream_local_address"))
    lost = seen.path is Path.UNKNOWN or seen.code == "EA303"
    if not own and (seen.mesh.places.place(reached).place is not Place.PROXY or lost):
        return None
    return Because((f"the {line.reporter.noun} sent it to {reached}, which is a proxy of the mesh",))


def _dialed_again(seen: Symptoms, line: Hop) -> Because | None:
    """That the host's endpoints are where the client dialed, which at a gateway is the gateway."""
    none = [each for each in seen.entries if text(each.spec.get("resolution")) in ("", "NONE")]
    if line.reporter is not Reporter.EGRESS_GATEWAY or "UH" not in flags(line) or not none:
        return None
    said = f"{none[0]} has resolution NONE: a gateway would send it where it was dialed, to itself"
    return Because((said, quoted(line)), (str(none[0]),), "spec.resolution")


def host_answers(seen: Symptoms) -> Because | None:
    """That the connection was made, and the far side ended it or answered with an error."""
    line = _last(seen)
    if line is None:
        return None
    connected = line.text("upstream_local_address") is not None or details(line) == "via_upstream"
    ended = _ENDED & set(flags(line)) or details(line) == "via_upstream" or connected
    if not ended or trouble(line) is not Trouble.NONE:
        return None
    answered = details(line) == "via_upstream"
    return Because((quoted(line), "the host itself answered" if answered else "the connection to the host was made"))


def by_node(seen: Symptoms) -> Because | None:
    """That the flows fail from some nodes of the gateway, and pass from others."""
    group = seen.group
    if group is None or (not seen.through and seen.proxy_line is None):
        return None
    passing = [each for each in seen.peers if each.host == group.host and each.path in _THROUGH and each is not group]
    bad, good = _nodes(seen, group), frozenset(node for each in passing for node in _nodes(seen, each))
    if not bad or not good or bad & good:
        return None
    return Because((f"it fails from {', '.join(sorted(bad))} and passes from {', '.join(sorted(good))}",))


def _nodes(seen: Symptoms, group: FlowGroup) -> frozenset[str]:
    """The nodes of the gateway's pods that wrote a group's shown lines."""
    logs = {each.source for each in group.evidence if each.role != "source"}
    known = {str(log): pod.node for pod in seen.mesh.pods if (log := seen.mesh.proxy_log(pod)) is not None}
    return frozenset(known[each] for each in logs if known.get(each))
