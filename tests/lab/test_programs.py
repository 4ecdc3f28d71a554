"""Without the extra `lab`, the lab says what is missing; all that needs no programs works."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Without:
    @staticmethod
    def find_spec(name, path=None, target=None):
        missing = name.partition(".")[0] in {"aiohttp", "envoy", "h2", "trustme"}
        return None if missing else PathFinder.find_spec(name, path, target)

sys.meta_path = [Without if each is PathFinder else each for each in sys.meta_path]
from egressaudit.cli import run
sys.exit(run(sys.argv[1:]))
"""
NEEDS = (
    "no audit was performed: the lab needs envoy, aiohttp, h2, trustme\n"
    "  Install it with: pip install 'egressaudit[lab]'.\n"
)


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [(("lab", "run"), 1, NEEDS), (("lab", "list"), 0, ""), (("verify", "--help"), 0, "")],
    ids=["run", "list", "verify"],
)
def test_a_plain_installation_says_what_the_lab_needs(arguments: tuple[str, ...], code: int, error: str) -> None:
    command = [sys.executable, "-c", WITHOUT, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (code, error)
