"""The recordings in docs/terminal.md are what the commands write now, and the terminal that records them is one."""

from __future__ import annotations

import pytest
from support.terminal import Shown
from support.tools import load_tool

recordings = load_tool("recordings")


def test_no_recording_is_stale() -> None:
    assert recordings.wanted() == recordings.PAGE.read_text("utf-8")


def test_the_three_situations_are_there_each_with_its_answer() -> None:
    page = recordings.PAGE.read_text("utf-8")
    shown = {each.name: page.partition(f"<!-- recording {each.name} -->\n```\n")[2] for each in recordings.RECORDINGS}
    rows = {name: text.partition("```\n")[0].splitlines() for name, text in shown.items()}
    smoke = rows["smoke-test"]
    assert smoke[2] == smoke[-2] == "FAIL  2 hosts from 3 sources: 3 PASS, 3 FAIL"
    assert smoke[-1] == rows["scheduled"][-1] == "10"
    assert sum(row.startswith("<testcase") for row in rows["junit"]) == 6
    assert rows["scheduled"][-3].startswith("FAIL: 1 violation, 0 unproven")
    assert len(rows["scheduled"]) == len(rows["evidence"]) == recordings.ROWS
    assert rows["incident"][1] == rows["evidence"][-1] == "FAIL  http://docs.redhat.com/  blocked"
    assert len(rows["incident"]) <= recordings.ROWS
    assert [row.split()[0] for row in rows["incident"] if row[2:3].isalpha() and "  " in row[2:]][1:] == [
        "cause", "fix", "at", "change", "look", "expected",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        ("a\r\nb", ["a", "b"]),
        ("abc\rx", ["xbc"]),
        ("a\r\nb\x1b[1A\r\x1b[2Kc", ["c", "b"]),
        ("\x1b[1;31mred\x1b[0m", ["red"]),
        ("abc\b\x1b[K", ["abc"]),
        ("123456", ["1234", "56"]),
    ],
)
def test_what_a_terminal_shows(written: str, lines: list[str]) -> None:
    shown = Shown()
    shown.write(written, columns=4)
    assert shown.lines == lines


@pytest.mark.parametrize("sequence", ["2J", "1K"])
def test_a_sequence_that_the_terminal_does_not_know_is_no_recording(sequence: str) -> None:
    with pytest.raises(ValueError, match=sequence):
        Shown().write(f"\x1b[{sequence}")
