"""What CRI and `kubectl --timestamps` put before lines, taken off whole blocks: each line as if it were read alone."""

import gzip
import os

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.folders import written
from support.lanes import (
    AGENT,
    JSON_COMPACT,
    TABBED,
    assert_same,
    by_both_lanes,
    by_the_careful_lane,
    compiled,
    lines,
    reporters,
)
from support.log_lines import ISTIO_LINE

from egressaudit.cli import run
from egressaudit.sources import Sources
from egressaudit.sources.blocks import PADDING, LineBlock
from egressaudit.sources.line_split import CUT, TOO_LONG
from egressaudit.sources.lookup import lines_at
from egressaudit.sources.wrappers import Wrapper

EXAMPLES = int(os.environ.get("COLUMNAR_EXAMPLES", "150"))
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

STAMP = "2026-11-23T00:42:56.837123456Z"
CRI, STAMPED = f"{STAMP} stdout F ", f"{STAMP} "
SIZES = st.sampled_from([1, 40, 64, 300, 4096])


def one_by_one(path):
    """Each line of the logs at a path by its number, and what was broken; nothing in blocks."""
    sources = Sources([str(path)])
    return [(line.line.number, line.line.text, line.fault) for _, lines in sources for line in lines], sources.broken


def in_blocks(path, block_size):
    """The same in blocks, which every log here must come in."""
    sources, told = Sources([str(path)]), []
    for log in sources.logs(block_size):
        for block in log.blocks:
            assert len(block.data) - block.length >= PADDING
            assert block.length
            told += [(n, text, fault) for n, (text, fault) in zip(block.numbers.tolist(), block.lines(), strict=True)]
        log.ended(len(told))
    return told, sources.broken


# ---------------------------------------------------------------- any lines at all

times = st.sampled_from([STAMP] * 6) | st.builds(
    "2026-11-23T00:42:56{}{}".format,
    st.sampled_from(["", ".", ".8", ".83", ".837123456", ".8371234567", ".83712345678901", ".8x", ",8"]),
    st.sampled_from(["Z", "+00:00", "-07:30", "+0000", "z", "", "Z ", "*00:00"]),
)
tags = st.sampled_from([" stdout F ", " stderr F "] * 3 + [" stdout P ", " stderr P "]) | st.sampled_from(
    [" stdout F:a ", " stderr P:a:b ", " stdout F: ", " stdout X ", " stdin F ", " stdout F", "  stdout F ", " ", "\t"]
)
inner = st.sampled_from(
    [b"", b"\r", b"x\r", b"[", b"{", b"\xc3", b"\xa9", b"\xff", b"\x00", b" info", b"info x", b"\tinfo", b"0", b"\x0b"]
    + [each.encode() for each in (ISTIO_LINE, JSON_COMPACT, TABBED, AGENT, CRI, STAMPED, "[pod/gw/istio-proxy] x")]
)
stamped_lines = st.builds(lambda time, text: f"{time} ".encode() + text, times, inner)
cri_lines = st.builds(lambda time, tag, text: f"{time}{tag}".encode() + text, times, tags, inner)


@st.composite
def logs(draw):
    """The bytes of a log which begins as one with this wrapper does."""
    kind, start = draw(st.sampled_from([(cri_lines, CRI), (stamped_lines, STAMPED)]))
    some = draw(st.lists(kind | kind | inner | st.binary(max_size=50), max_size=15))
    ends = draw(st.lists(st.sampled_from([b"\n", b"\n", b"\n", b"\r\n"]), min_size=len(some), max_size=len(some)))
    data = f"{start}{ISTIO_LINE}\n".encode() * 16 + b"".join(line + end for line, end in zip(some, ends, strict=True))
    return data[: len(data) - draw(st.sampled_from([0, 0, 1, 2, 30]))]


@compiled
@SETTINGS
@given(data=logs(), block_size=SIZES)
def test_blocks_hold_what_the_lines_are_one_by_one(tmp_path, data, block_size):
    path = tmp_path / "x.log"
    path.write_bytes(data)
    assert in_blocks(path, block_size) == one_by_one(path)


@compiled
@SETTINGS
@given(data=logs(), cut=st.integers(1, 60), block_size=SIZES)
def test_a_log_that_breaks_off_does_so_after_the_same_line(tmp_path, data, cut, block_size):
    path = tmp_path / "x.log.gz"
    path.write_bytes(gzip.compress(data, 0)[:-cut])
    told = in_blocks(path, block_size)
    assert told == one_by_one(path)
    assert len(told[1]) == 1


