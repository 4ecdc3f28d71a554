"""Each code of the catalogue: what gives it, and beside it what does not. Whole folders: test_folders.py."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.finding_rows import (
    BLOCKED,
    DENIED,
    DIRECT,
    FACTS,
    FLOWS,
    LEFT,
    LEFT_UNNAMED,
    LEFT_UNREGISTERED,
    MANY_NAMES,
    NOT_AT_GATEWAY,
    STOPPED,
    STOPPED_AT_GATEWAY,
    THROUGH,
    THROUGH_ANY,
    THROUGH_WAYPOINT,
    VIA_GATEWAY,
    VIA_SPARE,
    VIA_WAYPOINT,
    WAIVED,
    of_flows,
)
from support.hops import (
    HOST,
)

from egressaudit.findings import controls, find_all, rules
from egressaudit.findings.facts import AuditFacts
from egressaudit.findings.from_rulings import MAX_NAMES
from egressaudit.judge.groups import judge_group
from egressaudit.model import (
    Coverage,
    Severity,
)


@pytest.mark.parametrize(("code", "outcome", "found", "beside"), FLOWS, ids=[row[0] for row in FLOWS])
def test_flows_are_found_under_their_code_alone(code, outcome, found, beside):
    (one,) = (each for each in of_flows(*found) if each.code == code)
    assert one.outcome is outcome
    assert one.severity is controls()[code].severity
    assert one.advice[-1] == controls()[code].remedy
    assert code not in {each.code for each in of_flows(*beside)}


@pytest.mark.parametrize(("code", "outcome", "found", "beside"), FACTS, ids=[row[0] for row in FACTS])
def test_facts_are_found_under_their_code_alone(code, outcome, found, beside):
    (one,) = (each for each in find_all(found) if each.code != "EA311")
    assert (one.code, one.outcome) == (code, outcome)
    assert one.severity in (controls()[code].severity, Severity.INFO)
    assert one.advice[-1] == controls()[code].remedy
    assert code not in {each.code for each in find_all(beside)}


def test_no_rule_raises_the_code_of_another():
    judged = [
        judge_group(group, lambda *_, given=given: given) for *_, (given, seen), _ in FLOWS for group in seen.groups
    ]
    for facts in (AuditFacts(tuple(judged), Coverage()), *(found for *_, found, _ in FACTS)):
        for rule in rules():
            assert {each.code for each in rule.find(rule.control, facts)} <= {rule.control.code}


def test_every_code_and_outcome_of_the_catalogue_has_a_row_and_no_row_has_another():
    rows = {(code, outcome) for code, outcome, *_ in (*FLOWS, *FACTS)}
    assert rows == {(code, outcome) for code, control in controls().items() for outcome in control.outcomes}


@pytest.mark.parametrize(
    ("decision", "seen"),
    [
        (THROUGH, VIA_GATEWAY),
        (THROUGH_ANY, VIA_SPARE),
        (THROUGH_WAYPOINT, VIA_WAYPOINT),
        (DIRECT, LEFT),
        (DIRECT, LEFT_UNNAMED),
        (BLOCKED, STOPPED),
        (DENIED, STOPPED_AT_GATEWAY),
    ],
)
def test_a_flow_that_went_as_it_should_is_no_finding(decision, seen):
    assert of_flows(decision, seen) == ()


def test_a_rules_severity_is_that_of_its_violations_and_of_nothing_else():
    grave = replace(THROUGH, severity=Severity.CRITICAL)
    assert [each.severity for each in of_flows(grave, LEFT)] == [Severity.CRITICAL]
    (unconfirmed,) = (each for each in of_flows(grave, NOT_AT_GATEWAY) if each.code == "EA303")
    assert unconfirmed.severity is controls()["EA303"].severity


def test_where_no_rule_decides_the_severity_is_the_catalogues():
    mesh_says = replace(THROUGH_ANY, severity=Severity.LOW)
    assert [each.severity for each in of_flows(mesh_says, LEFT)] == [controls()["EA101"].severity]


def test_a_waiver_excuses_a_violation_and_nothing_that_is_unproven():
    excused = replace(THROUGH, waived=WAIVED)
    assert [each.waived for each in of_flows(excused, LEFT)] == [WAIVED]
    assert [each.waived for each in of_flows(excused, NOT_AT_GATEWAY)] == [None]


@pytest.mark.parametrize(
    ("by_name", "by_address", "code"),
    [
        (THROUGH, DIRECT, "EA102"),
        (BLOCKED, DIRECT, "EA105"),
        (DIRECT, THROUGH, "EA102"),
        (DIRECT, DENIED, "EA104"),
        (DENIED, DIRECT, ""),
    ],
)
def test_a_name_that_the_sender_uses_can_only_tell_against_it(by_name, by_address, code):
    (group,) = LEFT_UNREGISTERED.groups
    assert judge_group(group, lambda _group, host, _port: by_name if host == HOST else by_address).code == code


def test_many_names_are_all_judged_and_a_few_shown():
    """More names than are shown hide no violation."""
    (group,) = MANY_NAMES.groups
    assert len(group.server_names) == 9
    last = group.server_names[-1]
    ruling = judge_group(group, lambda _group, host, _port: BLOCKED if host == last else DIRECT)
    assert ruling.code == "EA105"
    (found,) = (each for each in find_all(AuditFacts((ruling,), Coverage())) if each.code == "EA105")
    assert sum(name in found.message for name in group.server_names) == MAX_NAMES
    assert f"and {9 - MAX_NAMES} more" in found.message


def test_an_address_that_a_rule_names_counts_beside_the_host():
    """The host is somebody's word where a rule names the address that was really reached."""
    (group,) = LEFT.groups
    by_host = {HOST: DIRECT, "203.0.113.7": BLOCKED}
    assert judge_group(group, lambda _group, host, _port: by_host[host]).code == "EA105"
    assert judge_group(group, lambda _group, host, _port: DIRECT if host == "203.0.113.7" else DENIED).code == ""
