"""A block of findings: one set of words, all its workloads, evidence on request, and what is left out is counted."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from support.large_reports import bypass, large, report_of, unproven
from support.reports import FULL, LINE, VIOLATION, text_of

from egressaudit.causes import causes
from egressaudit.model import AuditReport, Finding, FoundCause, Severity, SuggestedFix, Waived
from egressaudit.report.screen import UNFOLDED
from egressaudit.report.view import GroupBy, ReportView

BLOCK = """\
FAIL  EA101 high  3 findings of 2 workloads
  It left around the gateway.
  seen      9 flows to 3 hosts and ports, 2026-03-01T10:00:00Z to 2026-03-01T11:00:00Z: direct (no-gateway)
  expected  via-gateway istio-egress/gateway; rule docs
  cause     EC88 no rule leads the host to a gateway
  example   no rule and no label leads h0.example.com on port 443 to a gateway or waypoint
  fix       Add the rules and the Gateway that lead the host out, or say in the policy which way is right.
  gap       VirtualService docs does not list mesh.
  rule      docs (nist-800-53/SC-7)
  proof     reported: the line of one proxy alone
    shop/Deployment/app-0: h0.example.com:443 (3 flows), h2.example.com:443 (3 flows)
    shop/Deployment/app-1: h1.example.com:443 (3 flows)
  evidence, 2 of 9 lines:
    shop/cart-1/istio-proxy:12 (source)
      [2026-03-01T10:00:00.000Z] "GET / HTTP/1.1" 200 - "docs.example.com" PassthroughCluster `x|y`
    shop/cart-1/istio-proxy:12 (source)
      [2026-03-01T10:00:00.000Z] "GET / HTTP/1.1" 200 - "docs.example.com" PassthroughCluster `x|y`
  → Add port 443 to the ServiceEntry.
