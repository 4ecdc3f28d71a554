"""Custom access log formats: whatever others write into values, no trusted field is ever wrong."""

from __future__ import annotations

import pytest
from support.format_rows import FORGEABLE

from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.hops.dialects import FormatError
from egressaudit.hops.dialects.envoy.custom_text import CustomText
from egressaudit.hops.dialects.envoy.default_text import ISTIO, TEXTS
from egressaudit.hops.dialects.envoy.operators import KNOWN_COLUMNS
from egressaudit.hops.dialects.result import AccessFields, Broken


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


def test_a_line_with_one_blank_too_many_is_not_clean_and_keeps_what_stands_before_it():
    forged = "[2024-11-07T14:35:52.428Z] curl 6.6.6.6:80 x 1.2.3.4:80 /"
    reading = CustomText(FORGEABLE).read(forged)
    assert isinstance(reading, AccessFields)
    assert not reading.clean
    assert list(reading.fields) == ["start_time"]


def test_a_line_that_is_not_of_the_format_says_where_it_broke():
    reading = CustomText(FORGEABLE).read("[2024-11-07T14:35:52.428Z curl")
    assert reading == Broken("not a line of the given format: expected ']' at the end of the line", 31)
