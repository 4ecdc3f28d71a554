"""The wheel with cargo, without it, with one that fails, and where somebody asks for none."""

from __future__ import annotations

import importlib.util
import re

import pytest
from support.tools import ROOT

PURE = {"pure_python": True, "force_include": {}}


class App:
    """What a builder says on its way."""

    def __init__(self):
        self.said = []

    def display_warning(self, message):
        self.said.append(message)


@pytest.fixture
def build(monkeypatch, tmp_path):
    """Builds as `pip install` does, on a machine with this cargo or none: the wheel, and what was said."""

    def built(cargo=None, **environment):
        for name in ("EGRESSAUDIT_LANES", "CARGO_TARGET_DIR"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        (tmp_path / "native").mkdir()
        if cargo is not None:
            (tmp_path / "cargo").write_text(f"#!/bin/sh\n{cargo}\n")
            (tmp_path / "cargo").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        app, wheel = App(), {"pure_python": True, "force_include": {}}
        hook = module.Cargo(str(tmp_path), {}, None, None, str(tmp_path), "wheel", app)
        hook.initialize("standard", wheel)
        return wheel, app.said

    return built


def test_without_cargo_the_wheel_is_pure_and_one_notice_says_so(build):
    wheel, (said,) = build()
    assert wheel == PURE
    assert "no cargo on the PATH" in said
    assert "with the same results" in said


def test_with_cargo_the_wheel_is_for_this_platform(build):
    wheel, said = build(cargo="exit 0")
    assert not wheel["pure_python"]
    assert re.fullmatch(r"cp311-abi3-[a-z0-9_]+", wheel["tag"])
    assert list(wheel["force_include"].values()) == ["egressaudit/_lanes.abi3.so"]
    assert said == []


def test_a_cargo_that_fails_is_an_error_that_says_what_to_do(build):
    with pytest.raises(SystemExit) as error:
        build(cargo="exit 101")
    assert "could not build native/" in str(error.value)
    assert "1.88" in str(error.value)
    assert "EGRESSAUDIT_LANES=off" in str(error.value)


def test_who_asks_for_none_gets_none_though_cargo_is_there(build):
    wheel, (said,) = build(cargo="exit 101", EGRESSAUDIT_LANES="off")
    assert wheel == PURE
    assert "EGRESSAUDIT_LANES=off" in said
