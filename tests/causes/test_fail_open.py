"""The causes of ambient mode: why ztunnel sends a flow out itself, though a waypoint was meant to carry it."""

from __future__ import annotations

from typing import Any

import pytest
from support.causes import found, line
from support.hops import CURL, NO_UPSTREAM, WAYPOINT, ZTUNNEL, at_waypoint, straight, tunnel
from support.mesh import AMBIENT, GATEWAY_API, HOST, USES_WAYPOINT, Manifest, but, deployed, entry, obj, route

from egressaudit.model import Hop, LogSource, Reporter

IN_AMBIENT: dict[str, Any] = {"source": "amb/app-1", "container": "app"}
WANTED: dict[str, Any] = {**IN_AMBIENT, "expect": "waypoint=egress/waypoint"}
OPEN = line(ZTUNNEL, tunnel(dst_addr="203.0.113.7:80", dst_hbone_addr=None))
UNKNOWN = line(ZTUNNEL, tunnel(dst_addr="203.0.113.7:80", dst_hbone_addr=None, dst_service=None))
TUNNEL = line(ZTUNNEL, tunnel())
THROUGH = (TUNNEL, line(WAYPOINT, at_waypoint()))
CANARY_LOG = LogSource("egress", "canary-1", "istio-proxy")
NO_BYTES = {"bytes_sent": 0, "bytes_recv": 0}
RECURSIVE = "attempted recursive call to ourselves"
LOOP = line(ZTUNNEL, tunnel(dst_addr="240.240.0.1:80", dst_hbone_addr=None, error=RECURSIVE, **NO_BYTES))
NO_CHAIN = {**NO_UPSTREAM, "cluster_kind": None, "cluster_host": None, "cluster_port": None, "response_flags": "NR"}
NO_CHAIN |= {"response_code": 0, "response_code_details": "filter_chain_not_found", "method": None, "protocol": None}


def of_entry(*more: Manifest, labels: Manifest | None = None, host: str = HOST, **fields: Any) -> tuple[Manifest, ...]:
    """The ambient mesh with another ServiceEntry, and more."""
    made = entry("egress/docs", host, labels=USES_WAYPOINT if labels is None else labels)
    return (*but(AMBIENT, "ServiceEntry egress/docs"), {**made, **fields}, *more)


def status(kind: str, reason: str, state: str = "False") -> Manifest:
    return {"conditions": [{"type": f"istio.io/{kind}", "status": state, "reason": reason, "message": "it is so"}]}


def gateway(**changes: Any) -> tuple[Manifest, ...]:
    """The ambient mesh whose waypoint's Gateway is another."""
    named = "Gateway egress/waypoint"
    made = next(each for each in AMBIENT if each["kind"] == "Gateway" and each["metadata"]["name"] == "waypoint")
    metadata = {**made["metadata"], "labels": changes.pop("labels", {})}
    changed = {**made, "metadata": metadata, "spec": {**made["spec"], **changes.pop("spec", {})}, **changes}
    return (*but(AMBIENT, named), changed)


NOT_PROGRAMMED = {
    "conditions": [{"type": "Programmed", "status": "False", "reason": "Pending", "message": "no address"}]
}
IN_SHOP = entry("shop/docs", labels={**USES_WAYPOINT, "istio.io/use-waypoint-namespace": "egress"})
CANARY = {**USES_WAYPOINT, "istio.io/use-waypoint-canary": "canary"}
CANARY_WAYPOINT = (
    obj("Gateway", "egress/canary", GATEWAY_API, spec={"gatewayClassName": "istio-waypoint"}),
    *deployed(
        "egress/canary",
        "10.0.0.11",
        owner="Gateway/canary",
        labels={
            "gateway.networking.k8s.io/gateway-name": "canary",
            "gateway.networking.k8s.io/gateway-class-name": "istio-waypoint",
            "gateway.istio.io/managed": "istio.io-mesh-controller",
        },
    ),
)
BY_ROUTE = (*of_entry(labels={}), route(), obj("Gateway", "egress/gw", spec={
    "selector": {"istio": "gw"}, "servers": [{"port": {"number": 80, "protocol": "HTTP"}, "hosts": [HOST]}],
}))  # fmt: skip
VIA_CANARY = (
    line(ZTUNNEL, tunnel(dst_addr="10.0.0.11:15008")),
    line(CANARY_LOG, at_waypoint(upstream_local_address="10.0.0.11:60000"), Reporter.WAYPOINT),
)
TWO_ASK = (*of_entry(entry("shop/docs", labels={"istio.io/use-waypoint": "other"})),)

