"""The table of hosts that the mesh knows, and takes for something else: two entries, wildcards, addresses, tunnels.

In: `Symptoms`. Out: `Because`. Example: a sidecar's line with the cluster of `*.com` for api.example.com, which another
ServiceEntry names in full, is EC19.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from egressaudit.addresses import canonical_ip, ip_of
from egressaudit.causes.cause_rule import Because, CauseRule
from egressaudit.causes.line_clues import flags
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.places import Place
from egressaudit.mesh.steering.gateway_api import entries_with_route
from egressaudit.mesh.steering.registry import family
from egressaudit.mesh.untyped import covers, number, rows, text, words
from egressaudit.mesh.world import World
from egressaudit.model import Cause, LookAlike, Path, Stage

_MANY_NAMES = 3


def _exactly(seen: Symptoms) -> list[Obj]:
    """The ServiceEntries that name the host itself, not by a wildcard."""
    return [each for each in seen.entries if seen.target.host in words(each.spec.get("hosts"))]


def _two_entries(seen: Symptoms) -> Because | None:
    """That several entries name the host, differ, and the flow shows that the wrong one was followed."""
    named = _exactly(seen)
    line = seen.hops[-1] if seen.hops else None
    if len(named) < 2 or line is None:
        return None
    listed, port = ", ".join(map(str, named)), seen.target.port
    kinds = [_kind(each, port) for each in named]
    objects = tuple(map(str, named))
    if not seen.through and covers(line.text("cluster_host") or "", seen.target.host) and not flags(line):
        # It went out by the host's own cluster: another entry matters only where a route is for one of them.
        return _other_parent(seen, named)
    nowhere = {"NC", "NR", "UH"} & set(flags(line)) or seen.cluster_kind in ("passthrough", "blackhole")
    if len(set(kinds)) < 2 or not nowhere:
        return None
    how = "different protocols or resolutions" if None not in kinds else "different ports"
    return Because((f"{listed} have {seen.target.host} with {how} (port {port})",), objects, "spec.ports")


def _other_family(seen: Symptoms) -> Because | None:
    """That two entries have the port for other families of protocols: a weak sign, as it went out by the host's own."""
    named, port = _exactly(seen), seen.target.port
    families = {kind[0] for each in named if (kind := _kind(each, port)) is not None}
    if len(families) < 2 or seen.through:
        return None
    said = f"{', '.join(map(str, named))} have port {port} of {seen.target.host} as {' and as '.join(sorted(families))}"
    return Because((said,), tuple(map(str, named)), "spec.ports")


def _other_parent(seen: Symptoms, named: list[Obj]) -> Because | None:
    """That a route of the Gateway API is for one of the entries, and the source's proxy follows another."""
    parents = entries_with_route(seen.mesh.world.objects)
    with_route = [each for each in named if str(each) in parents]
    others = [each for each in named if str(each) not in parents]
    if not with_route or not others:
        return None
    said = f"{with_route[0]} has a route, and {others[0]} has {seen.target.host} too, without one"
    return Because((said,), (str(others[0]), str(with_route[0])), "spec.hosts")


def _kind(entry: Obj, port: int) -> tuple[str, str] | None:
    """How an entry has the port: its family of protocols, and how its endpoints are found; None if it lacks it."""
    for each in rows(entry.spec.get("ports")):
        if number(each.get("number")) == port:
            return family(text(each.get("protocol"))), text(entry.spec.get("resolution")) or "NONE"
    return None


def _wider_wildcard(seen: Symptoms) -> Because | None:
    line = seen.source_line
    taken = "" if line is None else line.text("cluster_host") or line.text("dst_service") or ""
    if not taken.startswith("*") or not covers(taken, seen.target.host):
        return None
    hosts = {host: each for each in seen.entries for host in words(each.spec.get("hosts"))}
    narrower = sorted(host for host in hosts if covers(host, seen.target.host) and len(host) > len(taken))
    if not narrower:
        return None
    host = narrower[-1]
    objects = tuple(str(each) for name, each in hosts.items() if name in (taken, host))
    said = f"{quoted_cluster(seen)}, although {hosts[host]} has {host}"
    return Because((said,), tuple(dict.fromkeys(objects)), "spec.hosts")


