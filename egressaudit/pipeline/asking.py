"""Ask the proxies on the way of a probe for their own configuration, once its verdict is not PASS.

A PASS needs no explanation, so it never waits for this. The source's sidecar is asked first, for it decides the way;
then the proxy that its configuration leads to, or the gateway or waypoint that was expected.

In: a cluster, a snapshot and verdicts. Out: an `AskedProxy` each; that pods/exec is not allowed is one sentence there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from egressaudit.addresses import ip_of, port_of
from egressaudit.collect.proxy_config import ProxyAsker
from egressaudit.judge.declared_step import declared_step
from egressaudit.judge.expected import source_of
from egressaudit.judge.proxy_views import proxy_views
from egressaudit.mesh import Mesh
from egressaudit.mesh.programmed import Dumped
from egressaudit.mesh.routes.request_matches import authority
from egressaudit.model import (
    AskedProxy,
    Call,
    DataplaneMode,
    Hop,
    ObjectRef,
    Outcome,
    Pod,
    Probe,
    ProxyView,
    Reporter,
    Scheme,
    Step,
    Target,
    Tls,
    Verdict,
    VerifyReport,
)

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster

MOST_VERDICTS = 3
"""Verdicts about which proxies are asked; more of them are a chain of redirects."""


def ask_proxies(cluster: Cluster, mesh: Mesh, report: VerifyReport, deadline: float) -> tuple[AskedProxy, ...]:
    """What the proxies of each probe that did not PASS say, not beyond the deadline (of `time.monotonic`)."""
    asker = ProxyAsker(cluster, deadline)
    unclear = [verdict for verdict in report.verdicts if verdict.outcome is not Outcome.PASS]
    return tuple(asked for verdict in unclear[:MOST_VERDICTS] for asked in _about(asker, mesh, verdict))


def way_views(cluster: Cluster, mesh: Mesh, pod: Pod, target: Target, deadline: float) -> tuple[ProxyView, ...]:
    """Declared and programmed side by side for a pod and a target, without any request: nothing is observed."""
    asked = tuple(ask_way(ProxyAsker(cluster, deadline), mesh, pod, call_to(target)))
    return proxy_views((), asked, partial(declared_step, mesh))


def ask_way(asker: ProxyAsker, mesh: Mesh, pod: Pod, call: Call, nonce: str = "") -> Iterator[AskedProxy]:
    """What the sidecar of a pod says about a call, and then the gateway that it leads to.

    Nothing for a pod without a sidecar: a ztunnel has no `pilot-agent`.
    """
    if pod.mode is not DataplaneMode.SIDECAR:
        return
    asked, dump = asker.ask(nonce, pod.ref, Reporter.SIDECAR, call)
    yield asked
    if asked.step is not None and (then := _next(mesh, asked.step, dump)):
        yield asker.ask(nonce, *then)[0]


def _about(asker: ProxyAsker, mesh: Mesh, verdict: Verdict) -> Iterator[AskedProxy]:
    probe, pod = verdict.flow.probe, source_of(mesh, verdict.flow.probe)
    hops = {each.reporter: each for each in verdict.flow.hops}
    yield from ask_way(asker, mesh, pod, call_of(probe, hops.get(Reporter.SIDECAR)), probe.nonce)
    if (ztunnel := hops.get(Reporter.ZTUNNEL)) and (waypoint := _waypoint(mesh, ztunnel)):
        dialed = ztunnel.text("dst_hbone_addr")
        call = replace(call_of(probe, None), address=ip_of(dialed) or "", port=port_of(dialed) or probe.target.port)
        yield asker.ask(probe.nonce, waypoint, Reporter.WAYPOINT, call)[0]


def _waypoint(mesh: Mesh, ztunnel: Hop) -> ObjectRef | None:
    """The pod of the waypoint that a ztunnel's line leads to."""
    ref = _by_address(mesh).get(ip_of(ztunnel.text("dst_addr")) or "")
    return ref if ref is not None and mesh.role(ref).reporter is Reporter.WAYPOINT else None


def _by_address(mesh: Mesh) -> dict[str, ObjectRef]:
    return {address: pod.ref for pod in mesh.pods for address in pod.addresses}


def _next(mesh: Mesh, step: Step, dump: Dumped) -> tuple[ObjectRef, Reporter, Call] | None:
    """The gateway or waypoint at an endpoint of the clusters that a sidecar takes, and the call as it arrives there."""
    call, pods = step.call, _by_address(mesh)
    for to in (to for choice in step.choices for to in choice.to):
        for endpoint in dump.endpoints.get(to.cluster, ()):
            address, port = ip_of(endpoint) or "", port_of(endpoint)
            ref = pods.get(address)
            role = None if ref is None else mesh.role(ref).reporter
            if ref is not None and role in (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT) and port:
                tls, sni = dump.wrapped.get(to.cluster, (Tls.NONE, ""))
                named = authority(call)
                return (
                    ref,
                    role,
                    replace(call, port=port, tls=tls, sni=sni or call.sni, address=address, authority=named),
                )
    return None


def call_of(probe: Probe, hop: Hop | None) -> Call:
    """The call of a probe, to the address that its line shows: unless a stand-in took it at a port of its own."""
    call = call_to(probe.target)
    dialed = None if hop is None else hop.text("downstream_local_address")
    return replace(call, address=ip_of(dialed) or "") if port_of(dialed) == call.port else call


def call_to(target: Target) -> Call:
    """The call that a probe of a target is, as it leaves its pod."""
    http = target.scheme is Scheme.HTTP
    return Call(
        host=target.host,
        port=target.port,
        scheme=target.scheme,
        sni=target.host if target.scheme is Scheme.HTTPS else "",
        path=target.path if http else None,
        method="GET" if http else None,
    )
