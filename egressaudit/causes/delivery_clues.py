"""What shows why a gateway or waypoint did not take a flow: lines of both ends, and the configuration between them.

In: `Symptoms`. Out: `Because` for each row of `not_delivered` and `refused_on_the_way`. Example: `503 UF ...
Connection_refused` to a gateway's pod that no Gateway selects is EC54's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from egressaudit.causes.cause_rule import Because, because_of
from egressaudit.causes.line_clues import Trouble, by_policy, details, error, flags, quoted, said, trouble
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.apis import CORE, GATEWAY_API, ISTIO, SECURITY
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.services.cluster_policy import Rules, defines
from egressaudit.mesh.steering.gateways import gateway_pods
from egressaudit.mesh.steering.registry import not_imported
from egressaudit.mesh.untyped import picks, rows, table, texts, words
from egressaudit.model import Fault, Hop, Pod, Reporter

_NOBODY = ("no healthy upstream", "unknown waypoint", "no endpoints for workload")
"""How ztunnel's error begins where a waypoint has no address (istio/ztunnel src/proxy.rs)."""


def _source(seen: Symptoms, *wanted: str) -> Hop | None:
    """The line at the source, if it has one of these flags and went no further."""
    line = seen.source_line if seen.proxy_line is None else None
    return line if line is not None and set(wanted) & set(flags(line)) else None


def _failed(seen: Symptoms, *kinds: Trouble) -> Hop | None:
    """The line at the source, if its connection to the gateway or waypoint failed in one of these ways."""
    line = seen.source_line if seen.proxy_line is None else None
    return line if line is not None and trouble(line) in kinds else None


def _pods(seen: Symptoms) -> tuple[Pod, ...]:
    """The pods of the gateway or waypoint that should have carried it, ready or not."""
    return tuple(each for each in seen.mesh.pods if seen.via is not None and each.gateway == seen.via)


# ---------------------------------------------------------------- the rule's destination


def no_destination(seen: Symptoms) -> Because | None:
    """That the rule sends it to a Service that is not there, or that the source does not see."""
    line = _source(seen, "NC")
    missing = seen.faults_of("destination-missing", kind="VirtualService")
    if line is None and not missing:
        return None
    hidden = _hidden_services(seen)
    if seen.faults_of("subset-undefined") and not missing:
        return None
    found = because_of((*missing, *hidden), "spec.http[].route[].destination.host")
    lines = (quoted(line),) if line is not None else ()
    return Because(
        (*(found.facts if found else ()), *lines), found.objects if found else (), found.field if found else ""
    )


def _hidden_services(seen: Symptoms) -> list[Fault]:
    """The gateway's Services that the source's Sidecar resource does not import."""
    if seen.source is None:
        return []
    objects = seen.mesh.world.objects
    services = [
        each for each in objects.all(CORE, "Service") if str(each) in seen.mesh.claim(seen.source, seen.target).because
    ]
    found = (
        not_imported(objects, seen.source, each, f"{each.name}.{each.namespace}.svc.cluster.local") for each in services
    )
    return [each for each in found if each is not None]


def no_subset(seen: Symptoms) -> Because | None:
    """That no DestinationRule defines the subset where istiod looks for it, or that its labels select no pod."""
    found = because_of(seen.faults_of("subset-undefined"), "spec.http[].route[].destination.subset")
    line = _source(seen, "NC", "UH")
    if found is None:
        return _selects_no_pod(seen, line)
    lines = (quoted(line),) if line is not None else ()
    return Because((*found.facts, *lines), found.objects, found.field)


def _selects_no_pod(seen: Symptoms, line: Hop | None) -> Because | None:
    """That ready pods are there, and none of them has the labels of the subset."""
    subset = line.text("cluster_subset") if line is not None else None
    ready = [each for each in _pods(seen) if each.ready]
    if line is None or not subset or not ready:
        return None
    rules = Rules.of(seen.mesh.world.objects).covering(line.text("cluster_host") or "")
    defining = [each for each in rules if defines(each, subset)]
    labels = [
        texts(part.get("labels"))
        for each in defining
        for part in rows(each.spec.get("subsets"))
        if part.get("name") == subset
    ]
    if not labels or any(picks(wanted, pod.labels) for wanted in labels for pod in ready):
        return None
    said_so = f"the labels of subset {subset} in {defining[0]} select no pod of {seen.via}"
    return Because((said_so, quoted(line)), (str(defining[0]),), "spec.subsets[].labels")


# ---------------------------------------------------------------- the gateway's port


def selects_nobody(seen: Symptoms) -> Because | None:
    """That no Gateway configures the proxies to which it was sent."""
    line = _failed(seen, Trouble.REFUSED)
    found = because_of(seen.faults_of("gateway-selects-others"), "spec.selector")
    if found is not None:
        return Because((*found.facts, *((quoted(line),) if line is not None else ())), found.objects, found.field)
    if line is None or seen.by_ztunnel or not _pods(seen) or _selecting(seen):
        return None
    return Because((f"no Gateway selects the pods of {seen.via}", quoted(line)), (), "spec.selector")