def quoted_cluster(seen: Symptoms) -> str:
    """The cluster or service that the proxy at the source chose, in words."""
    line = seen.source_line
    assert line is not None
    named = line.text("upstream_cluster") or line.text("cluster_host") or line.text("dst_service") or "none"
    return f"the {line.reporter.noun} took it for {named}"


def _shared_port(seen: Symptoms) -> Because | None:
    line = seen.source_line
    host = "" if line is None else line.text("cluster_host") or ""
    if not host or seen.mesh.places.service_of(host) or covers(host, seen.target.host) or seen.by_ztunnel:
        return None
    sharing = list(_on_port(seen, host))
    if not sharing or not _exactly(seen):
        return None
    port = seen.target.port
    said = f"{quoted_cluster(seen)}: {sharing[0]} and {_exactly(seen)[0]} have TCP port {port} and no addresses"
    return Because((said,), (str(_exactly(seen)[0]), str(sharing[0])), "spec.addresses")


def _may_share_port(seen: Symptoms) -> Because | None:
    """That another host's bytes on this port go to the same cluster, so that they may be what was sent."""
    line, port = seen.source_line, seen.target.port
    host = "" if line is None else line.text("cluster_host") or ""
    if line is None or seen.group is None or host != seen.target.host or seen.by_ztunnel:
        return None
    if seen.mesh.places.place(line.text("downstream_local_address")).place is Place.VIRTUAL:
        # The client dialled the address that istiod gave this host, and no other.
        return None
    own = list(_on_port(seen, host))
    named = (
        (name, number, each)
        for number, each in enumerate(_sharing(seen))
        for name in words(each.spec.get("hosts"))
        if name != host
    )
    other = min(named, default=None, key=lambda each: each[:2]) if own else None
    if other is None:
        return None
    said = f"{own[0]} and {other[2]} have TCP port {port} and no addresses: what is sent to either goes to {host}"
    return Because((said,), (str(other[2]), str(own[0])), "spec.addresses")


def _on_port(seen: Symptoms, host: str) -> Iterator[Obj]:
    """The entries of another host whose TCP port has no address of its own, so that the listener is shared."""
    return (each for each in _sharing(seen) if host in words(each.spec.get("hosts")))


def _sharing(seen: Symptoms) -> Sequence[Obj]:
    """The entries that share the listener of the target's port."""
    return seen.mesh.world.once(_sharing_ports).get(seen.target.port, ())


def _sharing_ports(world: World) -> Mapping[int, Sequence[Obj]]:
    """By port, the entries that have it as TCP without an address. Found once: a window has thousands of groups."""
    found: defaultdict[int, list[Obj]] = defaultdict(list)
    for entry in world.objects.all(ISTIO, "ServiceEntry"):
        if words(entry.spec.get("addresses")):
            continue
        for port in dict.fromkeys(number(each.get("number")) for each in rows(entry.spec.get("ports"))):
            known = None if port is None else _kind(entry, port)
            if port is not None and known is not None and known[0] == "tcp":
                found[port].append(entry)
    return found


def _by_address(seen: Symptoms) -> Because | None:
    """That no name came with it, so that no rule by name could take it."""
    line = seen.source_line
    if line is None or seen.by_ztunnel or not seen.is_external or seen.faults_of("port-not-registered"):
        return None
    name = line.text("authority") or line.text("requested_server_name") or ""
    reached = ip_of(line.text("upstream_host")) or ""
    named = bool(name) and canonical_ip(_bare(name)) is None
    if named or canonical_ip(seen.target.host) is None or seen.expected is Path.BLOCKED:
        return None
    # Of bytes and of TLS that no chain inspects the name may have been there, and is not logged.
    others = [each for each in seen.peers if reached in (ip for ip, _ in each.reached) and each.host != reached]
    known = (f"{others[0].host} is at that address",) if others else ()
    called = f"Host {name}" if name else "no name that is logged"
    return Because((f"the client dialed {reached}, with {called}", *known))


def _bare(name: str) -> str:
    """An authority without its port."""
    return name.rpartition(":")[0] if name.count(":") == 1 else name.strip("[]")


def _forward_proxy(seen: Symptoms) -> Because | None:
    line = seen.source_line
    if line is None:
        return None
    if line.text("method") == "CONNECT":
        said = f"the client asked for CONNECT {line.text('authority') or '-'}: it uses a forward proxy"
        return Because((said,))
    group = seen.group
    names = () if group is None else tuple(each for each in group.server_names if each != group.host)
    if group is not None and group.path is Path.DIRECT and len(names) >= _MANY_NAMES:
        return Because((f"requests for {len(names)} other names went to {group.host}: it is a forward proxy",))
    return None


