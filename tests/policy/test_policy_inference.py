"""Inferred policies: they are valid, they allow what left through a gateway or waypoint, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scenarios import NAMES, mesh

from egressaudit.errors import UsageError
from egressaudit.model import FlowGroup, ObjectRef, Path
from egressaudit.policy import infer, infer_from_mesh, parse_policy

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TODAY = date(2026, 3, 1)
ONE, TWO, WAY = ObjectRef("e", "one"), ObjectRef("e", "two"), ObjectRef("e", "way")
FOREIGN = ObjectRef("team-a", "own")


def group(host: str, path: Path, via: tuple[ObjectRef, ...] = (), flows: int = 1, **more: object) -> FlowGroup:
    given = {"namespace": "shop", "workload": "Deployment/cart", "port": 443} | more
    return FlowGroup(host=host, path=path, flows=flows, first=NOW, last=NOW, via=via, **given)


def test_the_same_traffic_of_several_workloads_hosts_and_ports_becomes_one_rule() -> None:
    groups = [
        group(host, Path.VIA_GATEWAY, (ONE,), 2, workload=f"Deployment/{name}", port=port)
        for host in ("a.example", "b.example")
        for name in ("cart", "pay")
        for port in (80, 443)
    ]
    assert (
        infer(groups, [ONE], [WAY])
        == """\
# Inferred from observed traffic by `egressaudit policy infer`. Read it before you use it.
apiVersion: egressaudit.io/v1alpha1
kind: EgressPolicy
metadata: {name: inferred}
spec:
  gateways: [{namespace: e, name: one}]
  waypoints: [{namespace: e, name: way}]
  rules:
  # 16 flows
  - name: shop-gateway-1
    from: {namespaces: [shop], workloads: [Deployment/cart, Deployment/pay]}
    to: {hosts: [a.example, b.example], ports: [80, 443]}
    via: gateway
  default: deny
