"""What agents write as several lines hides no access line, in the default formats and in custom ones."""

from __future__ import annotations

import pytest
from support.agent_logs import (
    ACCESS,
    BLOCKS,
    IN_AN_UNKNOWN_FORMAT,
    KLOG,
    PANIC,
    REJECTED,
    SERVED,
    SETTINGS,
    SLOG,
    UNCLEAN,
    Log,
)
from support.forged import sidecar_line
from support.lanes import AGENT, by_both_lanes, by_the_careful_lane
from support.log_lines import CUSTOM, CUSTOM_LINE

from egressaudit.hops.dialects.envoy.formats import FormatSet, Unreadable, text_format
from egressaudit.hops.dialects.other import read_other
from egressaudit.hops.line_parser import LineParser
from egressaudit.model import Hop, LogLine, LogSource, OtherLine, Reporter, Unparsed


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("line", IN_AN_UNKNOWN_FORMAT)
def test_a_line_that_looks_like_an_access_line_of_any_format_is_unparsed_and_keeps_its_text(name, line):
    block = BLOCKS[name]
    for at in range(1, len(block) + 1):
        read = Log().read(*block[:at], line)[-1]
        assert isinstance(read, Unparsed)
        assert read.line.text == line


@pytest.mark.parametrize("name", [name for name in BLOCKS if len(BLOCKS[name]) > 1 and name != "klog"])
@pytest.mark.parametrize("access", ACCESS)
def test_an_access_line_within_a_block_is_a_hop_and_ends_it(name, access):
    opening, *rest = BLOCKS[name]
    follows = next(line for line in rest if read_other(line) is None and not line.startswith(("goroutine", "panic:")))
    assert Log().kinds(opening, access, follows) == [OtherLine, Hop, Unparsed]


def test_any_other_line_ends_a_block():
    for line in (AGENT, "what is this", KLOG):
        assert Log().kinds(SETTINGS[0], line, "concurrency: 2")[-1] is Unparsed
    assert Log().kinds(SETTINGS[0], "", "concurrency: 2")[-1] is Unparsed
    assert Log().kinds(SETTINGS[0], "", "  concurrency: 2")[-1] is OtherLine
    assert Log().kinds(REJECTED[0], "", "\tthread=14")[-1] is Unparsed
    assert Log().kinds(*REJECTED, "virtualInbound: more")[-1] is Unparsed


@pytest.mark.parametrize("unclean", UNCLEAN)
@pytest.mark.parametrize("name", BLOCKS)
def test_behind_a_text_line_that_is_not_clean_no_line_belongs_to_a_block(name, unclean):
    alone = [type(each) for line in BLOCKS[name] for each in by_itself(line)]
    assert Log().kinds(unclean, *BLOCKS[name])[1:] == alone
    assert Log().kinds(unclean, sidecar_line(), *BLOCKS[name])[2:] == [OtherLine] * len(BLOCKS[name])


def by_itself(line):
    """What a line is by itself, where no block may begin."""
    log = Log()
    log.read(UNCLEAN[0])
    return log.read(line)


@pytest.mark.parametrize(
    "piece", ["concurrency:", "-x", "a.b(0x1)", "created_by", "\tx", "#", "}", "\tthread=14", "[x]"]
)
def test_a_piece_of_a_torn_line_is_never_a_line_of_a_block(piece):
    """An upstream writes line ends into its certificate while an agent's block stands before the torn line."""
    start, end = sidecar_line().replace('"-" 0 5', '"TLS_error\n" 0 5', 1).split("\n")
    for block in BLOCKS.values():
        read = Log().kinds(*block[:-1], start, piece, piece + end)
        assert read[-3:] == [Unparsed] * 3


@pytest.mark.parametrize("opening", [SETTINGS[0], REJECTED[0], SERVED[0], PANIC[0], SLOG, KLOG])
@pytest.mark.parametrize("field", ["path", "agent", "authority"])
def test_an_opening_that_a_sender_writes_into_an_access_line_opens_nothing(opening, field):
    line = sidecar_line(**{field: opening})
    log = Log()
    assert isinstance(log.read(line)[0], Hop)
    assert log.kinds("concurrency: 2", "\tnet/http/server.go:1825") == [Unparsed] * 2


