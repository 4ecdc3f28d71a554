"""What shows that the logs do not tell which way a flow went: lines that lack, that prove nothing, or are another's.

In: `Symptoms`. Out: `Because` for each row of `not_proven`. Example: a sidecar's line to the gateway, and meshConfig
without accessLogFile, is EC73's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from egressaudit.addresses import ip_of, port_of
from egressaudit.causes.cause_rule import Because
from egressaudit.causes.symptoms import Symptoms
from egressaudit.judge.words import REASONS
from egressaudit.mesh.apis import APPS, GATEWAY_API
from egressaudit.mesh.places import Place
from egressaudit.model import DataplaneMode, ObjectRef, Path, Scheme

LOGGING = ("logging-off", "logging-filtered", "logging-unknown")
_REPLACED = ("gateway-replaced", "waypoint-replaced", "not-a-pod", "inside-address")
_UNCLEAR = (
    *("private-address", "vacant-address", "special-address", "node-address", "service-address", "virtual-address"),
    *("no-address", "gateway-cluster", "service-gone"),
)
_TELEMETRY = re.compile(r"Telemetry [^ /]+/[^ ]+")
_APART = timedelta(seconds=60)
"""How far the clocks of two proxies may be apart for their lines to be joined."""


def of_control(*codes: str) -> Callable[[Symptoms], Because | None]:
    """A predicate: a finding of one of these controls says so itself."""
    return lambda seen: _of_control(seen, *codes)


def _of_control(seen: Symptoms, *codes: str) -> Because | None:
    return Because((seen.message.rstrip("."),)) if seen.message and seen.code in codes else None


def policy_outdated(seen: Symptoms) -> Because | None:
    """That the policy names what is not there, or that a waiver has run out."""
    return None if without_pods(seen) else _of_control(seen, "EA401", "EA403")


def without_pods(seen: Symptoms) -> Because | None:
    """That the gateway which the policy names is there, and no pod of it runs."""
    via, objects = seen.via, seen.mesh.world.objects
    if seen.code != "EA401" or via is None:
        return None
    kinds = ((GATEWAY_API, "Gateway"), (APPS, "Deployment"))
    known = (objects.one(group, kind, via.namespace, via.name) for group, kind in kinds)
    there = next((each for each in known if each is not None), None)
    return None if there is None else Because((f"{there} exists, but the snapshot has no pod of it",), (str(there),))


def not_logging(seen: Symptoms) -> Because | None:
    """That the configuration keeps a proxy's lines out of its log."""
    if found := _of_control(seen, "EA307"):
        return found
    spots = seen.spots_of(*LOGGING)
    if not spots or (seen.hops and seen.code not in ("EA303", "EA309", "EA307", "")):
        return None
    telemetries = (found for each in spots for found in _TELEMETRY.findall(each.reason))
    return Because(tuple(each.reason for each in spots), tuple(dict.fromkeys(telemetries)), "spec.accessLogging")


def not_yet(seen: Symptoms) -> Because | None:
    """That a proxy logs when a connection ends, and this one may still be open."""
    missing = seen.reason in ("no-gateway-line", "still-open") or seen.code == "EA201"
    probe = seen.curl is not None and seen.path is Path.UNKNOWN and not seen.reason and seen.curl.exit_code is not None
    captured = seen.mode is not DataplaneMode.NONE
    if not (missing or (probe and captured)) or not_logging(seen) or not_collected(seen) or forged(seen):
        return None
    if seen.near and (hidden_client(seen) or behind_node(seen)):
        return None
    kind = "a connection is logged when it ends" if seen.target.scheme is not Scheme.HTTP else "logs are written late"
    return Because((f"{REASONS.get(seen.reason, 'no line is about it')}; {kind}",))


def replaced(seen: Symptoms) -> Because | None:
    """That it was sent to an address which is no longer a gateway's."""
    if found := _of_control(seen, "EA309"):
        return found
    if seen.reason not in _REPLACED or unproven_proxy(seen):
        return None
    line = seen.source_line
    reached = None if line is None else line.text("dst_addr") or line.text("upstream_host")
    return Because((f"{REASONS[seen.reason]}{f' ({reached})' if reached else ''}",))


def unproven_proxy(seen: Symptoms) -> Because | None:
    """That it was sent to a pod with the marks of a proxy of the mesh, which nothing proves to be one."""
    if found := _of_control(seen, "EA316"):
        return found
    line = seen.source_line
    reached = None if line is None else ip_of(line.text("dst_addr") or line.text("upstream_host"))
    there = [(pod, role) for pod, role in seen.mesh.unproven() if reached in pod.addresses]
    if seen.path is not Path.UNKNOWN or not there:
        return None
    pod, _ = there[0]
    said = f"it was sent to pod {pod.ref}, which has the marks of a proxy of the mesh and no owner that proves it"
    return Because((said,), (f"Pod {pod.ref}",))


