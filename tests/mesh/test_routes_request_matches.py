"""Whether a call meets a match of a rule: yes, no, or by what that is not known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.mesh import obj

from egressaudit.mesh.routes.request_matches import Meeting, authority, meets
from egressaudit.mesh.trim import trim
from egressaudit.model import Call, Scheme

MET, NOT_MET = Meeting(), Meeting(met=False)


def call(path: str | None = "/api/v1?q=1", method: str | None = "GET", port: int = 80) -> Call:
    return Call("docs.example.com", port, Scheme.HTTP, path=path, method=method)


ROWS: list[tuple[dict[str, Any], Call, Meeting]] = [
    ({}, call(), MET),
    ({"uri": {"prefix": "/api"}}, call(), MET),
    ({"uri": {"exact": "/api/v1"}}, call(), MET),
    ({"uri": {"exact": "/api/v1?q=1"}}, call(), NOT_MET),
    ({"uri": {"exact": "/API/V1"}}, call(), NOT_MET),
    ({"uri": {"exact": "/API/V1"}, "ignoreUriCase": True}, call(), MET),
    ({"uri": {"regex": "/api/v[0-9]"}}, call(), MET),
    ({"uri": {"regex": "/api"}}, call(), NOT_MET),
    ({"uri": {"regex": "(("}}, call(), Meeting(when=("uri regex ((",))),
    ({"uri": {"regex": "(a+)+b"}}, call("/" + "a" * 5000), NOT_MET),
    ({"uri": {"prefix": "/api"}}, call(None), Meeting(when=("uri prefix /api",))),
    ({"uri": {"prefix": "/"}}, call(None), MET),
    ({"uri": {}}, call(), Meeting(when=("uri not kept",))),
    ({"method": {"exact": "POST"}}, call(), NOT_MET),
    ({"method": {"exact": "POST"}}, call(method=None), Meeting(when=("method exact POST",))),
    ({"authority": {"exact": "docs.example.com"}}, call(), MET),
    ({"authority": {"exact": "docs.example.com"}}, call(port=8080), NOT_MET),
    ({"scheme": {"exact": "https"}}, call(), NOT_MET),
    ({"headers": {"x-b": {}, "x-a": {}}}, call(), Meeting(when=("header x-a, x-b",))),
    ({"withoutHeaders": {"x-a": {}}}, call(), Meeting(when=("no header x-a",))),
    ({"queryParams": {"q": {}}}, call(), Meeting(when=("query parameter q",))),
    ({"queryParams": {"other": {}}}, call(), NOT_MET),
    ({"queryParams": {"other": {}}}, call(None), Meeting(when=("query parameter other",))),
    ({"uri": {"prefix": "/api"}, "method": {"exact": "POST"}, "headers": {"x-a": {}}}, call(), NOT_MET),
]


@pytest.mark.parametrize(("match", "asked", "meeting"), ROWS, ids=lambda each: str(each)[:50])
def test_a_call_meets_a_match(match: dict[str, Any], asked: Call, meeting: Meeting) -> None:
    assert meets(match, asked) == meeting


def test_a_route_of_the_gateway_api_has_prefixes_of_whole_segments() -> None:
    asked = ("/api", "/api/", "/api/v1", "/apis")
    found = [meets({"uri": {"prefix": "/api/"}}, call(path), by_segment=True).met for path in asked]
    assert found == [True, True, True, False]


@pytest.mark.parametrize(
    ("host", "port", "scheme", "said"),
    [
        ("docs.example.com", 80, Scheme.HTTP, "docs.example.com"),
        ("docs.example.com", 8080, Scheme.HTTP, "docs.example.com:8080"),
        ("2001:db8::1", 443, Scheme.HTTPS, "[2001:db8::1]"),
    ],
)
def test_a_client_names_the_port_that_is_not_the_usual_one(host: str, port: int, scheme: Scheme, said: str) -> None:
    assert authority(Call(host, port, scheme)) == said


def test_a_snapshot_keeps_what_a_request_is_for_and_no_secret_of_it() -> None:
    match = {
        "uri": {"prefix": "/api"},
        "method": {"exact": "GET"},
        "headers": {"authorization": {"exact": "SECRET"}},
        "queryParams": {"token": {"exact": "SECRET"}},
        "statPrefix": "SECRET",
    }
    sent = {"request": {"set": {"authorization": "SECRET", "Host": "new.example.com"}, "remove": ["SECRET"]}}
    route = {"destination": {"host": "docs.example.com"}, "headers": {"response": {"set": {"x": "SECRET"}}}}
    rule = {"match": [match], "route": [route], "headers": sent, "rewrite": {"uri": "SECRET"}}
    kept = trim(obj("VirtualService", "egress/docs", spec={"hosts": ["docs.example.com"], "http": [rule]}))
    assert "SECRET" not in json.dumps(kept)
    assert kept == trim(kept)
    assert kept["spec"]["http"] == [
        {
            "match": [
                {
                    "uri": {"prefix": "/api"},
                    "method": {"exact": "GET"},
                    "headers": {"authorization": {}},
                    "queryParams": {"token": {}},
                    "statPrefix": {},
                }
            ],
            "route": [{"destination": {"host": "docs.example.com"}}],
            "rewrite": {},
            "headers": {"request": {"set": {"Host": "new.example.com"}}},
        }
    ]
