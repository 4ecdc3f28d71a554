"""What a row of the matrix comes to: what has no verdict passes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from support.probes import VIA_GATEWAY, gateway, sidecar
from support.verdicts import PASSTHROUGH, verdict

from egressaudit.model import MatrixCell, Outcome, Scheme, Target, Verdict, VerifyReport, Waived
from egressaudit.model.matrix import MatrixRow
from egressaudit.report import render

PASSED = verdict(sidecar(), gateway())
NONCE = PASSED.flow.probe.nonce
TARGET = Target("docs.redhat.com", 80, Scheme.HTTP)


# One row: the nonce of the cell's probe, why it was not probed, whether that counts, its verdicts, and the outcome.
@pytest.mark.parametrize(
    ("nonce", "reason", "counts", "verdicts", "outcome"),
    [
        (NONCE, "", True, (PASSED,), Outcome.PASS),
        (NONCE, "the redirect was not sent", True, (PASSED,), Outcome.INCONCLUSIVE),
        ("", "exec failed", True, (), Outcome.INCONCLUSIVE),
        ("", "a wildcard cannot be probed", False, (), None),
        # Nobody says why, and there is no verdict.
        ("", "", True, (), Outcome.INCONCLUSIVE),
        ("f" * 16, "", True, (), Outcome.INCONCLUSIVE),
    ],
)
def test_a_row(
    nonce: str, reason: str, *, counts: bool, verdicts: tuple[Verdict, ...], outcome: Outcome | None
) -> None:
    cell = MatrixCell("docs.redhat.com", "curl/curl", TARGET, nonce=nonce, reason=reason, counts=counts)
    assert MatrixRow(cell, verdicts).outcome is outcome
    good = MatrixCell("docs.redhat.com", "curl/curl", TARGET, nonce=NONCE)
    report = VerifyReport((PASSED,), {}, {}, asked=(good, cell))
    assert report.outcome is (outcome or Outcome.PASS)


def of_redirect(found: Verdict, nonce: str = "f" * 16) -> Verdict:
    sent = replace(found.flow.probe, nonce=nonce, redirected_from=NONCE)
    return replace(found, flow=replace(found.flow, probe=sent))


EXCUSED = replace(
    verdict(PASSTHROUGH), expectation=replace(VIA_GATEWAY, waived=Waived("ticket 7", date(2030, 1, 1).isoformat()))
)
VIOLATION = verdict(PASSTHROUGH)
UNKNOWN = verdict(sidecar())


# One row: the verdict on a probe that is a waived violation, the verdict on its redirect, and what the row comes to.
@pytest.mark.parametrize(
    ("redirect", "outcome", "waived"),
    [
        (None, Outcome.FAIL, True),
        (PASSED, Outcome.FAIL, True),
        # What is not excused counts, and is what the row says.
        (UNKNOWN, Outcome.INCONCLUSIVE, False),
        (VIOLATION, Outcome.FAIL, False),
    ],
)
def test_a_waived_violation_excuses_nothing_else(redirect: Verdict | None, outcome: Outcome, *, waived: bool) -> None:
    verdicts = (EXCUSED,) if redirect is None else (EXCUSED, of_redirect(redirect))
    row = MatrixRow(MatrixCell("docs.redhat.com", "curl/curl", TARGET, nonce=NONCE), verdicts)
    assert (row.outcome, row.waived) == (outcome, waived)
    assert row.decisive is (verdicts[0] if waived else verdicts[-1])
    report = VerifyReport(verdicts, {}, {}, asked=(row.cell,))
    junit = render(report, "junit")
    text = junit if isinstance(junit, str) else junit.decode()
    kinds = {
        (Outcome.FAIL, True): "skipped",
        (Outcome.FAIL, False): "failures",
        (Outcome.INCONCLUSIVE, False): "errors",
    }
    assert f'{kinds[outcome, waived]}="1"' in text


def test_a_redirect_that_was_not_sent_is_not_excused() -> None:
    cell = MatrixCell("docs.redhat.com", "curl/curl", TARGET, nonce=NONCE, reason="the redirect was not sent")
    row = MatrixRow(cell, (EXCUSED,))
    assert (row.outcome, row.waived, row.decisive) == (Outcome.INCONCLUSIVE, False, None)


def test_of_two_workloads_with_one_name_the_matrix_shows_the_worse() -> None:
    other = replace(VIOLATION, flow=replace(VIOLATION.flow, probe=replace(VIOLATION.flow.probe, nonce="e" * 16)))
    cells = [MatrixCell("docs.redhat.com", "curl/curl", TARGET, nonce=nonce) for nonce in ("e" * 16, NONCE)]
    shown = render(VerifyReport((PASSED, other), {}, {}, asked=tuple(cells)), "text")
    text = shown if isinstance(shown, str) else shown.decode()
    [line] = [each for each in text.splitlines() if each.startswith("http://docs.redhat.com/")][:1]
    assert "FAIL" in line
