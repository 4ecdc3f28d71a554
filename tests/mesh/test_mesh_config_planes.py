"""Which MeshConfig holds for a proxy: that of its own control plane, and never a mix of two."""

from __future__ import annotations

import json

import pytest
from support.mesh import APPS, entry, obj, pod, service

from egressaudit.mesh import Mesh, trim
from egressaudit.mesh.control_planes import NamedPlanes, PlaneRef, config_maps
from egressaudit.mesh.objects import Objects
from egressaudit.mesh.routes.sidecar_proxy import step as sidecar_step
from egressaudit.model import Act, Call, ObjectRef, Scheme

SAIL = "sailoperator.io/v1"
CART = ObjectRef("shop", "cart-1")


def config(where: str, log: str = "/dev/stdout"):
    return obj("ConfigMap", where, "v1", data={"mesh": f"accessLogFile: {log}\n"})


def istiod(where: str, revision: str = "default"):
    return obj("Deployment", where, APPS, labels={"app": "istiod", "istio.io/rev": revision})


def istiod_service(where: str, revision: str, **labels):
    return service(where, "10.96.0.1") | {"metadata": {**_named(where), "labels": {
        "app": "istiod", "istio.io/rev": revision, **labels}}}  # fmt: skip


def _named(where: str):
    return dict(zip(("namespace", "name"), where.split("/"), strict=True))


def cart(env=None, status="", rev="", where="shop/cart-1"):
    """A pod with a sidecar: what its environment says, and its injector's marks."""
    marks = {"sidecar.istio.io/status": json.dumps({"revision": status} if status else {})}
    made = pod(where, "10.0.0.1", "app", "istio-proxy", annotations=marks | ({"istio.io/rev": rev} if rev else {}))
    made["spec"]["containers"][1]["env"] = [{"name": key, "value": said} for key, said in (env or {}).items()]
    return made


def asks(address: str):
    return {"PROXY_CONFIG": json.dumps({"discoveryAddress": address, "proxyMetadata": {"TOKEN": "s3cret"}})}


def objects_of(*objects, namespaces=(), revisions=()):
    return Objects.of((trim(trim(each)) for each in objects), NamedPlanes(tuple(namespaces), tuple(revisions)))


def log_of(*objects, ref=CART, **named):
    return objects_of(*objects, **named).config_for(ref).get("accessLogFile", "unknown")


STABLE, CANARY = config("istio-system/istio", "/a"), config("istio-system/istio-canary", "/b")
ELSEWHERE = config("mesh/istio", "/c")


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        # One control plane.
        ([STABLE, cart()], "/a"),
        ([STABLE, cart(status="default")], "/a"),
        ([STABLE, cart(env=asks("istiod.istio-system.svc:15012"))], "/a"),
        ([STABLE, cart(env={"PROXY_CONFIG": "{}"})], "/a"),
        # Two revisions: each proxy has its own.
        ([STABLE, CANARY, cart(status="canary")], "/b"),
        ([STABLE, CANARY, cart(rev="canary")], "/b"),
        ([STABLE, CANARY, cart(rev="default")], "/a"),
        ([STABLE, CANARY, cart(env=asks("istiod-canary.istio-system.svc:15012"))], "/b"),
        ([STABLE, CANARY, cart(env={"CA_ADDR": "istiod-canary.istio-system.svc:15012"})], "/b"),
        ([STABLE, CANARY, cart(env={"XDS_ADDRESS": "https://istiod-canary.istio-system.svc.cluster.local:15012"})],
         "/b"),
        # What it asks cannot be changed while it runs, its annotations can.
        ([STABLE, CANARY, cart(env=asks("istiod-canary.istio-system.svc:15012"), status="default", rev="default")],
         "/b"),
        ([STABLE, CANARY, cart(env={"PROXY_CONFIG": "{}"}, rev="canary")], "/a"),
        # A CA of its own says nothing about the control plane.
        ([STABLE, CANARY, cart(env={"CA_ADDR": "cert-manager-istio-csr.cert-manager.svc:443"}, status="canary")], "/b"),
        # A proxy that says nothing may have either.
        ([STABLE, CANARY, cart()], "unknown"),
        ([STABLE, config("istio-system/istio-canary", "/a"), cart()], "/a"),
        # A revision whose ConfigMap is not there is not the other one's.
        ([STABLE, cart(status="old")], "unknown"),
        ([STABLE, cart(env=asks("istiod-old.istio-system.svc:15012"))], "unknown"),
        # A tag: the Service of istiod says what it means.
        ([STABLE, CANARY, istiod_service("istio-system/istiod-revision-tag-prod", "canary"),
          cart(env=asks("istiod-revision-tag-prod.istio-system.svc:15012"))], "/b"),
        ([STABLE, CANARY, cart(env=asks("istiod-revision-tag-prod.istio-system.svc:15012"), status="canary")], "/b"),
        # Not in this cluster.
        ([STABLE, cart(env=asks("istiod.example.com:15012"), status="default")], "unknown"),
        # ConfigMaps of other names and namespaces are nobody's.
        ([config("istio-system/istiod", "/a"), cart()], "unknown"),
        ([ELSEWHERE, cart()], "unknown"),
        ([STABLE, ELSEWHERE, cart()], "/a"),
        ([STABLE, ELSEWHERE, cart(env=asks("istiod.mesh.svc:15012"))], "unknown"),
    ],
)  # fmt: skip
def test_a_proxy_has_the_mesh_config_of_its_control_plane(objects, expected):
    assert log_of(*objects) == expected


