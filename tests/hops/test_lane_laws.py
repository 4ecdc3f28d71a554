"""The lanes together read what the parser reads, whatever is around a line and wherever blocks end."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.forged import LINE, sidecar_line
from support.lanes import (
    AGENT,
    JSON_COMPACT,
    SETTINGS,
    TABBED,
    assert_same,
    by_both_lanes,
    envoys_lines,
    json_lines,
    lines,
    reporters,
    ztunnel_lines,
)
from support.log_lines import ISTIO_LINE

from egressaudit.cli import run
from egressaudit.hops import tables as bulk
from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.sources import Sources

endings = st.sampled_from(["\n", "\n", "\n", "\r\n", ""])


@SETTINGS
@given(lines=lines, ending=endings, reporter=reporters, block_size=st.sampled_from([1, 64, 700, 4096]))
@example(lines=[ISTIO_LINE] * 3, ending="\n", reporter=None, block_size=64)
@example(lines=[JSON_COMPACT] * 3, ending="\n", reporter=None, block_size=4096)
@example(lines=[TABBED] * 3, ending="", reporter=None, block_size=4096)
def test_both_lanes_say_the_same_of_any_log(tmp_path, lines, ending, reporter, block_size):
    path = tmp_path / "x.log"
    text = "".join(line.replace("\n", "") + "\n" for line in lines).removesuffix("\n") + (ending if lines else "")
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert_same(path, reporter, block_size)


@SETTINGS
@given(
    lines=st.tuples(envoys_lines, st.just(ISTIO_LINE), st.just(LINE))
    | st.tuples(json_lines(), json_lines(), st.just(JSON_COMPACT))
    | st.tuples(ztunnel_lines(), st.just(TABBED)),
    columns=st.lists(st.sampled_from(list(HOP_COLUMNS)), min_size=1, max_size=5, unique=True),
)
def test_which_columns_are_asked_for_changes_no_value(tmp_path, lines, columns):
    path = tmp_path / "x.log"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass"))
    rows, unparsed, counts = by_both_lanes(path)
    some = by_both_lanes(path, columns=columns)
    assert some == ([{column: row[column] for column in columns} for row in rows], unparsed, counts)


def test_a_json_line_after_a_broken_text_line_is_not_believed_in_any_block(tmp_path):
    path = tmp_path / "x.log"
    start = sidecar_line().replace('"-" 0 5', '"TLS_error:_SANs_are_[x"_y]:TLS_error_end')
    path.write_text(f"{ISTIO_LINE}\n{start}\n" + f"{JSON_COMPACT}\n" * 9 + f"{ISTIO_LINE}\n" + f"{JSON_COMPACT}\n")
    rows, unparsed, _ = by_both_lanes(path, block_size=64)
    assert [row["line"] for row in rows] == [1, 2, 12, 13]
    assert [each.line.number for each in unparsed] == list(range(3, 12))
    assert_same(path, block_size=64)
    assert_same(path, block_size=100_000)


@pytest.mark.parametrize("wrap", ["2024-11-07T14:35:53.123456789Z stdout F {}", "2024-11-07T14:35:53.1Z {}"])
def test_lines_with_something_around_them_come_out_the_same(tmp_path, wrap):
    path = tmp_path / "x.log"
    path.write_text("".join(wrap.format(line) + "\n" for line in [TABBED, ISTIO_LINE, LINE, "?"]))
    assert by_both_lanes(path)[2][0].access == 3
    assert_same(path)


@pytest.mark.parametrize("size", [-1, 0, 1, 2, 99])
def test_a_line_that_is_too_long_is_said_to_be_and_the_next_is_read(tmp_path, size):
    path = tmp_path / "x.log"
    long = ISTIO_LINE.replace("curl", "x" * (1024 * 1024 + size - len(ISTIO_LINE) + len("curl")))
    assert len(long) == 1024 * 1024 + size
    path.write_text(f"{ISTIO_LINE}\n{long}\n{ISTIO_LINE}\n{long}")
    assert by_both_lanes(path)[2][0].access == (3 if size <= 0 else 2)
    assert_same(path, block_size=300_000)
    assert_same(path, block_size=5_000_000)


def test_a_line_of_a_hundred_thousand_keys_holds_up_nothing(tmp_path):
    path = tmp_path / "x.log"
    many = json.dumps(dict.fromkeys(map(str, range(100_000)), 1), separators=(",", ":"))
    path.write_text(f"{many[:1_000_000]}\n{JSON_COMPACT}\n")
    rows, unparsed, _ = by_both_lanes(path, block_size=5_000_000)
    assert [row["line"] for row in rows] == [2]
    assert [each.line.number for each in unparsed] == [1]


def test_the_first_and_last_time_of_a_log_are_those_of_its_lines(tmp_path):
    path = tmp_path / "x.log"
    moments = ["2024-11-07T14:35:52.428Z", "2024-11-06T23:59:59.999Z", "2024-11-08T00:00:00.000Z"]
    path.write_text("".join(ISTIO_LINE.replace(moments[0], each) + "\n" for each in moments))
    (counted,) = [each for each in bulk.hop_tables(Sources([str(path)])) if isinstance(each, bulk.TimedLogEnd)]
    assert [each.isoformat() for each in (counted.first, counted.last)] == [
        "2024-11-06T23:59:59.999000+00:00", "2024-11-08T00:00:00+00:00",
    ]  # fmt: skip


def test_parquet_has_the_rows_in_the_order_of_their_lines(tmp_path, capsysbinary):
    path, file = tmp_path / "x.log", tmp_path / "x.parquet"
    some = [ISTIO_LINE, sidecar_line(agent='"'), LINE, AGENT, sidecar_line(agent="é")]
    path.write_text("".join(f"{line}\n" for line in some))
    assert run(["parse", str(path), "-o", "parquet", "--columns", "line,clean,user_agent"]) == 0
    file.write_bytes(capsysbinary.readouterr().out)
    table = pq.read_table(file)
    assert table.schema.field("user_agent").type == pa.string()
    assert table.to_pylist() == [
        {"line": 1, "clean": True, "user_agent": "curl/8.11.0"},
        {"line": 2, "clean": False, "user_agent": None},
        {"line": 3, "clean": True, "user_agent": "curl"},
        {"line": 5, "clean": True, "user_agent": "é"},
    ]


def test_parquet_has_the_columns_of_a_custom_format(tmp_path, capsysbinary):
    path, file = tmp_path / "x.log", tmp_path / "x.parquet"
    path.write_text("GET 7\nPUT -\n")
    assert run(["parse", str(path), "-o", "parquet", "--format", "%REQ(:METHOD)% %REQUEST_HEADERS_BYTES%"]) == 0
    file.write_bytes(capsysbinary.readouterr().out)
    rows = pq.read_table(file).to_pylist()
    assert [(row["method"], row["request_headers_bytes"]) for row in rows] == [("GET", 7), ("PUT", None)]


def test_nothing_to_write_is_still_a_parquet_file(tmp_path, capsysbinary):
    path, file = tmp_path / "x.log", tmp_path / "x.parquet"
    path.write_text(f"{AGENT}\n")
    assert run(["parse", str(path), "-o", "parquet"]) == 0
    file.write_bytes(capsysbinary.readouterr().out)
    assert pq.read_table(file).num_rows == 0
