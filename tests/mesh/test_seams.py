"""What it takes to add a steering API or a mode to the mesh: one file and one line, and for a mode its name.

Each is added to a copy of the package, and snapshot, trimming, permissions, claims and blind spots pick it up.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
from support.additions import add, package_copy, run_copy
from support.tools import ROOT

from egressaudit.mesh.modes import MODES, Mode
from egressaudit.mesh.steering import STEERING, Steering

EXITS = """
from egressaudit.mesh.apis import Resource
from egressaudit.mesh.shapes import KEEP, Shape
from egressaudit.mesh.steering.ways import Ways
from egressaudit.model import Claim, ObjectRef, Path

RESOURCES: tuple[Resource, ...] = (
    Resource(
        "egress.example.com", ("v1",), "exits", "Exit",
        keep=Shape({"spec": {"host": KEEP, "gateway": KEEP}}), without="one may name another exit",
    ),
    # A kind that others read too: what this API needs of it is kept beside what they need.
    Resource("", ("v1",), "services", "Service", keep=Shape({"spec": {"exit": KEEP}})),
)


def ways(world, source, target):
    asked = (
        Claim(Path.VIA_GATEWAY, ObjectRef(each.namespace, each.spec["gateway"]), because=(str(each),))
        for each in world.objects.all("egress.example.com", "Exit")
        if each.spec.get("host") == target.host
    )
    return Ways(asked=tuple(asked))
"""

HOSTED = """
from egressaudit.mesh.apis import Resource
from egressaudit.model import DataplaneMode, Reporter

NAME = DataplaneMode.HOSTED
REPORTER = Reporter.ZTUNNEL
RESOURCES: tuple[Resource, ...] = (Resource("hosted.example.com", ("v1",), "hostings", "Hosting"),)
ANNOTATIONS = ("hosted.example.com/by",)


def mode_of(pod, namespace, role):
    return NAME if ANNOTATIONS[0] in pod.annotations else None


def captor(pod, pods):
    return next((each for each in pods if each.name == pod.annotations[ANNOTATIONS[0]]), None)


def uncaptured(pod, port, address):
    return "UDP is never captured" if port == 53 else ""


def blind_spots(pod, obj, nodes):
    yield "hosted", "its DNS is not logged"
"""

ASK = """
import importlib.util, json, sys
from egressaudit.mesh import RESOURCES, Mesh, trim
from egressaudit.model import ObjectRef, Scheme, Target

spec = importlib.util.spec_from_file_location("permissions", sys.argv[1])
permissions = importlib.util.module_from_spec(spec)
spec.loader.exec_module(permissions)


def obj(version, kind, name, **more):
    metadata = {"namespace": "shop", "name": name, "annotations": more.pop("annotations", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


running = {"phase": "Running", "podIP": "10.0.0.9"}
mesh = Mesh.of(
    [
        obj("v1", "Pod", "cart", status=running, annotations={"hosted.example.com/by": "host"}),
        obj("v1", "Pod", "host", status=running, spec={"containers": [{"name": "istio-proxy"}]}),
        obj("egress.example.com/v1", "Exit", "docs", spec={"host": "docs.redhat.com", "gateway": "gw", "token": "x"}),
    ],
    ["Pod"],
)
cart = mesh.pod(ObjectRef("shop", "cart"))
claim = mesh.claim(cart, Target("docs.redhat.com", 80, Scheme.HTTP))
service = obj("v1", "Service", "x", spec={"exit": "gw", "type": "ClusterIP", "other": "x"})
print(json.dumps({
    "service": trim(service)["spec"],
    "read": [each.name for each in RESOURCES],
    "rules": permissions.rules(),
    "kept": [each.get("spec") for each in mesh.objects if each["kind"] == "Exit"],
    "unread": [each.kind for each in mesh.unread() if each.counts],
    "via": str(claim.via),
    "mode": cart.mode,
    "log": str(mesh.source_log(cart)),
    "uncaptured": mesh.uncaptured(cart, 53),
    "blind": [each.kind for each in mesh.blind_spots() if each.subject == "shop/cart"],
}))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that may be changed."""
    return package_copy(tmp_path)


def ask(package: Path) -> dict[str, object]:
    return json.loads(run_copy(package, "-c", ASK, str(ROOT / "tools" / "permissions.py")).stdout)


def test_a_steering_api_is_one_file_and_one_line(package: Path) -> None:
    add(package, "a steering API", EXITS, ('    "waypoint",\n', '    "exits",\n'))
    answer = ask(package)
    assert "egress.example.com/Exit" in answer["read"]
    assert "- apiGroups: [egress.example.com]\n  resources: [exits]\n  verbs: [get, list]\n" in answer["rules"]
    assert answer["kept"] == [{"host": "docs.redhat.com", "gateway": "gw"}]
    assert "egress.example.com/Exit" in answer["unread"]
    assert answer["via"] == "shop/gw"
    assert answer["read"].count("Service") == 1
    assert answer["service"] == {"exit": "gw", "type": "ClusterIP"}


def test_a_mode_is_one_file_and_one_line_and_its_name(package: Path) -> None:
    name = ('    AMBIENT = "ambient"\n', '    HOSTED = "hosted"\n')
    add(package, "a mesh mode", HOSTED, ('    "ambient",\n', '    "hosted",\n'), name)
    answer = ask(package)
    assert "hosted.example.com/Hosting" in answer["read"]
    assert "resources: [hostings]" in answer["rules"]
    assert answer["mode"] == "hosted"
    assert answer["log"] == "shop/host/istio-proxy"
    assert answer["uncaptured"] == "UDP is never captured"
    assert answer["blind"] == ["hosted"]


@pytest.mark.parametrize(("seam", "modules"), [(Steering, STEERING), (Mode, MODES)])
def test_each_module_of_a_list_does_what_its_protocol_says(seam: type, modules: tuple[object, ...]) -> None:
    for module in modules:
        for name in seam.__annotations__:
            assert hasattr(module, name), f"{module} has no {name}"
        for name, method in inspect.getmembers(seam, inspect.isfunction):
            if not name.startswith("_"):
                wanted = list(inspect.signature(method).parameters)[1:]
                assert list(inspect.signature(getattr(module, name)).parameters) == wanted, f"{module}.{name}"
