"""The groups of tests are what pyproject.toml, the Makefile and tests/conftest.py say, all three."""

from __future__ import annotations

import re
import tomllib

import pytest
from support.tools import ROOT

CONFTEST = (ROOT / "tests" / "conftest.py").read_text("utf-8")
SLOW = re.findall(r'^    "([a-z_/]+\.py)(?:::(test_\w+))?",$', CONFTEST, re.MULTILINE)


def test_every_marker_is_left_out_of_the_fast_tests() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    markers = {each.partition(":")[0] for each in options["markers"]}
    [fast] = re.findall(r"^FAST := not \((.*)\)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(fast.split(" or ")) == markers


@pytest.mark.parametrize(("file", "name"), SLOW)
def test_what_is_called_slow_is_there(file: str, name: str) -> None:
    assert f"def {name}" in (ROOT / "tests" / file).read_text("utf-8")


def test_a_slow_test_is_named_once() -> None:
    assert SLOW
    assert sorted({*SLOW}) == SLOW
