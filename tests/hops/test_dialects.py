"""The grammars and what is derived from them."""

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark, UnexpectedInput

from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.hops.dialects import cluster_name, grammar_dir, read_envoy, read_ztunnel, ztunnel
from egressaudit.hops.dialects.envoy import cluster_name as cluster
from egressaudit.hops.dialects.envoy import format_string as envoy_format
from egressaudit.hops.dialects.envoy.default_text import ISTIO, OLDER, TEXTS
from egressaudit.hops.dialects.envoy.format_string import Operator, line_grammar, parse_format
from egressaudit.hops.dialects.grammars import build, grammar, line_pattern, terminals
from egressaudit.hops.dialects.json_lines import ENVOY_KEYS, ZTUNNEL_KEYS
from egressaudit.hops.dialects.result import AccessFields, Broken, Other

ISTIO_LINE = (
    '[2024-11-07T14:35:52.428Z] "GET / HTTP/2" 301 - via_upstream - "-" 0 0 24 24 "10.128.2.30" "curl/8.11.0" '
    '"79551af2" "docs.redhat.com" "23.55.176.201:80" outbound|80||docs.redhat.com 10.128.2.29:49766 10.128.2.29:80 '
    "10.128.2.30:38296 - -"
)
ZTUNNEL_LINE = (
    "2025-10-24T08:08:35.242159Z\tinfo\taccess\tconnection complete\tsrc.addr=[fd01:0:0:5::b0]:56288 "
    'src.workload="test-pod" dst.addr=[fd01:0:0:5::af]:15008 dst.service="httpbin.org" direction="outbound" '
    'bytes_sent=78 bytes_recv=540 duration="957ms" error="said \\"no\\"\\n"'
)

# ---------------------------------------------------------------- format strings


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", ()),
        ("%PROTOCOL%", (Operator("PROTOCOL"),)),
        ("%REQ(X?Y)%", (Operator("REQ", "X?Y"),)),
        ("%REQ(USER-AGENT):20%", (Operator("REQ", "USER-AGENT", 20),)),
        ("%CEL(f(x)):5%", (Operator("CEL", "f(x)", 5),)),
        ("%START_TIME(%Y-%m %3f)%", (Operator("START_TIME", "%Y-%m %3f"),)),
        ("100%% of %BYTES_SENT%.", ("100% of ", Operator("BYTES_SENT"), ".")),
        ("%REQ(A)%%REQ(B)%", (Operator("REQ", "A"), Operator("REQ", "B"))),
    ],
)
def test_a_format_string_is_literals_and_operators(text, items):
    assert parse_format(text) == items


@pytest.mark.parametrize("text", ["%", "50% off", "%req%", "%REQ(X", "%REQ(X):%", "%PROTOCOL"])
def test_what_envoy_refuses_as_a_format_is_refused(text):
    with pytest.raises(UnexpectedInput):
        parse_format(text)


def test_the_line_grammar_is_generated_from_the_format_string():
    text, values = line_grammar(parse_format('[%START_TIME%] "%REQ(USER-AGENT)%" %DURATION%'))
    assert text.splitlines() == [
        "start: line",
        'line: "[" START_TIME "] " USER_AGENT " " DURATION',
        r"START_TIME: /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z/",
        r'USER_AGENT: /"[^"\n]*"/',
        r"DURATION: /-?[0-9]{1,18}|-/",
    ]
    assert [value.column for value in values] == ["start_time", "user_agent", "duration"]


def test_istios_format_makes_fourteen_quotes_and_has_istios_json_keys():
    assert ISTIO.quotes == 14
    access = ISTIO.fast(ISTIO_LINE)
    assert isinstance(access, AccessFields)
    assert set(access.fields) == set(ENVOY_KEYS)


def test_an_operator_that_no_default_format_has_is_not_guessed():
    with pytest.raises(KeyError):
        line_grammar(parse_format("%HOSTNAME%"))


# ---------------------------------------------------------------- grammars


@pytest.mark.parametrize("name", ["envoy_format", "cluster_name", "ztunnel_text", "other_text"])
def test_a_shipped_grammar_has_no_conflict_and_no_colliding_terminals(name):
    Lark((grammar_dir() / f"{name}.lark").read_text(), parser="lalr", strict=True)


@pytest.mark.parametrize("dialect", TEXTS, ids=lambda each: each.name)
def test_a_generated_grammar_has_no_conflict_and_no_colliding_terminals(dialect):
    Lark(line_grammar(parse_format(dialect.format_string))[0], parser="lalr", strict=True)