"""


def blocks(report: AuditReport, width: int = UNFOLDED, **view: object) -> list[str]:
    text = text_of(report, "text", width=width, view=ReportView(**view))  # type: ignore[arg-type]
    body = text.partition("\n\nFINDINGS (")[2].partition("\n\nWAIVED, NOT COUNTED (")[0]
    return [f"{each.strip(chr(10))}\n" for each in body.split("\n\n")[1:]]


def of_app(number: int, finding: Finding) -> Finding:
    assert finding.judged is not None
    group = replace(finding.judged.group, workload=f"Deployment/app-{number}")
    return replace(finding, subject=group.subject, judged=replace(finding.judged, group=group))


def test_a_block_reads_like_this() -> None:
    (block,) = blocks(report_of((bypass(0), of_app(0, bypass(2)), bypass(1))))
    assert block == BLOCK


def test_one_finding_is_said_in_full() -> None:
    (block,) = blocks(report_of((bypass(7),)))
    assert block.startswith("FAIL  EA101 high  shop/Deployment/app-7\n  h7.example.com:443: around\n")
    assert "cause     EC88 no rule leads the host to a gateway: no rule and no label leads h7.example.com" in block


# ---------------------------------------------------------------- what is left out is counted


def test_a_terminal_names_ten_workloads_and_counts_the_others() -> None:
    first = blocks(report_of(tuple(map(bypass, range(25)))), width=80)[0]
    assert len(re.findall(r"^    shop/Deployment/app-", first, re.MULTILINE)) == 10
    assert "    and 15 more with 15 findings; -o text=FILE lists all\n" in first


def test_a_pipe_and_a_file_name_every_workload() -> None:
    text = text_of(large(60), "text", width=UNFOLDED)
    assert all(
        f"    shop/Deployment/app-{number}: h{number}.example.com:443 (3 flows)\n" in text for number in range(60)
    )
    assert all(f"    node/agent-{number}\n" in text for number in range(60))
    assert not re.search(r"and \d+ more with", text)


def test_a_workload_with_many_hosts_is_one_line_on_a_terminal() -> None:
    report = report_of(tuple(of_app(0, bypass(number)) for number in range(9)))
    assert ", and 4 more\n" in blocks(report, width=500)[0]
    assert "h8.example.com:443 (3 flows)\n" in blocks(report)[0]


@pytest.mark.parametrize(("evidence", "lines"), [(None, 2), (0, 0), (1, 1), (2, 2), (5, 3)])
def test_as_many_lines_are_shown_as_asked_for(evidence: int | None, lines: int) -> None:
    (block,) = blocks(report_of(tuple(map(bypass, range(3)))), evidence=evidence)
    assert block.count(LINE.raw) == lines
    assert f"  evidence, {lines} of 9 lines{':' if lines else ''}\n" in block


def test_what_was_ruled_out_is_evidence() -> None:
    cause = replace(bypass(1).causes[0], excluded=causes()["EC88"].unlike)
    report = report_of((replace(bypass(1), causes=(cause,)),))
    assert "  not       EC26 " in blocks(report, evidence=1)[0]
    assert "  not  " not in blocks(report)[0] + blocks(report, evidence=0)[0]


# ---------------------------------------------------------------- what differs within a block


def test_messages_that_differ_stand_with_their_subject() -> None:
    lacking = [
        replace(VIOLATION, code="EA302", subject=f"log-{number}", message=f"gap {number}", judged=None, causes=())
        for number in range(2)
    ]
    (block,) = blocks(report_of(tuple(lacking)))
    assert block.startswith("FAIL  EA302 high  2 findings\n  a log does not cover the window\n")
    assert "    log-0: gap 0\n    log-1: gap 1\n" in block


def test_a_second_cause_of_some_is_said_with_their_number() -> None:
    other = FoundCause(causes()["EC89"], ("the proxy has another",))
    some = [replace(bypass(1), causes=(*bypass(1).causes, other)), bypass(2), bypass(3)]
    (block,) = blocks(report_of(tuple(some)))
    assert "  also      EC89 the proxy does not do what the objects say (1 of 3)\n" in block


def test_each_cause_of_a_workload_has_its_own_fix() -> None:
    other = FoundCause(causes()["EC13"], ("no ServiceEntry has it",))
    findings = (bypass(0), of_app(0, replace(bypass(1), causes=(other,))), of_app(0, replace(bypass(2), causes=())))
    (block,) = blocks(report_of(findings), group_by=GroupBy.WORKLOAD)
    for code in ("EC88", "EC13"):
        assert f"  cause     {code} {causes()[code].title} (1 of 3)\n" in block
        assert f"  fix       {causes()[code].remedy}\n" in block


def test_a_fix_stands_for_those_like_it() -> None:
    fix = SuggestedFix("lead it out", ("all others too",), "kind: X")
    fixed = [
        replace(each, causes=(replace(each.causes[0], fixes=(fix,)),)) for each in (bypass(1), bypass(2), bypass(3))
    ]
    report = report_of(tuple(fixed))
    (block,) = blocks(report)
    assert "  change    lead it out, and 2 more like it\n  others    all others too\n" in block
    assert text_of(report, "text", width=UNFOLDED).count("Fixes: `verify --fix FILE`") == 1


def test_findings_of_other_objects_or_severities_are_other_blocks() -> None:
    def about(number: int, thing: str) -> Finding:
        return replace(bypass(number), causes=(replace(bypass(number).causes[0], objects=(thing,)),))

    services = [about(1, "VirtualService a/b"), about(2, "VirtualService a/c")]
    assert len(blocks(report_of(tuple(services)))) == 2
    workloads = [about(1, "Deployment a/b"), about(2, "Deployment a/c")]
    assert len(blocks(report_of(tuple(workloads)))) == 1
    severities = [bypass(1), replace(bypass(2), severity=Severity.LOW)]
    assert len(blocks(report_of(tuple(severities)))) == 2


@pytest.mark.parametrize(
    ("by", "titles"),
    [
        (GroupBy.CAUSE, ["FAIL EA101 high 3 findings of 2 workloads", "INCONCLUSIVE EA303 high shop/Deployment/app-0"]),
        (
            GroupBy.WORKLOAD,
            [
                "FAIL EA101 high 2 findings of shop/Deployment/app-0",
                "INCONCLUSIVE EA303 high shop/Deployment/app-0",
                "FAIL EA101 high shop/Deployment/app-1",
            ],
        ),
        (
            GroupBy.HOST,
            [
                "FAIL EA101 high shop/Deployment/app-0",
                "FAIL EA101 high shop/Deployment/app-0",
                "FAIL EA101 high shop/Deployment/app-1",
                "INCONCLUSIVE EA303 high shop/Deployment/app-0",
            ],
        ),
    ],
)
def test_blocks_of_one_workload_stand_together(by: GroupBy, titles: list[str]) -> None:
    findings = (bypass(0), of_app(0, bypass(2)), bypass(1), unproven(0, "EA303", "EC71", "late"))
    assert [" ".join(each.partition("\n")[0].split()) for each in blocks(report_of(findings), group_by=by)] == titles


def test_waived_findings_are_blocks_of_their_own() -> None:
    waived = [replace(bypass(number), waived=Waived(f"CHG-{number}", "2027-01-31")) for number in range(2)]
    text = text_of(report_of((*waived, bypass(3))), "text", width=UNFOLDED)
    below = text.partition("WAIVED, NOT COUNTED (2)\n")[2]
    assert below.startswith("\nFAIL  EA101 high  2 findings of 2 workloads\n")
    assert "  waived    until 2027-01-31: CHG-0; until 2027-01-31: CHG-1\n" in below


def test_the_block_of_a_full_report_is_whole_in_markdown_too() -> None:
    markdown = text_of(FULL, "markdown").replace("`", "")
    assert all(f"{each.code} {each.severity} {each.subject}" in markdown for each in FULL.findings)
