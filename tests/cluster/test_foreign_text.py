"""What servers and containers say, made fit to be shown; and names, made fit for a URL."""

from __future__ import annotations

import pytest

from egressaudit.cluster.api_path import api_path
from egressaudit.cluster.foreign_text import json_of, message_of, shown


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("two\n  lines\t", "two lines"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("Bearer abc.def", "Bearer [redacted]"),
        ("bearer token is wrong", "bearer token is wrong"),
        ('invalid "Bearer abcdef", try again', 'invalid "Bearer [redacted]", try again'),
        ("Authorization: Basic amFuZTpwdw== x", "Authorization: [redacted]"),
        ("set-cookie: a=b; c=d", "set-cookie: [redacted]"),
        ("password=hunter2 user=jane", "password=[redacted] user=jane"),
        ("?access_token=abcdef&x=1", "?access_token=[redacted]&x=1"),
        (
            'secrets is forbidden: cannot list resource "secrets"',
            'secrets is forbidden: cannot list resource "secrets"',
        ),
        ("tokens are expired", "tokens are expired"),
        ("eyJhbGciOiJI.eyJzdWIi.sig seen", "[redacted] seen"),
        ("sha256~AbC-d seen", "[redacted] seen"),
        ("get https://jane:pw@10.0.0.1/api", "get https://10.0.0.1/api"),
        ("pods.example.com/jane@example.com", "pods.example.com/jane@example.com"),
        ("x" * 2000, "x" * 1000 + "…"),
    ],
)
def test_what_is_shown(said: str, read: str) -> None:
    assert shown(said) == read


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'{"kind": "Status", "message": "no", "reason": "Forbidden"}', "no"),
        (b'{"reason": "Forbidden"}', "Forbidden"),
        (b'{"message": ["Bearer abcdef"]}', ""),
        (b"Too many requests, please try again later.\n", "Too many requests, please try again later."),
        (b"  <!DOCTYPE html><title>x", "a page of HTML, not an answer of Kubernetes"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
        (b"[" * 100_000, "[" * 1000 + "…"),
    ],
)
def test_the_words_of_a_refusal(body: bytes, read: str) -> None:
    assert message_of(body) == read


@pytest.mark.parametrize("text", [b"NaN", b"-Infinity", b"[" * 100_000, b"9" * 5000, b"{", b"\xff", b""])
def test_what_is_no_json_is_none(text: bytes) -> None:
    assert json_of(text) is None


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        (("v1", "pods"), "/api/v1/pods"),
        (("apps/v1", "deployments"), "/apis/apps/v1/deployments"),
        (("apps/v1",), "/apis/apps/v1"),
        (("v1", "pods", "shop", "cart-1", "log"), "/api/v1/namespaces/shop/pods/cart-1/log"),
        (("v1", "pods", "a/../b", "c?d#e"), "/api/v1/namespaces/a%2F..%2Fb/pods/c%3Fd%23e"),
        (("v1", "pods", "..", "."), "/api/v1/namespaces/%2E%2E/pods/%2E"),
        (("v1", "pods", "x y", "\udcff"), "/api/v1/namespaces/x%20y/pods/%FF"),
        (("v1", "configmaps", "mesh", "istio-1.2"), "/api/v1/namespaces/mesh/configmaps/istio-1.2"),
    ],
)
def test_a_name_is_one_segment_of_a_path(parts: tuple[str, ...], path: str) -> None:
    assert api_path(*parts) == path
