"""`--color`, NO_COLOR, FORCE_COLOR, COLUMNS, and what goes to a pipe, to a terminal and to a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.terminal import on_terminal
from support.tools import SAMPLES

RUN = str(SAMPLES / "rbac-denied")
ESCAPE = "\x1b["


def same_run(text: str) -> list[str]:
    """The lines without the one that says which run it was."""
    return [line for line in text.splitlines() if not line.lstrip().startswith("run: ")]


def piped(*arguments: str, **environment: str) -> str:
    kept = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
    command = [sys.executable, "-m", "egressaudit", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**kept, **environment})
    assert done.returncode == 10, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("color", "environment", "in_pipe", "on_screen"),
    [
        ("", {}, False, True),
        ("auto", {}, False, True),
        ("always", {}, True, True),
        ("never", {}, False, False),
        ("", {"NO_COLOR": "1"}, False, False),
        ("", {"NO_COLOR": ""}, False, True),
        ("", {"FORCE_COLOR": "1"}, True, True),
        ("", {"FORCE_COLOR": ""}, False, True),
        ("", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ("always", {"NO_COLOR": "1"}, True, True),
        ("never", {"FORCE_COLOR": "1"}, False, False),
        ("", {"TERM": "dumb"}, False, False),
        ("always", {"TERM": "dumb"}, True, True),
    ],
)
def test_who_decides_on_colours(color: str, environment: dict[str, str], *, in_pipe: bool, on_screen: bool) -> None:
    arguments = ("verify", "--replay", RUN, *(("--color", color) if color else ()))
    assert (ESCAPE in piped(*arguments, **environment)) is in_pipe
    shown = on_terminal([sys.executable, "-m", "egressaudit", *arguments], environment)
    assert (ESCAPE in shown.written) is on_screen


def test_columns_say_how_wide_a_terminal_is_and_nothing_about_a_pipe() -> None:
    arguments = ("verify", "--replay", RUN, "-v")
    narrow = on_terminal([sys.executable, "-m", "egressaudit", *arguments], {"COLUMNS": "50"})
    assert max(map(len, narrow.lines)) <= 50
    assert same_run(piped(*arguments)) == same_run(piped(*arguments, COLUMNS="50"))
    [line] = [each for each in piped(*arguments).splitlines() if "GET / HTTP/1.1" in each]
    assert line.startswith('    [2026-11-23T08:05:08.107Z] "GET / HTTP/1.1" 403 - via_upstream')
    assert line.endswith(" 127.167.249.11:38108 - -")


def test_text_in_a_file_has_the_evidence_and_no_colours(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    shown = piped("verify", "--replay", RUN, "-o", f"text={file}", "-o", "json", FORCE_COLOR="1")
    assert shown.startswith("{")
    assert same_run(file.read_text("utf-8")) == same_run(piped("verify", "--replay", RUN, "-v"))