ASKS_MESH = cart(env=asks("istiod.mesh.svc:15012"))
ISTIO = obj("Istio", "default", SAIL, spec={"namespace": "mesh", "version": "v1.27.1"})
REVISION = obj("IstioRevision", "default-v1-27-1", SAIL, spec={"namespace": "mesh", "version": "v1.27.1"})
OTHER = cart(env=asks("istiod.istio-system.svc:15012"), where="pay/pay-1")
PROD = istiod_service("istio-system/istiod-revision-tag-prod", "canary", **{"istio.io/tag": "prod"})
SAYS_NOTHING = cart(where="pay/pay-1")


@pytest.mark.parametrize(
    ("objects", "named", "expected"),
    [
        ([ELSEWHERE, ASKS_MESH], {"namespaces": ["mesh"]}, "/c"),
        ([ELSEWHERE, ASKS_MESH, ISTIO], {}, "/c"),
        ([config("mesh/istio-default-v1-27-1", "/d"), REVISION, cart(status="default-v1-27-1")], {}, "/d"),
        # The only istiod of the cluster, and every proxy asks for it.
        ([ELSEWHERE, ASKS_MESH, istiod("mesh/istiod")], {}, "/c"),
        ([ELSEWHERE, ASKS_MESH, istiod("mesh/istiod"), istiod("evil/istiod")], {}, "unknown"),
        ([ELSEWHERE, ASKS_MESH, istiod("mesh/istiod"), OTHER], {}, "unknown"),
        ([ELSEWHERE, ASKS_MESH, istiod("mesh/istiod"), SAYS_NOTHING], {}, "unknown"),
        # `--revision` is for proxies that name none.
        ([STABLE, CANARY, cart()], {"revisions": ["canary"]}, "/b"),
        ([STABLE, CANARY, cart(status="default")], {"revisions": ["canary"]}, "/a"),
        ([STABLE, CANARY, cart()], {"revisions": ["canary", "default"]}, "unknown"),
        ([STABLE, CANARY, PROD, cart()], {"revisions": ["prod"]}, "/b"),
    ],
)
def test_where_a_control_plane_is_believed_to_be(objects, named, expected):
    assert log_of(*objects, **named) == expected


def test_a_namespace_that_proxies_ask_in_and_nothing_proves_is_named():
    assert objects_of(STABLE, ASKS_MESH).planes.in_doubt == ("mesh",)
    assert objects_of(STABLE, ASKS_MESH, ISTIO).planes.in_doubt == ()


@pytest.mark.parametrize(
    ("objects", "named", "expected"),
    [
        ([cart()], {}, []),
        ([cart(status="canary")], {}, ["istio-system/istio-canary"]),
        ([istiod("istio-system/istiod-v2", "v2"), cart()], {}, ["istio-system/istio-v2"]),
        ([istiod_service("istio-system/istiod-v3", "v3"), cart()], {}, ["istio-system/istio-v3"]),
        ([REVISION, cart()], {}, ["mesh/istio", "mesh/istio-default-v1-27-1"]),
        ([ASKS_MESH], {}, []),
        ([ASKS_MESH], {"namespaces": ["mesh"]}, ["mesh/istio"]),
        ([cart()], {"revisions": ["old"]}, ["istio-system/istio-old"]),
        # No path of the API server is made of what is no name.
        ([cart(status="../secrets")], {"namespaces": ["a/b"]}, []),
    ],
)
def test_the_config_maps_that_are_read(objects, named, expected):
    read = config_maps(objects_of(*objects).by_kind, NamedPlanes(*(tuple(named.get(key, ())) for key in _NAMED)))
    assert [str(each.only) for each in read] == expected


_NAMED = ("namespaces", "revisions")


def test_at_most_twenty_revisions_that_only_proxies_name_are_asked_for():
    pods = [cart(status=f"r{n}", where=f"shop/cart-{n}") for n in range(50)]
    assert len(config_maps(objects_of(*pods).by_kind, NamedPlanes())) == 20


def test_what_all_share_is_what_is_the_same_for_all():
    stable = obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": "{accessLogFile: /a, rootNamespace: root}"})
    canary = obj("ConfigMap", "istio-system/istio-canary", "v1", data={"mesh": "{rootNamespace: root}"})
    both = objects_of(stable, canary, cart(status="canary"), cart(status="default", where="pay/pay-1"))
    assert both.config == {"rootNamespace": "root"}
    assert objects_of(stable, canary, cart(status="default")).config == {"accessLogFile": "/a", "rootNamespace": "root"}


