"""A snapshot's objects are read in two steps: all by kind, then MeshConfig of the control planes by name."""

from __future__ import annotations

import json

from support.mesh import CONFIG, obj, sidecar

from egressaudit.mesh import Mesh, NamedPlanes
from egressaudit.pipeline.collecting import snapshot
from egressaudit.pipeline.snapshot_objects import snapshot_objects

CANARY = obj("ConfigMap", "istio-system/istio-canary", "v1", data={"mesh": "accessLogFile: ''"})
IN_MESH = obj("ConfigMap", "mesh/istio", "v1", data={"mesh": "accessLogFile: /dev/stdout"})
MARKED = {"annotations": {"sidecar.istio.io/status": '{"revision": "canary"}'}}


class Server:
    """A cluster that answers from a list of objects; of ConfigMaps only those that are asked for by name."""

    server = "https://api.example:6443"
    unreadable: tuple[str, ...] = ()
    read: tuple[str, ...] = ("Pod", "Service")

    def __init__(self, *objects):
        self.objects_there = objects
        self.named = []

    def objects(self, resources):
        kinds = {each.kind for each in resources if each.only is None}
        return [each for each in self.objects_there if each["kind"] in kinds] + self.further(
            each for each in resources if each.only is not None
        )

    def further(self, resources):
        asked = [str(each.only) for each in resources]
        self.named += asked
        return [each for each in self.objects_there if "/".join(_where(each)) in asked]


def _where(each):
    return each["metadata"].get("namespace", ""), each["metadata"]["name"]


def test_the_mesh_config_of_a_revision_that_a_proxy_names_is_read_too():
    server = Server(CONFIG, CANARY, IN_MESH, sidecar("shop/cart-1", "10.0.0.1", **MARKED))
    mesh, notes = snapshot(server)
    assert server.named == ["istio-system/istio", "istio-system/istio-canary"]
    assert [each.kind for each in mesh.blind_spots()] == ["logging-off"]
    assert notes == ()


def test_the_namespace_that_the_user_names_is_read_and_kept():
    asks = sidecar("shop/cart-1", "10.0.0.1", annotations={"sidecar.istio.io/status": "{}"})
    asks["spec"]["containers"][1]["env"] = [{"name": "CA_ADDR", "value": "istiod.mesh.svc:15012"}]
    objects, notes = snapshot_objects(Server(CONFIG, IN_MESH, asks), NamedPlanes())
    assert [_where(each) for each in objects if each["kind"] == "ConfigMap"] == [("istio-system", "istio")]
    assert "--istio-namespace mesh" in notes[0]
    mesh, notes = snapshot(Server(CONFIG, IN_MESH, asks), NamedPlanes(("mesh",)))
    assert (mesh.blind_spots(), notes) == ((), ())
    assert Mesh.from_json(json.loads(json.dumps(mesh.to_json()))).blind_spots() == ()
