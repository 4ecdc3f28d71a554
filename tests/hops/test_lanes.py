"""The lane for blocks says of every line what the line parser says, whatever is around it and wherever blocks end."""

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.forged import LINE, TUNNELLED, sidecar_line
from support.lanes import (
    AGENT,
    JSON_COMPACT,
    SETTINGS,
    TABBED,
    assert_same,
    by_both_lanes,
    compiled,
    envoys_lines,
    json_lines,
    lines,
    reporters,
    ztunnel_lines,
)
from support.log_lines import ISTIO_LINE, JSON_LINE, ZTUNNEL_LINE

from egressaudit.cli import run
from egressaudit.hops import tables as bulk
from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.hops.lanes import lane
from egressaudit.model import Reporter
from egressaudit.sources import Sources
from egressaudit.sources.blocks import PADDING


def taken(text, reporter=None):
    """The places of the lines that the compiled lane takes as clean, counted from 0."""
    data = text.encode("utf-8", "surrogateescape")
    block = lane().read_block(data + bytes(PADDING), len(data), (), reporter, frozenset())
    return sorted(n for each in block.taken if each.clean for n in each.lines.tolist())


# ---------------------------------------------------------------- any lines at all


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


# ---------------------------------------------------------------- what the compiled lane takes


@compiled
@pytest.mark.parametrize(
    "line", [ISTIO_LINE, LINE, sidecar_line(path="/!"), JSON_COMPACT, TABBED, ZTUNNEL_LINE, TUNNELLED]
)
def test_the_usual_lines_of_each_dialect_are_taken(line):
    assert taken(f"{line}\n" * 3) == [0, 1, 2]


def others(text, reporter=None):
    """The places of the lines that it finds to be no access lines."""
    data = text.encode()
    return lane().read_block(data + bytes(PADDING), len(data), (), reporter, frozenset()).others.tolist()


@compiled
@pytest.mark.parametrize("reporter", [None, *Reporter])
@pytest.mark.parametrize("line", [AGENT, AGENT.replace("\t", " "), AGENT.replace("info", "warning")])
def test_what_agents_say_is_no_access_line(line, reporter):
    assert others(f"{line}\n" * 2, reporter) == [0, 1]


@compiled
@pytest.mark.parametrize(
    "line",
    [
        TABBED.replace("connection complete", "something new"),  # ztunnel's scope for access lines
        AGENT.replace("info", "stdout").replace("Envoy", "F"),  # CRI
        AGENT.replace("info", "[2024-11-07T14:35:52.428Z]"),  # kubectl logs --timestamps
        AGENT.replace("ready", "r\xe9ady"),
        AGENT.replace("Z", "+01:00"),
    ],
)
def test_what_may_be_something_else_is_left_to_the_careful_lane(line):
    assert others(f"{line}\n") == []


@compiled
@pytest.mark.parametrize(
    ("line", "reporter"),
    [(ISTIO_LINE, Reporter.ZTUNNEL), (JSON_COMPACT, Reporter.ZTUNNEL), (TABBED, Reporter.SIDECAR)],
)
def test_a_line_is_taken_only_from_those_who_write_such_lines(line, reporter):
    assert taken(f"{line}\n", reporter) == []