def _selecting(seen: Symptoms) -> list[Obj]:
    """Istio's Gateways that configure a pod of the expected gateway; a Gateway of the Gateway API always does."""
    world, pods = seen.mesh.world, _pods(seen)
    of_istio = [each for each in world.objects.all(ISTIO, "Gateway") if set(gateway_pods(world, each)) & set(pods)]
    return of_istio or [each for each in world.objects.all(GATEWAY_API, "Gateway") if each.ref == seen.via]


def no_listener(seen: Symptoms) -> Because | None:
    """That the gateway does not listen on the port to which it was sent."""
    line = _failed(seen, Trouble.REFUSED, Trouble.OTHER)
    faults = seen.faults_of("service-port-missing", "forwarded-on-other-port", "served-on-other-port")
    found = because_of(faults, "spec.ports")
    if line is None and (found is None or seen.proxy_line is not None):
        return None
    if found is None and (seen.by_ztunnel or selects_nobody(seen)):
        return None
    facts = () if found is None else found.facts
    lines = (f"{quoted(line)}, at {line.text('upstream_host')}",) if line is not None else ()
    return Because((*facts, *lines), () if found is None else found.objects, "" if found is None else found.field)


def no_ready_pod(seen: Symptoms) -> Because | None:
    """That the gateway or waypoint has no pod to send to."""
    line = seen.source_line if seen.proxy_line is None else None
    nobody = line is not None and ("UH" in flags(line) or error(line).startswith(_NOBODY))
    if line is None or not nobody or _selects_no_pod(seen, line):
        return None
    pods = [each for each in _pods(seen) if each.ready]
    now = f"{seen.via} has {len(pods)} ready pods in the snapshot" if seen.via and pods else ""
    state = [str(each) for each in seen.faults_of("no-ready-pod")] or ([now] if now else [])
    return Because((*state, quoted(line)), (str(seen.via),) if seen.via else ())


def ejected(seen: Symptoms) -> Because | None:
    """That endpoints are there, and were ejected or overloaded."""
    line = _source(seen, "UO", "UH")
    if line is None or seen.by_ztunnel or _selects_no_pod(seen, line):
        return None
    ready = [each for each in _pods(seen) if each.ready]
    if "UO" not in flags(line) and not ready:
        return None
    there = (f"{seen.via} has {len(ready)} ready pods in the snapshot",) if ready else ()
    return Because((quoted(line), *there))


# ---------------------------------------------------------------- what the gateway does with it


def no_chain(seen: Symptoms) -> Because | None:
    """That the gateway has no filter chain for the connection: its SNI, its protocol, its TLS."""
    line = seen.proxy_line
    if line is None or "NR" not in flags(line) or _is_request(line):
        return None
    found = because_of(seen.faults_of("server-missing", "served-on-other-port"), "spec.servers")
    sni = line.text("requested_server_name")
    shown = f"{quoted(line)}, {'SNI ' + sni if sni else 'without SNI'}"
    return Because(
        (*(found.facts if found else ()), shown), found.objects if found else (), found.field if found else ""
    )


def _is_request(line: Hop) -> bool:
    return line.text("method") is not None or "route_not_found" in details(line)


def no_route(seen: Symptoms) -> Because | None:
    """That the gateway takes the request and has no route for it."""
    line = seen.proxy_line
    if line is None or "NR" not in flags(line) or not _is_request(line) or hidden_from_gateway(seen):
        return None
    slugs = ("not-forwarded", "gateway-not-listed", "gateway-missing", "server-missing", "served-on-other-port")
    refused = seen.faults_of("condition-false", kind="Route")
    parents = [each for each in seen.faults_of("parent-missing") if "Gateway" in str(each)]
    faults = (*seen.faults_of(*slugs, "namespace-not-allowed"), *parents, *refused)
    found = because_of(faults, "spec.gateways")
    return Because(
        (*(found.facts if found else ()), quoted(line)), found.objects if found else (), found.field if found else ""
    )


def hidden_from_gateway(seen: Symptoms) -> Because | None:
    """That the gateway's namespace does not see an object of the way."""
    line = seen.proxy_line
    if line is None or not {"NR", "NC"} & set(flags(line)):
        return None
    found = because_of(seen.faults_of("not-exported-to-gateway"), "spec.exportTo")
    return None if found is None else Because((*found.facts, quoted(line)), found.objects, found.field)


def no_cluster_at_gateway(seen: Symptoms) -> Because | None:
    """That the gateway's rule leads to a host that the gateway does not know."""
    line = seen.proxy_line
    if line is None or "NC" not in flags(line) or hidden_from_gateway(seen):
        return None
    return Because((quoted(line),), tuple(str(each) for each in seen.entries))


def tls_on_the_leg(seen: Symptoms) -> Because | None:
    """That the source and the gateway do not agree about TLS."""
    line = _failed(seen, Trouble.TLS)
    if line is None or line.reporter is Reporter.ZTUNNEL:
        return None
    return Because((quoted(line),), (), "spec.trafficPolicy.tls.mode")


