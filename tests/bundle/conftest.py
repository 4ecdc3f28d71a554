"""Bundles of the sample, made once for each file of tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.bundles import bundled, keys


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundled(tmp_path_factory.mktemp("bundle") / "audit.tar.zst")


@pytest.fixture(scope="module")
def signed_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed")
    return bundled(folder / "audit.tar.zst", "--sign-key", keys(folder, "ours")[0])
