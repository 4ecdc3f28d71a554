"""What all tests share: hypothesis without clocks, the groups of tests, and fixtures that many files use."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import settings
from support.tools import ROOT, SAMPLES

# How long an example takes depends on what else the machine does, so no test fails for it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

GROUPS = frozenset({"browser", "e2e", "istiod", "lab", "oracle", "planted", "worlds"})
"""Folders whose tests are a group of their own, selected by a marker of that name: `pytest -m worlds`.

`e2e` is more than its folder: whatever starts real Envoys bears that mark, wherever it lies."""


SLOW = (
    "adversary/test_adversary_folders.py::test_every_wrong_value_in_probes_json_is_a_clear_error_or_a_verdict",
    "adversary/test_fuzz.py",
    "cases/test_cases.py",
    "cli/test_parse_command.py::test_read_hops_joins_its_pieces",
    "cli/test_progress.py",
    "cli/test_screen_option.py",
    "collect/test_copy.py::test_the_lines_of_the_window_are_there_byte_for_byte_and_no_others",
    "collect/test_follow.py::test_a_log_that_cannot_be_opened_is_given_up_and_said",
    "findings/test_coverage.py",
    "findings/test_find_all.py::test_flows_are_found_under_their_code_alone",
    "findings/test_find_all.py::test_no_rule_raises_the_code_of_another",
    "findings/test_folders.py",
    "hops/test_any_logs.py",
    "hops/test_dialects.py::test_both_lanes_of_an_envoy_text_dialect_take_the_same_lines_with_the_same_values",
    "hops/test_fingerprint.py::test_rows_are_of_one_kind_if_and_only_if_they_say_the_same",
    "hops/test_fingerprint.py::test_what_stands_for_a_line_says_what_the_line_says",
    "hops/test_forgeable_logs.py",
    "hops/test_forged_lines.py",
    "hops/test_format_laws.py::test_no_hostile_value_in_a_likely_format_makes_a_trusted_field_wrong",
    "hops/test_format_laws.py::test_no_hostile_value_in_any_format_makes_a_trusted_field_wrong",
    "hops/test_hops_seams.py",
    "hops/test_lane_laws.py",
    "hops/test_lanes.py",
    "hops/test_parsed_lines.py::test_every_line_is_accounted_for",
    "hops/test_plain_lane.py",
    "join/test_engine_laws.py",
    "join/test_engines_ambient.py",
    "join/test_new_engine.py",
    "judge/test_one_answer.py",
    "judge/test_one_judgement.py::test_both_commands_find_the_same_fate_path_and_reason",
    "mesh/test_cluster_facts.py::test_objects_of_any_shape_are_read_and_never_improve_an_entry",
    "mesh/test_seams.py",
    "pipeline/test_audit.py",
    "policy/test_policy_inference.py",
    "policy/test_policy_laws.py",
    "probe/test_probe_marks.py",
    "project/test_build.py",
    "project/test_limits.py::test_an_exemption_that_is_no_longer_needed_fails",
    "project/test_recordings.py",
    "report/test_hostile_text.py",
    "report/test_new_format.py",
    "sources/test_archives.py::test_memory_does_not_grow_with_the_input",
    "sources/test_archives.py::test_what_stands_before_a_break_is_kept",
    "sources/test_bare_blocks.py::test_a_block_of_very_many_lines_is_taken_in_pieces",
    "sources/test_bare_blocks.py::test_both_lanes_say_the_same_of_any_wrapped_log",
    "sources/test_new_location.py",
)
"""Files and tests that `make test-fast` leaves out: thousands of examples, or the whole program for each row."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        file = item.path.relative_to(ROOT / "tests").as_posix()
        group = file.partition("/")[0]
        if group in GROUPS:
            item.add_marker(group)
        if {file, f"{file}::{item.name.partition('[')[0]}"} & {*SLOW}:
            item.add_marker("slow")


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """A copy of the collected logs of a whole mesh, to be damaged."""
    return Path(shutil.copytree(SAMPLES / "whole-mesh", tmp_path / "evidence"))