# ---------------------------------------------------------------- policies and networks


_NAMED = re.compile(r"ns\[([^\]]+)\]-policy\[([^\]]+)\]")
_DENIED = "explicitly denied by: "


def _refusing(seen: Symptoms) -> Hop | None:
    return next((each for each in reversed(seen.hops) if by_policy(each)), None)


def denied(seen: Symptoms) -> Because | None:
    """That an AuthorizationPolicy refused it, and which."""
    line = _refusing(seen)
    if without_identity(seen):
        return None
    if line is None:
        return Because(("an AuthorizationPolicy refused it",)) if seen.reason == "authorization-policy" else None
    named = tuple(_named(line))
    limiting = seen.faults_of("use-denied", "use-limited")
    if named:
        return Because((f"{', '.join(named)} refused it", quoted(line)), named, "spec.rules")
    objects = tuple(dict.fromkeys(each for fault in limiting for each in fault.objects))
    none = (
        "policies allow some, and none of them this" if "[none]" in said(line) or "none allowed" in said(line) else ""
    )
    return Because((*map(str, limiting), *((none,) if none else ()), quoted(line)), objects, "spec.rules")


def _named(line: Hop) -> Iterator[str]:
    words = f"{details(line)} {line.text('connection_termination_details') or ''}"
    for namespace, name in _NAMED.findall(words):
        yield f"AuthorizationPolicy {namespace}/{name}"
    if _DENIED in error(line):
        yield f"AuthorizationPolicy {error(line).partition(_DENIED)[2]}"


def without_identity(seen: Symptoms) -> Because | None:
    """That a policy of the gateway allows the source, and the leg to it carries no identity to know it by."""
    line = _refusing(seen)
    if line is None or line.reporter is not Reporter.EGRESS_GATEWAY or line.text("requested_server_name"):
        return None
    limiting = [each for fault in seen.faults_of("use-limited") for each in fault.objects]
    allowing = [
        str(each)
        for each in seen.mesh.world.objects.all(SECURITY, "AuthorizationPolicy")
        if str(each) in limiting and _allows(each, seen.source)
    ]
    if not allowing:
        return None
    why = f"{', '.join(allowing)} allows the source, whose identity the gateway did not see: its line has no SNI"
    return Because((why, quoted(line)), tuple(allowing), "spec.rules")


def _allows(policy: Obj, source: Pod | None) -> bool:
    """Whether a rule names the source by its namespace or its principal."""
    if source is None or policy.spec.get("action") not in (None, "ALLOW"):
        return False
    principal = f"*/ns/{source.namespace}/sa/{source.service_account or 'default'}"
    for rule in rows(policy.spec.get("rules")):
        for part in (table(each.get("source")) for each in rows(rule.get("from"))):
            names = [*words(part.get("namespaces")), *words(part.get("principals"))]
            if any(each == source.namespace or each.endswith(principal.removeprefix("*")) for each in names):
                return True
    return False


def selector_on_waypoint(seen: Symptoms) -> Because | None:
    """That a policy with a selector is meant for a waypoint, which heeds only targetRefs."""
    if seen.expected is None or seen.expected.value != "blocked" or not seen.through:
        return None
    waypoints = [each for each in seen.mesh.pods if each.role is Reporter.WAYPOINT and each.gateway in seen.through]
    found = [
        str(policy)
        for policy in seen.mesh.world.objects.all(SECURITY, "AuthorizationPolicy")
        for pod in waypoints[:1]
        if policy.namespace == pod.namespace
        and (wanted := texts(table(policy.spec.get("selector")).get("matchLabels")))
        and all(pod.labels.get(key) == value for key, value in wanted.items())
    ]
    if not found:
        return None
    return Because(
        (f"{', '.join(found)} selects the waypoint's pods, and waypoints heed targetRefs alone",), tuple(found)
    )


def other_filter(seen: Symptoms) -> Because | None:
    """That another filter of the mesh answered in the host's place."""
    words = ("external-authorization", "request-authentication", "rate-limit", "fault-abort", "direct-response")
    line = seen.hops[-1] if seen.hops else None
    if seen.reason not in words:
        return None
    return Because((quoted(line) if line is not None else f"the line says {seen.reason}",))


def cut_off(seen: Symptoms) -> Because | None:
    """That the gateway or waypoint did not answer the connection."""
    line = _failed(seen, Trouble.TIMEOUT, Trouble.OTHER)
    if line is None or (
        trouble(line) is Trouble.OTHER and (seen.by_ztunnel or seen.faults_of("gateway-selects-others"))
    ):
        return None
    return Because((f"{quoted(line)}, and no line of the gateway or waypoint is about it",))


def identity_refused(seen: Symptoms) -> Because | None:
    """That waypoint and ztunnel do not accept each other's certificates."""
    line = seen.source_line if seen.by_ztunnel else None
    if line is None or not (error(line).startswith("http status: 401") or trouble(line) is Trouble.TLS):
        return None
    return Because((quoted(line),))
