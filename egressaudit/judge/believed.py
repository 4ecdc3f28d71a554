"""Who is believed in a run: what the command line, the policy and `--expect` trust, checked against the snapshot.

In: e.g. `--trust gateway=egress/gw`. Out: a `Trust`; UsageError if it contradicts the policy or names a proxy that is
not there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from egressaudit.errors import UsageError
from egressaudit.judge.expected import parse_expect
from egressaudit.mesh import Mesh, Trust, TrustedProxy
from egressaudit.mesh.apis import APPS, CORE, GATEWAY_API
from egressaudit.mesh.trust import KINDS
from egressaudit.mesh.untyped import rows, text, words
from egressaudit.model import ObjectRef, Reporter

if TYPE_CHECKING:
    from egressaudit.policy import Policy


def believed(given: Trust, policy: Policy | None) -> Trust:
    """What `--trust` and a policy trust together; UsageError if they contradict each other."""
    if policy is None:
        return given
    from egressaudit.policy import agree

    trust = given.and_also(policy.trusting)
    agree(trust, {"gateways": policy.gateways, "waypoints": policy.waypoints})
    return trust


def expecting(trust: Trust, expect: str | None) -> Trust:
    """The same trust with the gateway or waypoint that `--expect` names; UsageError for one that is not understood."""
    if expect is None:
        return trust
    path, ref = parse_expect(expect)
    reporter = Reporter.on(path)
    return trust if ref is None or reporter is None else trust.with_named(reporter, [ref])


def mesh_of(saved: Mapping[str, object], expect: str | None, given: Trust | None = None) -> Mesh:
    """The mesh of a saved run, with the trust that was saved with it unless another is given.

    The gateway or waypoint that `expect` names is trusted too. BadLogs for a snapshot of another program, UsageError
    for an expectation that is not understood.
    """
    mesh = Mesh.from_json(saved, given)
    trust = expecting(mesh.trust, expect)
    return mesh if trust == mesh.trust else Mesh.from_json(saved, trust)


def check_outside(mesh: Mesh) -> None:
    """UsageError if a network that is declared as outside contains an address of the cluster."""
    for address, whose in _addresses_inside(mesh):
        known = ipaddress.ip_address(address)
        for network in mesh.trust.outside:
            if known in network:
                raise UsageError(
                    f"outside {network} holds {address}, the address of {whose}",
                    hint="Declare only ranges that lie wholly outside the cluster: no pods, Services or nodes in them.",
                )


def missing_trust(mesh: Mesh) -> tuple[str, ...]:
    """The proxies that are trusted by name but are not in the snapshot, each as `gateway NS/NAME`."""
    there = set(_names(mesh))
    return tuple(
        f"{kind.removesuffix('s')} {each}"
        for kind, reporter in KINDS.items()
        for each in mesh.trust.listed(reporter)
        if not _is_there(mesh, each, reporter, there)
    )


def check_trust(mesh: Mesh) -> None:
    """UsageError if what is trusted does not fit the snapshot."""
    check_outside(mesh)
    if missing := missing_trust(mesh):
        raise UsageError(
            f"{missing[0]} is trusted, and there is none in this cluster",
            hint="Name a Deployment, DaemonSet or StatefulSet, or the Gateway that istiod made it for.",
        )


def _is_there(mesh: Mesh, proxy: TrustedProxy, reporter: Reporter, there: set[ObjectRef]) -> bool:
    if proxy.name:
        return ObjectRef(proxy.namespace, proxy.name) in there
    return any(pod.namespace == proxy.namespace and pod.claimed is reporter for pod in mesh.pods)


def _names(mesh: Mesh) -> Iterator[ObjectRef]:
    objects = mesh.world.objects
    for each in (*objects.all(APPS, "Deployment", "DaemonSet"), *objects.all(GATEWAY_API, "Gateway")):
        yield each.ref
    for pod in mesh.pods:
        for owner in pod.owners:
            yield ObjectRef(pod.namespace, owner.partition("/")[2])


def _addresses_inside(mesh: Mesh) -> Iterator[tuple[str, str]]:
    """Addresses that Kubernetes itself assigned, and to what; not those that the author of a Service chose."""
    for pod in mesh.pods:
        for address in pod.addresses:
            yield address, f"pod {pod.ref}"
    for obj in mesh.world.objects.all(CORE, "Pod"):
        hosts = (text(obj.status.get("hostIP")), *(text(each.get("ip")) for each in rows(obj.status.get("hostIPs"))))
        yield from ((each, f"node {text(obj.spec.get('nodeName'))}") for each in hosts if _is_address(each))
    for service in mesh.world.objects.all(CORE, "Service"):
        addresses = (text(service.spec.get("clusterIP")), *words(service.spec.get("clusterIPs")))
        yield from ((each, str(service)) for each in addresses if _is_address(each))


def _is_address(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
