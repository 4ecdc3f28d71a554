"""Faults of calls that are bytes: no request and no name that a proxy could read.

They were written after the rules had been corrected by the other faults, and show what those corrections are worth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from support.loop_breakages import DOCS, Objects, one, set_at, without, working
from support.loop_world import World
from support.mesh import obj

from injected.fault import Fault
from injected.meshes import TCP, fault


def faults() -> Iterator[Fault]:
    """All of them."""
    for name, code, change in (*_CONFIGURED, *_PODS):
        objects = working("istio-apis", 5432)
        change(objects)
        world = World(captured=code not in ("EC01", "EC02", "EC04"))
        yield fault(f"tcp-{name}", code, "istio-apis", objects, TCP, world=world)
    for mode in ("istio-apis", "gateway-api", "ambient"):
        hidden = working(mode, 5432)
        # The stand-in of ztunnel writes no line of a tunnel that is cut off while its waypoint connects.
        for name, code, world in _WORLDS[: 2 if mode == "ambient" else 3]:
            yield fault(f"tcp-{name}", code, mode, hidden, TCP, world=world, mesh={"connectTimeout": "1s"})
    asked = working("ambient", 5432)
    set_at(asked, "ServiceEntry", "metadata.labels", {})
    yield fault("tcp-no-label", "EC42", "ambient", asked, TCP)
    other = working("ambient", 5432)
    set_at(other, "ServiceEntry", "metadata.labels", {"istio.io/use-waypoint": "other"})
    yield fault("tcp-no-such-waypoint", "EC44", "ambient", other, TCP)


def _label(objects: Objects) -> None:
    pod = one(objects, "Pod", "curl-1")
    pod["spec"]["containers"] = [{"name": "curl"}]
    pod["metadata"].pop("annotations")
    pod["metadata"]["labels"]["sidecar.istio.io/inject"] = "false"


def _plain(objects: Objects) -> None:
    pod = one(objects, "Pod", "curl-1")
    pod["spec"]["containers"] = [{"name": "curl"}]
    pod["metadata"].pop("annotations")


def _ports(objects: Objects) -> None:
    annotations = one(objects, "Pod", "curl-1")["metadata"]["annotations"]
    annotations["traffic.sidecar.istio.io/excludeOutboundPorts"] = "3306,5432"


def _sidecar(objects: Objects) -> None:
    objects.append(obj("Sidecar", "curl/default", spec={"egress": [{"hosts": ["./*", "istio-system/*"]}]}))


def _mesh_missing(objects: Objects) -> None:
    set_at(objects, "VirtualService", "spec.gateways", [f"egress/{DOCS}"])


_CONFIGURED: tuple[tuple[str, str, Callable[[Objects], object]], ...] = (
    ("no-mesh", "EC26", _mesh_missing),
    ("entry-hidden", "EC15", lambda o: set_at(o, "ServiceEntry", "spec.exportTo", ["."])),
    ("not-imported", "EC16", _sidecar),
    ("rule-hidden", "EC29", lambda o: set_at(o, "VirtualService", "spec.exportTo", ["egress"])),
    ("nothing-steers", "EC88", lambda o: without(o, "VirtualService")),
    ("no-service", "EC51", lambda o: set_at(
        o, "VirtualService", "spec.tcp.0.route.0.destination.host", "gateway.egress.svc.cluster.local")),
    ("selects-nobody", "EC54", lambda o: set_at(o, "Gateway", "spec.selector", {"istio": "other"})),
    ("no-onward-rule", "EC57", lambda o: one(o, "VirtualService")["spec"]["tcp"].pop()),
    # No policy: a connection that sends nothing is open to the host before Envoy refuses its first bytes.
    ("onward-host", "EC93", lambda o: set_at(
        o, "VirtualService", "spec.tcp.1.route.0.destination.host", "docs.redhat.org")),
)  # fmt: skip
_PODS: tuple[tuple[str, str, Callable[[Objects], object]], ...] = (
    ("not-injected", "EC01", _plain),
    ("opted-out", "EC02", _label),
    ("port-excluded", "EC04", _ports),
)
_WORLDS = (
    ("no-address", "EC65", World(unresolved=True)),
    ("refuses", "EC66", World(outside="nothing")),
    ("drops", "EC66", World(outside="silent")),
)
