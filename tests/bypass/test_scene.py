"""What is known before the attempts are made."""

from __future__ import annotations

from dataclasses import replace

from support.batteries import ORDINARY
from support.mesh import AMBIENT, MESH, READ, obj
from support.probes import curl, gateway, probe, sidecar
from support.verdicts import verdict

from egressaudit.bypass.attempt import OtherProxy
from egressaudit.bypass.scene import API_SERVER, features, place_of_mesh, scene_of
from egressaudit.mesh import Mesh
from egressaudit.model import DataplaneMode, Expectation, ObjectRef, Path, Pod, Scheme, Target, Verdict

VERSION = """curl 8.16.0 (x86_64-alpine-linux-musl) libcurl/8.16.0 OpenSSL/3.5.2
Release-Date: 2025-09-10
Protocols: dict file tftp http https
Features: alt-svc HTTP2 HTTP3 IPv6
"""

KNOWN = Mesh.of(MESH, READ)
GW = ObjectRef("egress", "gw")


def source(mesh: Mesh, name: str = "curl/curl-1") -> Pod:
    found = mesh.pod(ObjectRef(*name.split("/")))
    assert found is not None
    return found


def expecting(found: Verdict, via: ObjectRef = GW) -> Verdict:
    return replace(found, expectation=Expectation(Path.VIA_GATEWAY, via=via))


def test_features_are_the_words_of_two_lines() -> None:
    assert features(VERSION) == {"dict", "file", "tftp", "http", "https", "alt-svc", "http2", "http3", "ipv6"}
    assert features("sh: curl: not found\nHTTP3 tftp\n") == frozenset()


def test_the_address_is_the_one_that_curl_dialled_if_that_is_outside() -> None:
    scene = scene_of(KNOWN, source(KNOWN), expecting(ORDINARY), VERSION, None)
    assert scene.outside == "198.51.100.1"
    assert (scene.mode, scene.addresses) == (DataplaneMode.SIDECAR, ("10.0.0.1",))
    assert "tftp" in scene.features


def test_with_a_virtual_address_it_is_where_the_gateway_went() -> None:
    dialled = probe(curl(remote_address="240.240.0.4:80"))
    found = expecting(verdict(sidecar(downstream_local_address="240.240.0.4:80"), gateway(), sent=dialled))
    assert scene_of(KNOWN, source(KNOWN), found, VERSION, None).outside == "203.0.113.7"


def test_an_address_inside_is_never_taken_and_the_users_own_always() -> None:
    inside = expecting(verdict(sidecar(), sent=probe(curl(remote_address="10.0.0.2:80"))))
    assert scene_of(KNOWN, source(KNOWN), inside, VERSION, None).outside == ""
    assert scene_of(KNOWN, source(KNOWN), inside, VERSION, "192.0.2.9").outside == "192.0.2.9"


def test_the_other_gateway_is_one_that_is_not_on_the_way() -> None:
    scene = scene_of(KNOWN, source(KNOWN), expecting(ORDINARY), VERSION, None)
    assert scene.other == OtherProxy("egress/spare", "10.0.0.10", 8080)
    both = replace(ORDINARY, expectation=Expectation(Path.VIA_GATEWAY, GW, passing=(ObjectRef("egress", "spare"),)))
    assert scene_of(KNOWN, source(KNOWN), both, VERSION, None).other is None


def test_a_waypoint_is_an_other_gateway_too() -> None:
    ambient = Mesh.of(AMBIENT, READ)
    on_the_way = Expectation(Path.VIA_GATEWAY, GW, passing=(ObjectRef("egress", "spare"),))
    scene = scene_of(ambient, source(ambient, "amb/app-1"), replace(ORDINARY, expectation=on_the_way), VERSION, None)
    assert scene.other == OtherProxy("egress/waypoint", "10.0.0.8", 80)
    assert scene.mode is DataplaneMode.AMBIENT


def test_a_pod_that_only_looks_like_a_gateway_is_none() -> None:
    marks = {"labels": {"istio": "egressgateway"}, "annotations": {"inject.istio.io/templates": "gateway"}}
    fake = obj("Pod", "curl/fake", "v1", spec={"containers": [{"name": "istio-proxy"}]}, **marks)
    fake["status"] = {"podIPs": [{"ip": "10.0.0.66"}], "conditions": [{"type": "Ready", "status": "True"}]}
    known = Mesh.of((*MESH, fake), READ)
    scene = scene_of(known, source(known), expecting(ORDINARY), VERSION, None)
    assert scene.other == OtherProxy("egress/spare", "10.0.0.10", 8080)


def test_a_changed_pod_connects_to_the_expected_gateway_else_to_the_api_server() -> None:
    gateways = KNOWN.proxies_of([GW])
    expected = Expectation(Path.VIA_GATEWAY, GW, pods=gateways)
    assert place_of_mesh(KNOWN, expected, 80) == Target("10.0.0.9", 8080, Scheme.TCP)
    assert place_of_mesh(KNOWN, expected, 443) == Target("10.0.0.9", 8443, Scheme.TCP)
    assert place_of_mesh(KNOWN, Expectation(Path.BLOCKED), 80) == API_SERVER