@SETTINGS
@given(some=lines, start=st.sampled_from([CRI, STAMPED]), parts=st.data(), reporter=reporters, block_size=SIZES)
@example(some=[ISTIO_LINE] * 3, start=CRI, parts=None, reporter=None, block_size=64)
def test_both_lanes_say_the_same_of_any_wrapped_log(tmp_path, some, start, parts, reporter, block_size):
    wrapped = []
    for line in (each.replace("\n", "") for each in some):
        if parts is not None and start == CRI and parts.draw(st.integers(0, 5)) == 0:
            at = parts.draw(st.integers(0, len(line)))
            wrapped += [f"{CRI.replace('F', 'P')}{line[:at]}", f"{CRI.replace('out', 'err')}{AGENT}"]
            line = line[at:]  # noqa: PLW2901
        wrapped.append(f"{start}{line}")
    path = tmp_path / "x.log"
    path.write_bytes("".join(f"{line}\n" for line in wrapped).encode("utf-8", "surrogatepass"))
    assert_same(path, reporter, block_size)


# ---------------------------------------------------------------- what is taken at once


def taken_at_once(start, wrapper):
    """Whether a line that begins so needs no look of its own."""
    from egressaudit._lanes import bare_lines

    data = f"{start}{ISTIO_LINE}\n".encode()
    bare, _, left, end = bare_lines(
        data + bytes(PADDING), 0, len(data), [], wrapper is Wrapper.CRI, waiting=False, padding=0
    )
    assert end == len(data)
    assert bytes(bare) == (b"" if left else f"{ISTIO_LINE}\n".encode())
    return not left


@compiled
@pytest.mark.parametrize(
    "time",
    [STAMP, "2026-11-23T00:42:56.837123456+00:00", "2026-11-23T00:42:56.8-07:30", "2026-11-23T00:42:56Z"],
    ids=["containerd, kubelet", "CRI-O", "zeros left out", "no fraction"],
)
def test_lines_as_the_usual_writers_write_them_are_taken_at_once(time):
    assert taken_at_once(f"{time} stdout F ", Wrapper.CRI)
    assert taken_at_once(f"{time} stderr F ", Wrapper.CRI)
    assert taken_at_once(f"{time} ", Wrapper.TIMESTAMPS)


@compiled
@pytest.mark.parametrize(
    ("start", "wrapper"),
    [
        ("", Wrapper.CRI),
        (STAMPED, Wrapper.CRI),
        (CRI.replace("F", "P"), Wrapper.CRI),
        (CRI.replace("F", "F:more"), Wrapper.CRI),
        (CRI.replace("F ", "F"), Wrapper.CRI),
        (CRI.replace("stdout", "stdxxx"), Wrapper.CRI),
        (CRI.replace("T", " "), Wrapper.CRI),
        (CRI.replace("Z", ""), Wrapper.CRI),
        (CRI.replace(".837123456", "."), Wrapper.CRI),
        (CRI.replace("Z", "7Z"), Wrapper.CRI),
        (CRI.replace("Z", "+0000"), Wrapper.CRI),
        (CRI.replace("2026", "x026"), Wrapper.CRI),
        ("", Wrapper.TIMESTAMPS),
        (STAMPED + " ", Wrapper.TIMESTAMPS),
        (STAMPED + "info ", Wrapper.TIMESTAMPS),
    ],
)
def test_what_is_not_certain_is_read_one_by_one(start, wrapper):
    assert not taken_at_once(start, wrapper)


@compiled
@pytest.mark.parametrize(
    ("start", "bulk"),
    [(CRI, True), (STAMPED, True), ("[pod/gw-1/istio-proxy] ", False), ("egress gw-1 istio-proxy ", False)],
)
def test_a_log_comes_in_blocks_where_its_wrapper_does_not_say_whose_line_it_is(tmp_path, start, bulk):
    path = written(tmp_path / "x.log", f"{start}{ISTIO_LINE}", f"{start}{ISTIO_LINE}")
    assert [log.blocks is not None for log in Sources([str(path)]).logs()] == [bulk]
    assert_same(path)


# ---------------------------------------------------------------- parts


OTHER, PART = CRI.replace("out", "err"), CRI.replace("F", "P")


@compiled
@pytest.mark.parametrize("block_size", [1, 100, 1000, 100_000])
def test_a_line_in_parts_has_the_number_of_its_first_and_comes_where_its_last_stands(tmp_path, block_size):
    path = written(
        tmp_path / "x.log",
        f"{CRI}one", f"{PART}two, ", f"{OTHER}three", f"{PART}and ", f"{OTHER}five", f"{CRI}six", f"{CRI}seven",
    )  # fmt: skip
    expected = [(1, "one", ""), (3, "three", ""), (5, "five", ""), (2, "two, and six", ""), (7, "seven", "")]
    assert in_blocks(path, block_size) == (expected, [])
    assert one_by_one(path) == (expected, [])


