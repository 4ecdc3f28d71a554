"""The closed loop: printed YAML → istiod's own generator → real Envoys → a request by curl → lines → PASS.

And before it, for broken meshes: lines → verdict → cause → fix, which has to be the one whose YAML is applied.

Not circular: neither the manifests nor the Envoys' configuration know how the judge reads lines, and istiod decides
what the manifests mean.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.loop_answers import answers
from support.loop_breakages import breakages
from support.loop_run import Run, run
from support.loop_scenarios import Scenario, fixed, generated

from egressaudit.errors import UsageError
from egressaudit.fixes.fix_text import fix_yaml
from egressaudit.model import Outcome, VerifyReport
from egressaudit.model import Path as Way

GENERATED = {each.name: each for each in generated()}
BREAKAGES = {each.name: each for each in breakages()}
FIXED = {before.name.removesuffix("-broken"): (before, after) for before, after in fixed()}


OTHER_CAUSE = {
    "istio-apis-two-entries": "the cause sees that the rules are not followed, and not why",
    "ambient-no-waypoint": "verify refuses to expect a waypoint where none is",
}
"""Broken ways whose cause asks for no fix, and why."""


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
    if isinstance(before, VerifyReport):
        causes = before.verdicts[0].causes
        shown = next((each.fixes[0].yaml for each in causes if each.fixes), "")
        assert (shown == fix_yaml(BREAKAGES[name].fixes()[0])) is (name not in OTHER_CAUSE), (causes, shown)
    assert isinstance(after, VerifyReport), after
    assert after.verdicts[0].outcome is Outcome.PASS, after.verdicts[0]