@compiled
@pytest.mark.parametrize(
    ("usual", "old", "new"),
    [
        (ISTIO_LINE, " / ", ' /a"b '),
        (ISTIO_LINE, " / ", " /a b "),
        (ISTIO_LINE, "curl", "é"),
        (ISTIO_LINE, "curl", "\t"),
        (ISTIO_LINE, "38296 - -", "38296 a b -"),
        (ISTIO_LINE, "HTTP/2", "HTTP/22"),
        (ISTIO_LINE, " 301 ", " 30x "),
        (ISTIO_LINE, " 301 ", " - "),
        (ISTIO_LINE, " 301 - ", " 301 uf "),
        (ISTIO_LINE, "2024-11-07", "2024-11-31"),
        (ISTIO_LINE, "T14:", "T24:"),
        (ISTIO_LINE, "428Z]", "428Zx"),
        (ISTIO_LINE, "] ", "]  "),
        (ISTIO_LINE, "] ", "] x"),
        (ISTIO_LINE, "via_upstream", ""),
        (ISTIO_LINE, "10.128.2.29:80", ""),
        (ISTIO_LINE, '"curl', 'x "curl'),
        (ISTIO_LINE, 'docs.redhat.com" ', 'docs.redhat.com"x '),
        (JSON_COMPACT, "GET", "\\u0047ET"),
        (JSON_COMPACT, '"method"', '"path"'),
        (JSON_COMPACT, '"method"', '"methox"'),
        (JSON_COMPACT, '"method"', '"methods"'),
        (JSON_COMPACT, '"method":', '"method"='),
        (JSON_COMPACT, '"GET"', '"GET"x'),
        (JSON_COMPACT, '"GET"', "GET"),
        (JSON_COMPACT, '"GET"', "7"),
        (JSON_COMPACT, '"GET"', ""),
        (JSON_COMPACT, '"GET"', "nulL"),
        (JSON_COMPACT, '"GET"', "nullnull"),
        (JSON_COMPACT, '"GET"', '"G"ET"'),
        (JSON_COMPACT, '"GET"', '""GET""'),
        (JSON_COMPACT, '"GET"', '"","path":""'),
        (JSON_COMPACT, '"GET"', '{"a":"b"}'),
        (JSON_COMPACT, '"GET",', '"GET" ,'),
        (JSON_COMPACT, ":200,", ":200 ,"),
        (JSON_COMPACT, ":200,", ":,"),
        (JSON_COMPACT, ":200,", ":nul,"),
        (JSON_COMPACT, ":200,", f":{'2' * 19},"),
        (JSON_COMPACT, '"method":', '"method" :'),
        (JSON_COMPACT, '"path":', '":path":'),
        (JSON_COMPACT, '{"', '{"",'),
        (JSON_COMPACT, '{"', '{{"'),
        (JSON_COMPACT, '"GET"', 'x"GET"'),
        (JSON_COMPACT, '"GET"', '"G""ET"'),
        (JSON_COMPACT, '"GET"', '"'),
        (JSON_COMPACT, "2022-09-08", "2022-09-31"),
        (JSON_COMPACT, "2022-09-08T", "2022-09-08 "),
        (JSON_COMPACT, '"2022-09-08T12:51:05.656Z"', "20220908"),
        (JSON_COMPACT, ":200,", ":0200,"),
        (JSON_COMPACT, ":200,", ":-,"),
        (JSON_COMPACT, ":200,", ":null,"),
        (JSON_COMPACT, ":200,", ":true,"),
        (JSON_COMPACT, ":15,", ":1.5,"),
        (JSON_COMPACT, ',"method"', ';"method"'),
        (JSON_COMPACT, "{", "{ "),
        (JSON_COMPACT, "}", "]"),
        (JSON_COMPACT, "}", "}}"),
        (TABBED, "dst.addr", "src.addr"),
        (TABBED, "bytes_sent", "bytes_recv"),
        (TABBED, "dst.workload=", "dst.port="),
        (TABBED, "direction=", "error="),
        (TABBED, "connection complete", "connection\tcomplete"),
        (TABBED, "connection complete", "connection closed"),
        (TABBED, "access", "acces5"),
        (TABBED, "info", "INFO"),
        (TABBED, '"957ms"', '"957s"'),
        (TABBED, "=540", "=5x0"),
        (TABBED, '"outbound"', '"out\\"bound"'),
        (TABBED, '"outbound"', 'out"bo"und'),
        (TABBED, '"outbound"', '"outbound'),
        (TABBED, '"outbound"', "outbound\x01"),
        (TABBED, 'direction="outbound"', "direction= "),
    ],
)
def test_what_is_not_certain_is_left_to_the_careful_lane(usual, old, new):
    assert usual.count(old) >= 1
    changed = new.join(usual.rsplit(old, 1)) if old == "}" else usual.replace(old, new, 1)
    # Between usual lines, of which its keys could be learned.
    assert taken(f"{usual}\n{changed}\n{usual}\n") == [0, 2]


