"""Many hosts and sources in one run: one snapshot, one set of logs, few commands, and each probe its own evidence."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.live_mesh import DOCS, SAVED, LiveMesh
from support.mesh import MESH, READ, obj, sidecar
from support.tools import SAMPLES

from egressaudit.errors import ExecFailed, NotFound, UsageError
from egressaudit.evidence.saved_run import load, save
from egressaudit.mesh import Mesh
from egressaudit.model import Capture, MatrixRow, Outcome, Scheme, Target, VerifyReport
from egressaudit.model import Path as Way
from egressaudit.pipeline.asked_cells import planned
from egressaudit.pipeline.replay import report_on
from egressaudit.pipeline.verify import VerifySettings, time_limit, verify
from egressaudit.policy import parse_policy
from egressaudit.probe.source import SourceChoice

HOSTS = (DOCS, *(f"host-{number}.example.com" for number in range(1, 21)))
CURL = SourceChoice("deploy/curl", None, None, "curl")
SHOP = SourceChoice("deploy/checkout", None, None, "shop")
POLICY = (SAMPLES / "whole-mesh" / "policy.yaml").read_bytes()


def targets(*hosts: str) -> tuple[Target, ...]:
    return tuple(Target(host, 80, Scheme.HTTP) for host in hosts)


def run(
    cluster: LiveMesh, *hosts: str, sources: tuple[SourceChoice, ...] = (CURL,), policy: bytes = b""
) -> tuple[VerifyReport, Capture]:
    rules = parse_policy(policy) if policy else None
    settings = VerifySettings(
        targets=targets(*hosts),
        sources=sources,
        run_id="0" * 8,
        rules=rules.rules if rules is not None and not hosts else (),
        policy=rules,
        policy_text=policy,
        timeout=10.0,
        ask_proxies=False,
    )
    return verify(cluster, settings, lambda _: None)  # type: ignore[arg-type]


def shown(row: MatrixRow) -> tuple[str, str, Outcome | None]:
    return row.cell.asked, row.cell.source, row.outcome


def test_each_host_from_each_source_has_the_verdict_of_its_own_lines() -> None:
    cluster = LiveMesh()
    report, _ = run(cluster, *HOSTS, sources=(CURL, SHOP))
    assert cluster.listed == 1
    assert len(cluster.followed) == len(set(cluster.followed)) == 3
    assert len(cluster.commands) <= 6
    assert [(row.cell.host, row.cell.source) for row in report.matrix] == [
        (host, source) for host in HOSTS for source in ("curl/curl", "shop/checkout")
    ]
    for row in report.matrix:
        [verdict] = row.verdicts
        probe, path = verdict.flow.probe, Way.VIA_GATEWAY if row.cell.host == DOCS else Way.PASSTHROUGH
        assert (verdict.path_seen, probe.target.host, probe.source) == (path, row.cell.host, row.cell.pod)
        assert len(verdict.flow.hops) == (2 if row.cell.host == DOCS else 1)
        assert all(probe.nonce in hop.line.text for hop in verdict.flow.hops)
    assert {row.outcome for row in report.matrix if row.cell.host == DOCS} == {Outcome.PASS}


def test_a_host_for_which_nothing_is_declared_is_a_result_that_says_which_way_it_left() -> None:
    report, _ = run(LiveMesh(), "nobody.example.com")
    [verdict] = report.verdicts
    assert report.outcome is Outcome.INCONCLUSIVE
    assert (verdict.path_seen, verdict.expectation.path, verdict.code) == (Way.PASSTHROUGH, None, "EA406")
    assert "nothing says which way it should leave" in verdict.reason
    assert any("--expect" in each for each in verdict.advice)
    assert verdict.causes


def test_a_run_is_judged_again_to_the_same_report(tmp_path: Path) -> None:
    report, capture = run(LiveMesh("shop"), DOCS, "host-1.example.com", sources=(CURL, SHOP), policy=POLICY)
    save(capture, tmp_path / "saved")
    assert report_on(load(tmp_path / "saved")) == report


def test_a_source_in_which_no_command_runs_is_inconclusive_and_the_others_are_judged() -> None:
    report, _ = run(LiveMesh("shop"), DOCS, sources=(CURL, SHOP))
    assert list(map(shown, report.matrix)) == [
        ("http://docs.redhat.com/", "curl/curl", Outcome.PASS),
        ("http://docs.redhat.com/", "shop/checkout", Outcome.INCONCLUSIVE),
    ]
    assert "cannot start curl in container" in report.matrix[1].cell.reason
    assert report.outcome is Outcome.INCONCLUSIVE


def test_where_no_command_runs_at_all_no_audit_was_performed() -> None:
    with pytest.raises(ExecFailed, match="cannot start curl"):
        run(LiveMesh("curl", "shop"), DOCS, sources=(CURL, SHOP))


def test_a_source_that_is_not_there_is_an_error_before_anything_is_sent() -> None:
    cluster = LiveMesh()
    with pytest.raises(NotFound, match="found no pod for --from deploy/crul"):
        run(cluster, DOCS, sources=(CURL, SourceChoice("deploy/crul", None, None, "curl")))
    assert cluster.commands == []


def test_one_pod_under_two_names_is_one_source() -> None:
    report, _ = run(LiveMesh(), DOCS, sources=(CURL, SourceChoice("deployment/curl", None, None, "curl")))
    assert len(report.matrix) == 1


# ---------------------------------------------------------------- by a policy

HEAD = """
apiVersion: egressaudit.io/v1alpha1
kind: EgressPolicy
metadata: {name: p}
spec:
  gateways: [{namespace: egress-gateway, name: egressgateway}]
  rules:
