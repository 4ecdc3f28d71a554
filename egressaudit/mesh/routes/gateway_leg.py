"""The leg from a proxy to a gateway: which pods a cluster reaches, and the call as their proxies get it.

In: the clusters of the proxy that sends, a destination of its step, the call. Out: an `Arrival` for each pod.
Example: a call for docs.example.com is sent to `outbound|443||egress.istio-egress.svc.cluster.local`, and the client's
DestinationRule says ISTIO_MUTUAL. It arrives at port 8443 of the gateway's pod, in mTLS with the SNI
`outbound_.443_._.egress.istio-egress.svc.cluster.local`.

Source: istio/istio pilot/pkg/networking/core/cluster_tls.go buildUpstreamTLSSettings, applyUpstreamTLSSettings. Where
no rule says how to send, a proxy asks each endpoint: pods with the label `security.istio.io/tlsMode: istio` get mTLS.
The gateways of Istio's own charts have no such label, so they get what was sent. PeerAuthentications are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from egressaudit.mesh.apis import APPS, CORE
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.pods import template_labels
from egressaudit.mesh.routes.clusters import ProxyClusters
from egressaudit.mesh.routes.gateway_index import gateway_proxy
from egressaudit.mesh.routes.gateway_merge import target_port
from egressaudit.mesh.routes.request_matches import authority as host_header
from egressaudit.mesh.routes.sidecar_scope import scope_of
from egressaudit.mesh.services.services import selected
from egressaudit.mesh.untyped import number, picks, rows, texts
from egressaudit.mesh.world import World
from egressaudit.model import Call, Pod, Reporter, RouteDestination, Scheme, Tls

_MODE = "security.istio.io/tlsMode"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call as one gateway proxy gets it."""

    pod: Pod
    """A pod of the gateway; where it has none now, one as its workload or its Service's selector would have it."""
    call: Call
    when: tuple[str, ...] = ()
    """What must hold for it that is not known; empty if it is certain."""


def arrivals(world: World, sender: Pod, to: RouteDestination, call: Call, authority: str = "") -> tuple[Arrival, ...]:
    """Where a destination of a proxy's step leads to; none if no gateway proxy is behind it.

    `authority` is the host that the rule rewrote the request to.
    """
    world = world.seen_by(sender.ref)
    known = clusters_of(world, sender)
    service = known.services.get(to.host)
    if service is None or not service.kubernetes or service.external_name:
        return ()
    row = next((each for each in rows(service.origin.spec.get("ports")) if number(each.get("port")) == to.port), None)
    rule = known.rule(to.host)
    labels = (rule.subset_labels(to.subset) if rule is not None else None) if to.subset else {}
    if row is None or labels is None:
        return ()
    named = authority or host_header(call)
    sent = replace(call, host=authority or call.host, address="", tls=Tls.NONE, sni="", authority=named)
    found: list[Arrival] = []
    for pod in pods_behind(world, service.origin):
        port = target_port(world, pod, row)
        if port is not None and picks(labels, pod.labels):
            wrapped = _wrapped(known, pod, to, sent, call)
            found += (Arrival(pod, replace(each, port=port), when) for each, when in wrapped)
    return tuple(found)


def clusters_of(world: World, pod: Pod) -> ProxyClusters:
    """The clusters of the proxy in a pod: a gateway, or else a sidecar."""
    if Reporter.EGRESS_GATEWAY in (pod.role, pod.claimed):
        return gateway_proxy(world, pod).clusters
    return ProxyClusters.of(world, scope_of(world, pod.namespace, pod.labels), pod.labels)


def _wrapped(
    known: ProxyClusters, pod: Pod, to: RouteDestination, sent: Call, call: Call
) -> Iterator[tuple[Call, tuple[str, ...]]]:
    """The call in the TLS of the leg; each way, where what a DestinationRule says of TLS was not kept."""
    leg = known.leg(to)
    modes = [leg.tls]
    if leg.tls is None:
        auto = pod.labels.get(_MODE) == "istio" and _auto_mtls(known.world)
        modes = [Tls.MUTUAL if auto else Tls.NONE] if leg.kept else [Tls.MUTUAL, Tls.TLS, Tls.NONE]
    for mode in modes:
        when = () if leg.kept else (f"a DestinationRule of {to.host} says {mode}",)
        if mode is Tls.MUTUAL:
            yield replace(sent, tls=mode, sni=leg.sni or f"outbound_.{to.port}_.{to.subset}_.{to.host}"), when
        elif mode is Tls.TLS:
            # Without a name of its own, TLS to others carries the host of an HTTP request (auto_sni), none for bytes.
            yield replace(sent, tls=mode, sni=leg.sni or (sent.host if sent.scheme is Scheme.HTTP else "")), when
        else:
            yield replace(sent, sni=call.sni if call.tls is Tls.NONE else ""), when


def _auto_mtls(world: World) -> bool:
    return world.objects.config.get("enableAutoMtls") is not False


def pods_behind(world: World, service: Obj) -> Iterator[Pod]:
    """The pods of gateway proxies that a Service selects; where there is none, one as its workload would make it."""
    pods = selected(world, service)
    yield from (pod for pod in pods if Reporter.EGRESS_GATEWAY in (pod.role, pod.claimed))
    if not pods and (selector := texts(service.spec.get("selector"))):
        yield from _would_be(world, service, selector)


def _would_be(world: World, service: Obj, selector: Mapping[str, str]) -> Iterator[Pod]:
    for each in world.objects.all(APPS, "Deployment", "DaemonSet"):
        if each.namespace == service.namespace and picks(selector, template_labels(each)):
            role = world.workload_roles[each.kind, each.ref]
            if Reporter.EGRESS_GATEWAY in (role.reporter, role.claimed):
                yield Pod(each.namespace, each.name, (), labels=template_labels(each), role=role.reporter)
            return
    if not world.objects.all(CORE, "Pod"):
        yield Pod(service.namespace, service.name, (), labels=selector, claimed=Reporter.EGRESS_GATEWAY)