_ENTRIES = "istio/istio pilot/pkg/serviceregistry/serviceentry/controller.go"
_LISTENER = "istio/istio pilot/pkg/networking/core/listener.go"

ROWS = (
    CauseRule(
        finds=_two_entries,
        instead=_other_family,
        at=(Stage.KNOWN, Stage.STEERED, Stage.DELIVERED, Stage.OUTSIDE),
        cause=Cause(
            code="EC18",
            name="two-entries",
            title="two ServiceEntries disagree about the host",
            stage=Stage.KNOWN,
            modes="IGA",
            looks="BlackHoleCluster, `503 UH no_healthy_upstream` or the way of the other entry; two ServiceEntries "
            "have host and port with another protocol or resolution",
            unlike=(
                LookAlike("EC55", "there one ServiceEntry has the host"),
                LookAlike("EC17", "there no other ServiceEntry has the port as clients speak it"),
            ),
            remedy="Merge them into one: each host should have one owner.",
            fix="merge-entries",
            search=("KIA1211", "KIA1212", "IST0177"),
            sources=(_ENTRIES, "istio/istio#51466"),
        ),
    ),
    CauseRule(
        finds=_wider_wildcard,
        at=(Stage.KNOWN, Stage.STEERED),
        cause=Cause(
            code="EC19",
            name="wider-wildcard",
            title="a wider wildcard took the host",
            stage=Stage.KNOWN,
            modes="IG",
            looks="the cluster of `*.com` for a host that a narrower ServiceEntry has",
            unlike=(LookAlike("EC26", "there the cluster is the host's own"),),
            remedy="Give the narrower ServiceEntry addresses, make them one, or use resolution DYNAMIC_DNS.",
            sources=(_LISTENER, "istio/istio#9447"),
        ),
    ),
    CauseRule(
        finds=_shared_port,
        instead=_may_share_port,
        at=(Stage.KNOWN, Stage.STEERED, Stage.DELIVERED),
        cause=Cause(
            code="EC20",
            name="shared-tcp-port",
            title="TCP hosts without addresses share the port",
            stage=Stage.KNOWN,
            modes="IG",
            looks="the cluster of another host on the same port: both ServiceEntries are TCP, without `addresses`",
            unlike=(
                LookAlike("EC19", "there a wildcard covers the host"),
                LookAlike("EC21", "there the cluster is PassthroughCluster"),
            ),
            remedy="Give each ServiceEntry its addresses, or turn DNS capture and address allocation on.",
            fix="entry-addresses",
            search=("IST0134",),
            sources=(_LISTENER, "istio/istio#11741", "istio/istio#30771"),
        ),
    ),
    CauseRule(
        finds=_forward_proxy,
        at=(Stage.KNOWN, Stage.STEERED, Stage.DELIVERED, Stage.OUTSIDE),
        cause=Cause(
            code="EC22",
            name="forward-proxy",
            title="the client uses a forward proxy",
            stage=Stage.KNOWN,
            modes="IGA",
            looks="method CONNECT, often `404 NR route_not_found`; or one destination with many names",
            unlike=(LookAlike("EC13", "there the client asks for the host itself"),),
            remedy="Take HTTP_PROXY from the workload, and use DestinationRule trafficPolicy.tunnel at the gateway.",
            search=("HTTP_PROXY", "CONNECT"),
            sources=("istio/istio#31557", "istio/istio#57556"),
        ),
    ),
    CauseRule(
        finds=_by_address,
        cause=Cause(
            code="EC21",
            name="address-dialed",
            title="the client dialed an address, without a name",
            stage=Stage.KNOWN,
            modes="IGA",
            looks="PassthroughCluster with an IP or nothing as SNI or Host, although the name is registered and routed",
            unlike=(
                LookAlike("EC13", "there the client calls the host by its name"),
                LookAlike("EC17", "there the port is not registered"),
            ),
            remedy="Let the client use the name, or give the ServiceEntry the addresses.",
            fix="entry-addresses",
            sources=(_LISTENER,),
        ),
    ),
)
