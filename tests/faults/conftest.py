"""What rows against a cluster share: one that costs no time, as its pods run nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.lab_fakes import Lab, pod, running_lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """The lab's API server, with one pod."""
    with running_lab() as lab:
        lab.apply(pod("curl"))
        yield lab
