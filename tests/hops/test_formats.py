"""Custom access log formats: whatever others write into values, no trusted field is ever wrong."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.log_lines import CUSTOM, CUSTOM_LINE
from support.tools import SAMPLES

from egressaudit.cli import run as run_cli
from egressaudit.evidence.saved_run import load
from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.hops.dialects import FormatError, FormatSet, json_format, named_format, text_format
from egressaudit.hops.dialects.envoy.custom_json import CustomJson
from egressaudit.hops.dialects.envoy.custom_text import CustomText
from egressaudit.hops.dialects.envoy.default_text import ISTIO, TEXTS
from egressaudit.hops.dialects.envoy.format_string import VALUES, Operator
from egressaudit.hops.dialects.envoy.operators import KNOWN_COLUMNS, Field, field_of
from egressaudit.hops.dialects.result import AccessFields, Broken, Other
from egressaudit.hops.line_parser import LineParser, format_set, parse, unproven, unreadable
from egressaudit.model import Hop, LogFormat, LogLine, LogSource, Outcome, Reporter, Unparsed
from egressaudit.pipeline.replay import report_on

# ---------------------------------------------------------------- the table of fields


@pytest.mark.parametrize(
    ("operator", "column", "dtype", "writer"),
    [
        ("REQ(:METHOD)", "method", "text", "sender"),
        ("REQ(:PATH)", "path", "text", "sender"),
        ("REQ(X-ENVOY-ORIGINAL-PATH?:PATH)", "path", "text", "sender"),
        ("PATH(WQ:ORIG_OR_PATH)", "path", "text", "sender"),
        ("PATH(NQ:PATH)", "path_nq_path", "text", "sender"),
        ("REQ(host)", "authority", "text", "sender"),
        ("REQ(user-agent):20", "user_agent", "text", "sender"),
        ("REQUEST_HEADER(X-Foo)", "req_x_foo", "text", "sender"),
        ("RESP(SERVER)", "resp_server", "text", "upstream"),
        ("RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)", "upstream_service_time", "number", "upstream"),
        ("REQUESTED_SERVER_NAME(SNI_ONLY)", "requested_server_name", "text", "sender"),
        ("REQUESTED_SERVER_NAME(HOST_FIRST:ORIG)", "requested_server_name_host_first_orig", "text", "sender"),
        ("RESPONSE_CODE", "response_code", "number", ""),
        ("UPSTREAM_HOST", "upstream_host", "text", ""),
        ("UPSTREAM_CLUSTER_RAW", "upstream_cluster", "text", ""),
        ("UPSTREAM_REMOTE_ADDRESS", "upstream_remote_address", "text", ""),
        ("DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", "downstream_direct_remote_address_without_port", "text", ""),
        ("UPSTREAM_LOCAL_PORT", "upstream_local_port", "number", ""),
        ("START_TIME", "start_time", "time", ""),
        ("START_TIME(%s.%3f)", "start_time", "time", ""),
        ("START_TIME(%Y/%m/%d %H:%M:%S)", "start_time", "time", ""),
        ("START_TIME(%b %d)", "start_time_b_d", "text", ""),
        ("START_TIME_LOCAL(%Y-%m-%dT%H:%M:%S)", "start_time_local_y_m_dt_h_m_s", "text", ""),
        ("TRACE_ID", "trace_id", "text", "sender"),
        ("HOSTNAME", "hostname", "text", ""),
        ("DYNAMIC_METADATA(a:b)", "dynamic_metadata_a_b", "text", "sender upstream"),
        ("NEVER_HEARD_OF", "never_heard_of", "text", "sender upstream"),
        # What only sounds like a column of ours, or is cut, does not fill it.
        ("UPSTREAM_HOST:5", "upstream_host_as_text", "text", "sender upstream"),
        ("METHOD", "method_as_text", "text", "sender upstream"),
    ],
)
def test_each_operator_has_a_column_a_kind_and_a_writer(operator, column, dtype, writer):
    (field,) = CustomText(f"%{operator}%").fields
    assert (field.column, field.dtype) == (column, dtype)
    assert " ".join(name for name in ("sender", "upstream") if getattr(field, name)) == writer


def test_an_operator_that_comes_twice_has_two_columns_and_none_takes_one_of_ours():
    fields = CustomText("%PROTOCOL% %PROTOCOL% %SRC_ADDR% %SRC_ADDR%").fields
    assert [field.column for field in fields] == ["protocol", "protocol_2", "src_addr_2", "src_addr_3"]


def test_operators_fill_only_columns_that_there_are():
    assert set(HOP_COLUMNS) >= KNOWN_COLUMNS


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("%s", "1730990152", "2024-11-07T14:35:52+00:00"),
        ("%s.%3f", "1730990152.428", "2024-11-07T14:35:52.428000+00:00"),
        ("%Y-%m-%dT%H:%M:%S.%3fZ", "2024-11-07T14:35:52.428Z", "2024-11-07T14:35:52.428000+00:00"),
        ("%F %T.%f", "2024-11-07 14:35:52.123456789", "2024-11-07T14:35:52.123456+00:00"),
        ("%d.%m.%Y %H:%M:%E3S %Z", "07.11.2024 14:35:52.428 UTC", "2024-11-07T14:35:52.428000+00:00"),
    ],
)
def test_a_time_of_its_own_pattern_is_read_as_an_instant(pattern, text, expected):
    reading = CustomText(f"[%START_TIME({pattern})%]").read(f"[{text}]")
    assert isinstance(reading, AccessFields)
    assert reading.fields["start_time"].isoformat() == expected


# ---------------------------------------------------------------- which formats can be proven


@pytest.mark.parametrize(
    "format_string",
    [
        *(text.format_string for text in TEXTS if text.name != "envoy-istio-text-1.2"),
        ISTIO.format_string + ' "%REQ(X-FOO)%" %UPSTREAM_REMOTE_ADDRESS%',
        ISTIO.format_string.replace('"%UPSTREAM_HOST%"', '"%UPSTREAM_HOST%" "%REQ(X-FOO)%"'),
        "%START_TIME%\t%REQ(USER-AGENT)%\t%UPSTREAM_HOST%",
        "%START_TIME% %REQ(USER-AGENT)% %UPSTREAM_HOST% %UPSTREAM_CLUSTER%",
        '{"at":"%START_TIME%","agent":"%REQ(USER-AGENT)%","code":%RESPONSE_CODE%,"to":"%UPSTREAM_HOST%"}',
        "[%START_TIME%] ua=%REQ(USER-AGENT)% path=%REQ(:PATH)% host=%UPSTREAM_HOST%",
        "%REQ(A)%%REQ(B)% %UPSTREAM_HOST%",
    ],
)
def test_a_format_is_proven_where_every_trusted_value_can_be_told(format_string):
    assert CustomText(format_string).problems == ()


@pytest.mark.parametrize(
    ("format_string", "column"),
    [
        ("%REQ(USER-AGENT)%%UPSTREAM_HOST%", "upstream_host"),
        ("%UPSTREAM_HOST%%UPSTREAM_CLUSTER%", "upstream_host"),
        ("%RESPONSE_CODE%0%BYTES_SENT%", "response_code"),
        ("%START_TIME%|%REQ(A)%|%UPSTREAM_CLUSTER%|%REQ(B)%", "upstream_cluster"),
        ("%DYNAMIC_METADATA(a:b)% [%UPSTREAM_HOST%]", "dynamic_metadata_a_b"),
        ("%START_TIME%|%UPSTREAM_TRANSPORT_FAILURE_REASON%|%UPSTREAM_HOST%", "upstream_transport_failure_reason"),
        ("%START_TIME% %UPSTREAM_TRANSPORT_FAILURE_REASON% %UPSTREAM_HOST%", "upstream_transport_failure_reason"),
        # A piece of a line may end in a quoted word, as whole lines do.
        (ISTIO.format_string + ' "%REQ(X-FOO)%"', "upstream_transport_failure_reason"),
    ],
)
def test_a_format_that_cannot_be_proven_names_the_field_that_is_the_trouble(format_string, column):
    assert column in [problem.column for problem in CustomText(format_string).problems]


@pytest.mark.parametrize(
    ("text", "column"),
    [("50% off", 5), ("%REQ(X%", 1), ("a\nb%PROTOCOL%", 2), ("no operator", 1), ("%req%", 1)],
)
def test_a_bad_format_string_is_refused_with_its_column(text, column):
    with pytest.raises(FormatError) as error:
        CustomText(text)
    assert error.value.column >= 1
    assert column >= 1


def test_a_custom_format_that_is_a_default_reads_as_the_default_does():
    line = (
        '[2024-11-07T14:35:52.428Z] "GET / HTTP/2" 301 - via_upstream - "-" 0 0 24 24 "10.128.2.30" "curl/8.11.0" '
        '"79551af2" "docs.redhat.com" "23.55.176.201:80" outbound|80||docs.redhat.com 10.128.2.29:49766 '
        "10.128.2.29:80 10.128.2.30:38296 - -"
    )
    ours, theirs = CustomText(ISTIO.format_string).read(line), ISTIO.fast(line)
    assert isinstance(ours, AccessFields)
    assert isinstance(theirs, AccessFields)
    assert (ours.clean, dict(ours.fields)) == (True, dict(theirs.fields))


FORGEABLE = "[%START_TIME%] %REQ(USER-AGENT)% %UPSTREAM_HOST% %REQ(:PATH)%"


def test_a_line_with_one_blank_too_many_is_not_clean_and_keeps_what_stands_before_it():
    forged = "[2024-11-07T14:35:52.428Z] curl 6.6.6.6:80 x 1.2.3.4:80 /"
    reading = CustomText(FORGEABLE).read(forged)
    assert isinstance(reading, AccessFields)
    assert not reading.clean
    assert list(reading.fields) == ["start_time"]


def test_a_line_that_is_not_of_the_format_says_where_it_broke():
    reading = CustomText(FORGEABLE).read("[2024-11-07T14:35:52.428Z curl")
    assert reading == Broken("not a line of the given format: expected ']' at the end of the line", 31)


# ---------------------------------------------------------------- the property: hostile values in random formats

COMMANDS = (
    "START_TIME", "START_TIME(%s.%3f)", "RESPONSE_CODE", "RESPONSE_FLAGS", "DURATION", "PROTOCOL", "UPSTREAM_HOST",
    "UPSTREAM_CLUSTER", "UPSTREAM_LOCAL_ADDRESS", "DOWNSTREAM_REMOTE_ADDRESS", "ROUTE_NAME",
    "CONNECTION_TERMINATION_DETAILS", "HOSTNAME",
)  # fmt: skip
WILD = (
    "REQ(:METHOD)", "REQ(:PATH)", "REQ(USER-AGENT)", "REQ(X-FOO)", "RESP(SERVER)", "REQUESTED_SERVER_NAME",
    "RESPONSE_CODE_DETAILS", "UPSTREAM_TRANSPORT_FAILURE_REASON", "DYNAMIC_METADATA(a:b)",
)  # fmt: skip
TRUE = {
    "start_time": st.sampled_from(["2024-11-07T14:35:52.428Z", "1999-01-01T00:00:00.000Z"]),
    "response_code": st.sampled_from(["0", "200", "503"]),
    "response_flags": st.sampled_from(["-", "UF,URX"]),
    "duration": st.sampled_from(["-", "0", "17"]),
    "protocol": st.sampled_from(["-", "HTTP/1.1", "HTTP/2"]),
    "upstream_host": st.sampled_from(["-", "1.2.3.4:80", "[::1]:443", "envoy://main/x"]),
    "upstream_cluster": st.sampled_from(["-", "outbound|80||a.example", "PassthroughCluster"]),
    "upstream_local_address": st.sampled_from(["-", "10.0.0.1:5"]),
    "downstream_remote_address": st.sampled_from(["10.0.0.2:7", "[fd00::2]:7"]),
    "route_name": st.sampled_from(["-", "default", "block_all"]),
    "connection_termination_details": st.sampled_from(["-", "transport socket timeout was reached"]),
    "bytes_received": st.sampled_from(["0", "15"]),
    "bytes_sent": st.sampled_from(["0", "15"]),
    "downstream_local_address": st.sampled_from(["10.0.0.9:80"]),
    "hostname": st.sampled_from(["gw-1", "pod-2"]),
}
EPOCHS = ["1730990152.428", "5.000"]
LITERALS = st.sampled_from(
    [" ", '"', '" "', "|", "\t", "[", "] ", ",", ", ", " - ", "ms ", "a", "0", " x=", ":", "/", ""]
)
BITS = st.sampled_from(
    [" ", '"', '" "', "|", "\t", "[", "] ", ",", " - ", "ms ", "a", "0", " x=", ":", "/", "-", "200", "1.2.3.4:80",
     "6.6.6.6:443", "outbound|80||a.example", "2024-11-07T14:35:52.428Z", "HTTP/1.1", "UF"]
)  # fmt: skip
HOSTILE = st.lists(BITS, max_size=8).map("".join)


@st.composite
def formats(draw):
    """A random format: operators with literals around them, now and then none."""
    commands = draw(st.lists(st.sampled_from(COMMANDS + WILD), min_size=1, max_size=6))
    text = draw(LITERALS)
    for command in commands:
        text += f"%{command}%" + draw(LITERALS)
    return CustomText(text)


def value_of(draw, field: Field) -> str:
    """A value as Envoy can write it: of its known shape where it guarantees one, else whatever somebody sent."""
    if field.trusted:
        if field.dtype == "time":
            return draw(st.sampled_from(EPOCHS) if field.shape.startswith("(?P<epoch>") else TRUE["start_time"])
        return draw(TRUE[re.sub("_[0-9]$", "", field.column)])
    text = draw(HOSTILE)
    if field.breaks and field.never_holds(" "):
        text = text.replace(" ", "_") + draw(st.sampled_from(["", "", "\n"])) + draw(HOSTILE).replace(" ", "_")
    elif field.breaks:
        text += draw(st.sampled_from(["", "\n"])) + draw(HOSTILE)
    elif field.never_holds(" "):
        text = text.replace(" ", "_").replace("\t", "_")
    return text if field.fits(text) else "-"


def rendered(draw, form: CustomText) -> tuple[str, dict[str, object]]:
    """A line of the format and its trusted fields as they are true."""
    line, truth = "", {}
    for item in form.items:
        if isinstance(item, str):
            line += item
            continue
        value = value_of(draw, item.field)
        line += value
        if item.field.trusted:
            truth[item.field.column] = item.field.convert(value)
    return line, truth


def as_sent(form: CustomText, line: str, truth: dict[str, object]) -> None:
    """No piece of the line says anything false; the whole line, if clean, says all."""
    pieces = line.split("\n")
    for piece in pieces:
        reading = form.read(piece)
        if not isinstance(reading, AccessFields):
            continue
        trusted = {field.column for field in form.fields if field.trusted}
        said = {column: value for column, value in reading.fields.items() if column in trusted}
        assert said.items() <= truth.items(), (form.format_string, piece)
        if reading.clean:
            assert len(pieces) == 1, (form.format_string, line)
            assert said == truth
        else:
            assert set(reading.fields) <= trusted


@settings(deadline=None, max_examples=1500, derandomize=True)
@given(st.data())
def test_no_hostile_value_in_any_format_makes_a_trusted_field_wrong(data):
    form = data.draw(formats())
    line, truth = rendered(data.draw, form)
    if len(line.split("\n")) == 1:
        # Nothing that the format wrote is taken for a line of another.
        assert isinstance(form.read(line), AccessFields), (form.format_string, line)
    as_sent(form, line, truth)


PROVABLE = (
    ISTIO.format_string,
    ISTIO.format_string + ' "%REQ(X-FOO)%" %HOSTNAME%',
    '%START_TIME% %DURATION% "%REQ(A)%" "%UPSTREAM_TRANSPORT_FAILURE_REASON%" "%UPSTREAM_HOST%" %HOSTNAME%',
    FORGEABLE,
    '{"a":"%START_TIME%","b":"%REQ(X-FOO)%","c":%RESPONSE_CODE%,"d":"%UPSTREAM_HOST%","e":"%REQ(:PATH)%"}',
)


@settings(deadline=None, max_examples=600, derandomize=True)
@given(st.data())
def test_no_hostile_value_in_a_likely_format_makes_a_trusted_field_wrong(data):
    form = CustomText(data.draw(st.sampled_from(PROVABLE)))
    assert form.problems == ()
    line, truth = rendered(data.draw, form)
    as_sent(form, line, truth)


# ---------------------------------------------------------------- JSON formats

LABELS = {
    "when": "%START_TIME%",
    "to": {"host": "%UPSTREAM_HOST%", "all": ["%REQ(X-FOO)%", "%RESPONSE_CODE%"]},
    "request": "%REQ(:METHOD)% %PROTOCOL%",
    "kind": "egress",
}


def json_line(**changes: object) -> str:
    document = {
        "when": "2024-11-07T14:35:52.428Z",
        "to": {"host": "1.2.3.4:80", "all": ["foo", 200]},
        "request": "GET HTTP/1.1",
        "kind": "egress",
    }
    return json.dumps(document | changes)


def test_keys_of_ones_own_fill_our_columns_by_their_operators():
    reading = CustomJson(LABELS).read(json_line())
    assert isinstance(reading, AccessFields)
    assert reading.clean
    assert reading.fields["start_time"].isoformat() == "2024-11-07T14:35:52.428000+00:00"
    expected = {"upstream_host": "1.2.3.4:80", "req_x_foo": "foo", "response_code": 200, "method": "GET"}
    assert expected.items() <= reading.fields.items()
    assert reading.fields["protocol"] == "HTTP/1.1"


def test_a_value_of_several_operators_in_json_is_cut_as_text_is():
    # The blank in the method moves nothing: the protocol is found from the right.
    reading = CustomJson(LABELS).read(json_line(request="GET x HTTP/1.1"))
    assert isinstance(reading, AccessFields)
    assert reading.fields["protocol"] == "HTTP/1.1"
    forged = CustomJson({"a": "%REQ(A)% %UPSTREAM_HOST% %REQ(B)%"}).read('{"a":"x 6.6.6.6:1 y 1.2.3.4:80 z"}')
    assert isinstance(forged, Broken) or not forged.clean


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (json_line()[:-1] + ',"kind":"egress"}', "the key 'kind' occurs twice"),
        (json_line(more=1), "not a line of the given format: the key more is not of it"),
        (json_line(kind="other"), "not a line of the given format: kind is not 'egress'"),
        (json_line(to={"host": "1.2.3.4:80"}), "not a line of the given format: the key toall is missing"),
        (json_line(to={"host": "a b", "all": ["x", 1]}), "not a line of the given format: upstream_host is 'a b'"),
        ("[]", "not a line of the given format: expected '{' at column 1"),
    ],
)
def test_an_object_that_is_not_of_the_format_is_not_read(line, reason):
    assert CustomJson(LABELS).read(line) == Broken(reason, 1)


def test_absent_values_may_be_null_a_dash_or_left_out():
    form = CustomJson({"a": "%UPSTREAM_HOST%", "b": "%REQ(X)%", "c": "%PROTOCOL%"}, may_be_empty=True)
    for line in ('{"a":null,"c":"HTTP/2"}', '{"a":"-","b":null,"c":"HTTP/2"}', '{"c":"HTTP/2"}'):
        reading = form.read(line)
        assert isinstance(reading, AccessFields)
        assert reading.fields == {"upstream_host": None, "req_x": None, "protocol": "HTTP/2"}


@settings(deadline=None, max_examples=300, derandomize=True)
@given(st.data())
def test_no_hostile_value_in_json_makes_a_trusted_field_wrong(data):
    form = CustomJson({"a": "%REQ(A)%", "b": "%UPSTREAM_HOST%", "c": "%REQ(:PATH)% %PROTOCOL% %REQ(B)%"})
    host, protocol = data.draw(TRUE["upstream_host"]), data.draw(TRUE["protocol"])
    path, other = data.draw(HOSTILE), data.draw(HOSTILE)
    line = json.dumps({"a": data.draw(HOSTILE), "b": host, "c": f"{path} {protocol} {other}"})
    reading = form.read(line)
    assert isinstance(reading, AccessFields), line
    truth = {"upstream_host": None if host == "-" else host, "protocol": None if protocol == "-" else protocol}
    said = {column: value for column, value in reading.fields.items() if column in truth}
    assert said == truth if reading.clean else said.items() <= truth.items()


# ---------------------------------------------------------------- several formats, releases, the mesh's own

SOURCE = LogSource("n", "p", "istio-proxy")


def line(text: str) -> LogLine:
    return LogLine(SOURCE, 1, text)


def test_a_line_that_two_formats_read_differently_is_not_clean():
    both = FormatSet((*text_format("%UPSTREAM_HOST% %UPSTREAM_LOCAL_ADDRESS%"),
                      *text_format("%UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_HOST%")))  # fmt: skip
    assert both.read("1.2.3.4:80 10.0.0.1:5") == AccessFields("custom-text", clean=False, fields={})


def test_a_line_that_reads_otherwise_as_a_default_is_not_clean():
    swapped = ISTIO.format_string.replace("UPSTREAM_LOCAL", "X").replace("DOWNSTREAM_LOCAL", "UPSTREAM_LOCAL")
    swapped = swapped.replace("%X_", "%DOWNSTREAM_LOCAL_")
    text = (
        '[2024-11-07T14:35:52.428Z] "GET / HTTP/2" 301 - via_upstream - "-" 0 0 24 24 "-" "c" "-" "a" "1.2.3.4:80" '
        "outbound|80||a 10.0.0.1:5 10.0.0.2:6 10.0.0.3:7 - -"
    )
    formats = text_format(swapped)
    alone, wary = FormatSet(formats).read(text), FormatSet(formats, wary=True).read(text)
    assert isinstance(alone, AccessFields)
    assert isinstance(wary, AccessFields)
    assert (alone.clean, wary.clean) == (True, False)


def test_an_application_line_beside_a_custom_format_is_another_line():
    formats = FormatSet(text_format(FORGEABLE))
    assert formats.read("2022-12-01T07:52:40.051666Z\tinfo\tEnvoy proxy is ready") == Other("istio-agent")


@pytest.mark.parametrize(("name", "text"), [("istio-1.0", "envoy-text"), ("istio-1.9", ISTIO.name),
                                            ("istio-1.24.2", ISTIO.name), ("istio-1.2", "envoy-istio-text-1.2"),
                                            ("istio-1.31", ISTIO.name), ("envoy", "envoy-text")])  # fmt: skip
def test_a_release_is_known_by_its_name(name, text):
    formats = named_format(name)
    assert formats is not None
    assert formats[0].by_string.format_string == next(each.format_string for each in TEXTS if each.name == text)


@pytest.mark.parametrize("name", ["istio-1.32", "istio-2.0", "istio", "1.9"])
def test_a_release_that_is_not_known_is_not_guessed(name):
    assert named_format(name) is None


def test_a_json_format_that_is_none_is_refused():
    with pytest.raises(FormatError, match="no JSON object"):
        json_format('{"a"')


def test_lines_of_a_custom_format_that_can_be_proven_take_part_in_proofs():
    configured = (LogFormat("meshConfig.accessLogFormat", CUSTOM),)
    assert (unreadable(configured), unproven(configured)) == ("", ())
    parsed = parse([line(CUSTOM_LINE)], {SOURCE: Reporter.SIDECAR}, format_set(configured))
    (hop,) = parsed.hops
    assert hop.clean
    assert hop.fields["cluster_host"] == "docs.redhat.com"
    assert hop.fields["req_x_foo"] == "foo"
    assert hop.fields["upstream_host"] == "23.55.176.201:80"


def test_lines_of_a_custom_format_that_cannot_be_proven_are_read_and_prove_nothing():
    configured = (LogFormat("meshConfig.accessLogFormat", CUSTOM + ' "%REQ(X-BAR)%"'),)
    assert unreadable(configured) == ""
    assert unproven(configured)[0].startswith("meshConfig.accessLogFormat: upstream_transport_failure_reason: ")
    (hop,) = parse([line(CUSTOM_LINE + ' "x"')], {SOURCE: Reporter.SIDECAR}, format_set(configured)).hops
    assert not hop.clean


def test_where_all_formats_are_defaults_they_are_read_as_ever():
    assert format_set([LogFormat("x", ISTIO.format_string + "\n"), LogFormat("y", labels={})]) is None


def test_json_behind_a_torn_line_of_a_custom_format_is_not_believed():
    formats = FormatSet((*text_format(CUSTOM), *json_format({"to": "%UPSTREAM_HOST%"})))
    parser = LineParser(formats)
    forged = '{"to":"6.6.6.6:80"}'
    assert isinstance(parser.parse(line(forged), Reporter.SIDECAR), Hop)
    torn = CUSTOM_LINE[: CUSTOM_LINE.index('"-" 0') + 1] + "x"
    parser.parse(line(torn), Reporter.SIDECAR)
    assert isinstance(parser.parse(line(forged), Reporter.SIDECAR), Unparsed)
    assert isinstance(parser.parse(line(CUSTOM_LINE), Reporter.SIDECAR), Hop)
    assert isinstance(parser.parse(line(forged), Reporter.SIDECAR), Hop)


def test_every_column_that_an_operator_of_a_default_fills_has_the_same_name_here():
    for key, value in VALUES.items():
        command, _, parameters = key.partition("(")
        if value.column is not None:
            assert field_of(Operator(command, parameters.removesuffix(")") or None)).column == value.column


# ---------------------------------------------------------------- the command


def run(tmp_path, capsys, text: str, *arguments: str) -> tuple[int, str, str]:
    file = tmp_path / "gw.log"
    file.write_text(text, encoding="utf-8")
    code = run_cli(["parse", str(file), "-o", "csv", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_parse_reads_a_format_string_and_shows_its_own_columns(tmp_path, capsys):
    code, out, _ = run(tmp_path, capsys, CUSTOM_LINE + "\n", "--format", CUSTOM + "\\n", "--columns",
                       "clean,req_x_foo,upstream_host")  # fmt: skip
    assert (code, out) == (0, "clean,req_x_foo,upstream_host\ntrue,foo,23.55.176.201:80\n")


MESHES = {
    "bare": "accessLogFormat: '{format}'",
    "config-map": "{{kind: ConfigMap, data: {{mesh: \"accessLogFormat: '{format}'\"}}}}",
    "sail": "{{kind: Istio, spec: {{values: {{meshConfig: {{accessLogFormat: '{format}'}}}}}}}}",
    "operator": "{{kind: IstioOperator, spec: {{meshConfig: {{accessLogFormat: '{format}'}}}}}}",
    "provider": (
        "kind: Telemetry\nspec: {{accessLogging: [{{providers: [{{name: mine}}]}}]}}\n---\n"
        "extensionProviders: [{{name: mine, envoyFileAccessLog: {{logFormat: {{text: '{format}'}}}}}}]"
    ),
}


@pytest.mark.parametrize("mesh", MESHES)
def test_parse_reads_the_format_of_a_manifest(tmp_path, capsys, mesh):
    manifest = tmp_path / "mesh.yaml"
    manifest.write_text(MESHES[mesh].format(format="%START_TIME%|%REQ(X-FOO)%|%UPSTREAM_HOST%"), encoding="utf-8")
    text = "2024-11-07T14:35:52.428Z|foo|1.2.3.4:80\n"
    code, out, _ = run(tmp_path, capsys, text, "--format", f"@{manifest}", "--columns", "clean,req_x_foo,upstream_host")
    assert (code, out) == (0, "clean,req_x_foo,upstream_host\ntrue,foo,1.2.3.4:80\n")


@pytest.mark.parametrize(
    ("manifest", "complaint"),
    [
        ("{", "is not YAML at line 1"),
        ("a: 1", "it has no access log configuration"),
        ("kind: Telemetry", "the meshConfig that defines its log providers is not in it"),
        ("accessLogFormat: '50% off'", "meshConfig.accessLogFormat cannot be read at column"),
    ],
)
def test_a_manifest_that_says_no_format_is_refused(tmp_path, capsys, manifest, complaint):
    file = tmp_path / "mesh.yaml"
    file.write_text(manifest, encoding="utf-8")
    code, _, err = run(tmp_path, capsys, "x\n", "--format", f"@{file}")
    assert code == 2
    assert complaint in err


@pytest.mark.parametrize("name", ["istio-1.99", "nonsense", "50% off", "@/nowhere/mesh.yaml"])
def test_a_format_that_is_none_is_refused(tmp_path, capsys, name):
    code, _, err = run(tmp_path, capsys, "x\n", "--format", name)
    assert code == 2
    assert "--format" in err
    assert "Traceback" not in err


# ---------------------------------------------------------------- the same run, logged in a custom format

SAMPLE = SAMPLES / "istio-apis"


def logged_in(format_string: str, change) -> Outcome:
    """The outcome of the sample's run, had the mesh this format and were each access line so changed."""
    capture = load(SAMPLE)
    config = json.dumps({"accessLogFile": "/dev/stdout", "accessLogFormat": format_string})
    objects = [each for each in capture.mesh["objects"] if each["kind"] != "ConfigMap"]
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"}}
    lines = tuple(replace(each, text=change(each.text)) for each in capture.lines)
    mesh = {**capture.mesh, "objects": [*objects, {**config_map, "data": {"mesh": config}}]}
    report = report_on(replace(capture, mesh=mesh, lines=lines))
    assert bool(report.notes) == (format_string not in (ISTIO.format_string, CUSTOM))
    return report.outcome


def with_foo(text: str) -> str:
    return re.sub(r'("[^"]*") (?=[^" ]* [^" ]* [^" ]* [^" ]* [^" ]* [^" ]*$)', r'\1 "foo" ', text)


@pytest.mark.parametrize(
    ("format_string", "change", "expected"),
    [
        (ISTIO.format_string, str, Outcome.PASS),
        (CUSTOM, with_foo, Outcome.PASS),
        # Lines that are not of the configured format prove nothing, however good they look.
        (CUSTOM, str, Outcome.INCONCLUSIVE),
        # The same lines in a format that can be forged, and in one that lacks what a verdict needs.
        (ISTIO.format_string + ' "%REQ(X-BAR)%"', lambda text: f'{text} "x"', Outcome.INCONCLUSIVE),
        (ISTIO.format_string.replace("%PROTOCOL%", "%REQ(X)%"), str, Outcome.INCONCLUSIVE),
        ("50% off", str, Outcome.INCONCLUSIVE),
    ],
)
def test_a_run_logged_in_a_custom_format_passes_only_where_its_lines_can_be_proven(format_string, change, expected):
    assert logged_in(format_string, change) is expected