ROWS: list[tuple[str, tuple[Manifest, ...], tuple[Hop, ...], dict[str, Any]]] = [
    ("EC40", BY_ROUTE, (OPEN,), IN_AMBIENT),
    ("EC41", AMBIENT, (line(CURL, straight()),), {"expect": "waypoint=egress/waypoint"}),
    ("EC42", of_entry(labels={}), (OPEN,), WANTED),
    ("EC43", of_entry(labels={"istio.io/use-waypoint": "none"}), (OPEN,), WANTED),
    ("EC44", of_entry(labels={"istio.io/use-waypoint": "waypiont"}), (OPEN,), WANTED),
    ("EC44", (*of_entry(labels={}), entry("shop/docs", labels=USES_WAYPOINT)), (OPEN,), IN_AMBIENT),
    ("EC45", (*but(AMBIENT, "ServiceEntry egress/docs"), IN_SHOP), (OPEN,), IN_AMBIENT),
    ("EC46", gateway(labels={"istio.io/waypoint-for": "workload"}), (OPEN,), IN_AMBIENT),
    ("EC47", gateway(status=NOT_PROGRAMMED), (OPEN,), IN_AMBIENT),
    ("EC47", gateway(spec={"gatewayClassName": "istio"}), (OPEN,), IN_AMBIENT),
    ("EC48", AMBIENT, (UNKNOWN,), IN_AMBIENT),
    ("EC49", of_entry(host="*.redhat.com"), (UNKNOWN,), WANTED),
    (
        "EC49",
        of_entry(host="*.redhat.com", status=status("WaypointMissing", "NoWaypointForWildcardService", "True")),
        (OPEN,),
        WANTED,
    ),
    ("EC49 EC56", of_entry(host="*.redhat.com"), (TUNNEL, line(WAYPOINT, at_waypoint(**NO_CHAIN))), WANTED),
    ("EC50", of_entry(status=status("WaypointBound", "CrossNamespaceWaypointForbidden")), (OPEN,), IN_AMBIENT),
    ("EC52", TWO_ASK, (OPEN,), IN_AMBIENT),
    ("EC53", AMBIENT, (LOOP,), IN_AMBIENT),
    ("EC81", AMBIENT, (OPEN,), IN_AMBIENT),
]


@pytest.mark.parametrize(("codes", "objects", "hops", "asked"), ROWS)
def test_what_no_waypoint_carries_has_its_cause(codes, objects, hops, asked) -> None:
    assert found(objects, *hops, **asked) == codes


@pytest.mark.parametrize(
    ("objects", "hops", "asked", "code"),
    [
        (of_entry(labels={"istio.io/use-waypoint": "none"}), (OPEN,), WANTED, "EC42"),
        (of_entry(labels={}), (OPEN,), WANTED, "EC43"),
        (of_entry(labels={}), (OPEN,), WANTED, "EC40"),
        (BY_ROUTE, (OPEN,), IN_AMBIENT, "EC42"),
        (gateway(status=NOT_PROGRAMMED), (OPEN,), IN_AMBIENT, "EC44"),
        (of_entry(labels={"istio.io/use-waypoint": "waypiont"}), (OPEN,), WANTED, "EC47"),
        (AMBIENT, (OPEN,), IN_AMBIENT, "EC45"),
        (AMBIENT, (OPEN,), IN_AMBIENT, "EC46"),
        (AMBIENT, (OPEN,), IN_AMBIENT, "EC48"),
        (AMBIENT, (UNKNOWN,), IN_AMBIENT, "EC49"),
        (AMBIENT, (TUNNEL, line(WAYPOINT, at_waypoint(**NO_CHAIN))), IN_AMBIENT, "EC49"),
        (AMBIENT, (OPEN,), IN_AMBIENT, "EC50"),
        (AMBIENT, (OPEN,), IN_AMBIENT, "EC52"),
        (AMBIENT, THROUGH, IN_AMBIENT, "EC53"),
        (gateway(status=NOT_PROGRAMMED), (OPEN,), IN_AMBIENT, "EC81"),
    ],
)
def test_a_look_alike_is_not_taken_for_it(objects, hops, asked, code) -> None:
    assert code not in found(objects, *hops, **asked).split()


def test_a_waypoint_that_was_bound_and_has_no_pods_fails_closed() -> None:
    error = "unknown waypoint: waypoint not found"
    closed = line(ZTUNNEL, tunnel(dst_addr="240.240.0.1:80", dst_hbone_addr=None, dst_service=None, error=error,
                                  **NO_BYTES))  # fmt: skip
    assert found(but(AMBIENT, "Pod egress/waypoint-1"), closed, **IN_AMBIENT) == "EC55"
    assert found(but(AMBIENT, "Pod egress/waypoint-1"), OPEN, **IN_AMBIENT) != "EC55"


def test_a_canary_waypoint_takes_its_share() -> None:
    assert found((*of_entry(labels=CANARY), *CANARY_WAYPOINT), *VIA_CANARY, **WANTED).split()[0] == "EC79"
    assert "EC79" not in found((*of_entry(), *CANARY_WAYPOINT), *VIA_CANARY, **WANTED)
