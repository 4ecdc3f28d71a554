"""What is known before the attempts are made: the host's address, what curl can do, which other gateway exists.

In: the snapshot, the verdict on the ordinary request, the output of `curl --version`. Out: a `Scene`.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.addresses import ip_of
from egressaudit.bypass.attempt import Attempt, Need, OtherProxy, Scene
from egressaudit.mesh import Mesh
from egressaudit.mesh.apis import CORE
from egressaudit.mesh.places import Place
from egressaudit.mesh.services.services import selected
from egressaudit.mesh.untyped import number, rows
from egressaudit.model import Expectation, Hop, Pod, Scheme, Target, Verdict

API_SERVER = Target("kubernetes.default.svc", 443, Scheme.TCP)
"""Where a pod of any cluster can connect to, if nothing forbids it."""

FEATURES_UNKNOWN = "curl --version did not say what the source's curl can do"
ADDRESS_UNKNOWN = "the ordinary request shows no address of the host that is proven to be outside"


def scene_of(mesh: Mesh, source: Pod, ordinary: Verdict, version: str, address: str | None) -> Scene:
    """The scene of a battery. `version` is what `curl --version` wrote; `address` is the user's, None for our own."""
    target = ordinary.flow.probe.target
    return Scene(
        target=target,
        mode=source.mode,
        addresses=source.addresses,
        outside=address or next(_outside(mesh, ordinary), ""),
        features=features(version),
        other=_other_proxy(mesh, source, target.port, ordinary.expectation),
    )


def features(version: str) -> frozenset[str]:
    """The protocols and features of a curl, in lower case, from the last lines of `curl --version`."""
    lines = (each for each in version.splitlines() if each.startswith(("Protocols:", "Features:")))
    return frozenset(word.lower() for line in lines for word in line.split()[1:])


def not_tried(attempt: Attempt, scene: Scene, named: frozenset[str]) -> str:
    """Why an attempt makes no sense here, one clause; '' if it does."""
    if attempt.only_named and attempt.name not in named:
        return f"it needs more permissions; --bypass-with {attempt.name} adds it"
    if scene.mode not in attempt.modes:
        return f"the source is not in {' or '.join(sorted(attempt.modes))} mode"
    return next((why for need in sorted(attempt.needs) if (why := _lacking(need, scene))), "")


def _lacking(need: Need, scene: Scene) -> str:
    """Why a need is not met and never can be here. An address or a curl that is merely not known is another thing."""
    here = {
        Need.HTTP: scene.target.scheme is not Scheme.TCP,
        Need.ADDRESS: True,
        Need.IPV6: any(":" in each for each in scene.addresses),
        Need.HTTP3: not scene.features or "http3" in scene.features,
        Need.TFTP: not scene.features or "tftp" in scene.features,
        Need.OTHER_PROXY: scene.other is not None,
    }
    return "" if here[need] else _WITHOUT[need]


_WITHOUT = {
    Need.HTTP: "the host is probed over bare TCP",
    Need.IPV6: "the pod has no IPv6 address",
    Need.HTTP3: "the source's curl has no HTTP/3",
    Need.TFTP: "the source's curl has no TFTP, the only UDP protocol that fits",
    Need.OTHER_PROXY: "every gateway and waypoint of the mesh is on the expected way",
}


def place_of_mesh(mesh: Mesh, expectation: Expectation, port: int) -> Target:
    """Where a pod that the mesh does not capture can connect to: the expected gateway, else the API server."""
    for pod in expectation.pods:
        for address in pod.addresses[:1]:
            return Target(address, _listens(mesh, pod, port), Scheme.TCP)
    return API_SERVER


def _outside(mesh: Mesh, ordinary: Verdict) -> Iterator[str]:
    """The addresses of the host that are proven outside: the one that curl dialled, else the one that was reached.

    curl's own comes first: it is what the pod itself takes the name for. With DNS capture that is a virtual address,
    and then the last proxy's line says where the host is.
    """
    sockets = [ordinary.flow.probe.result.remote_address, *map(_reached, reversed(ordinary.flow.hops))]
    for socket in sockets:
        ip = ip_of(socket)
        if ip is not None and mesh.places.place(socket).place is Place.OUTSIDE:
            yield ip


def _reached(hop: Hop) -> str | None:
    return hop.text("upstream_host") or hop.text("dst_addr")


def _other_proxy(mesh: Mesh, source: Pod, port: int, expectation: Expectation) -> OtherProxy | None:
    """A ready gateway or waypoint that is not on the expected way; one of another namespace than the source's first."""
    expected = {expectation.via, *expectation.passing}
    found = [
        pod
        for pod in mesh.pods
        if pod.ready and pod.addresses and pod.role is not None and pod.role.path is not None
        if mesh.gateway_of(pod) not in expected
    ]
    pod = min(found, key=lambda each: (each.namespace == source.namespace, each.ref), default=None)
    if pod is None:
        return None
    return OtherProxy(str(mesh.gateway_of(pod)), pod.addresses[0], _listens(mesh, pod, port))


def _listens(mesh: Mesh, pod: Pod, port: int) -> int:
    """The port at which a proxy's pod takes what its Services get at a port; the port itself if none says another."""
    for service in mesh.world.objects.all(CORE, "Service"):
        if pod not in selected(mesh.world, service):
            continue
        for each in rows(service.spec.get("ports")):
            if number(each.get("port")) == port and (to := number(each.get("targetPort"))) is not None:
                return to
    return port
