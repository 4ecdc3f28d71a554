"""What each hop logs: where to, in which encoding, and what keeps lines out of it; and which proxies there are."""

from __future__ import annotations

import pytest
from support.mesh import egress_gateway, obj
from support.scenarios import mesh

from egressaudit.mesh import Mesh
from egressaudit.mesh.logging.outputs import hop_logging
from egressaudit.mesh.proxy_states import proxy_states
from egressaudit.model import ObjectRef, Reporter

GW = ObjectRef("egress", "gw")
TELEMETRY = "telemetry.istio.io/v1"


def config(text: str) -> dict:
    return obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": text})


def telemetry(*providers: str, **said: object) -> dict:
    entry = {"providers": [{"name": each} for each in providers], **said}
    return obj("Telemetry", "egress/own", TELEMETRY, spec={"accessLogging": [entry]})


OTEL = "extensionProviders: [{name: otel, envoyOtelAls: {service: x}}]"
FILE = (
    "extensionProviders: [{name: own, envoyFileAccessLog: {path: /dev/stdout, logFormat: {labels: {a: '%METHOD%'}}}}]"
)


@pytest.mark.parametrize(
    ("objects", "writes", "outputs"),
    [
        ([], "unknown", []),
        ([config("accessLogFile: ''")], "nothing", []),
        ([config("accessLogFile: /dev/stdout")], "all", [("standard output", "text", True)]),
        ([config("accessLogFile: /dev/stdout\naccessLogEncoding: JSON")], "all", [("standard output", "json", True)]),
        ([config("accessLogFile: /tmp/log")], "nothing", [("file /tmp/log", "text", False)]),
        ([config(OTEL), telemetry("otel")], "nothing", [("log provider otel", "", False)]),
        ([config(FILE), telemetry("own")], "all", [("standard output", "json", True)]),
        ([config(FILE), telemetry("envoy")], "all", [("standard output", "text", True)]),
        ([config(FILE), telemetry("own", disabled=True)], "nothing", []),
        (
            [config(FILE), telemetry("own", filter={"expression": "response.code >= 400"})],
            "some",
            [("standard output", "json", True)],
        ),
    ],
)
def test_what_a_gateway_logs(objects, writes, outputs) -> None:
    found = hop_logging(Mesh.of(objects).world.objects, "egress/gw", GW, {}, Reporter.EGRESS_GATEWAY)
    assert found.writes == writes
    assert [(each.where, each.encoding, each.read) for each in found.outputs] == outputs
    assert bool(found.reasons) == (writes != "all")


def test_a_ztunnel_logs_whatever_the_mesh_config_says() -> None:
    found = hop_logging(Mesh.of([]).world.objects, "z", ObjectRef("a", "b"), {}, Reporter.ZTUNNEL)
    assert (found.writes, found.outputs[0].read) == ("all", True)


def test_gateways_and_waypoints_are_listed_with_what_their_status_says() -> None:
    conditions = [{"type": "Programmed", "status": "False", "message": "no\n  address"}]
    waypoint = obj(
        "Gateway",
        "egress/waypoint",
        "gateway.networking.k8s.io/v1",
        spec={"gatewayClassName": "istio-waypoint"},
        status={"conditions": conditions},
    )
    gateway, waiting = proxy_states(Mesh.of([*egress_gateway("gw", "10.0.0.1", "10.1.0.1"), waypoint]).world)
    assert (gateway.name, gateway.kind, gateway.ready, gateway.versions) == (
        GW,
        Reporter.EGRESS_GATEWAY,
        1,
        ("1.27.1",),
    )
    assert (gateway.gateway_class, gateway.programmed) == ("", "")
    assert (waiting.kind, waiting.gateway_class) == (Reporter.WAYPOINT, "istio-waypoint")
    assert (waiting.programmed, waiting.reason, waiting.ready) == ("False", "no address", 0)


def test_a_gateway_without_pods_is_listed_by_its_workload() -> None:
    [gateway] = proxy_states(mesh("gateway-down").world)
    assert (str(gateway.name), gateway.ready) == ("egress-gateway/egressgateway", 0)