def test_a_snapshot_keeps_of_the_environment_only_whom_the_proxy_asks():
    kept = trim(cart(env={**asks("istiod.istio-system.svc:15012"), "PASSWORD": "s3cret", "CA_ADDR": "s3cret"}))
    assert "s3cret" not in json.dumps(kept)
    assert kept["spec"]["containers"][1]["env"] == [
        {"name": "PROXY_CONFIG", "value": '{"discoveryAddress": "istiod.istio-system.svc:15012"}'}
    ]


# ---------------------------------------------------------------- what a control plane sees


def seen(*objects, ref=CART):
    view = objects_of(*objects).seen_by(ref)
    return sorted(f"{each.namespace}/{each.name}" for each in view.all("networking.istio.io", "VirtualService"))


def virtual_service(where: str, rev: str | None = None):
    return obj("VirtualService", where, labels={} if rev is None else {"istio.io/rev": rev}, spec={})


RULES = [virtual_service("shop/all"), virtual_service("shop/stable", "default"), virtual_service("shop/new", "canary")]


@pytest.mark.parametrize(
    ("revision", "expected"),
    [("default", ["shop/all", "shop/stable"]), ("canary", ["shop/all", "shop/new"])],
)
def test_what_is_labelled_for_another_revision_is_not_seen(revision, expected):
    assert seen(STABLE, CANARY, *RULES, cart(status=revision)) == expected


def test_without_a_known_control_plane_all_is_seen():
    assert seen(*RULES, cart()) == ["shop/all", "shop/new", "shop/stable"]


def test_namespaces_that_the_control_plane_does_not_discover_are_not_seen():
    mesh = "discoverySelectors: [{matchLabels: {mesh: 'yes'}}, {matchExpressions: [{key: team, operator: Exists}]}]"
    chosen = obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": mesh})
    spaces = [
        obj("Namespace", "shop", "v1", labels={"mesh": "yes"}),
        obj("Namespace", "pay", "v1", labels={"team": "a"}),
        obj("Namespace", "old", "v1", labels={"mesh": "no"}),
    ]
    rules = [virtual_service(f"{each}/rule") for each in ("shop", "pay", "old")]
    assert seen(chosen, *spaces, *rules, cart()) == ["pay/rule", "shop/rule"]


def test_a_control_plane_is_named_by_namespace_and_revision():
    assert str(objects_of(CANARY, cart(status="canary")).planes.plane_of(CART)) == "istio-system/canary"
    assert str(PlaneRef("mesh", "default").config_map) == "mesh/istio"


# ---------------------------------------------------------------- whom it makes believable


ZTUNNEL = [
    obj("DaemonSet", "data/ztunnel", APPS, spec={"template": {"metadata": {"labels": {"app": "ztunnel"}}, "spec": {
        "containers": [{"name": "istio-proxy"}]}}}),
    pod("data/ztunnel-1", "10.0.0.7", "istio-proxy", labels={"app": "ztunnel"}, owner="DaemonSet/ztunnel"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("objects", "namespaces", "proven"),
    [
        ([], [], False),
        ([obj("ZTunnel", "default", SAIL, spec={"namespace": "data"})], [], True),
        ([obj("Istio", "default", SAIL, spec={"namespace": "data"})], [], True),
        ([], ["data"], True),
        # What a tenant can write proves nothing.
        ([istiod("data/istiod"), config("data/istio")], [], False),
        ([obj("Istio", "data/default", SAIL, spec={"namespace": "data"})], [], False),
    ],
)
def test_a_ztunnel_is_proven_where_a_control_plane_is_believed_to_be(objects, namespaces, proven):
    mesh = Mesh.of([*ZTUNNEL, *objects], planes=NamedPlanes(tuple(namespaces)))
    assert (mesh.pod(ObjectRef("data", "ztunnel-1")).role is not None) is proven


# ---------------------------------------------------------------- what proxies do


def test_two_sidecars_of_two_control_planes_do_what_each_of_them_says():
    closed = obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"})
    opened = obj("ConfigMap", "istio-system/istio-canary", "v1", data={"mesh": "rootNamespace: istio-system"})
    mesh = Mesh.of([closed, opened, cart(status="default"), cart(status="canary", where="pay/pay-1")])
    call = Call("docs.example.com", 80, Scheme.HTTP)
    found = {
        str(pod.ref): [each.act for each in sidecar_step(mesh.world, pod, call).choices] for pod in mesh.world.pods
    }
    assert found == {"shop/cart-1": [Act.REFUSE], "pay/pay-1": [Act.PASSTHROUGH]}


def test_a_sidecar_follows_the_rules_of_its_own_revision():
    rule = {"hosts": ["docs.example.com"], "http": [{"redirect": {"uri": "/"}}]}
    labelled = obj("VirtualService", "shop/new", labels={"istio.io/rev": "canary"}, spec=rule)
    mesh = Mesh.of([
        STABLE, CANARY, labelled, entry("shop/docs", "docs.example.com"),
        cart(status="default"), cart(status="canary", where="shop/cart-2"),
    ])  # fmt: skip
    call = Call("docs.example.com", 80, Scheme.HTTP)
    acts = [sidecar_step(mesh.world, pod, call).choices[0].act for pod in mesh.world.pods]
    assert acts == [Act.SEND, Act.ANSWER]
