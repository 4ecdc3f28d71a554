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

GROUPS = frozenset({"e2e", "lab", "oracle", "planted", "worlds"})
"""Folders whose tests are a group of their own, selected by a marker of that name: `pytest -m worlds`.

`e2e` is more than its folder: whatever starts real Envoys bears that mark, wherever it lies."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        group = item.path.relative_to(ROOT / "tests").parts[0]
        if group in GROUPS:
            item.add_marker(group)


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """A copy of the collected logs of a whole mesh, to be damaged."""
    return Path(shutil.copytree(SAMPLES / "whole-mesh", tmp_path / "evidence"))
