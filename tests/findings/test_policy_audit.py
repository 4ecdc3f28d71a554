"""A policy at work: what an audit says under it, what it says about the policy itself, and a policy made of logs."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path as File
from typing import Any

import pytest
from support.hops import CURL, GW, HOST, SHOP, ZTUNNEL, at_gateway, flows, mesh, straight, to_gateway, tunnel
from support.hops import WAYPOINT as WAYPOINT_LOG
from support.hops import at_waypoint as at_waypoint_line
from support.tools import SAMPLES

from egressaudit.cli import run
from egressaudit.findings.facts import PolicyProblems
from egressaudit.findings.policy_usage import PolicyUsage, carriers, inferred, last_day
from egressaudit.judge.group_expectation import by_policy
from egressaudit.model import Decision, ObjectRef, Path, Waived, Window
from egressaudit.policy import Policy, load_policy, parse_policy

SAMPLE = SAMPLES / "whole-mesh"
TODAY = date(2027, 1, 31)
GATEWAY = ObjectRef("egress", "gw")
SPARE = ObjectRef("egress", "spare")
WAYPOINT = ObjectRef("egress", "waypoint")

HEAD = "apiVersion: egressaudit.io/v1alpha1\nkind: EgressPolicy\nmetadata: {name: test}\nspec:\n"


def policy(spec: str) -> Policy:
    return parse_policy((HEAD + spec).encode())


# ------------------------------------------------------------ the policy against the mesh


def test_the_carriers_of_a_mesh_are_its_gateways_and_its_waypoints() -> None:
    assert carriers(mesh()) == {
        Path.VIA_GATEWAY: frozenset({GATEWAY, SPARE}),
        Path.VIA_WAYPOINT: frozenset({WAYPOINT}),
    }


def test_a_gateway_that_is_not_there_and_a_waypoint_that_is_listed_as_a_gateway_are_missing() -> None:
    named = policy(
        "  gateways: [{namespace: egress, name: gw}, {namespace: egress, name: gone}, "
        "{namespace: egress, name: waypoint}]\n"
        "  waypoints: [{namespace: egress, name: waypoint}, {namespace: curl, name: curl}]\n"
    )
    assert PolicyUsage().problems(named, mesh(), TODAY).missing == (
        ("gateway", ObjectRef("egress", "gone")),
        ("gateway", WAYPOINT),
        ("waypoint", ObjectRef("curl", "curl")),
    )


def test_rules_and_waivers_that_decided_nothing_and_waivers_that_have_run_out_are_told() -> None:
    found = policy(
        "  rules:\n"
        "  - {name: used, to: {hosts: [a.com]}, via: blocked}\n"
        "  - {name: idle, to: {hosts: [b.com]}, via: blocked}\n"
        "  waivers:\n"
        "  - {rule: used, from: shop/*, reason: CHG-1, expires: 2027-01-31}\n"
        "  - {rule: idle, from: shop/*, reason: CHG-2, expires: 2027-01-31}\n"
        "  - {rule: used, from: curl/*, reason: CHG-3, expires: 2027-01-30}\n"
    )
    used = PolicyUsage()
    used.note(found.decide("shop", "Deployment/cart", "a.com", 443, TODAY))
    used.note(found.decide("curl", "Deployment/curl", "c.com", 443, TODAY))
    assert used.problems(found, mesh(), TODAY) == PolicyProblems(
        unused_rules=("idle",),
        expired_waivers=(("used", Waived("CHG-3", "2027-01-30")),),
        unused_waivers=(("idle", Waived("CHG-2", "2027-01-31")),),
    )


@pytest.mark.parametrize(
    ("end", "day"),
    [
        (datetime(2027, 1, 31, 12, tzinfo=UTC), date(2027, 1, 31)),
        # Its end is no part of a window: one of the whole day ends on that day.
        (datetime(2027, 2, 1, tzinfo=UTC), date(2027, 1, 31)),
        (datetime(2027, 2, 1, microsecond=1, tzinfo=UTC), date(2027, 2, 1)),
        (datetime(2027, 2, 1, 1, tzinfo=timezone(timedelta(hours=2))), date(2027, 1, 31)),
    ],
)
def test_waivers_are_held_by_the_day_of_the_windows_last_moment(end: datetime, day: date) -> None:
    assert last_day(Window(end - timedelta(hours=24), end)) == day


def test_what_the_policy_leaves_to_the_mesh_is_decided_by_its_configuration() -> None:
    named: list[Decision] = []
    (group, _), *_ = flows({CURL: [straight()]}).groups
    rule = "  rules:\n  - {name: a, to: {hosts: [a.com]}, via: blocked}\n"
    for default, expected in (("mesh", (None, "")), ("allow", (None, "default")), ("deny", (Path.BLOCKED, "default"))):
        decide = by_policy(policy(f"{rule}  default: {default}\n"), mesh(), TODAY, named.append)
        other, own = decide(group, HOST, 80), decide(group, "a.com", 80)
        assert (other.expected, other.rule) == expected
        assert (own.expected, own.rule) == (Path.BLOCKED, "a")
    assert [each.rule for each in named] == ["default", "a"] * 3


# ------------------------------------------------------------ a policy of observed flows


def test_a_policy_of_observed_flows_allows_what_went_through_gateways_and_nothing_else() -> None:
    seen = flows(
        {
            CURL: [to_gateway(60), straight(70, cluster_host="direct.example.com")],
            GW: [at_gateway(60.002)],
            SHOP: [
                straight(
                    80,
                    downstream_remote_address="10.0.0.2:40000",
                    upstream_local_address="10.0.0.2:50000",
                    cluster_kind="passthrough",
                    cluster_host=None,
                    cluster_port=None,
                )
            ],
            ZTUNNEL: [tunnel()],
            WAYPOINT_LOG: [at_waypoint_line()],
        }
    )
    groups = [group for group, _ in seen.groups]
    assert {each.path for each in groups} == {Path.VIA_GATEWAY, Path.VIA_WAYPOINT, Path.DIRECT, Path.PASSTHROUGH}
    text = inferred(groups, mesh())
    made = parse_policy(text.encode())
    # Only what carried something is listed: the spare gateway is nobody's way out.
    assert (made.gateways, made.waypoints) == ((GATEWAY,), (WAYPOINT,))
    for group in groups:
        decision = made.decide(group.namespace, group.workload, group.host, group.port, TODAY)
        if group.path in (Path.VIA_GATEWAY, Path.VIA_WAYPOINT):
            assert (decision.expected, set(decision.via)) == (group.path, set(group.via))
        else:
            assert (decision.expected, decision.rule) == (Path.BLOCKED, "default")
    assert "direct.example.com:80, direct" in text
    assert inferred(reversed(groups), mesh()) == text


# ------------------------------------------------------------ the command line, on the logs of the lab's whole mesh


def audit(capsys: pytest.CaptureFixture[str], file: File) -> tuple[int, dict[str, Any]]:
    code = run(["audit", str(SAMPLE), "--policy", str(file), "-o", "json", "-q"])
    return code, json.loads(capsys.readouterr().out)


def test_a_policy_inferred_from_logs_is_valid_and_the_same_logs_fail_only_by_what_it_does_not_allow(
    tmp_path: File, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.yaml"
    assert run(["policy", "infer", str(SAMPLE), "-q"]) == 0
    file.write_text(capsys.readouterr().out, "utf-8")
    assert load_policy(file).default == "deny"
    code, document = audit(capsys, file)
    assert code == 10
    outcomes = {(each["path"], each["outcome"]) for each in document["flows"]}
    assert outcomes >= {("via-gateway", "PASS"), ("via-waypoint", "PASS"), ("passthrough", "FAIL")}
    assert ("via-gateway", "FAIL") not in outcomes
    assert ("passthrough", "PASS") not in outcomes


def test_an_audit_says_what_is_wrong_with_its_policy(tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        HEAD
        + "  gateways: [{namespace: egress-gateway, name: egressgateway}, {namespace: egress-gateway, name: old}]\n"
        "  rules:\n"
        "  - {name: docs, to: {hosts: [docs.redhat.com]}, via: gateway}\n"
        "  - {name: idle, to: {hosts: [docs.redhatt.com]}, via: gateway}\n"
        "  waivers:\n"
        "  - {rule: default, from: shop/checkout, reason: CHG-1, expires: 2999-01-01}\n"
        "  - {rule: docs, from: nobody/*, reason: CHG-2, expires: 2999-01-01}\n"
        "  - {rule: docs, from: shop/*, reason: CHG-3, expires: 2020-01-01}\n",
        "utf-8",
    )
    _, document = audit(capsys, file)
    said = {(each["code"], each["subject"]) for each in document["findings"]}
    assert {
        ("EA401", "egress-gateway/old"),
        ("EA402", "idle"),
        ("EA403", "docs"),
        ("EA404", "docs"),
    } <= said
    waived = [each for each in document["findings"] if each["waived"]]
    # shop's passthrough is excused, with its reason, and still there to be seen.
    assert [(each["code"], each["subject"], each["waived"]["reason"]) for each in waived] == [
        ("EA104", "shop/Deployment/checkout", "CHG-1")
    ]


def test_without_logs_a_policy_is_made_of_the_snapshot(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policy", "infer", "--mesh", str(SAMPLE / "mesh.json")]) == 0
    made = parse_policy(capsys.readouterr().out.encode())
    decision = made.decide("curl", "Deployment/curl", "docs.redhat.com", 80, TODAY)
    assert decision.expected is Path.VIA_GATEWAY
    assert decision.via == (ObjectRef("egress-gateway", "egressgateway"),)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "--mesh mesh.json"),
        (["--mesh", "nowhere.json"], 1, "nowhere.json"),
        (["--mesh", str(SAMPLE / "mesh.json"), "--since", "1h"], 2, "--since works only with stored logs"),
        (["--mesh", str(SAMPLE / "mesh.json"), "-c", "proxy"], 2, "--container works only with stored logs"),
        ([str(SAMPLE / "curl")], 2, "snapshot"),
        ([str(SAMPLE), "--since", "1h", "--until", "2h"], 2, "--until"),
        (["--mesh", str(SAMPLE / "policy.yaml")], 1, "policy.yaml"),
    ],
)
def test_what_cannot_be_inferred_from_is_said(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["policy", "infer", *arguments]) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""
