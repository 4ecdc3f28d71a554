"""The lane for blocks says of every line what the line parser says, whatever is around it and wherever blocks end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.forged import LINE, TUNNELLED, sidecar_line
from support.lanes import (
    AGENT,
    JSON_COMPACT,
    TABBED,
    assert_same,
    by_both_lanes,
    compiled,
)
from support.log_lines import ISTIO_LINE, JSON_LINE, ZTUNNEL_LINE

from egressaudit.hops.lanes import lane
from egressaudit.model import Reporter
from egressaudit.sources.blocks import PADDING


def taken(text, reporter=None):
    """The places of the lines that the compiled lane takes as clean, counted from 0."""
    data = text.encode("utf-8", "surrogateescape")
    block = lane().read_block(data + bytes(PADDING), len(data), (), reporter, frozenset())
    return sorted(n for each in block.taken if each.clean for n in each.lines.tolist())


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
