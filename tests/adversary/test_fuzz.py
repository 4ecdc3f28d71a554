"""A short run of tools/fuzz.py, and the inputs of 1 MiB that cost a careless reader its time."""

import pytest
from support.tools import load_tool

fuzz = load_tool("fuzz")

MIB = 1024 * 1024


def test_nothing_that_is_fed_to_them_breaks_grammars_dialects_and_wrappers():
    fuzz.run(60)


@pytest.mark.parametrize("piece", ['"', " ", '" "', ' "', " - ", "|", "a=", "[", '{"a":', "\\", "\t"])
@pytest.mark.parametrize("start", [0, 1])
def test_a_line_of_one_mebibyte_of_the_same_is_read_in_time(start, piece):
    line = fuzz.LINES[start]
    text = line[:60] + piece * (MIB // len(piece)) + line[60:]
    fuzz.timed(fuzz.parse_lines, text)
    fuzz.timed(fuzz.take_wrappers_off, text)