@compiled
@pytest.mark.parametrize("block_size", [1, 100_000])
def test_a_part_whose_line_never_ends_is_not_parsed(tmp_path, block_size):
    path = written(tmp_path / "x.log", f"{PART}{ISTIO_LINE}", f"{OTHER}{ISTIO_LINE}")
    assert in_blocks(path, block_size) == ([(2, ISTIO_LINE, ""), (1, ISTIO_LINE, CUT)], [])
    assert [row["line"] for row in by_both_lanes(path, block_size=block_size)[0]] == [2]


@compiled
@pytest.mark.parametrize("cut", range(1, 4))
def test_a_character_that_is_cut_into_two_parts_is_whole_again(tmp_path, cut):
    letter = "\N{EURO SIGN}x".encode()
    path = tmp_path / "x.log"
    path.write_bytes(PART.encode() + letter[:cut] + b"\n" + CRI.encode() + letter[cut:] + b"\n")
    assert in_blocks(path, 4096) == one_by_one(path) == ([(1, "\N{EURO SIGN}x", "")], [])


@compiled
def test_a_line_without_measure_stays_one_that_is_not_parsed(tmp_path):
    path = written(tmp_path / "x.log", f"{CRI}{ISTIO_LINE}", f"{CRI}{'x' * 1_100_000}", f"{CRI}{ISTIO_LINE}")
    told, _ = in_blocks(path, 300_000)
    assert [(n, fault) for n, _, fault in told] == [(1, ""), (2, TOO_LONG), (3, "")]
    assert told == one_by_one(path)[0]


@compiled
def test_parts_without_measure_do_not_fill_the_memory():
    import tracemalloc

    from egressaudit.sources.bare_blocks import bare_blocks

    data = f"{PART}{'x' * 900}\n".encode() * 1000
    block = LineBlock(data + bytes(PADDING), len(data), {})
    tracemalloc.start()
    told = list(bare_blocks((block for _ in range(20)), Wrapper.CRI))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [each.faults for each in told] == [{0: TOO_LONG}]
    assert peak < 12 * 1024 * 1024


@compiled
def test_a_block_of_very_many_lines_is_taken_in_pieces(tmp_path):
    path = tmp_path / "x.log"
    some = f"{CRI}{ISTIO_LINE}\n".encode() * 60 + b"\n" * 100_000
    path.write_bytes(some + b"x" * 1_100_000 + f"\n{PART}a\n".encode() + b"\n" * 60_000 + f"{CRI}b\n".encode())
    sources = Sources([str(path)])
    assert max(len(block.numbers) for log in sources.logs() for block in log.blocks) <= 50_000
    assert in_blocks(path, 4 * 1024 * 1024) == one_by_one(path)


# ---------------------------------------------------------------- what comes of it


def test_a_custom_format_reads_the_same_lines(tmp_path, capsysbinary):
    path, file = tmp_path / "x.log", tmp_path / "x.parquet"
    written(path, f"{CRI}GET 7", f"{PART}PO", f"{OTHER}GET 8", f"{CRI}ST 9", f"{CRI}PUT 3")
    formats = ["--format", "%REQ(:METHOD)% %REQUEST_HEADERS_BYTES%"]
    columns = ["--columns", "line,method,request_headers_bytes"]
    assert run(["parse", str(path), "-o", "parquet", *formats, *columns]) == 0
    file.write_bytes(capsysbinary.readouterr().out)
    assert [tuple(row.values()) for row in pq.read_table(file).to_pylist()] == [
        (1, "GET", 7), (3, "GET", 8), (2, "POST", 9), (5, "PUT", 3),
    ]  # fmt: skip


def test_a_wrapper_within_a_wrapper_is_the_lines_own(tmp_path):
    path = written(tmp_path / "x.log", f"{CRI}{ISTIO_LINE}", f"{CRI}{CRI}{ISTIO_LINE}", f"{ISTIO_LINE}")
    rows, unparsed, _ = by_both_lanes(path)
    assert [row["line"] for row in rows] == [1, 3]
    assert (rows, unparsed) == by_the_careful_lane(path)[:2]


def test_evidence_is_the_line_that_was_judged(tmp_path):
    some = [f"{CRI}{ISTIO_LINE.replace('curl', str(n))}" for n in range(50)]
    some[20:20] = [f"{PART}first, ", f"{OTHER}between", f"{CRI}last"]
    path = written(tmp_path / "x.log", *some)
    found = lines_at(Sources([str(path)]), {str(path): {1, 21, 22, 53, 99}})
    texts = {n: text for n, text, _ in one_by_one(path)[0]}
    assert texts[21] == "first, last"
    assert found == {(str(path), n): texts[n] for n in (1, 21, 22, 53)}
    assert lines_at(Sources([str(path)]), {str(path): {2}}) == {(str(path), 2): texts[2]}
