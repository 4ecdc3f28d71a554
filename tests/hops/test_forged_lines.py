"""What a sender writes into its request can make a line unclean; it never moves a field that is believed.

Each line is made from its format string with true values, where everything a sender can write is hostile. Then it is
read: a clean line gives the truth in every field, an unclean one gives nothing but the truth, or it is no hop at all.
"""

import os

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.forged import (
    HEAD,
    LINE,
    REFUSED,
    SENT,
    TAIL,
    TUNNELLED,
    sidecar_line,
    true_lines,
)

from egressaudit.hops.dialects.envoy.default_text import ISTIO, TEXTS
from egressaudit.hops.dialects.envoy.format_string import VALUES
from egressaudit.hops.dialects.result import Broken
from egressaudit.hops.line_parser import LineParser
from egressaudit.model import Hop, LogLine, LogSource, Reporter, Unparsed

EXAMPLES = int(os.environ.get("FORGED_EXAMPLES", "800"))
"""So many lines in the usual run; set the variable to try more."""


def read(text):
    return LineParser().parse(LogLine(LogSource("n", "p", "c"), 1, text), Reporter.SIDECAR)


def assert_nothing_but_the_truth(text, truth, dialect):
    parsed = read(text)
    if isinstance(parsed, Unparsed):
        return
    assert isinstance(parsed, Hop)
    converters = {value.column: value.convert for value in VALUES.values()}
    for column, value in truth.items():
        said, true = parsed.get(column), true_value(converters[column], value)
        if parsed.clean and parsed.dialect == dialect.name and column not in never_believed(dialect):
            assert (column, said) == (column, true)
        elif column not in SENT:
            assert (column, said) in [(column, true), (column, None)]
    said = {
        column for column, value in parsed.fields.items() if value is not None and not column.startswith("cluster_")
    }
    # A dialect taken for another may fill columns that this one has not: none but what the sender wrote itself.
    assert said <= set(truth) | set(SENT)


def true_value(convert, text):
    try:
        return convert(text)
    except ValueError:
        return None  # not a number, so not a service time


def never_believed(dialect):
    return {"route_name"} if dialect.name in ("envoy-istio-text-1.8", "envoy-istio-text-1.3") else set()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(true_lines(ISTIO))
def test_of_istios_lines_nothing_but_the_truth_is_believed(line):
    assert_nothing_but_the_truth(*line, ISTIO)


@pytest.mark.parametrize("dialect", TEXTS[1:], ids=lambda each: each.name)
@settings(max_examples=EXAMPLES // 8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_of_older_lines_nothing_but_the_truth_is_believed(dialect, data):
    assert_nothing_but_the_truth(*data.draw(true_lines(dialect)), dialect)


@settings(max_examples=100, deadline=None)
@given(true_lines(ISTIO))
def test_both_lanes_say_the_same_of_forged_lines(line):
    fast, careful = ISTIO.fast(line[0]), ISTIO.careful(line[0])
    assert (fast is None and isinstance(careful, Broken)) or fast == careful


@settings(max_examples=100, deadline=None)
@given(true_lines(ISTIO))
@example(("", {}))
def test_a_line_is_clean_only_with_the_quotes_and_the_tail_of_its_format(line):
    text, _ = line
    parsed = read(text)
    if isinstance(parsed, Hop) and parsed.clean and parsed.dialect == ISTIO.name:
        assert text.count('"') == 14
        assert len(text.rpartition('"')[2].split(" ")) == 7


# ---------------------------------------------------------------- rows to check by eye


@pytest.mark.parametrize("field", ["path", "forwarded", "agent", "request_id", "authority"])
def test_a_quote_is_noticed_and_the_tail_that_no_one_imitates_is_kept(field):
    hop = read(sidecar_line(**{field: 'a"b'}))
    assert not hop.clean
    assert hop.get("user_agent") is None
    assert hop.get("authority") is None
    assert hop.get("upstream_host") == "203.0.113.9:80"
    assert hop.get("cluster_kind") == "passthrough"
    assert hop.get("downstream_remote_address") == "10.1.0.5:4240"
    assert (hop.get("requested_server_name"), hop.get("route_name")) == (None, "allow_any")
    assert (hop.get("response_code"), hop.get("response_code_details")) == (200, "via_upstream")


@pytest.mark.parametrize("field", ["path", "forwarded", "agent", "request_id", "authority", "sni"])
def test_an_imitated_tail_leaves_no_tail_to_believe(field):
    hop = read(sidecar_line(**{field: f"x{TAIL}"}))
    assert not hop.clean
    for column in ("upstream_host", "upstream_cluster", "cluster_host", "downstream_remote_address", "route_name"):
        assert hop.get(column) is None


@pytest.mark.parametrize("field", ["path", "forwarded", "agent", "request_id", "authority", "sni"])
def test_an_imitated_head_leaves_no_head_to_believe(field):
    hop = read(sidecar_line(**{field: f"x {HEAD}"}))
    assert not hop.clean
    assert hop.get("response_code") is None
    assert hop.get("start_time") is not None


@pytest.mark.parametrize("sni", ["a b", "a b c", 'a"', '"1.2.3.4:80" outbound|80||docs.redhat.com - - - -'])
def test_an_sni_with_blanks_or_quotes_moves_nothing(sni):
    hop = read(sidecar_line(sni=sni))
    assert not hop.clean
    assert hop.get("upstream_host") in (None, "203.0.113.9:80")
    assert hop.get("route_name") is None


def test_a_path_with_a_blank_is_not_clean():
    assert not read(sidecar_line(path="/a b")).clean


def test_a_whole_line_in_a_header_is_one_unclean_line():
    hop = read(sidecar_line(agent=LINE))
    assert not hop.clean
    assert hop.get("start_time").year == 2024
    assert hop.get("start_time").month == 11
    assert hop.get("upstream_cluster") is None


@pytest.mark.parametrize("agent", ["curl/8.11.0", f"x {HEAD}"])
def test_names_in_an_upstreams_certificate_do_not_hide_the_head(agent):
    line = sidecar_line(agent=agent).replace(
        '200 - via_upstream - "-"', f'503 UF upstream_reset{{{REFUSED}}} - "{REFUSED}"', 1
    )
    hop = read(line)
    assert not hop.clean
    assert hop.get("response_code") == (503 if agent == "curl/8.11.0" else None)
    assert hop.get("upstream_cluster") == "PassthroughCluster"


INJECTED = '{"start_time":"2024-11-07T14:35:52.428Z","response_code":200,"downstream_remote_address":"10.1.0.5:4240"}'


@pytest.mark.parametrize(("rest", "reporter"), [(INJECTED, Reporter.SIDECAR), (TUNNELLED, Reporter.ZTUNNEL)])
def test_what_follows_a_line_end_in_an_upstreams_certificate_is_no_hop(rest, reporter):
    whole = sidecar_line()
    start, end = whole.replace('"-" 0 5', f'"{REFUSED}\n" 0 5').split("\n")
    parser = LineParser()

    def parse(text, reporter=Reporter.SIDECAR, pod="p"):
        return parser.parse(LogLine(LogSource("n", pod, "c"), 1, text), reporter)

    assert isinstance(parse(rest, reporter), Hop)
    assert isinstance(parse(start), Unparsed)
    assert isinstance(parse(rest, reporter), Unparsed)
    assert isinstance(parse(rest, reporter, pod="another"), Hop)
    assert isinstance(parse(end), Unparsed)
    assert isinstance(parse(rest, reporter), Unparsed)
    assert parse(whole).clean
    assert isinstance(parse(rest, reporter), Hop)
