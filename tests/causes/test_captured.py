"""The causes of the first stage, and what tells them apart: a row of objects for each, and what it is not."""

from __future__ import annotations

from typing import Any

import pytest
from support.causes import causes, found, line
from support.hops import CURL, GW, Row, at, at_gateway, straight, to_gateway
from support.mesh import AMBIENT, HOST, MESH, Manifest, but, entry, obj, pod, sidecar

POD = "Pod curl/curl-1"
TRAFFIC = "traffic.sidecar.istio.io/"
STATUS = {"sidecar.istio.io/status": "{}"}


def with_pod(made: Manifest, *more: Manifest, objects: tuple[Manifest, ...] = MESH) -> tuple[Manifest, ...]:
    """The mesh with another pod in the place of curl-1."""
    return (*but(objects, POD), made, *more)


def bare(**fields: Any) -> Manifest:
    return pod("curl/curl-1", "10.0.0.1", "curl", owner="StatefulSet/curl", **fields)


def namespace(**labels: str) -> Manifest:
    return obj("Namespace", "curl", "v1", labels=labels)


def on_host_network() -> Manifest:
    made = bare()
    made["spec"]["hostNetwork"] = True
    return made


def annotated(**annotations: str) -> Manifest:
    return sidecar("curl/curl-1", "10.0.0.1", annotations={**STATUS, **annotations})


def as_proxy() -> Manifest:
    made = annotated()
    made["spec"]["containers"][0]["securityContext"] = {"runAsUser": 1337}
    return made


def with_init() -> Manifest:
    made = annotated()
    made["spec"]["initContainers"] = [{"name": "migrate"}]
    return made


def dual_stack() -> Manifest:
    made = annotated()
    made["status"]["podIPs"] = [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]
    return made


def young(seconds: int) -> Manifest:
    """curl-1, whose proxy began some seconds before the flow of `straight()`."""
    started = at(60 - seconds).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = annotated()
    run = {"name": "istio-proxy", "restartCount": 0, "state": {"running": {"startedAt": started}}}
    made["status"]["containerStatuses"] = [run]
    return made


ASKS = {"istio.io/dataplane-mode": "ambient"}
NO_REDIRECTION = {"sidecar.istio.io/interceptionMode": "NONE"}
STRAIGHT = line(CURL, straight())
OVER_IPV6 = {"remote_address": "[2001:db8::7]:80"}

# The objects, the lines, what else is asked; and the codes, the first one first.
ROWS: list[tuple[str, tuple[Manifest, ...], tuple[Row, ...], dict[str, Any]]] = [
    ("EC01", with_pod(bare()), (), {}),
    ("EC01", with_pod(bare(), namespace(**{"istio-injection": "enabled"})), (), {}),
    ("EC02", with_pod(bare(labels={"sidecar.istio.io/inject": "false"})), (), {}),
    ("EC02", with_pod(bare(annotations={"sidecar.istio.io/inject": "false"})), (), {}),
    ("EC03", with_pod(on_host_network()), (), {}),
    ("EC04", with_pod(annotated(**{f"{TRAFFIC}excludeOutboundPorts": "80"})), (), {}),
    ("EC04", with_pod(annotated(**{f"{TRAFFIC}includeOutboundIPRanges": "10.0.0.0/8"})), (), {}),
    ("EC05", with_pod(annotated(**NO_REDIRECTION)), (), {}),
    ("EC06", with_pod(as_proxy()), (), {}),
    ("EC07", with_pod(with_init()), (), {"container": "migrate"}),
    ("EC08", with_pod(bare(labels=ASKS), objects=AMBIENT), (), {"expect": "waypoint=egress/waypoint"}),
    (
        "EC08",
        but((*AMBIENT,), "Pod ztunnel/ztunnel-1"),
        (),
        {"source": "amb/app-1", "container": "app", "expect": "waypoint=egress/waypoint"},
    ),
    (
        "EC09 EC41",
        (*AMBIENT, namespace(**ASKS)),
        (STRAIGHT,),
        {"expect": "waypoint=egress/waypoint"},
    ),
    ("EC11", with_pod(young(3)), (STRAIGHT,), {}),
    ("EC12", with_pod(dual_stack()), (), OVER_IPV6),
]


@pytest.mark.parametrize(("codes", "objects", "hops", "asked"), ROWS)
def test_what_is_not_captured_has_its_cause(codes, objects, hops, asked) -> None:
    assert found(objects, *hops, **asked) == codes


@pytest.mark.parametrize(
    ("objects", "hops", "asked", "code"),
    [
        # Other ports are excluded, other containers run as the proxy, and the flow is no longer young.
        (with_pod(annotated(**{f"{TRAFFIC}excludeOutboundPorts": "5432"})), (), {}, "EC04"),
        (with_pod(as_proxy()), (), {"container": "other"}, "EC06"),
        (with_pod(with_init()), (), {}, "EC07"),
        (with_pod(young(30)), (STRAIGHT,), {}, "EC11"),
        (with_pod(dual_stack()), (), {}, "EC12"),
        # A pod with a proxy is in the mesh, whatever else is wrong; one in ambient mode needs none.
        (MESH, (), {}, "EC01"),
        (AMBIENT, (), {"source": "amb/app-1", "container": "app", "expect": "waypoint=egress/waypoint"}, "EC01"),
        (with_pod(bare(annotations={"sidecar.istio.io/inject": "true"})), (), {}, "EC02"),
        # Where nothing asks for ambient mode, a sidecar that uses no waypoint is one way to be wrong, not two.
        (AMBIENT, (STRAIGHT,), {"expect": "waypoint=egress/waypoint"}, "EC09"),
        # An unknown host is unknown whether or not the proxy has just started.
        (
            (*but(with_pod(young(3)), "ServiceEntry egress/docs"), entry("egress/other", "other.example.com")),
            (line(CURL, straight(cluster_kind="passthrough", cluster_host=None)),),
            {"expect": "gateway=egress/gw"},
            "EC11",
        ),
    ],
)
def test_a_look_alike_is_not_taken_for_it(objects, hops, asked, code) -> None:
    assert code not in found(objects, *hops, **asked).split()


def test_a_cause_says_what_shows_it_and_what_it_is_not() -> None:
    [cause] = causes(with_pod(bare()))
    assert cause.because == (
        "pod curl/curl-1 has no container istio-proxy and is not in ambient mode",
        "its namespace has neither istio-injection nor istio.io/rev",
    )
    assert cause.objects == ("Namespace curl", "StatefulSet curl/curl")
    assert cause.field == "metadata.labels"
    assert [each.code for each in cause.excluded] == ["EC73", "EC08", "EC02"]
    assert (cause.host, cause.port, str(cause.source), str(cause.via)) == (HOST, 80, "curl/curl-1", "egress/gw")


def test_a_flow_that_passed_has_no_cause() -> None:
    assert found(MESH, line(CURL, to_gateway()), line(GW, at_gateway()), http_code=200) == ""
