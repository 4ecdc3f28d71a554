"""What agents write as several lines is known, and nothing that may be an access line passes for it."""

from __future__ import annotations

import gzip
import subprocess
import sys

import pytest
from support.agent_logs import BLOCKS, PANIC, REJECTED, SETTINGS, SOURCE, ZTUNNEL_SETTINGS, Log
from support.lanes import AGENT, TABBED, by_both_lanes, by_the_careful_lane
from support.log_lines import ISTIO_LINE

from egressaudit.hops.dialects.grammars import grammar
from egressaudit.hops.dialects.other import read_other
from egressaudit.hops.line_parser import parse
from egressaudit.model import Hop, LogLine, OtherLine, Reporter, Unparsed
from egressaudit.model.lines import LOG_LEVELS

CONTINUED = [
    line
    for block in BLOCKS.values()
    for line in block[1:]
    if read_other(line) is None and not line.startswith("goroutine")
]
"""Lines that are nothing by themselves; a goroutine is the opening of a dump too."""


@pytest.mark.parametrize("reporter", [None, *Reporter])
@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("packed", [False, True])
def test_what_an_agent_writes_at_its_start_is_known_in_every_lane(tmp_path, name, reporter, packed):
    tail = [TABBED] if reporter is Reporter.ZTUNNEL else [ISTIO_LINE]
    lines = [AGENT, *BLOCKS[name], *tail]
    path = tmp_path / "x.log"
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    for lane in (by_the_careful_lane, by_both_lanes):
        rows, unparsed, (count,) = lane(path, reporter)
        assert unparsed == []
        assert (count.read, count.access, count.other, len(rows)) == (len(lines), 1, len(lines) - 1, 1)
    parsed = parse(
        (LogLine(SOURCE, n, line) for n, line in enumerate(lines, 1)), {SOURCE: reporter or Reporter.SIDECAR}
    )
    assert parsed.lines[SOURCE] == count


@pytest.mark.parametrize("block_size", [1, 40, 100, 200])
@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_goes_on_where_the_lines_are_read_in_blocks(tmp_path, name, block_size):
    path = tmp_path / "x.log"
    path.write_text("".join(f"{line}\n" for line in [ISTIO_LINE, *BLOCKS[name], ISTIO_LINE]))
    _, unparsed, (count,) = by_both_lanes(path, block_size=block_size)
    assert (unparsed, count.access) == ([], 2)


@pytest.mark.parametrize("wrap", ["2026-11-01T12:00:00.{:09}Z stdout F {}", "2026-11-01T12:00:00.{:09}Z {}"])
def test_a_block_with_something_around_its_lines_is_known_too(tmp_path, wrap):
    path = tmp_path / "x.log"
    path.write_text("".join(wrap.format(n, line) + "\n" for n, line in enumerate([*SETTINGS, *PANIC, ISTIO_LINE])))
    assert by_both_lanes(path)[1:] == by_the_careful_lane(path)[1:]
    assert by_both_lanes(path)[1] == []


def test_who_wrote_a_block_is_said_of_each_of_its_lines():
    assert {each.kind for each in Log().read(*SETTINGS)} == {"istio-agent", "blank"}
    assert {each.kind for each in Log().read(*REJECTED)} == {"envoy"}
    assert {each.kind for each in Log(reporter=Reporter.ZTUNNEL).read(*ZTUNNEL_SETTINGS)} == {"ztunnel", "blank"}


@pytest.mark.parametrize("line", CONTINUED)
def test_a_line_of_a_block_is_nothing_without_its_opening(line):
    assert Log().kinds(line, AGENT, line, ISTIO_LINE, line) == [Unparsed, OtherLine, Unparsed, Hop, Unparsed]


@pytest.mark.parametrize(
    "line",
    [
        "2026/11/01 12:00:00 GOMEMLIMIT is set",
        "2026/11/01 12:00:00 GET x",
        "2026-11-01T12:00:00.000001Z\tGET\t/path",
        "2026-11-01T12:00:00.000001Z GET /path",
        "[2026-11-01 12:00:00.000][7][GET][x] y",
        "X1101 12:00:00.000001       7 a.go:1] x",
        "I1101 12:00:00.000001 GET /",
        "panic:x",
        "goroutine x [running]:",
    ],
)
def test_what_only_begins_nearly_so_is_unparsed(line):
    assert Log().kinds(line) == [Unparsed]


def test_the_levels_of_the_grammar_are_those_that_the_compiled_lane_is_told():
    pattern = next(each.pattern for each in grammar("other_text").terminals if each.name == "LEVEL")
    assert sorted(pattern.value.split("|")) == sorted(LOG_LEVELS)


def test_threads_that_begin_together_build_no_parser_twice():
    # Each takes as long as reading thousands of lines.
    code = (
        "from concurrent.futures import ThreadPoolExecutor; from egressaudit.hops.dialects import grammars;"
        "from egressaudit.hops.line_parser import prepare; build, built = grammars.build, [];"
        "grammars.build = lambda text, *starts: (built.append((text, starts)), build(text, *starts))[1];"
        "pool = ThreadPoolExecutor(4); [each.result() for each in [pool.submit(prepare) for _ in range(4)]];"
        "files = [each for each in built if each[1]];"
        "assert 0 < len(files) == len(set(files)), files"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
