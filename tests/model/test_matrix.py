"""What a row of the matrix comes to: what has no verdict passes nothing."""

from __future__ import annotations

import pytest
from support.probes import gateway, sidecar
from support.verdicts import verdict

from egressaudit.model import MatrixCell, Outcome, Scheme, Target, Verdict, VerifyReport
from egressaudit.model.matrix import MatrixRow

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
        ("", "a wildcard is no host", False, (), None),
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