@pytest.mark.parametrize("file", sorted(grammar_dir().glob("*.lark")), ids=lambda each: each.name)
def test_every_negated_class_of_a_grammar_lists_the_newline(file):
    rules = re.sub(r"//.*", "", file.read_text())
    assert [each for each in re.findall(r"\[\^[^\]]*\]", rules) if r"\n" not in each] == []


def test_a_rule_that_branches_or_nests_gives_no_pattern():
    parser = build('start: a | B\na: B B\nB: "b"')
    with pytest.raises(ValueError, match="not one sequence"):
        line_pattern(parser, "start")
    with pytest.raises(ValueError, match="not one sequence"):
        line_pattern(grammar("ztunnel_text"), "line")


@pytest.mark.parametrize("dialect", TEXTS, ids=lambda each: each.name)
def test_a_pattern_needs_no_parser_of_its_grammar(dialect):
    text = line_grammar(parse_format(dialect.format_string))[0]
    assert line_pattern(terminals(text), "line") == line_pattern(build(text), "line") == dialect.pattern


def test_every_column_of_every_dialect_is_a_column_of_the_frame():
    columns = {value.column for value in envoy_format.VALUES.values()} - {None}
    columns |= set(ENVOY_KEYS) | {column for column, _ in ZTUNNEL_KEYS.values()}
    columns |= set(cluster.cluster_columns("outbound|80||h"))
    assert columns <= set(HOP_COLUMNS)


def test_a_line_parser_is_made_without_building_a_grammar():
    code = (
        "from egressaudit.hops.line_parser import LineParser; from egressaudit.hops.dialects import grammars;"
        "built = []; grammars.build = grammars.terminals = built.append; LineParser(); assert built == []"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ---------------------------------------------------------------- cluster names


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("outbound|80||docs.redhat.com", ("outbound", "outbound", 80, None, "docs.redhat.com")),
        ("outbound|80|rh-docs|gw.ns.svc", ("outbound", "outbound", 80, "rh-docs", "gw.ns.svc")),
        ("outbound_.80_._.docs.redhat.com", ("outbound", "outbound", 80, None, "docs.redhat.com")),
        ("outbound_.80_.v-1_.a_b.example", ("outbound", "outbound", 80, "v-1", "a_b.example")),
        ("inbound|8080||", ("inbound", "inbound", 8080, None, None)),
        ("inbound|9080|http|reviews.default.svc", ("inbound", "inbound", 9080, "http", "reviews.default.svc")),
        ("inbound-vip|80|http|httpbin.org", ("inbound-vip", "inbound-vip", 80, "http", "httpbin.org")),
        ("inbound-vip|80|http/v1|*.example.com;", ("inbound-vip", "inbound-vip", 80, "http/v1", "*.example.com")),
        ("PassthroughCluster", ("passthrough", None, None, None, None)),
        ("PassthroughCluster;", ("passthrough", None, None, None, None)),
        ("BlackHoleCluster", ("blackhole", None, None, None, None)),
        ("InboundPassthroughCluster", ("inbound-passthrough", None, None, None, None)),
        ("InboundPassthroughClusterIpv6", ("inbound-passthrough", None, None, None, None)),
        ("AllowAnyDynamicDNSCluster", ("dynamic-dns", None, None, None, None)),
        ("xds-grpc", ("other", None, None, None, None)),
        ("PassthroughCluster2", ("other", None, None, None, None)),
        ("outbound|80|docs.redhat.com", ("other", None, None, None, None)),
        ("outbound|http||docs.redhat.com", ("other", None, None, None, None)),
        ("xoutbound|80||docs.redhat.com", ("other", None, None, None, None)),
        ("", ("other", None, None, None, None)),
    ],
)  # fmt: skip
def test_a_cluster_name_has_these_parts(text, parts):
    name = cluster_name(text)
    assert (name.kind, name.direction, name.port, name.subset, name.host) == parts
    assert name.kind in cluster.KINDS


def test_no_cluster_has_no_parts():
    assert cluster_name("-") is None
    assert cluster_name(None) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("PassthroughCluster", "passthrough"),
        ("AllowAnyDynamicDNSCluster", "dynamic-dns"),
        ("outbound|80||PassthroughCluster", "outbound"),
        ("BlackHoleCluster", "blackhole"),
    ],
)
def test_istios_own_clusters_have_kinds_of_their_own(text, kind):
    assert cluster_name(text).kind == kind