"""


def by_rules(*rules: str, sources: tuple[SourceChoice, ...] = (), refusing: tuple[str, ...] = ()) -> VerifyReport:
    text = HEAD + "".join(f"  - {each}\n" for each in rules)
    return run(LiveMesh(*refusing), sources=sources, policy=text.encode())[0]


def test_a_rule_is_probed_from_the_workloads_that_it_matches() -> None:
    report = by_rules("{name: docs, from: {namespaces: [curl, shop]}, to: {hosts: [docs.redhat.com]}, via: gateway}")
    assert list(map(shown, report.matrix)) == [
        ("http://docs.redhat.com/", "curl/curl", Outcome.PASS),
        ("http://docs.redhat.com/", "shop/checkout", Outcome.PASS),
    ]
    assert (report.outcome, report.policy) == (Outcome.PASS, "p")
    assert {verdict.expectation.rule for verdict in report.verdicts} == {"docs"}


@pytest.mark.parametrize(
    ("namespaces", "sources", "left"),
    [
        ("[legacy]", ["legacy/batch"], []),
        ("[curl, legacy]", ["curl/curl", "legacy/batch"], []),
        ('["c*", "l*"]', ["curl/curl"], ["1 workload outside the mesh matches"]),
        ('["*"]', ["curl/curl", "payments/ledger", "shop/checkout"], ["1 workload outside the mesh matches"]),
    ],
)
def test_a_workload_outside_the_mesh_is_probed_where_its_namespace_is_named(
    namespaces: str, sources: list[str], left: list[str]
) -> None:
    rule = (
        f"{{name: r, from: {{namespaces: {namespaces}}}, to: {{hosts: [docs.redhat.com], ports: [80]}}, via: gateway}}"
    )
    [made] = parse_policy(f"{HEAD}  - {rule}\n".encode()).rules
    plan = planned(Mesh.from_json(SAVED), (), (made,), ())
    assert [each.cell.source for each in plan if each.source] == sources
    assert [each.cell.reason.partition(" the rule")[0] for each in plan if not each.source] == left


def test_a_named_source_is_held_against_the_rule_that_is_its_own() -> None:
    only_curl = "{name: docs, from: {namespaces: [curl]}, to: {hosts: [docs.redhat.com], ports: [80]}, via: gateway}"
    report = by_rules(only_curl, sources=(CURL, SHOP))
    assert [(row.cell.source, row.outcome, row.verdicts[0].code) for row in report.matrix] == [
        ("curl/curl", Outcome.PASS, ""),
        ("shop/checkout", Outcome.FAIL, "EA104"),
    ]


@pytest.mark.parametrize(
    ("rule", "reason", "outcome"),
    [
        ('{name: r, to: {hosts: ["*.redhat.com"]}, via: gateway}', "a wildcard cannot be probed", Outcome.PASS),
        ("{name: r, to: {hosts: [192.0.2.0/24]}, via: blocked}", "a network cannot be probed", Outcome.PASS),
        ('{name: r, to: {hosts: ["*"], ports: [25]}, via: blocked}', "about every host", Outcome.PASS),
        ("{name: r, from: {namespaces: [x]}, to: {hosts: [a.example]}, via: direct}", "no workload", Outcome.PASS),
    ],
)  # fmt: skip
def test_what_cannot_be_probed_is_listed_with_its_reason_and_does_not_count(
    rule: str, reason: str, outcome: Outcome
) -> None:
    docs = "{name: docs, from: {namespaces: [curl]}, to: {hosts: [docs.redhat.com], ports: [80]}, via: gateway}"
    report = by_rules(docs, rule)
    [probed, listed] = report.matrix
    assert (probed.outcome, listed.outcome, listed.cell.rule) == (Outcome.PASS, None, "r")
    assert reason in listed.cell.reason
    assert report.outcome is outcome


def test_nothing_to_probe_is_an_error_that_says_why() -> None:
    with pytest.raises(UsageError, match=r"there is nothing to probe: \*.redhat.com: a wildcard cannot be probed"):
        by_rules('{name: r, to: {hosts: ["*.redhat.com"]}, via: gateway}')


def test_the_time_limit_grows_with_the_probes_unless_it_is_given() -> None:
    assert [time_limit(None, each) for each in (0, 1, 2, 20, 5000)] == [30.0, 30.0, 31.0, 49.0, 600.0]
    assert time_limit(5.0, 5000) == 5.0


def test_two_workloads_with_one_name_are_told_apart() -> None:
    rule = "{name: r, from: {namespaces: [twin]}, to: {hosts: [docs.redhat.com], ports: [80]}, via: gateway}"
    [made] = parse_policy(f"{HEAD}  - {rule}\n".encode()).rules
    pods = [
        sidecar("twin/cart-0", "10.0.7.1", owner="StatefulSet/cart"),
        sidecar("twin/cart-x", "10.0.7.2", owner="DaemonSet/cart"),
        sidecar("twin/other-0", "10.0.7.3"),
    ]
    plan = planned(Mesh.of((*MESH, obj("Namespace", "twin", "v1"), *pods), READ), (), (made,), ())
    assert [each.cell.source for each in plan] == ["twin/DaemonSet/cart", "twin/StatefulSet/cart", "twin/other"]