def hidden_client(seen: Symptoms) -> Because | None:
    """That a line names a client from a header, and so joins to no other."""
    for line in (*seen.hops, *seen.near):
        remote = line.text("downstream_remote_address")
        if remote is not None and port_of(remote) == 0:
            return Because((f"the {line.reporter.noun}'s line has the client {remote}, from X-Forwarded-For",))
    return None


def behind_node(seen: Symptoms) -> Because | None:
    """That the gateway saw a node's address in place of the sender's."""
    alone = [seen.proxy_line] if seen.source_line is None else []
    for line in filter(None, (*alone, *seen.near)):
        remote = line.text("downstream_remote_address")
        if seen.mesh.places.place(remote).place is Place.NODE:
            return Because((f"the {line.reporter.noun}'s line has the client {remote}, the address of a node",))
    return None


def clocks_apart(seen: Symptoms) -> Because | None:
    """That lines of both ends of a connection are there, and their times differ by more than joining allows."""
    group = seen.group
    if group is None or seen.code not in ("EA303", "EA201"):
        return None
    columns = ("upstream_local_address", "downstream_remote_address")
    sockets = {line.text(column) for line in seen.hops for column in columns} - {None}
    for each in seen.peers:
        pair = {group.path is Path.UNATTRIBUTED, each.path is Path.UNATTRIBUTED} == {True, False}
        shared = [socket for line in each.evidence for socket in line.raw.split() if socket in sockets]
        apart = abs(each.first - group.first)
        if pair and shared and apart > _APART:
            said = f"lines of both ends of {shared[0]} are there, about {apart.total_seconds():.0f} s apart"
            return Because((said,))
    return None


def forged(seen: Symptoms) -> Because | None:
    """That lines about it may have been written by a sender."""
    if found := _of_control(seen, "EA304", "EA305", "EA313", "EA315", "EA324"):
        return found
    if seen.unclean:
        return Because(("a line that may be about it has quotes or spaces that its format does not make",))
    # Of a probe every line of its way was read: one that could not be parsed may be the missing one.
    # Lines of a pod that is not proven to be a proxy are not read at all: that is another cause.
    unproven = {pod.ref for pod, _ in seen.mesh.unproven()}
    unknown = {log for log in seen.counts if ObjectRef(log.namespace, log.pod) in unproven}
    short = [(log, each.unparsed) for log, each in sorted(seen.counts.items()) if each.unparsed and log not in unknown]
    unparsed = [f"{number} line{'s' if number > 1 else ''} of {log}" for log, number in short]
    if seen.path is not Path.UNKNOWN or not unparsed:
        return None
    return Because((f"{', '.join(unparsed)} could not be read, and one of them may be about it",))


def address_unclear(seen: Symptoms) -> Because | None:
    """That it is not known what is at the address to which it was sent."""
    return Because((REASONS[seen.reason],)) if seen.reason in _UNCLEAR else None


def tried_elsewhere(seen: Symptoms) -> Because | None:
    """That an earlier attempt may have gone elsewhere."""
    return Because((REASONS[seen.reason],)) if seen.reason == "other-endpoints" else None


def no_report(seen: Symptoms) -> Because | None:
    """That curl did not say how it ended."""
    return Because(("curl's own report did not come back",)) if _silent(seen) else None


def _silent(seen: Symptoms) -> bool:
    return seen.curl is not None and seen.curl.exit_code is None


def several_lines(seen: Symptoms) -> Because | None:
    """That more than one line fits."""
    return Because((seen.ambiguous,)) if seen.ambiguous else None


def not_collected(seen: Symptoms) -> Because | None:
    """That a probe went to a gateway or waypoint whose log was not followed."""
    line = seen.hops[-1] if seen.hops else None
    if seen.curl is None or line is None or seen.path is not Path.UNKNOWN:
        return None
    reached = ip_of(line.text("dst_addr") or line.text("upstream_host"))
    pods = [pod for pod in seen.mesh.pods if reached in pod.addresses and pod.gateway is not None]
    logs = seen.mesh.logs_of(pods)
    if not logs or any(log in seen.counts for log in logs):
        return None
    return Because((f"it was sent to {seen.mesh.gateway_of(pods[0])}, whose log was not read",))


def log_gaps(seen: Symptoms) -> Because | None:
    """That a log of its way does not cover the time."""
    if found := _of_control(seen, "EA301", "EA302", "EA308", "EA312"):
        return found
    if found := not_collected(seen):
        return found
    missing = seen.path in (Path.UNKNOWN, Path.UNATTRIBUTED)
    return Because(seen.gaps) if missing and seen.gaps and not not_logging(seen) else None


def mirrored(seen: Symptoms) -> Because | None:
    """That copies of the requests leave, which no log shows."""
    if found := _of_control(seen, "EA325"):
        return found
    rules = seen.mesh.mirrored(seen.target.host) if seen.code == "EA325" else ()
    return Because(tuple(f"{each} mirrors requests" for each in rules)) if rules else None
