"""Any logs at all: every line is accounted for, and none that may be an access line passes for an agent's."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lark import Lark, UnexpectedInput
from support.agent_logs import (
    ACCESS,
    BLOCKS,
    IN_AN_UNKNOWN_FORMAT,
    PANIC,
    REJECTED,
    SETTINGS,
    UNCLEAN,
    ZTUNNEL_SETTINGS,
    Log,
    said,
)
from support.forged import HEAD, REFUSED, TAIL, sidecar_line
from support.lanes import AGENT, assert_same, by_the_careful_lane, mutated
from support.log_lines import ISTIO_LINE, ZTUNNEL_LINE
from support.tools import load_tool

from egressaudit.hops.dialects import grammar_dir
from egressaudit.hops.dialects.grammars import grammar, line_pattern
from egressaudit.hops.dialects.multiline import looks_like_access
from egressaudit.hops.dialects.other import read_other
from egressaudit.model import Hop, OtherLine, Reporter, Unparsed

RULES = re.findall(r"^([a-z_]+):", (grammar_dir() / "other_blocks.lark").read_text(), re.MULTILINE)


PATTERNS = {rule: line_pattern(grammar("other_blocks", rule), rule) for rule in RULES if rule != "start"}


PARSERS = {
    rule: Lark((grammar_dir() / "other_blocks.lark").read_text(), parser="lalr", start=rule, strict=True)
    for rule in PATTERNS
}


every_line = st.sampled_from([line for block in BLOCKS.values() for line in block])


access_lines = st.sampled_from([*ACCESS, *IN_AN_UNKNOWN_FORMAT, f"x {HEAD}{TAIL}"])


pieces = st.sampled_from([*UNCLEAN, '" 0 5 1 - "-"', REFUSED, "concurrency:", "\tthread=1", "  x"])


whole_blocks = st.sampled_from(list(BLOCKS.values()))


mixes = st.lists(
    whole_blocks
    | whole_blocks.flatmap(lambda block: st.integers(0, len(block)).map(lambda end: block[:end]))
    | st.lists(every_line | access_lines | pieces | mutated(every_line | access_lines), min_size=1, max_size=2)
    | st.just([AGENT]),
    max_size=6,
).map(lambda some: [line.replace("\n", "") for each in some for line in each])


PROPERTIES = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@PROPERTIES
@given(line=every_line | mutated(every_line))
def test_the_pattern_of_each_rule_takes_what_its_grammar_takes(line):
    for rule, pattern in PATTERNS.items():
        try:
            PARSERS[rule].parse(line)
            by_grammar = True
        except UnexpectedInput:
            by_grammar = False
        assert (pattern.fullmatch(line) is not None) == by_grammar, rule


@PROPERTIES
@given(lines=mixes, reporter=st.sampled_from([None, *Reporter]), block_size=st.sampled_from([1, 64, 300, 4096]))
@example(lines=[*SETTINGS[:3], ISTIO_LINE, *PANIC[3:]], reporter=None, block_size=64)
def test_all_lanes_say_the_same_of_blocks_access_lines_and_torn_lines(tmp_path, lines, reporter, block_size):
    path = tmp_path / "x.log"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass"))
    assert_same(path, reporter, block_size)
    _, unparsed, counts = by_the_careful_lane(path, reporter)
    for count in counts:
        assert count.access + count.other + count.unparsed == count.read
        assert count.unparsed == len(unparsed)


@PROPERTIES
@given(lines=mixes)
def test_whatever_stands_around_it_nothing_that_looks_like_an_access_line_is_taken_as_another(lines):
    log = Log()
    for line, read in zip(lines, log.read(*lines), strict=True):
        if isinstance(read, OtherLine) and looks_like_access(line):
            # By itself it is an agent's line, with the agent's time, or JSON with a level; a block never takes it.
            assert read_other(line) is not None or "level" in json.loads(line)


@PROPERTIES
@given(lines=mixes, place=st.integers(0, 40))
def test_a_torn_line_leaves_its_first_piece_and_its_last_unparsed(lines, place):
    start, end = sidecar_line().replace('"-" 0 5', '"TLS_error\n" 0 5', 1).split("\n")
    read = Log().kinds(*lines[:place], start, end, *lines[place:])
    at = min(place, len(lines))
    assert read[at : at + 2] == [Unparsed, Unparsed]


LIMIT = load_tool("fuzz").LIMIT
"""Seconds of processor time."""


@pytest.mark.parametrize(
    "line",
    [
        "goroutine 1 " + "[" * (1 << 20),
        "a" + "(" * (1 << 20),
        "a" + "(0" * (1 << 19),
        "a" + ":" * (1 << 20),
        " " * (1 << 20),
        said("envoy main\t" + "\tthread=1" * (1 << 17) + "x"),
        "1.1.1.1:1" + "1.1.1.1" * (1 << 17),
        "]" * (1 << 20),
        "I1101 12:00:00.000001 7 " + "a:1" * (1 << 18),
    ],
)
def test_a_line_of_one_mebibyte_is_looked_at_in_time(line):
    for opening in (SETTINGS[0], REJECTED[0], PANIC[0]):
        log = Log()
        began = time.process_time()
        log.read(opening, line)
        # No speed: what is quadratic takes minutes for a line of this length.
        assert time.process_time() - began < LIMIT


def test_the_text_of_real_ztunnels_is_read_as_ever():
    assert Log(reporter=Reporter.ZTUNNEL).kinds(*ZTUNNEL_SETTINGS, ZTUNNEL_LINE)[-1] is Hop
