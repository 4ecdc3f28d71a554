"""The causes of the last stage: the logs do not tell which way a probe went."""

from __future__ import annotations

from typing import Any

import pytest
from support.causes import causes, found, line
from support.hops import CURL, GW, ZTUNNEL, at_gateway, straight, to_gateway, tunnel
from support.mesh import AMBIENT, MESH, Manifest, but, entry, obj, route

from egressaudit.model import Hop, LineCount

TO_GW = line(CURL, to_gateway())
READ = {log: LineCount(read=5, access=5) for log in (CURL, GW)}
BROKEN = {**READ, GW: LineCount(read=6, access=5, unparsed=1)}
QUIET = obj("Telemetry", "egress/quiet", "telemetry.istio.io/v1", spec={"accessLogging": [{"disabled": True}]})
UNCLEAN = (line(GW, at_gateway(clean=False)),)
IN_AMBIENT: dict[str, Any] = {"source": "amb/app-1", "container": "app"}
OLD_GATEWAY = line(CURL, to_gateway(upstream_host="198.51.100.9:8080"))
PRIVATE = line(CURL, straight(upstream_host="10.96.0.7:80", cluster_host="gone.shop.svc.cluster.local"))
AT_SPARE = line(CURL, to_gateway(upstream_host="10.0.0.10:8080", cluster_host="spare.egress.svc.cluster.local"))
FROM_HEADER = (line(CURL, to_gateway(downstream_remote_address="10.0.0.1:0")),)
TWO_ENDPOINTS = (*but(MESH, "ServiceEntry egress/docs"), entry("egress/docs", resolution="STATIC", endpoints=[
    {"address": "203.0.113.7"}, {"address": "10.0.0.2"},
]))  # fmt: skip
MIRRORED = (
    *but(MESH, "VirtualService egress/docs"),
    route(mirror={"host": "copy.example.com"}),
    entry("egress/copy", "copy.example.com"),
)

ROWS: list[tuple[str, tuple[Manifest, ...], tuple[Hop, ...], dict[str, Any]]] = [
    ("EC71", MESH, (TO_GW,), {}),
    ("EC71", MESH, (), {}),
    ("EC71", AMBIENT, (line(ZTUNNEL, tunnel()),), IN_AMBIENT),
    ("EC84 EC72", MESH, (AT_SPARE,), {"counts": READ}),
    ("EC73", (*MESH, QUIET), (TO_GW,), {}),
    ("EC74", MESH, (OLD_GATEWAY,), {}),
    ("EC75", MESH, FROM_HEADER, {}),
    ("EC78", MESH, (TO_GW,), {"unclean": UNCLEAN}),
    ("EC78", MESH, (TO_GW,), {"counts": BROKEN}),
    ("EC90", MESH, (TO_GW,), {"exit_code": None}),
    ("EC94", MESH, (PRIVATE,), {}),
    ("EC95", TWO_ENDPOINTS, (TO_GW, line(GW, at_gateway())), {}),
    ("EC87", MIRRORED, (TO_GW, line(GW, at_gateway())), {"http_code": 200}),
    ("EC96", MESH, (TO_GW,), {"ambiguous": "two lines of one socket"}),
]


@pytest.mark.parametrize(("codes", "objects", "hops", "asked"), ROWS)
def test_what_is_not_proven_has_its_cause(codes, objects, hops, asked) -> None:
    assert found(objects, *hops, **asked) == codes


@pytest.mark.parametrize(
    ("objects", "hops", "asked", "code"),
    [
        ((*MESH, QUIET), (TO_GW,), {}, "EC71"),
        (MESH, (TO_GW,), {}, "EC73"),
        (MESH, (TO_GW,), {}, "EC72"),
        (MESH, (TO_GW,), {"counts": BROKEN}, "EC71"),
        (MESH, (TO_GW,), {}, "EC78"),
        (MESH, (TO_GW,), {}, "EC74"),
        (MESH, (OLD_GATEWAY,), {}, "EC94"),
        (MESH, (TO_GW,), {}, "EC75"),
        (MESH, (TO_GW, line(GW, at_gateway())), {}, "EC87"),
        (MESH, (TO_GW, line(GW, at_gateway())), {}, "EC95"),
        (MESH, (TO_GW,), {}, "EC90"),
        (MESH, (TO_GW,), {}, "EC96"),
    ],
)
def test_a_look_alike_is_not_taken_for_it(objects, hops, asked, code) -> None:
    assert code not in found(objects, *hops, **asked).split()


def test_the_telemetry_that_turns_a_log_off_is_named() -> None:
    [cause] = causes((*MESH, QUIET), TO_GW)
    assert (cause.objects, cause.field) == (("Telemetry egress/quiet",), "spec.accessLogging")
