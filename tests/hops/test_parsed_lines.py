"""Many lines through the parser: every one is accounted for, and the frame of them."""

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.log_lines import ISTIO_LINE, JSON_LINE, ZTUNNEL_LINE

from egressaudit.hops.columns import HOP_COLUMNS, hop_frame
from egressaudit.hops.dialects.envoy.default_text import ISTIO
from egressaudit.hops.line_parser import format_set, parse, unreadable
from egressaudit.model import LineCount, LogFormat, LogLine, LogSource, Reporter

GATEWAY = LogSource("egress-gateway", "gw-1", "istio-proxy")


ZTUNNEL = LogSource("ztunnel", "ztunnel-1", "istio-proxy")


REPORTERS = {GATEWAY: Reporter.EGRESS_GATEWAY, ZTUNNEL: Reporter.ZTUNNEL}


# ---------------------------------------------------------------- the stage


SAMPLES = [
    ISTIO_LINE,
    ISTIO_LINE.replace("curl", 'c"url'),
    ZTUNNEL_LINE,
    f"{ZTUNNEL_LINE} direction=inbound",
    json.dumps(JSON_LINE),
    "2025-06-23T22:32:12.856110Z\tinfo\tEnvoy proxy is ready",
    "{}",
    "",
]


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.sampled_from([*REPORTERS, LogSource("a", "b", "c")]), st.sampled_from(SAMPLES) | st.text()))
)
def test_every_line_is_accounted_for(rows):
    lines = [LogLine(source, n, text) for n, (source, text) in enumerate(rows, start=1)]
    parsed = parse(lines, REPORTERS)
    for source, count in parsed.lines.items():
        assert count.read == sum(line.source == source for line in lines)
        assert count.access + count.other + count.unparsed == count.read
        assert count.access == sum(hop.line.source == source for hop in parsed.hops)
        assert count.unclean == sum(hop.line.source == source and not hop.clean for hop in parsed.hops)
    assert {line.source for line in lines} | set(REPORTERS) == set(parsed.lines)
    assert len(parsed.frame) == len(parsed.hops)
    assert list(parsed.frame["raw"]) == [hop.line.text for hop in parsed.hops]


def test_a_silent_log_is_counted_with_nothing_read():
    assert parse([], REPORTERS).lines == {GATEWAY: LineCount(), ZTUNNEL: LineCount()}


def test_a_line_of_a_log_that_no_proxy_is_known_to_write_is_unparsed():
    parsed = parse([LogLine(GATEWAY, 1, ISTIO_LINE)], {})
    assert parsed.lines[GATEWAY] == LineCount(read=1, unparsed=1)


# ---------------------------------------------------------------- the frame


def test_the_frame_has_its_declared_shape_also_when_empty():
    assert {column: str(dtype) for column, dtype in hop_frame([]).dtypes.items()} == {
        column: dtype.replace("[python]", "") for column, dtype in HOP_COLUMNS.items()
    }
    assert len(hop_frame([])) == 0


def test_the_frame_holds_the_hops_of_both_kinds_of_proxy():
    lines = [LogLine(GATEWAY, 7, ISTIO_LINE.replace("curl", "\udcff")), LogLine(ZTUNNEL, 1, ZTUNNEL_LINE)]
    frame = parse(lines, REPORTERS).frame
    assert list(frame["source"]) == ["egress-gateway/gw-1/istio-proxy", "ztunnel/ztunnel-1/istio-proxy"]
    assert list(frame["line"]) == [7, 1]
    assert list(frame["duration"]) == [24, 957]
    assert list(frame["start_time"]) == [
        pd.Timestamp("2024-11-07T14:35:52.428Z"),
        pd.Timestamp("2025-10-24T08:08:35.242159Z"),
    ]
    assert list(frame["src_addr"].isna()) == [True, False]
    assert list(frame["cluster_port"].fillna(0)) == [80, 0]
    assert frame.dtypes.equals(hop_frame([]).dtypes)


def test_a_line_that_claims_a_far_year_fits_the_frame():
    frame = parse([LogLine(GATEWAY, 1, ISTIO_LINE.replace("2024", "9999"))], REPORTERS).frame
    assert frame["start_time"][0].year == 9999


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        ((), ""),
        ((LogFormat("meshConfig.accessLogFormat", ISTIO.format_string),), ""),
        (
            (LogFormat("meshConfig.accessLogFormat", ISTIO.format_string.replace("CLUSTER%", "CLUSTER_RAW%") + "\n"),),
            "",
        ),
        ((LogFormat("meshConfig.accessLogFormat", "%START_TIME%"),), "meshConfig.accessLogFormat leaves out what"),
        ((LogFormat("log provider mine", "50% off"),), "log provider mine cannot be read: "),
        ((LogFormat("log provider mine", labels="{"),), "log provider mine cannot be read: it is not a JSON object"),
    ],
)
def test_a_format_that_cannot_prove_a_verdict_is_named(formats: tuple[LogFormat, ...], expected: str) -> None:
    why = unreadable(formats)
    assert why.startswith(expected)
    assert bool(why) == bool(expected)


def test_lines_of_a_custom_format_are_counted_and_prove_nothing() -> None:
    source = LogSource("a", "b", "istio-proxy")
    line = LogLine(
        source,
        1,
        '[2024-11-07T14:35:52.428Z] "GET / HTTP/2" 301 - via_upstream - "-" 0 0 24 24 "10.128.2.30" "curl/8.11.0" '
        '"79551af2" "docs.redhat.com" "23.55.176.201:80" outbound|80||docs.redhat.com 10.128.2.29:49766 '
        "10.128.2.29:80 10.128.2.30:38296 - -",
    )
    assert len(parse([line], {source: Reporter.SIDECAR}).hops) == 1
    parsed = parse([line], {source: Reporter.SIDECAR}, format_set([LogFormat("x", "50% off")]))
    assert parsed.hops == ()
    assert [each.reason[:17] for each in parsed.unparsed] == ["x cannot be read:"]