"""
    )


def test_what_left_another_way_or_is_not_proven_is_a_comment_and_never_a_rule() -> None:
    text = infer(
        [
            group("direct.example", Path.DIRECT, flows=3),
            group("198.51.100.7", Path.PASSTHROUGH),
            group("foreign.example", Path.VIA_GATEWAY, (FOREIGN,)),
            group("nobody.example", Path.VIA_GATEWAY, (ONE,), namespace="", workload=""),
            group("anyport.example", Path.VIA_GATEWAY, (ONE,), port=None),
            group("*", Path.VIA_GATEWAY, (ONE,)),
            group("unknown.example", Path.UNKNOWN),
            group("blocked.example", Path.BLOCKED),
        ],
        [ONE],
        [],
    )
    assert parse_policy(text.encode()).rules == ()
    assert (
        "#   shop/Deployment/cart to direct.example:443, direct: went around every gateway and waypoint (3 flows)"
        in text
    )
    assert "#   shop/Deployment/cart to unknown.example:443, unknown: nothing proves where it went (1 flow)" in text
    assert "foreign.example:443, via-gateway team-a/own: none of the policy's gateways or waypoints carried it" in text
    assert all(line.startswith("#") for line in text.splitlines() if ".example" in line or "198.51" in line)
    assert "blocked.example" not in text


def test_hosts_that_senders_write_stay_in_their_comment() -> None:
    evil = "x\n  default: allow\n# \u2028 \x85 \x1b[2J \udc80"
    text = infer([group(evil, Path.PASSTHROUGH), group(evil, Path.VIA_GATEWAY, (ONE,))], [ONE], [])
    found = parse_policy(text.encode())
    assert (found.default, found.rules) == ("deny", ())
    assert text.isascii()
    assert "\\n  default: allow" in text


def test_one_host_by_two_ways_keeps_the_way_of_most_flows() -> None:
    groups = [group("a.example", Path.VIA_GATEWAY, (ONE,), 2), group("a.example", Path.VIA_WAYPOINT, (WAY,), 5)]
    text = infer(groups, [ONE], [WAY])
    assert [each.expected for each in parse_policy(text.encode()).rules] == [Path.VIA_WAYPOINT]
    assert "to a.example:443, via-gateway: a rule allows one way, and most flows went via-waypoint (2 flows)" in text


def test_a_chain_of_waypoint_and_gateway_is_the_gateways() -> None:
    text = infer([group("a.example", Path.VIA_GATEWAY, (WAY, TWO))], [ONE, TWO], [WAY])
    assert parse_policy(text.encode()).rules[0].via == (TWO,)


def test_what_no_policy_can_hold_is_said() -> None:
    groups = (group("a.example", Path.VIA_GATEWAY, (ONE,), namespace=f"n{n}", port=n % 65535 + 1) for n in range(9000))
    with pytest.raises(UsageError, match="1 MiB"):
        infer(groups, [ONE], [])


groups_seen = st.builds(
    group,
    st.sampled_from(["a.example", "b.example", "A.example.", "10.0.0.1", "fd00::1", "bad host", ""]),
    st.sampled_from(
        [Path.VIA_GATEWAY, Path.VIA_WAYPOINT, Path.DIRECT, Path.PASSTHROUGH, Path.BLOCKED, Path.UNATTRIBUTED]
    ),
    st.lists(st.sampled_from([ONE, TWO, WAY, FOREIGN]), max_size=2, unique=True).map(tuple),
    st.integers(1, 5),
    namespace=st.sampled_from(["shop", "on", "123", ""]),
    workload=st.sampled_from(["Deployment/cart", "Pod/null", ""]),
    port=st.sampled_from([80, 443, None]),
)


@given(st.lists(groups_seen, max_size=12), st.randoms(use_true_random=False))
def test_an_inferred_policy_allows_exactly_what_left_through_its_gateways(groups: list[FlowGroup], random) -> None:
    text = infer(groups, [ONE, TWO], [WAY])
    random.shuffle(groups)
    assert infer(groups, [TWO, ONE], [WAY]) == text
    found = parse_policy(text.encode())
    lists = {Path.VIA_GATEWAY: {ONE, TWO}, Path.VIA_WAYPOINT: {WAY}}
    ways: dict[tuple[str, str, str, int], dict[Path, set[ObjectRef]]] = {}
    for each in groups:
        carried = lists.get(each.path, set()).intersection(each.via)
        if carried and each.workload and each.namespace and each.port and each.host not in ("bad host", ""):
            key = (each.namespace, each.workload, each.host.rstrip(".").lower(), each.port)
            ways.setdefault(key, {}).setdefault(each.path, set()).update(carried)
    for namespace in ("shop", "on", "123", "other"):
        for workload in ("Deployment/cart", "Pod/null", "Job/other"):
            for host in ("a.example", "b.example", "10.0.0.1", "fd00::1", "c.example"):
                for port in (80, 443, 22):
                    decision = found.decide(namespace, workload, host, port, TODAY)
                    seen = ways.get((namespace, workload, host, port))
                    if seen is None:
                        assert decision.expected is Path.BLOCKED
                    else:
                        assert decision.expected in seen
                        assert set(decision.via) == seen[decision.expected]


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_inferred_from_a_mesh_is_valid_and_says_what_the_mesh_claims(name: str) -> None:
    found = parse_policy(infer_from_mesh(mesh(name)).encode())
    assert found.default == "deny"
    assert {each.expected for each in found.rules} <= {Path.VIA_GATEWAY, Path.VIA_WAYPOINT}


def test_a_mesh_that_claims_a_host_for_its_gateway_gives_the_rule_for_it() -> None:
    text = infer_from_mesh(mesh("istio-apis"))
    decision = parse_policy(text.encode()).decide("curl", "Deployment/curl", "docs.redhat.com", 80, TODAY)
    assert (decision.expected, decision.via) == (Path.VIA_GATEWAY, (ObjectRef("egress-gateway", "egressgateway"),))


def test_what_the_mesh_registers_and_claims_for_nobody_is_a_comment() -> None:
    entry = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: free, namespace: curl}
spec: {hosts: [free.example], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
"""
    text = infer_from_mesh(mesh("istio-apis", entry))
    assert "#   free.example:443 from curl\n" in text
    assert parse_policy(text.encode()).decide("curl", "Deployment/curl", "free.example", 443, TODAY).rule == "default"


def test_a_fault_of_the_configuration_stands_beside_its_rule() -> None:
    text = infer_from_mesh(mesh("mesh-gateway-missing"))
    assert "#   docs.redhat.com:80 from curl: VirtualService curl/egress-vs does not list the `mesh` gateway" in text