@compiled
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" / ", ' /a"b '),
        (" / ", " /a b "),
        ('"curl', '"x "curl'),
        ('"curl', '" 200 - via_upstream - "-" "curl'),
        (" 301 - ", " 301 uf "),
        ('docs.redhat.com" ', 'docs.redhat.com"x '),
        ('docs.redhat.com" ', 'docs.redhat.com" "6.6.6.6:80" outbound|80||evil.com 1.1.1.1:1 2.2.2.2:2 3.3.3.3:3 - '),
        (" -\n", " - -\n"),
    ],
)
def test_of_text_that_is_not_clean_the_fast_lane_recovers_what_the_careful_lane_does(tmp_path, old, new):
    changed = f"{ISTIO_LINE}\n".replace(old, new, 1)
    data = f"{ISTIO_LINE}\n{changed}".encode()
    block = lane().read_block(data + bytes(PADDING), len(data), (), None, frozenset({"upstream_cluster"}))
    assert [(each.clean, each.lines.tolist()) for each in block.taken] == [(True, [0]), (False, [1])]
    path = tmp_path / "x.log"
    path.write_bytes(data)
    assert_same(path)


@compiled
def test_details_with_blanks_are_clean(tmp_path):
    path = tmp_path / "x.log"
    path.write_text(ISTIO_LINE.replace("via_upstream -", "via_upstream transport socket timeout was reached") + "\n")
    assert taken(path.read_text()) == [0]
    assert by_both_lanes(path)[0][0]["connection_termination_details"] == "transport socket timeout was reached"
    assert_same(path)


@compiled
def test_json_lines_that_leave_out_keys_or_order_them_otherwise_are_taken(tmp_path):
    document = {key: value for key, value in JSON_LINE.items() if key != "something_else"}
    fewer = {key: value for key, value in document.items() if key not in ("method", "route_name")}
    # As many keys as that, but others; and the same keys from the last to the first.
    others = {key: value for key, value in document.items() if key not in ("path", "user_agent")}
    back = dict(reversed(document.items()))
    empty = document | {"method": "", "path": None, "authority": "-", "duration": None, "bytes_sent": "-"}
    lines = [json.dumps(each, separators=(",", ":")) for each in (document, fewer, others, back, empty)] * 3
    path = tmp_path / "x.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    assert taken(path.read_text()) == list(range(15))
    assert [row["method"] for row in by_both_lanes(path)[0]] == ["GET", None, "GET", "GET", ""] * 3
    assert_same(path)


@compiled
def test_a_value_that_looks_like_the_next_key_is_a_value(tmp_path):
    path = tmp_path / "x.log"
    lines = [JSON_COMPACT.replace('"GET"', value) for value in ('",path:,"', '":,"', '"path:null,"', '"}"')]
    path.write_text("".join(f"{line}\n" for line in lines))
    assert taken(path.read_text()) == [0, 1, 2, 3]
    assert [row["method"] for row in by_both_lanes(path)[0]] == [",path:,", ":,", "path:null,", "}"]
    assert_same(path)


@compiled
def test_json_beside_text_is_left_to_the_careful_lane():
    assert taken(f"{JSON_COMPACT}\n{ISTIO_LINE}\n") == [1]


@compiled
def test_a_line_that_must_not_be_parsed_is_not_taken():
    data = f"{ISTIO_LINE}\n{ISTIO_LINE}\n".encode()
    block = lane().read_block(data + bytes(PADDING), len(data), [0], None, frozenset())
    assert [each.lines.tolist() for each in block.taken] == [[1]]


@compiled
@given(st.datetimes(timezones=st.just(UTC)), st.booleans())
@example(datetime(1, 1, 1, tzinfo=UTC), True)
@example(datetime(1900, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC), False)
@example(datetime(2000, 2, 29, tzinfo=UTC), True)
@example(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), False)
@settings(max_examples=500, deadline=None)
def test_a_time_is_the_moment_that_python_reads(moment, in_ztunnel):
    written = moment.strftime("%Y-%m-%dT%H:%M:%S").zfill(19)
    if in_ztunnel:
        line = f"{written}.{moment.microsecond:06}Z{TABBED[TABBED.index('Z') + 1 :]}"
    else:
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        line = f"[{written}.{moment.microsecond // 1000:03}Z{ISTIO_LINE[ISTIO_LINE.index('Z]') + 1 :]}"
    (each,) = lane().read_block(f"{line}\n".encode() + bytes(PADDING), len(line) + 1, (), None, frozenset()).taken
    assert timedelta(microseconds=int(each.micros[0])) == moment - datetime(1970, 1, 1, tzinfo=UTC)


# ---------------------------------------------------------------- what comes of it


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
