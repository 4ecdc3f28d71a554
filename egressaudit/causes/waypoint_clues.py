"""What shows why ztunnel does not use a waypoint: labels, conditions of istiod, and ztunnel's own line.

In: `Symptoms`. Out: `Because` for each row of `fail_open`. Example: the label `istio.io/use-waypoint: none` on the
ServiceEntry is `Because(("ServiceEntry egress/docs has istio.io/use-waypoint: none",), ...)`.
"""

from __future__ import annotations

from egressaudit.addresses import ip_of
from egressaudit.causes.cause_rule import Because, because_of
from egressaudit.causes.line_clues import error, flags, quoted
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.marks import USE_WAYPOINT
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.places import Place
from egressaudit.mesh.steering.registry import ports
from egressaudit.mesh.steering.waypoint import wanted
from egressaudit.mesh.untyped import rows, text, words
from egressaudit.model import DataplaneMode, Hop, ObjectRef

CANARY = "istio.io/use-waypoint-canary"
_BOUND = "istio.io/WaypointBound"
_MISSING = "istio.io/WaypointMissing"


def _is_ambient(seen: Symptoms) -> bool:
    return seen.mode is DataplaneMode.AMBIENT and (seen.source_line is None or seen.by_ztunnel)


def _label(seen: Symptoms, entry: Obj) -> tuple[str, str]:
    """What asks for a waypoint: the value of the label, and the object that has it; '' for none."""
    if USE_WAYPOINT in entry.labels:
        return entry.labels[USE_WAYPOINT], str(entry)
    labels = seen.mesh.world.objects.namespace_labels(entry.namespace)
    return (labels[USE_WAYPOINT], f"Namespace {entry.namespace}") if USE_WAYPOINT in labels else ("", "")


def no_label(seen: Symptoms) -> Because | None:
    """That neither the ServiceEntry nor its namespace asks for a waypoint."""
    if not _is_ambient(seen) or not seen.entries or seen.faults_of("ambient-skips-routes"):
        return None
    if any(_label(seen, each)[1] for each in seen.entries):
        return None
    named = seen.entries[0]
    said = f"neither {named} nor Namespace {named.namespace} has the label {USE_WAYPOINT}"
    return Because((said,), (str(named),), "metadata.labels")


def opted_out(seen: Symptoms) -> Because | None:
    """That the label says `none`."""
    if not _is_ambient(seen):
        return None
    for each in seen.entries:
        value, by = _label(seen, each)
        if value == "none":
            return Because((f"{by} has {USE_WAYPOINT}: none",), (by,), "metadata.labels")
    return None


def _conditions(entry: Obj, kind: str) -> list[tuple[str, str]]:
    """Reason and message of the entry's conditions of a type that are not as they should be."""
    bad = "True" if kind == _MISSING else "False"
    return [
        (text(each.get("reason")), text(each.get("message")))
        for each in rows(entry.status.get("conditions"))
        if each.get("type") == kind and each.get("status") == bad
    ]


def _unbound(seen: Symptoms, *reasons: str) -> Because | None:
    """What istiod itself says about why an entry has no waypoint."""
    for each in seen.entries:
        for reason, message in _conditions(each, _BOUND):
            if reason in reasons:
                return Because((f"{each} is not bound to its waypoint: {reason} {message}".rstrip(),), (str(each),))
    return None


def _with_status(seen: Symptoms, found: Because | None, *reasons: str) -> Because | None:
    known = _unbound(seen, *reasons)
    if found is None or known is None:
        return found or known
    return Because((*found.facts, *known.facts), found.objects, found.field)


def no_such_waypoint(seen: Symptoms) -> Because | None:
    """That no Gateway has the name; and where there is one of that name."""
    found = because_of(seen.faults_of("waypoint-missing"), "metadata.labels")
    if found is None:
        return None
    named = next((each for entry in seen.entries if (each := wanted(seen.mesh.world, entry))), None)
    others = [] if named is None else _elsewhere(seen, named)
    more = (f"there is one of that name in namespace {others[0].namespace}: use-waypoint-namespace",) if others else ()
    return Because((*found.facts, *more), found.objects, found.field)


def _elsewhere(seen: Symptoms, named: ObjectRef) -> list[ObjectRef]:
    gateways = (
        each.ref for (_, kind), known in seen.mesh.world.objects.by_kind.items() if kind == "Gateway" for each in known
    )
    return sorted(each for each in gateways if each.name == named.name and each != named)


def not_admitted(seen: Symptoms) -> Because | None:
    """That the waypoint's listeners do not allow the ServiceEntry's namespace."""
    field = "spec.listeners[].allowedRoutes"
    return _with_status(seen, because_of(seen.faults_of("namespace-not-allowed"), field), "AttachmentDenied")


def for_workloads(seen: Symptoms) -> Because | None:
    """That the waypoint does not take traffic of services."""
    found = because_of(seen.faults_of("waypoint-for-others"), "metadata.labels")
    return _with_status(seen, found, "UnsupportedTrafficType")


