"""A lab of which a test writes the logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.copies import Bench
from support.lab_fakes import running_lab


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with running_lab() as lab:
        yield Bench(lab, tmp_path / "evidence")
