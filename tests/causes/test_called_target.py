"""What a group of flows was for, where no cluster names its host: by the source's line, other flows, the rules."""

from __future__ import annotations

from dataclasses import replace

from support.causes import line
from support.hops import CURL, GW, NO_UPSTREAM, at_gateway, straight, to_gateway
from support.mesh import BARE, GW_HOST, HOST, MESH, READ, but, entry, route
from support.window_groups import GATEWAY, THROUGH, UNKNOWN, found, group

from egressaudit.causes.of_window import causes_of_rulings
from egressaudit.judge.group_expectation import by_mesh
from egressaudit.judge.groups import judge_group
from egressaudit.mesh import Mesh
from egressaudit.model import Coverage, Decision, Path, Scheme

UNROUTED = {**NO_UPSTREAM, "response_flags": "NR", "response_code": 404, "cluster_kind": None, "cluster_host": None}
AT_PORT = {"downstream_local_address": "203.0.113.7:80"}
TO_PORT_8080, NO_ROUTE = line(CURL, to_gateway(**AT_PORT)), line(GW, at_gateway(**UNROUTED))
STOPPED = group(Path.FAILED, TO_PORT_8080, NO_ROUTE, host="10.0.0.9", port=8080, reason="no-upstream", via=(GATEWAY,))
HIDDEN = (*but(MESH, "ServiceEntry egress/docs", "VirtualService egress/docs"), entry("egress/docs", exportTo=["."]))


def test_a_flow_that_stopped_at_the_gateway_came_for_the_port_that_was_dialled() -> None:
    bound = but(MESH, "VirtualService egress/docs")
    assert found(bound, replace(STOPPED, server_names=(HOST,)), shown=(TO_PORT_8080, NO_ROUTE)) == "EC57"
    # Where the line has the sidecar's own socket, the gateway's port is left.
    own = line(CURL, to_gateway(downstream_local_address="10.0.0.1:15001"))
    alone = replace(STOPPED, evidence=group(Path.FAILED, own, NO_ROUTE).evidence, server_names=(HOST,))
    assert "EC17" in found(bound, alone, shown=(own, NO_ROUTE))


def test_bytes_that_no_gateway_took_were_for_the_host_whose_rule_leads_there() -> None:
    objects = (
        *but(MESH, "ServiceEntry egress/docs", "VirtualService egress/docs", "Gateway egress/gw"),
        entry("egress/docs", port=443, protocol="TCP"),
        route(port=443, kind="tcp"),
    )
    refused = {
        "response_flags": "UF,URX",
        "upstream_transport_failure_reason": "delayed_connect_error:_Connection_refused",
    }
    row = to_gateway(
        **refused, upstream_local_address=None, method=None, authority=None, cluster_port=443,
        downstream_local_address="203.0.113.7:443",
    )  # fmt: skip
    hop = line(CURL, row)
    stopped = group(Path.FAILED, hop, host=GW_HOST, port=443, scheme=Scheme.TCP, reason="gateway-not-reached")
    mesh = Mesh.of(objects, READ)
    [ruling] = causes_of_rulings([judge_group(stopped, by_mesh(mesh))], mesh, Coverage(), {(str(CURL), 1): hop})
    assert {each.host for each in ruling.judged.causes} == {HOST}


def test_what_no_line_names_may_be_for_a_host_that_is_hidden_from_its_source() -> None:
    nameless = replace(UNKNOWN, port=80, scheme=Scheme.TCP)
    assert found(HIDDEN, nameless, decision=THROUGH) == "EC13 EC15"
    mesh = Mesh.of(HIDDEN, READ)
    [ruling] = causes_of_rulings([judge_group(nameless, lambda *_: THROUGH)], mesh, Coverage(), {})
    unknown, hidden = ruling.judged.causes
    assert hidden.because[-1] == f"no line shows whether it was for {HOST}"
    assert "EC15" not in {each.code for each in unknown.excluded}
    # A name in the line says that it was for another host.
    named = replace(nameless, server_names=("other.example.com",))
    assert found(HIDDEN, named, decision=THROUGH) == "EC13"
    # Of many hosts one is named, and how many there are.
    twice = (*HIDDEN, entry("egress/more", "more.example.com", exportTo=["."]))
    [ruling] = causes_of_rulings([judge_group(nameless, lambda *_: THROUGH)], Mesh.of(twice, READ), Coverage(), {})
    assert ruling.judged.causes[-1].because[-1].endswith("or for one of 2 like it")
    many = [entry(f"egress/e{n}", f"h{n}.example.com", exportTo=["."]) for n in range(60)]
    assert found((*HIDDEN, *many), nameless, decision=THROUGH) == "EC13"


def test_what_no_line_names_is_for_the_host_that_other_flows_reached_at_its_address() -> None:
    nameless = replace(UNKNOWN, port=80, scheme=Scheme.TCP)
    other = group(Path.VIA_GATEWAY, via=(GATEWAY,), reached=(("203.0.113.7", 80),))
    assert found(HIDDEN, nameless, other, decision=THROUGH) == "EC15"


def test_bytes_on_a_port_that_two_hosts_share_may_be_for_either() -> None:
    shared = tuple(entry(f"egress/{n}", f"{n}.example.com", port=5432, protocol="TCP") for n in ("a", "b"))
    row = straight(cluster_host="a.example.com", cluster_port=5432, method=None, authority=None)
    hop = line(CURL, row | {"downstream_local_address": "203.0.113.7:5432"})
    bytes_of = group(Path.DIRECT, hop, host="a.example.com", port=5432, scheme=Scheme.TCP)
    nothing = Decision(None)
    assert found((*BARE, *shared), bytes_of, shown=(hop,), decision=nothing).split()[0] == "EC20"
    assert "EC20" not in found((*BARE, shared[0]), bytes_of, shown=(hop,), decision=nothing)
    # An address that istiod gave a host is dialled for that host alone.
    own = line(CURL, row)
    assert found((*BARE, *shared), bytes_of, shown=(own,), decision=nothing) == "EC88"
