"""The closed loop: printed YAML → istiod's own generator → real Envoys → a request by curl → lines → PASS.

Not circular: neither the manifests nor the Envoys' configuration know how the judge reads lines, and istiod decides
what the manifests mean.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.loop_answers import answers
from support.loop_run import Run, run
from support.loop_scenarios import Scenario, fixed, generated

from egressaudit.errors import UsageError
from egressaudit.model import Outcome, VerifyReport
from egressaudit.model import Path as Way

GENERATED = {each.name: each for each in generated()}
FIXED = {before.name.removesuffix("-broken"): (before, after) for before, after in fixed()}


def as_run(scenario: Scenario) -> Run:
    answer = answers()[scenario.case["id"]]
    return Run(scenario.loop, scenario.objects, answer, scenario.call, scenario.expect)


@pytest.mark.parametrize("name", GENERATED)
def test_what_was_generated_sends_the_call_through_the_gateway(name: str, tmp_path: Path) -> None:
    scenario = GENERATED[name]
    [report] = run(as_run(scenario), folder=tmp_path)
    assert isinstance(report, VerifyReport), report
    [verdict] = report.verdicts
    expected = Way.VIA_WAYPOINT if scenario.loop.ambient else Way.VIA_GATEWAY
    assert (verdict.outcome, verdict.path_seen) == (Outcome.PASS, expected), verdict


@pytest.mark.parametrize("name", FIXED)
def test_a_broken_way_passes_once_its_fix_is_applied(name: str, tmp_path: Path) -> None:
    before, after = run(*map(as_run, FIXED[name]), folder=tmp_path)
    # Where there is no waypoint at all, verify refuses to expect one.
    broken = isinstance(before, VerifyReport) and before.verdicts[0].outcome is not Outcome.PASS
    assert broken or (isinstance(before, UsageError) and name == "ambient-no-waypoint"), before
    assert isinstance(after, VerifyReport), after
    assert after.verdicts[0].outcome is Outcome.PASS, after.verdicts[0]
