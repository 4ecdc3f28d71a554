"""Whether one request may be tried more than once: each row is a few objects, and whether that is excluded."""

from __future__ import annotations

import pytest
import yaml
from support.clusters import DNS, HOST, READ, Object, entry, facts, obj


def mesh_config(text: str) -> Object:
    return obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": text})


def routing(rules: str, spec: str = "{}", name: str = "egress/v") -> Object:
    return obj("VirtualService", name, spec={"hosts": [HOST], "http": yaml.safe_load(rules), **yaml.safe_load(spec)})


TO = "route: [{destination: {host: docs.redhat.com}}]"
OFF, ON, ONCE = "retries: {attempts: 0}", "retries: {attempts: 1}", mesh_config("defaultHttpRetryPolicy: {attempts: 0}")
TLS = entry("{resolution: DNS, ports: [{number: 80, name: tls, protocol: TLS}]}")
HTTP_ROUTE = obj(
    "HTTPRoute",
    "egress/r",
    "gateway.networking.k8s.io/v1",
    spec={"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [{"kind": "Hostname", "name": HOST}]}]},
)


@pytest.mark.parametrize(
    ("objects", "retries"),
    [
        ([DNS], True),
        ([DNS, ONCE], False),
        ([DNS, mesh_config("defaultHttpRetryPolicy: {attempts: 3}")], True),
        ([DNS, mesh_config("defaultHttpRetryPolicy: {attempts: nine}")], True),
        ([DNS, ONCE, routing(f"[{{{TO}, {ON}}}]")], True),
        ([DNS, ONCE, routing(f"[{{{TO}}}]")], False),
        ([DNS, routing(f"[{{{TO}, {OFF}}}]")], False),
        ([DNS, routing(f"[{{{TO}, {ON}}}]")], True),
        ([DNS, routing(f"[{{{TO}}}]")], True),
        ([DNS, routing(f"[{{match: [{{port: 80}}], {TO}, {OFF}}}]")], False),
        # What no rule takes goes by the default.
        ([DNS, routing(f"[{{match: [{{port: 81}}], {TO}, {OFF}}}]")], True),
        ([DNS, routing(f"[{{match: [{{uri: {{prefix: /a}}}}], {TO}, {OFF}}}]")], True),
        ([DNS, routing(f"[{{match: [{{gateways: [egress/gw]}}], {TO}, {OFF}}}]")], True),
        ([DNS, routing(f"[{{{TO}, {OFF}}}]", "{gateways: [egress/gw]}")], True),
        ([DNS, routing(f"[{{{TO}, {OFF}}}]", "{exportTo: ['.']}")], True),
        ([DNS, routing(f"[{{{TO}, {OFF}}}]"), obj("Sidecar", "curl/default", spec={})], True),
        ([DNS, routing(f"[{{{TO}, {OFF}}}]"), routing(f"[{{{TO}}}]", name="curl/mine")], True),
        ([DNS, routing(f"[{{{TO}, retries: {{attempts: '0'}}}}]")], True),
        ([DNS, routing(f"[{{{TO}, retries: {{}}}}]")], True),
        (
            [
                DNS,
                routing("[{delegate: {name: d}, retries: {attempts: 3}}]"),
                ONCE,
                routing(f"[{{{TO}}}]", "{hosts: []}", "egress/d"),
            ],
            True,
        ),
        ([DNS, routing(f"[{{{TO}, {OFF}}}]"), HTTP_ROUTE], True),
        # Connections are tried once; a rule for HTTP may yet lead to a port of TLS.
        ([TLS], False),
        ([TLS, HTTP_ROUTE], True),
        ([TLS, routing(f"[{{{TO}}}]")], True),
        ([TLS, DNS], True),
        ([entry("{resolution: DNS, ports: [{number: 80, name: x}]}")], True),
    ],
)
def test_a_request_may_be_tried_again_unless_that_is_excluded(objects: list[Object], *, retries: bool) -> None:
    assert facts(*objects).retries is retries


def test_retries_are_possible_where_rules_were_not_read() -> None:
    assert facts(DNS, ONCE, read=READ - {"networking.istio.io/VirtualService"}).retries
    assert facts(TLS, read=READ - {"gateway.networking.k8s.io/HTTPRoute"}).retries


def test_waypoints_try_tcp_once_and_have_their_default_for_http() -> None:
    off = routing(f"[{{{TO}, {OFF}}}]")
    assert not facts(DNS, cluster=f"inbound-vip|80|tcp|{HOST}").retries
    assert facts(DNS, off, cluster=f"inbound-vip|80|http|{HOST}").retries
