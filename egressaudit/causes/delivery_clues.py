"""What shows why a gateway or waypoint did not take a flow: lines of both ends, and the configuration between them.

In: `Symptoms`. Out: `Because` for each row of `not_delivered` and `refused_on_the_way`. Example: `503 UF ...
Connection_refused` to a gateway's pod that no Gateway selects is EC54's.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.causes.cause_rule import Because, because_of
from egressaudit.causes.evidence_clues import unproven_proxy, without_pods
from egressaudit.causes.gateway_servers import host_not_served, plaintext_to_tls, route_missing, rule_missing
from egressaudit.causes.line_clues import Trouble, details, error, flags, quoted, trouble
from egressaudit.causes.steering_clues import refused_backend
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.apis import CORE, GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.services.cluster_policy import Rules, defines
from egressaudit.mesh.services.services import full_name
from egressaudit.mesh.steering.gateways import gateway_pods
from egressaudit.mesh.steering.istio_rules import MESH, rules_of, virtual_services
from egressaudit.mesh.steering.registry import not_imported
from egressaudit.mesh.untyped import picks, rows, texts
from egressaudit.model import Fault, Hop, Pod, Reporter

_NOBODY = ("no healthy upstream", "unknown waypoint", "no endpoints for workload")
"""How ztunnel's error begins where a waypoint has no address (istio/ztunnel src/proxy.rs)."""


_ANY = (Trouble.REFUSED, Trouble.TLS, Trouble.OTHER)
"""How a connection to a gateway ends that has no chain for it: refused, or reset within the handshake."""


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
    if (line is None and not missing) or seen.faults_of("service-port-missing") or refused_backend(seen):
        return None
    hidden = _hidden_services(seen)
    if no_subset(seen) and not missing:
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
    services = [each for each in objects.all(CORE, "Service") if str(each) in seen.claim.because]
    found = (
        not_imported(objects, seen.source, each, f"{each.name}.{each.namespace}.svc.cluster.local") for each in services
    )
    return [each for each in found if each is not None]


def no_subset(seen: Symptoms) -> Because | None:
    """That no DestinationRule defines the subset where istiod looks for it, or that its labels select no pod."""
    found = because_of(seen.faults_of("subset-undefined"), "spec.http[].route[].destination.subset")
    line = _source(seen, "NC", "UH")
    if found is None:
        return _selects_no_pod(seen, line) or _hidden_rule(seen, line)
    lines = (quoted(line),) if line is not None else ()
    return Because((*found.facts, *lines), found.objects, found.field)


def _hidden_rule(seen: Symptoms, line: Hop | None) -> Because | None:
    """That a DestinationRule nearer to the source hides the one that defines the subset.

    istiod takes the rules of the first namespace that has one for the host: the client's, the Service's, the root's
    (istio/istio pilot/pkg/model/push_context.go destinationRule).
    """
    if line is None or "NC" not in flags(line) or seen.source is None:
        return None
    rules, world = Rules.of(seen.mesh.world.objects), seen.mesh.world
    for service, subset in _subsets_asked(seen):
        known = rules.covering(service)
        places = (seen.source.namespace, service.split(".")[1], world.objects.root)
        near = next((some for place in places if (some := [each for each in known if each.namespace == place])), [])
        defining = [each for each in known if defines(each, subset)]
        if near and defining and not any(defines(each, subset) for each in near):
            said_so = f"{near[0]} has no subset {subset}, and hides {defining[0]}, which has it"
            return Because((said_so, quoted(line)), (str(near[0]), str(defining[0])), "spec.subsets")
    return None


def _subsets_asked(seen: Symptoms) -> Iterator[tuple[str, str]]:
    """The Services and subsets to which the mesh's rules for the host send."""
    for each in virtual_services(seen.mesh.world.objects, seen.target.host):
        for rule in rules_of(each):
            for to in rule.destinations if rule.matches(MESH) else ():
                full = full_name(to.host, each.namespace)
                if to.subset and full.count(".") > 1:
                    yield full, to.subset


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
    if unproven_proxy(seen):
        return None
    found = because_of(seen.faults_of("gateway-selects-others"), "spec.selector")
    if found is not None:
        return Because((*found.facts, *((quoted(line),) if line is not None else ())), found.objects, found.field)
    if line is None or seen.by_ztunnel or not _pods(seen) or _selecting(seen):
        return None
    return Because((f"no Gateway selects the pods of {seen.via}", quoted(line)), (), "spec.selector")


def _selecting(seen: Symptoms) -> list[Obj]:
    """Istio's Gateways that configure a pod of the expected gateway; a Gateway of the Gateway API always does."""
    world, refs = seen.mesh.world, {pod.ref for pod in _pods(seen)}
    of_istio = [
        each for each in world.objects.all(ISTIO, "Gateway") if refs & {pod.ref for pod in gateway_pods(world, each)}
    ]
    return of_istio or [each for each in world.objects.all(GATEWAY_API, "Gateway") if each.ref == seen.via]


def no_listener(seen: Symptoms) -> Because | None:
    """That the gateway does not listen on the port to which it was sent."""
    line = _failed(seen, Trouble.REFUSED, Trouble.OTHER)
    if _failed(seen, *_ANY) and (host_not_served(seen) or rule_missing(seen) or route_missing(seen)):
        return None
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
    if found := without_pods(seen):
        return found
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
    if (refused := _failed(seen, *_ANY)) and (known := host_not_served(seen)):
        return Because((*known.facts, quoted(refused)), known.objects, known.field)
    line = seen.proxy_line
    if line is None or "NR" not in flags(line) or _is_request(line) or plaintext_to_tls(seen):
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
    if (refused := _failed(seen, Trouble.REFUSED)) and (known := rule_missing(seen) or route_missing(seen)):
        return Because((*known.facts, quoted(refused)), known.objects, known.field)
    line = seen.proxy_line
    if line is None or "NR" not in flags(line) or not _is_request(line) or hidden_from_gateway(seen):
        return None
    slugs = ("not-forwarded", "gateway-not-listed", "gateway-missing", "server-missing", "served-on-other-port")
    untaken = seen.faults_of("condition-false", kind="Route")
    parents = [each for each in seen.faults_of("parent-missing") if "Gateway" in str(each)]
    faults = (*seen.faults_of(*slugs, "namespace-not-allowed"), *parents, *untaken)
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
    last = seen.proxy_line
    if last is not None and "NR" in flags(last) and (known := plaintext_to_tls(seen)):
        return Because((*known.facts, quoted(last)), known.objects, known.field)
    line = _failed(seen, Trouble.TLS)
    if line is None or line.reporter is Reporter.ZTUNNEL or host_not_served(seen):
        return None
    return Because((quoted(line),), (), "spec.trafficPolicy.tls.mode")