def test_a_block_never_reaches_into_the_next_file_of_a_log(tmp_path):
    log = Log()
    log.read(*SETTINGS[:3])
    log.number = 0
    assert log.kinds("concurrency: 2") == [Unparsed]
    folder = tmp_path / "ns" / "pod"
    folder.mkdir(parents=True)
    (folder / "istio-proxy.log").write_text("concurrency: 2\n")
    (folder / "istio-proxy.previous.log").write_text(SETTINGS[0] + "\n")
    for lane in (by_the_careful_lane, by_both_lanes):
        _, unparsed, counts = lane(tmp_path)
        assert [each.line.text for each in unparsed] == ["concurrency: 2"]
        assert sum(count.read for count in counts) == 2


def test_a_gap_ends_a_block():
    log = Log()
    log.read(SETTINGS[0])
    log.number += 1
    assert log.kinds("concurrency: 2") == [Unparsed]


def test_a_line_that_must_not_be_read_ends_a_block(tmp_path):
    path = tmp_path / "x.log"
    path.write_text(f"{SETTINGS[0]}\n  {'x' * (1 << 20)}\nconcurrency: 2\n{SETTINGS[0]}\nconcurrency: 2")
    for lane in (by_the_careful_lane, by_both_lanes):
        _, unparsed, (count,) = lane(path)
        assert [each.line.number for each in unparsed] == [2, 3, 5]
        assert count.other == 2


def test_a_block_has_an_end():
    kinds = Log().kinds(SETTINGS[0], *["concurrency: 2"] * 1_001)
    assert (kinds[1_000], kinds[1_001]) == (OtherLine, Unparsed)
    kinds = Log().kinds(PANIC[0], *["main.main()"] * 10_001)
    assert (kinds[10_000], kinds[10_001]) == (OtherLine, Unparsed)


def test_blocks_of_two_logs_do_not_mix():
    parser = LineParser()
    for number, pod in ((1, "a"), (2, "b")):
        read = [
            parser.parse(LogLine(LogSource("n", pod, "c"), number, text), Reporter.SIDECAR)
            for number, text in enumerate([SETTINGS[0], "concurrency: 2"], number)
        ]
        assert [type(each) for each in read] == [OtherLine] * 2
    assert isinstance(parser.parse(LogLine(LogSource("n", "c", "c"), 3, "concurrency: 2"), Reporter.SIDECAR), Unparsed)


def test_with_a_format_that_begins_otherwise_blocks_are_known():
    formats = FormatSet(text_format(CUSTOM))
    assert formats.tears_lines
    for block in BLOCKS.values():
        assert set(Log(formats).kinds(*block)) == {OtherLine}
    assert Log(formats).kinds(SETTINGS[0], CUSTOM_LINE, "concurrency: 2") == [OtherLine, Hop, Unparsed]
    torn = CUSTOM_LINE[: CUSTOM_LINE.index('"-" 0') + 1] + "x"
    assert Log(formats).kinds(torn, SETTINGS[0], "concurrency: 2")[-1] is Unparsed


@pytest.mark.parametrize(
    "begins",
    [
        "%REQ(USER-AGENT)% ",
        "%START_TIME%\t%REQ(:METHOD)%\t%REQ(USER-AGENT)% ",
        "  %START_TIME% ",
        "- %PROTOCOL% ",
        "x: ",
    ],
)
def test_with_a_format_that_may_begin_like_one_no_block_is(begins):
    formats = FormatSet(text_format(begins + CUSTOM + " %UPSTREAM_TRANSPORT_FAILURE_REASON%"))
    for opening, *lines in (SETTINGS, REJECTED, SERVED):
        assert OtherLine not in Log(formats).kinds(opening, *[each for each in lines if read_other(each) is None])[1:]
    assert Log(formats).kinds(*[each for each in PANIC if each], SLOG, KLOG).count(OtherLine) == 0


def test_with_a_format_that_cannot_be_read_no_block_is():
    assert Log(FormatSet((Unreadable("why"),))).kinds(SETTINGS[0], "concurrency: 2", SLOG) == [
        OtherLine,
        Unparsed,
        Unparsed,
    ]