@given(
    st.sampled_from(["outbound", "inbound-vip"]),
    st.integers(1, 65535),
    st.sampled_from(["", "v1", "http"]),
    st.from_regex(r"(\*\.)?[a-z][a-z0-9-]{0,9}(\.[a-z]{2,5}){1,3}", fullmatch=True),
)
def test_both_forms_of_a_cluster_name_have_the_same_parts(direction, port, subset, host):
    assert cluster_name(f"{direction}|{port}|{subset}|{host}") == cluster_name(f"{direction}_.{port}_.{subset}_.{host}")


# ---------------------------------------------------------------- the two lanes


def mutations(line):
    """The line with one stretch replaced: by nothing, by what a line is made of, by anything."""
    pieces = st.sampled_from(["", " ", '"', "-", "|", "\t", "=", "\\", '"-"', "x y", "0", "\n", "é", "HTTP/1.1"])
    place = st.integers(0, len(line))
    edit = st.tuples(place, st.integers(0, 12), pieces | st.text(max_size=3))

    def edited(edits):
        text = line
        for start, length, new in edits:
            text = text[:start] + new + text[start + length :]
        return text

    return st.lists(edit, max_size=3).map(edited)


@pytest.mark.parametrize("dialect", TEXTS, ids=lambda each: each.name)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_both_lanes_of_an_envoy_text_dialect_take_the_same_lines_with_the_same_values(dialect, data):
    text = data.draw(mutations(sample_of(dialect)))
    fast, careful = dialect.fast(text), dialect.careful(text)
    assert (fast is None and isinstance(careful, Broken)) or fast == careful


def sample_of(dialect):
    """A clean line of a dialect, made from its format string."""
    plain = {
        "START_TIME": "2024-11-07T14:35:52.428Z",
        "PROTOCOL": "HTTP/1.1",
        "RESPONSE_FLAGS": "UF,URX",
        "CONNECTION_TERMINATION_DETAILS": "transport socket timeout was reached",
    }
    numbers = ("RESPONSE_CODE", "BYTES_RECEIVED", "BYTES_SENT", "DURATION", "RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)")
    plain |= dict.fromkeys(numbers, "12")
    items = parse_format(dialect.format_string)
    return "".join(item if isinstance(item, str) else plain.get(item.key, "a:1") for item in items)


@pytest.mark.parametrize("dialect", TEXTS, ids=lambda each: each.name)
def test_a_line_made_from_a_format_string_is_clean_in_that_dialect_alone(dialect):
    line = sample_of(dialect)
    reading = read_envoy(line)
    assert (reading.dialect, reading.clean) == (dialect.name, True)
    assert [each.name for each in TEXTS if isinstance(each.fast(line), AccessFields)] == [dialect.name]


@settings(max_examples=150, deadline=None)
@given(mutations(ZTUNNEL_LINE))
def test_both_lanes_of_ztunnels_text_take_the_same_lines_with_the_same_values(text):
    fast, careful = ztunnel.fast(text), ztunnel.careful(text)
    assert (fast is None and isinstance(careful, Broken)) or fast == careful


@settings(max_examples=150, deadline=None)
@given(mutations(ISTIO_LINE) | mutations(ZTUNNEL_LINE) | mutations('{"a": "\\303\\251", "start_time": 1}') | st.text())
def test_no_line_raises_whatever_it_holds(text):
    assert isinstance(read_envoy(text), AccessFields | Broken | Other)
    assert isinstance(read_ztunnel(text), AccessFields | Broken | Other)


@pytest.mark.parametrize(
    ("line", "reason", "column"),
    [
        (ISTIO_LINE[:-2], "expected ' ' at the end of the line", len(ISTIO_LINE) - 1),
        (ISTIO_LINE[:100], "expected user_agent at column 92", 92),
        (ISTIO_LINE.replace("301", "OK"), "expected response_code at column 43", 43),
        (ISTIO_LINE.replace("11-07", "13-07"), "month must be in 1..12", 2),
        ("", "expected '['", 1),
    ],
)
def test_the_careful_lane_says_where_a_line_broke(line, reason, column):
    broken = ISTIO.careful(line)
    assert isinstance(broken, Broken)
    assert reason in broken.reason
    assert broken.column == column


def test_the_routes_of_formats_that_look_like_one_where_the_sender_wrote_it_are_not_believed():
    # A 1.1 line whose SNI is "docs.redhat.com block_all" is, letter by letter, a 1.8 line.
    oldest = next(each for each in OLDER if each.name.endswith("1.1"))
    line = sample_of(oldest).removesuffix("a:1") + "docs.redhat.com block_all"
    reading = read_envoy(line)
    assert (reading.dialect, reading.clean) == ("envoy-istio-text-1.8", True)
    assert reading.fields["route_name"] is None
