"""What `verify` calls a violation of the configuration, an audit of the same folder does not call "nothing says"."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.scenarios import mesh
from support.tools import SAMPLES

from egressaudit.evidence.saved_run import load
from egressaudit.judge.group_expectation import by_mesh
from egressaudit.judge.groups import hosts_reached, judge_group
from egressaudit.mesh import Mesh
from egressaudit.model import AuditReport, Claim, Decision, FlowGroup, ObjectRef, Outcome, Path, Scheme, Verdict
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from egressaudit.pipeline.replay import report_on

SAVED = tuple(sorted({each.parent.name for each in SAMPLES.glob("*/probes.json")} - {"many-hosts"}))
"""The logs of `many-hosts` also have traffic that nobody probed, and nothing is declared for some of it."""
EVER = AuditSettings(start=datetime(2020, 1, 1, tzinfo=UTC), end=datetime(2040, 1, 1, tzinfo=UTC))
LEFT = (Path.DIRECT, Path.PASSTHROUGH, Path.VIA_GATEWAY, Path.VIA_WAYPOINT)
DOCS, ADDRESS = "docs.redhat.com", "203.0.113.10"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def broken(name: str) -> list[Verdict]:
    """The verdicts on flows that a log shows to have left another way than the configuration claims."""
    capture = load(SAMPLES / name)
    failed = (each for each in report_on(capture).verdicts if each.outcome is Outcome.FAIL)
    return [each for each in failed if capture.expect is None and each.flow.hops and each.path_seen in LEFT]


def audited(name: str) -> AuditReport:
    folder = SAMPLES / name
    return audit_window((str(folder),), Mesh.from_json(json.loads((folder / "mesh.json").read_text())), EVER)


@pytest.mark.parametrize("name", SAVED)
def test_what_verify_calls_a_violation_an_audit_never_calls_nothing_says(name: str) -> None:
    verdicts = broken(name)
    report = audited(name)
    if not verdicts:
        assert load(SAMPLES / name).expect is not None or "EA406" not in {each.code for each in report.findings}
        return
    assert "EA406" not in {each.code for each in report.findings}
    named = [each for each in verdicts if _names_host(each)]
    if named:
        assert report.outcome is Outcome.FAIL
    else:
        # No line says for which host it was, only curl does: the audit says where, and what should leave how.
        [found] = [each for each in report.findings if each.code == "EA309"]
        assert f"for an address of {verdicts[0].flow.probe.target.host}, which should leave through" in found.message


def _names_host(verdict: Verdict) -> bool:
    first, host = verdict.flow.hops[0], verdict.flow.probe.target.host
    said = (first.get(each) for each in ("cluster_host", "authority", "requested_server_name", "dst_service"))
    return host in said


def test_the_samples_have_both_kinds() -> None:
    kinds = {_names_host(each) for name in SAVED for each in broken(name)}
    assert kinds == {True, False}


OPEN = Outcome.INCONCLUSIVE

# ---------------------------------------------------------------- a port that nothing claims of a host that is claimed


def group(**fields: object) -> FlowGroup:
    pod = next(each for each in mesh("redirect-escapes").pods if each.name.startswith("curl-"))
    given = FlowGroup(
        namespace=pod.namespace,
        workload=pod.owner,
        host=DOCS,
        port=443,
        path=Path.DIRECT,
        flows=1,
        first=NOW,
        last=NOW,
        scheme=Scheme.HTTPS,
        reached=((ADDRESS, 443),),
    )
    return replace(given, **fields)  # type: ignore[arg-type]


def ruled(found: FlowGroup, *others: FlowGroup) -> tuple[str, Outcome | None]:
    ruling = judge_group(found, by_mesh(mesh("redirect-escapes")), hosts_reached([found, *others]))
    return ruling.code, ruling.judged.outcome


NAMELESS = {"host": ADDRESS, "path": Path.PASSTHROUGH, "scheme": Scheme.TCP}
CLAIMED = {"path": Path.VIA_GATEWAY, "port": 80}
HIDDEN = group(**NAMELESS)


@pytest.mark.parametrize(
    ("found", "others", "expected"),
    [
        # The host is claimed on port 80: on 443 it is not to leave around the gateway either.
        (group(), (), ("EA101", Outcome.FAIL)),
        (group(**NAMELESS | {"server_names": (DOCS,)}), (), ("EA102", Outcome.FAIL)),
        # By the address alone nothing is proven: hosts share addresses.
        (HIDDEN, (group(**CLAIMED),), ("EA309", Outcome.INCONCLUSIVE)),
        # Nothing was seen to stand there, or only a host that nothing claims.
        (HIDDEN, (), ("EA406", Outcome.INCONCLUSIVE)),
        (HIDDEN, (group(host="other.example.com"),), ("EA406", Outcome.INCONCLUSIVE)),
        (HIDDEN, (group(**CLAIMED, reached=(("203.0.113.11", 80),)),), ("EA406", Outcome.INCONCLUSIVE)),
        # What a passthrough flow calls itself says nothing of who stands at an address.
        (HIDDEN, (group(path=Path.PASSTHROUGH),), ("EA406", Outcome.INCONCLUSIVE)),
        (group(host="other.example.com"), (), ("EA406", Outcome.INCONCLUSIVE)),
        # Nobody knows whose flow it is.
        (group(**NAMELESS, namespace="", workload=""), (group(**CLAIMED),), ("EA406", Outcome.INCONCLUSIVE)),
    ],
)
def test_a_host_that_is_claimed_on_one_port_is_claimed_on_all(
    found: FlowGroup, others: tuple[FlowGroup, ...], expected: tuple[str, Outcome]
) -> None:
    assert ruled(found, *others) == expected


def test_a_claimed_host_that_leaves_through_its_gateway_on_another_port_is_right() -> None:
    claim = mesh("redirect-escapes").claim(
        next(each for each in mesh("redirect-escapes").pods if each.name.startswith("curl-")),
        load(SAMPLES / "redirect-escapes").probes[0].target,
    )
    assert claim.via is not None
    assert ruled(group(path=Path.VIA_GATEWAY, via=(claim.via,))) == ("", Outcome.PASS)


GATEWAY, SPARE, WAYPOINT = (ObjectRef("egress", name) for name in ("gw", "spare", "waypoint"))
BY_GATEWAY = Claim(Path.VIA_GATEWAY, GATEWAY)


@pytest.mark.parametrize(
    ("claims", "seen", "expected"),
    [
        ([BY_GATEWAY, BY_GATEWAY], {"path": Path.VIA_GATEWAY, "via": (GATEWAY,)}, ("", Outcome.PASS)),
        # Ports that go different ways do not say which way another port should go.
        ([BY_GATEWAY, Claim(Path.VIA_GATEWAY, SPARE)], {"path": Path.VIA_GATEWAY, "via": (SPARE,)}, ("EA406", OPEN)),
        (
            [BY_GATEWAY, Claim(Path.VIA_WAYPOINT, WAYPOINT)],
            {"path": Path.VIA_WAYPOINT, "via": (WAYPOINT,)},
            ("EA406", OPEN),
        ),
        # A hop that one claim may pass does not make a chain of another claim's gateway right.
        (
            [BY_GATEWAY, Claim(Path.VIA_GATEWAY, SPARE, passing=(WAYPOINT,))],
            {"path": Path.VIA_GATEWAY, "via": (WAYPOINT, GATEWAY)},
            ("EA406", OPEN),
        ),
        # But none of them lets it leave around all proxies.
        ([BY_GATEWAY, Claim(Path.VIA_WAYPOINT, WAYPOINT)], {"path": Path.DIRECT}, ("EA101", Outcome.FAIL)),
    ],
)
def test_claims_of_other_ports_that_differ_prove_no_way_right(
    claims: list[Claim], seen: dict[str, object], expected: tuple[str, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = {80: claims[0], 443: claims[1]}
    monkeypatch.setattr(Mesh, "claim", lambda _mesh, _pod, target: ports.get(target.port, Claim(None)))
    assert ruled(group(port=8443, **seen)) == expected


def test_what_the_mesh_refused_for_a_name_that_a_rule_lets_go_is_told() -> None:
    refused = replace(HIDDEN, path=Path.BLOCKED, reason="block-all-route", server_names=(DOCS,))
    lets = {DOCS: Decision(Path.VIA_GATEWAY, via=(GATEWAY,), rule="docs")}
    ruling = judge_group(refused, lambda _group, host, _port: lets.get(host, Decision(None)))
    assert (ruling.code, ruling.judged.outcome) == ("EA107", None)
    # What no rule names is refused without a word.
    other = replace(refused, server_names=("other.example.com",))
    assert judge_group(other, lambda _group, host, _port: lets.get(host, Decision(None))).code == ""
