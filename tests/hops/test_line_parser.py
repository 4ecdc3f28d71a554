"""Lines in, hops out; every line accounted for."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.log_lines import ISTIO_LINE, JSON_LINE, REAL, ZTUNNEL_LINE

from egressaudit.hops.line_parser import LineParser
from egressaudit.model import Hop, LogLine, LogSource, OtherLine, Reporter, Unparsed

GATEWAY = LogSource("egress-gateway", "gw-1", "istio-proxy")


def read(text, reporter=Reporter.EGRESS_GATEWAY):
    return LineParser().parse(LogLine(GATEWAY, 1, text), reporter)


# ---------------------------------------------------------------- real lines


@pytest.mark.parametrize("row", REAL, ids=[f"line-{n}" for n in range(1, len(REAL) + 1)])
def test_a_real_line_gives_what_is_written_beside_it(row):
    parsed = read(row["line"], Reporter(row["reporter"]))
    match row["gives"]:
        case "unparsed":
            assert isinstance(parsed, Unparsed)
        case "unclean":
            assert isinstance(parsed, Hop)
            assert not parsed.clean
        case str() as kind:
            assert isinstance(parsed, OtherLine)
            assert parsed.kind == kind
        case fields:
            assert isinstance(parsed, Hop)
            assert parsed.clean
            assert {column: parsed.get(column) for column in fields} == fields


def test_istios_line_has_all_its_fields():
    assert read(ISTIO_LINE).fields == {
        "start_time": datetime(2024, 11, 7, 14, 35, 52, 428000, tzinfo=UTC),
        "method": "GET",
        "path": "/",
        "protocol": "HTTP/2",
        "response_code": 301,
        "response_flags": None,
        "response_code_details": "via_upstream",
        "connection_termination_details": None,
        "upstream_transport_failure_reason": None,
        "bytes_received": 0,
        "bytes_sent": 0,
        "duration": 24,
        "upstream_service_time": 24,
        "x_forwarded_for": "10.128.2.30",
        "user_agent": "curl/8.11.0",
        "request_id": "79551af2",
        "authority": "docs.redhat.com",
        "upstream_host": "23.55.176.201:80",
        "upstream_cluster": "outbound|80||docs.redhat.com",
        "upstream_local_address": "10.128.2.29:49766",
        "downstream_local_address": "10.128.2.29:80",
        "downstream_remote_address": "10.128.2.30:38296",
        "requested_server_name": None,
        "route_name": None,
        "cluster_kind": "outbound",
        "cluster_direction": "outbound",
        "cluster_port": 80,
        "cluster_subset": None,
        "cluster_host": "docs.redhat.com",
    }


@pytest.mark.parametrize(
    ("old", "new", "column", "value"),
    [
        ('via_upstream - "', 'via_upstream transport socket timeout was reached "', "connection_termination_details",
         "transport socket timeout was reached"),
        ("301 -", "503 URX,UF", "response_flags", "URX,UF"),
        ("24 24", "24 -", "upstream_service_time", None),
        ('"curl/8.11.0"', '""', "user_agent", ""),
        ('"curl/8.11.0"', '"\udcff\t\x85\u2028x"', "user_agent", "\udcff\t\x85\u2028x"),
        ("redhat.com 10", "redhat.com; 10", "cluster_host", "docs.redhat.com"),
        ("- -", "docs.redhat.com default", "route_name", "default"),
    ],
)  # fmt: skip
def test_a_clean_line_may_hold(old, new, column, value):
    hop = read(ISTIO_LINE.replace(old, new))
    assert (hop.clean, hop.get(column)) == (True, value)


@pytest.mark.parametrize("end", range(1, len(ISTIO_LINE) - 1, 7))
def test_a_cut_line_is_no_hop(end):
    assert isinstance(read(ISTIO_LINE[:end]), Unparsed)


def test_a_time_that_does_not_exist_is_no_hop():
    assert isinstance(read(ISTIO_LINE.replace("11-07T14", "11-31T14")), Unparsed)
    assert isinstance(read(ISTIO_LINE.replace("11-07T14", "11-31T14").replace("curl", '"')), Unparsed)


# ---------------------------------------------------------------- JSON


def test_istios_json_line_has_typed_fields():
    hop = read(json.dumps(JSON_LINE))
    assert (hop.dialect, hop.clean) == ("envoy-istio-json", True)
    assert hop.get("start_time") == datetime(2022, 9, 8, 12, 51, 5, 656000, tzinfo=UTC)
    assert [hop.get(each) for each in ("response_code", "duration", "upstream_service_time")] == [200, 15, 14]
    assert [hop.get(each) for each in ("response_flags", "upstream_local_address", "authority")] == [None, None, None]
    assert (hop.get("cluster_host"), hop.get("cluster_port")) == ("docs.redhat.com", 80)
    assert "something_else" not in hop.fields


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r"caf\303\251 \377", "café \udcff"),
        (r"\042, \134\042x\001", '", \\"x\x01'),
        (r"\377 \\303", "\udcff \\303"),
        (r"\377 \u00e9\t\"", '\udcff é\t"'),
        (r"\ud800 \377", "\ud800 \udcff"),
    ],
)
def test_envoys_octal_escapes_of_bytes_that_are_not_utf8_are_undone(written, value):
    text = json.dumps(JSON_LINE).replace("curl/8.11.0", "@").replace("@", written)
    hop = read(text)
    assert hop.get("user_agent") == value
    assert hop.get("response_code") == 200


@pytest.mark.parametrize(
    "text",
    [
        '{"start_time":"2022-09-08T12:51:05.656Z","upstream_host":"1.1.1.1:80",' + json.dumps(JSON_LINE)[1:],
        json.dumps({key: value for key, value in JSON_LINE.items() if key != "downstream_remote_address"}),
        json.dumps(JSON_LINE | {"response_code": "OK"}),
        json.dumps(JSON_LINE | {"response_code": True}),
        json.dumps(JSON_LINE | {"duration": 1.5}),
        json.dumps(JSON_LINE | {"duration": 10**30}),
        json.dumps(JSON_LINE | {"upstream_host": ["1.1.1.1:80"]}),
        json.dumps(JSON_LINE | {"start_time": None, "upstream_host": "-"}).replace("null", "NaN"),
        json.dumps(JSON_LINE)[:-1],
        json.dumps(JSON_LINE) + "}",
        '{"a":' * 100_000,
        '{"a":' + "9" * 10_000 + "}",
        '{"a":"\\4"}',
        "[1]",
        "{}",
    ],
)
def test_json_that_is_no_access_line_is_unparsed(text):
    assert isinstance(read(text), Unparsed)


@pytest.mark.parametrize("said", ["soon", '1" "x', "", "1.5"])
def test_a_service_time_that_an_upstream_made_up_costs_no_json_line(said):
    hop = read(json.dumps(JSON_LINE | {"upstream_service_time": said}))
    assert hop.clean
    assert hop.get("upstream_service_time") is None


def test_a_json_line_without_a_start_time_is_no_access_line():
    hop = read(json.dumps(JSON_LINE | {"start_time": None}))
    assert isinstance(hop, Unparsed)


@given(
    st.dictionaries(st.sampled_from(["user_agent", "path", "authority", "request_id", "x_forwarded_for"]), st.text())
)
def test_in_json_a_sender_writes_only_its_own_fields(values):
    hop = read(json.dumps(JSON_LINE | values, ensure_ascii=False))
    assert hop.clean
    assert {key: hop.get(key) for key in values} == {key: None if v == "-" else v for key, v in values.items()}
    assert hop.get("upstream_host") == "23.55.176.201:80"


# ---------------------------------------------------------------- ztunnel


@pytest.mark.parametrize("blanks", [" ", "\t", "    ", " \t "])
def test_ztunnels_line_has_all_its_fields(blanks):
    text = ZTUNNEL_LINE.replace("Z info access connection complete ", "Z@info@access@connection complete@")
    assert read(text.replace("@", blanks), Reporter.ZTUNNEL).fields == {
        "start_time": datetime(2025, 10, 24, 8, 8, 35, 242159, tzinfo=UTC),
        "message": "connection complete",
        "src_addr": "[fd01:0:0:5::b0]:56288",
        "src_workload": "test-pod",
        "src_namespace": "egress-gateway",
        "src_identity": "spiffe://cluster.local/ns/egress-gateway/sa/default",
        "src_cluster": None,
        "dst_addr": "[fd01:0:0:5::af]:15008",
        "dst_hbone_addr": "[2001:2::2]:80",
        "dst_service": "httpbin.org",
        "dst_workload": "waypoint-5b668759d5-vrnx8",
        "dst_namespace": "egress-gateway",
        "dst_identity": "spiffe://cluster.local/ns/egress-gateway/sa/waypoint",
        "dst_cluster": None,
        "direction": "outbound",
        "bytes_sent": 78,
        "bytes_recv": 540,
        "duration": 957,
        "error": None,
    }


def test_ztunnels_json_line_gives_the_same_as_its_text():
    pairs = [each.split("=", 1) for each in ZTUNNEL_LINE.split("connection complete ")[1].split(" ")]
    document = {"level": "info", "time": "2025-10-24T08:08:35.242159Z", "scope": "access"}
    document |= {"message": "connection complete"}
    document |= {key: int(value) if value.isdecimal() else value.strip('"') for key, value in pairs}
    hop = read(json.dumps(document), Reporter.ZTUNNEL)
    assert (hop.dialect, hop.clean) == ("ztunnel-json", True)
    assert hop.fields == read(ZTUNNEL_LINE, Reporter.ZTUNNEL).fields


def test_a_refused_connection_has_few_fields():
    text = (
        "2026-10-09T11:39:41.876395Z\twarn\taccess\tconnection failed\tsrc.addr=10.244.0.14:58564 "
        'dst.addr=10.244.0.8:15008 direction="outbound" error="unknown waypoint: \\"w\\" \\u{1f600}"'
    )
    hop = read(text, Reporter.ZTUNNEL)
    assert (hop.clean, hop.get("message"), hop.get("error")) == (True, "connection failed", 'unknown waypoint: "w" 😀')


def test_a_ztunnel_line_with_a_key_twice_keeps_only_what_comes_first():
    hop = read(f'{ZTUNNEL_LINE} dst.service="docs.redhat.com"', Reporter.ZTUNNEL)
    assert not hop.clean
    assert set(hop.fields) == {"start_time", "message", "src_addr"}


@pytest.mark.parametrize(
    "text",
    [
        ZTUNNEL_LINE[:-1],
        ZTUNNEL_LINE.replace('direction="outbound" ', ""),
        ZTUNNEL_LINE.replace("=78", "=many"),
        ZTUNNEL_LINE.replace("957ms", "957s"),
        ZTUNNEL_LINE.replace("connection complete", "connection complete enough"),
        ISTIO_LINE,
    ],
)
def test_a_ztunnel_access_line_that_is_not_whole_is_unparsed(text):
    assert isinstance(read(text, Reporter.ZTUNNEL), Unparsed)


@given(st.text().filter(lambda text: "\n" not in text and "\r" not in text))
def test_what_an_error_of_ztunnel_says_moves_no_field(error):
    quoted = error.replace("\\", "\\\\").replace('"', '\\"')
    hop = read(f'{ZTUNNEL_LINE} error="{quoted}"', Reporter.ZTUNNEL)
    assert hop.clean
    assert hop.get("error") == error
    assert hop.get("dst_service") == "httpbin.org"


# ---------------------------------------------------------------- other lines


@pytest.mark.parametrize(
    ("text", "reporter", "kind"),
    [
        ("", Reporter.SIDECAR, "blank"),
        (" \t", Reporter.ZTUNNEL, "blank"),
        ("2025-06-23T22:32:12.856110Z\tinfo\tEnvoy proxy is ready", Reporter.SIDECAR, "istio-agent"),
        ("2025-06-23T22:32:12.856110Z\twarning\tenvoy main external/x.cc:1\tm\tthread=9", Reporter.WAYPOINT, "envoy"),
        ("[2024-10-19 15:45:46.386][10661][warning][misc] [source/x.cc:88] m", Reporter.SIDECAR, "envoy"),
        ("[libprotobuf ERROR external/com_google_protobuf/x.cc:1] m", Reporter.SIDECAR, "envoy"),
        ('{"level":"info","time":"t","msg":"Envoy proxy is ready"}', Reporter.SIDECAR, "istio-agent"),
        ('{"time":"t","level":"warning","scope":"envoy main","msg":"m"}', Reporter.SIDECAR, "envoy"),
        ("2026-06-14T22:13:12.932490Z\tinfo\tproxy::inbound\tlistener established\ta=b", Reporter.ZTUNNEL, "ztunnel"),
        ("2026-06-14T22:13:12.932490Z\tinfo\thttp access\trequest complete\ta=b", Reporter.ZTUNNEL, "ztunnel"),
        ('{"level":"info","time":"t","scope":"ztunnel::xds","message":"m"}', Reporter.ZTUNNEL, "ztunnel"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_access_line_is_known_as_such(text, reporter, kind):
    parsed = read(text, reporter)
    assert isinstance(parsed, OtherLine)
    assert parsed.kind == kind


def test_an_application_log_line_is_no_hop_whatever_keys_were_smuggled_into_it():
    assert isinstance(read(json.dumps({"level": "warning", "scope": "envoy http"} | JSON_LINE)), OtherLine)


# ---------------------------------------------------------------- long and broken lines


@pytest.mark.parametrize("filling", ["a", '"', " ", '" "', ' -" 0 ', '"x" a b c ', "\\", "\udcff", '"-" 0 0 1 1 '])
def test_a_line_of_a_mebibyte_is_read_in_bounded_time(filling):
    hop = read(ISTIO_LINE.replace("curl/8.11.0", filling * ((1 << 20) // len(filling))))
    assert isinstance(hop, Hop)
    assert hop.clean == ('"' not in filling)
    assert hop.get("upstream_host") in ("23.55.176.201:80", None)
