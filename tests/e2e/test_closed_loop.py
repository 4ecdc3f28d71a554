"""The closed loop: printed YAML → istiod's own generator → real Envoys → a request by curl → lines → PASS.

Not circular: neither the manifests nor the Envoys' configuration know how the judge reads lines, and istiod decides
what the manifests mean.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.loop_answers import answers
from support.loop_run import run
from support.loop_scenarios import scenarios

from egressaudit.model import Outcome
from egressaudit.model import Path as Way

SCENARIOS = scenarios()


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_was_generated_sends_the_call_through_the_gateway(name: str, tmp_path: Path) -> None:
    scenario = SCENARIOS[name]
    report = run(scenario.loop, scenario.applied, answers()[scenario.case["id"]], scenario.call, tmp_path)
    [verdict] = report.verdicts
    expected = Way.VIA_WAYPOINT if scenario.loop.ambient else Way.VIA_GATEWAY
    assert (verdict.outcome, verdict.path_seen) == (Outcome.PASS, expected), verdict
