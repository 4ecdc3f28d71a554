"""What a sender writes into its request can make a line unclean; it never moves a field that is believed.

Each line is made from its format string with true values, where everything a sender can write is hostile. Then it is
read: a clean line gives the truth in every field, an unclean one gives nothing but the truth, or it is no hop at all.
"""

import os

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from egressaudit.dialects.envoy_format import VALUES, parse_format
from egressaudit.dialects.envoy_text import ISTIO, TEXTS, EnvoyText
from egressaudit.dialects.reading import Broken
from egressaudit.model import Hop, LogLine, LogSource, Reporter, Unparsed
from egressaudit.parse import LineParser

EXAMPLES = int(os.environ.get("FORGED_EXAMPLES", "800"))
"""So many lines in the usual run; set the variable to try more."""

SENT = ("path", "x_forwarded_for", "user_agent", "request_id", "authority", "requested_server_name")
"""What a sender writes. Envoys before the fix of CVE-2024-45808 wrote the SNI as it came, too."""

HEAD = 'HTTP/1.1" 200 - via_upstream - "-" 0 0 1 1 "-" "'
TAIL = (
    '" "79551af2" "docs.redhat.com" "1.2.3.4:80" outbound|80||docs.redhat.com 1.1.1.1:1 2.2.2.2:2 3.3.3.3:3 - default'
)
LINE = f'[2024-01-01T00:00:00.000Z] "GET / {HEAD}curl{TAIL}'

pieces = st.sampled_from(
    [
        '"', " ", '" "', "-", "x", '"-"', "0", "0 0 1 1", ' -" 0 - "', ' HTTP/1.1" 200 - ', ' HTTP/1.1" 200 - a b "-" ',
        '"1.2.3.4:80" ', "outbound|80||docs.redhat.com ", "PassthroughCluster ", "1.1.1.1:1 ", "- ", "default",
        ' 5 6 7 8 "', '"1.2.3.4:80"', HEAD, TAIL, LINE, HEAD + "curl" + TAIL, "\t", "\udcff", "\\", "é", "[", "]",
    ]
)  # fmt: skip
hostile = st.lists(pieces | st.text(st.characters(exclude_characters="\n\r\0"), max_size=3), max_size=8).map("".join)
usual = st.sampled_from(["-", "curl/8.11.0", "/", "docs.redhat.com", "10.0.0.1,10.0.0.2"])
word = st.from_regex(r"[!#-~]{1,12}", fullmatch=True)
# What an upstream writes: names in a certificate that is refused; Envoy makes their blanks "_".
upstreams_own = hostile.map(lambda text: "TLS_error:_SANs_are_[" + text.replace(" ", "_") + "]:TLS_error_end")
number = st.integers(0, 99999).map(str)
address = st.sampled_from(["-", "10.0.0.9:443", "[fd00::9]:80", "envoy://internal_client_address/", "/var/run/x.sock"])

true_values = {
    "start_time": st.sampled_from(["2024-11-07T14:35:52.428Z", "2026-02-28T23:59:59.999Z"]),
    "method": st.sampled_from(["GET", "POST", "CONNECT", "-"]),
    "protocol": st.sampled_from(["HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3", "-"]),
    "response_code": st.sampled_from(["0", "200", "403", "503"]),
    "response_flags": st.sampled_from(["-", "UF", "UF,URX", "NR", "UH"]),
    "response_code_details": st.sampled_from(["-", "via_upstream", "rbac_access_denied_matched_policy[none]"])
    | word
    | upstreams_own,
    "connection_termination_details": st.sampled_from(["-", "transport socket timeout was reached"]),
    "upstream_transport_failure_reason": st.sampled_from(["-", "TLS_error:|268435703:SSL_routines:x"]) | upstreams_own,
    "bytes_received": number,
    "bytes_sent": number,
    "duration": number | st.just("-"),
    # Where a response begins before the request ends, Envoy writes the upstream's own header (seen by test_oracle.py).
    "upstream_service_time": number | st.just("-") | hostile.filter(bool),
    "upstream_host": address,
    "upstream_cluster": st.sampled_from(["-", "PassthroughCluster", "outbound|80||h.example", "BlackHoleCluster;"]),
    "upstream_local_address": address,
    "downstream_local_address": address,
    "downstream_remote_address": address,
    "route_name": st.sampled_from(["-", "default", "allow_any", "a.b.0"]),
}


@st.composite
def true_lines(draw, dialect: EnvoyText):
    """A line of a dialect, and the true values of its columns as text."""
    # Not everything at once: one hostile field among usual ones is the likeliest forgery to be overlooked.
    bad = draw(st.sets(st.sampled_from(SENT), max_size=3))
    truth, parts = {}, []
    for item in parse_format(dialect.format_string):
        if isinstance(item, str):
            parts.append(item)
            continue
        column = VALUES[item.key].column
        if column is None:
            value = "-"
        elif column in SENT:
            # Envoy writes `-` where there is nothing; only a header can be there and be empty.
            value = draw(hostile if column in bad else usual)
            value = value or ("" if column in ("x_forwarded_for", "user_agent", "request_id") else "-")
        else:
            value = draw(true_values[column])
        parts.append(value)
        if column is not None:
            truth[column] = value
    return "".join(parts), truth


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

TRUE_TAIL = "PassthroughCluster 10.1.0.5:4242 203.0.113.9:80 10.1.0.5:4240"


def sidecar_line(path="/", forwarded="-", agent="curl/8.11.0", request_id="5ab0", authority="evil.example", sni="-"):
    return (
        f'[2024-11-07T14:35:52.428Z] "GET {path} HTTP/1.1" 200 - via_upstream - "-" 0 5 7 6 "{forwarded}" "{agent}" '
        f'"{request_id}" "{authority}" "203.0.113.9:80" {TRUE_TAIL} {sni} allow_any'
    )


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


REFUSED = 'TLS_error:_SANs_are_[x"_y]:TLS_error_end'


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
TUNNELLED = (
    "2025-10-24T08:08:35.242159Z\tinfo\taccess\tconnection complete\tsrc.addr=10.1.0.5:1\tdst.addr=10.1.0.6:2\t"
    'direction="outbound"'
)


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
