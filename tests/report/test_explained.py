"""What explains what: a log's silence explains the flows whose lines are missing, by facts and never by guess."""

from __future__ import annotations

import pytest
from support.large_reports import CUT, CUT_LOG, GAP, GATEWAY_LOG, OFF, SILENT, bypass, report_of, unproven
from support.reports import UNREAD, text_of

from egressaudit.causes import causes
from egressaudit.model import Coverage, Finding, FoundCause
from egressaudit.report.explained import explanations
from egressaudit.report.screen import UNFOLDED

HIDDEN = unproven(1, "EA303", "EC73", OFF)
GONE = Finding(
    *("EA301", CUT.severity, CUT.outcome, CUT.confidence, UNREAD.name, "there is no log of this proxy"),
    causes=(FoundCause(causes()["EC72"], ("there is no log of this proxy",)),),
)


@pytest.mark.parametrize(
    ("explains", "flow"),
    [
        (SILENT, HIDDEN),
        (CUT, unproven(1, "EA201", "EC72", f"{CUT.subject}: {GAP}")),
        (GONE, unproven(1, "EA201", "EC72", f"{UNREAD.name}: it was not read")),
    ],
)
def test_the_log_that_lacks_a_line_explains_the_flow(explains: Finding, flow: Finding) -> None:
    known = explanations(report_of((explains, flow), coverage=Coverage((CUT_LOG, UNREAD))))
    assert known.of([flow]) == (explains,)
    assert known.by([explains]) == (flow,)
    assert known.of([explains]) == known.by([flow]) == ()


@pytest.mark.parametrize(
    "flow",
    [
        unproven(1, "EA201", "EC72", f"shop/other-1/istio-proxy: {GAP}"),
        unproven(1, "EA201", "EC72", GAP),
        unproven(1, "EA303", "EC73", OFF.replace("gateway-1", "gateway-2")),
        unproven(1, "EA303", "EC71", OFF),
        bypass(1),
    ],
    ids=["another log", "no log", "another proxy", "another cause", "no log at all"],
)
def test_what_only_looks_alike_explains_nothing(flow: Finding) -> None:
    known = explanations(report_of((SILENT, CUT, flow), coverage=Coverage((CUT_LOG,))))
    assert known.of([flow]) == ()


def test_both_blocks_say_so() -> None:
    text = text_of(report_of((SILENT, HIDDEN, unproven(2, "EA303", "EC73", OFF))), "text", width=UNFOLDED)
    assert f"  why       explained by EA307 {GATEWAY_LOG}\n" in text
    assert "  explains  2 findings: EA303 shop/Deployment/app-1; EA303 shop/Deployment/app-2\n" in text


def test_what_explains_much_comes_first() -> None:
    hidden = tuple(unproven(number, "EA201", "EC73", OFF) for number in range(5))
    others = tuple(unproven(number, "EA201", "EC71", "late") for number in range(4))
    rows = text_of(report_of((*others, *hidden, SILENT)), "text", width=UNFOLDED).partition("TOP FINDINGS")[2]
    assert [row.split()[:3] for row in rows.splitlines()[1:4]] == [
        ["1", "INCONCLUSIVE", "EA307"],
        ["5", "INCONCLUSIVE", "EA201"],
        ["4", "INCONCLUSIVE", "EA201"],
    ]
