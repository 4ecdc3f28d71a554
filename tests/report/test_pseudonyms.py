"""One value has one pseudonym, in one report and in all that were made with one key; no other value has it."""

from __future__ import annotations

import re
from hashlib import sha256
from ipaddress import ip_address

import pytest

from egressaudit.report.redaction import Level
from egressaudit.report.redaction.pseudonyms import Pseudonyms

KEY = b"k" * 32
ALL = frozenset(Level)


def pseudonyms(*levels: Level, key: bytes = KEY) -> Pseudonyms:
    return Pseudonyms(key, frozenset(levels) or ALL, frozenset({"shop", "cart", "cart-1", "egress"}), frozenset({"db"}))


def test_pseudonyms_have_a_form_that_reads() -> None:
    text = pseudonyms().in_prose("shop/Deployment/cart sent 3 flows to docs.example.com:443 (203.0.113.7:443)")
    assert re.fullmatch(
        r"name-[0-9a-f]{10}/Deployment/name-[0-9a-f]{10} sent 3 flows to host-[0-9a-f]{10}:443 \(ip-[0-9a-f]{10}:443\)",
        text,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10.1.2.3", "10.1.2.3:80"),
        ("10.1.2.3", "::ffff:10.1.2.3"),
        ("10.1.2.3", "10.001.2.3"),
        ("10.1.2.3", "ip-10-1-2-3"),
        ("10.1.2.3", "outbound|80||10.1.2.3"),
        ("10.1.2.3", "10.1.2.3_80"),
        ("2001:db8::1", "[2001:0DB8:0::1]:443"),
        ("docs.example.com", "DOCS.Example.com"),
        ("docs.example.com", "outbound|443||docs.example.com"),
        ("shop", "spiffe://cluster.local/ns/shop/sa/default"),
        ("shop", "egress.shop.svc.cluster.local"),
        ("shop", "namespace shop."),
        ("db", "to db:5432"),
    ],
)
def test_one_value_has_one_pseudonym_however_it_is_written(one: str, other: str) -> None:
    found = pseudonyms().in_line(one)
    assert re.fullmatch(r"(ip|host|name)-[0-9a-f]{10}", found)
    assert found in pseudonyms().in_line(other)
    assert one.lower() not in pseudonyms().in_line(other).lower()


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:15001 to 0.0.0.0_80 and [::1]:80",
        "networking.istio.io/v1 of mesh.json, spec.http[0], meshConfig.accessLogFile",
        "the gateway of the mesh; default, istio-system and waypoint",
        "2026-03-01T10:00:00Z to 10:05:00, versions 1.27.1 and HTTP/1.1",
        "PassthroughCluster BlackHoleCluster via_upstream Mozilla/5.0",
        "shopping cart-10",
    ],
)
def test_what_tells_nothing_about_anybody_stays(text: str) -> None:
    assert pseudonyms().in_prose(text) == text


@pytest.mark.parametrize(
    ("level", "kept"),
    [
        (Level.ADDRESSES, ("shop/cart", "docs.example.com")),
        (Level.IDENTITIES, ("10.1.2.3", "docs.example.com", "shop.example.com")),
        (Level.HOSTS, ("10.1.2.3", "shop/cart", "egress.shop.svc.cluster.local")),
    ],
)
def test_a_level_changes_its_own_kind_alone(level: Level, kept: tuple[str, ...]) -> None:
    for text in kept:
        assert pseudonyms(level).in_line(text) == text


def test_a_pseudonym_tells_nothing_without_its_key() -> None:
    one, other = (pseudonyms(key=each * 32).in_prose("10.1.2.3 shop docs.example.com").split() for each in (b"a", b"b"))
    assert not set(one) & set(other)
    plain = sha256(b"10.1.2.3").hexdigest()
    assert one[0].removeprefix("ip-") not in plain
    assert repr(pseudonyms()) == repr(pseudonyms(key=b"x" * 32))


def test_no_two_of_many_values_share_a_pseudonym() -> None:
    said = pseudonyms(Level.ADDRESSES)
    assert len({said.in_line(str(ip_address(0x0A000000 + each))) for each in range(20_000)}) == 20_000


def test_a_host_of_any_form_has_a_pseudonym_where_a_host_stands() -> None:
    said = pseudonyms(Level.HOSTS)
    assert said.of_host("*.example.com").startswith("*.host-")
    assert said.of_host("what? a host!").startswith("host-")
    assert said.of_host("203.0.113.7") == "203.0.113.7"
    assert said.of_host("") == ""


@pytest.mark.parametrize(
    "host", ["x" * 64 + ".docs.example.com", "bücher.example.com", "docs.例え.テスト", "a/docs.example." + "c" * 70]
)
def test_a_name_that_is_no_valid_host_hides_no_host(host: str) -> None:
    line = f'"GET / HTTP/1.1" 200 "{host}" (called {host})'
    for shown in (pseudonyms().in_line(line), pseudonyms().in_prose(line)):
        assert re.fullmatch(r'"GET / HTTP/1.1" 200 "(a/)?host-[0-9a-f]{10}" \(called (a/)?host-[0-9a-f]{10}\)', shown)
