"""Custom access log formats under any values: no trusted field is ever wrong, in text or in JSON."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.format_rows import FORGEABLE, formats

from egressaudit.hops.dialects.envoy.custom_json import CustomJson
from egressaudit.hops.dialects.envoy.custom_text import CustomText
from egressaudit.hops.dialects.envoy.default_text import ISTIO
from egressaudit.hops.dialects.envoy.operators import Field
from egressaudit.hops.dialects.result import AccessFields, Broken

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


BITS = st.sampled_from(
    [" ", '"', '" "', "|", "\t", "[", "] ", ",", " - ", "ms ", "a", "0", " x=", ":", "/", "-", "200", "1.2.3.4:80",
     "6.6.6.6:443", "outbound|80||a.example", "2024-11-07T14:35:52.428Z", "HTTP/1.1", "UF"]
)  # fmt: skip


HOSTILE = st.lists(BITS, max_size=8).map("".join)


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