def never_programmed(seen: Symptoms) -> Because | None:
    """That the waypoint's Gateway is not programmed, or is of another class."""
    refused = [
        each for each in seen.faults_of("condition-false", kind="Gateway") if "is not ResolvedRefs" not in str(each)
    ]
    found = because_of((*seen.faults_of("waypoint-class-differs"), *refused), "spec.gatewayClassName")
    missing = seen.faults_of("waypoint-missing")
    return None if missing else _with_status(seen, found, "WaypointIsNotReady")


def other_visibility(seen: Symptoms) -> Because | None:
    """That the ServiceEntry is visible in its namespace alone, and its waypoint is in another."""
    return _unbound(seen, "CrossNamespaceWaypointForbidden")


def no_virtual_address(seen: Symptoms) -> Because | None:
    """That ztunnel saw an address of the internet, and so no service."""
    line = seen.source_line
    known = [each for each in seen.entries if seen.target.port in {port for port, _ in ports(each)}]
    known = [each for each in known if seen.target.host in words(each.spec.get("hosts"))]
    if not _is_ambient(seen) or line is None or line.text("dst_service") or not known:
        return None
    reached = line.text("dst_addr")
    if seen.mesh.places.place(reached).place is not Place.OUTSIDE:
        return None
    said = f"ztunnel's line has no service, and {ip_of(reached)}, although {known[0]} has {seen.target.host}"
    return Because((said,), (str(known[0]),), "spec.addresses")


def wildcard(seen: Symptoms) -> Because | None:
    """A wildcard's entry without a waypoint, or a waypoint without a chain for the name."""
    host = seen.target.host
    wild = [each for each in seen.entries if "*" in host or host not in words(each.spec.get("hosts"))]
    if not wild or seen.mode is not DataplaneMode.AMBIENT:
        return None
    line, missing = seen.proxy_line, [each for each in wild if _conditions(each, _MISSING)]
    if line is None and missing:
        reason, message = _conditions(missing[0], _MISSING)[0]
        return Because((f"{missing[0]} is not in force: {reason} {message}".rstrip(),), (str(missing[0]),))
    unknown = line is None and seen.by_ztunnel and not _hop(seen).text("dst_service")
    if unknown or (line is not None and {"NR", "UH"} & set(flags(line))):
        said = f"{wild[0]} has {seen.target.host} by a wildcard"
        return Because((said, *((quoted(line),) if line is not None else ())), (str(wild[0]),), "spec.resolution")
    return None


def _hop(seen: Symptoms) -> Hop:
    assert seen.source_line is not None
    return seen.source_line


def canary(seen: Symptoms) -> Because | None:
    """That it went through the canary waypoint, or that this is not valid."""
    objects = seen.mesh.world.objects
    for each in seen.entries:
        labels = {**objects.namespace_labels(each.namespace), **each.labels}
        name = labels.get(CANARY)
        if name and any(ref.name == name for ref in seen.through) and (seen.via is None or seen.via.name != name):
            return Because(
                (f"{each} gives a share to the canary waypoint {name} ({CANARY})",), (str(each),), "metadata"
            )
    return _unbound(seen, "CanaryInvalidWeight", "CanarySameAsPrimary")


def two_waypoints(seen: Symptoms) -> Because | None:
    """That several ServiceEntries of the host ask for different waypoints."""
    if found := because_of(seen.faults_of("waypoints-differ"), "metadata.labels"):
        return found
    asking = [(each, ref) for each in seen.entries if (ref := wanted(seen.mesh.world, each))]
    taken = [each for each, ref in asking if ref in seen.through]
    if not taken or len({ref for _, ref in asking}) < 2:
        return None
    said = f"{', '.join(f'{each} asks for waypoint {ref}' for each, ref in asking)}"
    return Because((said,), tuple(str(each) for each, _ in asking), "metadata.labels")


def loop(seen: Symptoms) -> Because | None:
    """That the waypoint's traffic comes back to ztunnel, or goes to an address of the mesh."""
    line = seen.source_line
    if line is not None and error(line).startswith("attempted recursive call"):
        return Because((quoted(line),), (), "metadata.labels")
    last = seen.proxy_line
    if last is None or seen.mesh.places.place(last.text("upstream_host")).place is not Place.VIRTUAL:
        return None
    said = f"the {last.reporter.noun} sent it to {last.text('upstream_host')}, a virtual address of the mesh"
    return Because((said,))


def dialed_anyway(seen: Symptoms) -> Because | None:
    """That everything is right, and ztunnel dialed the host."""
    line = seen.source_line
    telling = [each for each in seen.faults if each.slug not in ("use-limited", "use-denied", "no-ready-pod")]
    telling = [each for each in telling if not each.slug.startswith("logging-")]
    if not _is_ambient(seen) or line is None or not line.text("dst_service") or telling:
        return None
    bound = [each for each in seen.entries if wanted(seen.mesh.world, each)]
    if not bound or line.text("dst_hbone_addr"):
        return None
    said = (
        f"{bound[0]} asks for waypoint {wanted(seen.mesh.world, bound[0])}, which is there, and ztunnel did not use it"
    )
    return Because((said,), (str(bound[0]),))
