"""What may stand behind --host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egressaudit.errors import UsageError
from egressaudit.model import Scheme, Target
from egressaudit.probe import parse_host


@pytest.mark.parametrize(
    ("text", "options", "target"),
    [
        ("docs.redhat.com", {}, Target("docs.redhat.com", 80, Scheme.HTTP)),
        ("Docs.RedHat.COM.", {}, Target("docs.redhat.com", 80, Scheme.HTTP)),
        ("docs.redhat.com:8080", {}, Target("docs.redhat.com", 8080, Scheme.HTTP)),
        ("docs.redhat.com", {"scheme": Scheme.HTTPS}, Target("docs.redhat.com", 443, Scheme.HTTPS)),
        ("docs.redhat.com", {"port": 443}, Target("docs.redhat.com", 443, Scheme.HTTPS)),
        ("docs.redhat.com:443", {"scheme": Scheme.HTTP}, Target("docs.redhat.com", 443, Scheme.HTTP)),
        ("docs.redhat.com", {"port": 81, "path": "/a b"}, Target("docs.redhat.com", 81, Scheme.HTTP, "/a%20b")),
        ("https://httpbin.org/get?a=1#top", {}, Target("httpbin.org", 443, Scheme.HTTPS, "/get?a=1")),
        ("https://httpbin.org:8443", {}, Target("httpbin.org", 8443, Scheme.HTTPS)),
        ("https://httpbin.org/a", {"path": "/b"}, Target("httpbin.org", 443, Scheme.HTTPS, "/b")),
        ("203.0.113.7", {}, Target("203.0.113.7", 80, Scheme.HTTP)),
        ("2001:DB8::7", {}, Target("2001:db8::7", 80, Scheme.HTTP)),
        ("[2001:db8::7]:8080", {}, Target("2001:db8::7", 8080, Scheme.HTTP)),
        ("db.example:5432", {"scheme": Scheme.TCP}, Target("db.example", 5432, Scheme.TCP, "")),
        ("tcp://db.example:5432", {}, Target("db.example", 5432, Scheme.TCP, "")),
        ("my_service.example", {}, Target("my_service.example", 80, Scheme.HTTP)),
        ("bücher.example", {}, Target("xn--bcher-kva.example", 80, Scheme.HTTP)),
        ("localhost", {}, Target("localhost", 80, Scheme.HTTP)),
    ],
)
def test_a_host_is_understood(text: str, options: dict[str, object], target: Target) -> None:
    assert parse_host(text, **options) == target  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("", {}, "empty"),
        ("docs redhat", {}, "spaces"),
        (" docs.redhat.com", {}, "spaces"),
        ("a.example\n", {}, "control"),
        ("*.redhat.com", {}, "wildcard"),
        ("docs.redhat.com/path", {}, "neither a host nor a URL"),
        ("ftp://docs.redhat.com", {}, "'ftp'"),
        ("http://me:pw@docs.redhat.com", {}, "credentials"),
        ("docs.redhat.com:", {}, "port"),
        ("docs.redhat.com:0", {}, "port"),
        ("docs.redhat.com:70000", {}, "ort"),
        ("docs.redhat.com:http", {}, "ort"),
        ("a..example", {}, "is not a DNS label"),
        ("-a.example", {}, "is not a DNS label"),
        ("a" * 64 + ".example", {}, "63"),
        (".".join(["a" * 60] * 5), {}, "253"),
        # Python would make another host of them: fass.example, and one without the joiner.
        ("fa\u00df.example", {}, "IDNA 2008"),
        ("\u03b2\u03cc\u03bb\u03bf\u03c2.example", {}, "IDNA 2008"),
        ("a\u200db.example", {}, "--host"),
        ("10.1", {}, "IPv4"),
        ("999.1.1.1", {}, "IPv4"),
        ("0x7f000001", {}, "IPv4"),
        ("fe80::1%eth0", {}, "--host"),
        ("$(id)", {}, "is not a DNS label"),
        ("https://a.example:8443", {"port": 443}, "contradict"),
        ("https://a.example", {"scheme": Scheme.HTTP}, "contradict"),
        ("a.example", {"scheme": Scheme.TCP}, "port"),
        ("tcp://a.example:1/x", {}, "path"),
        ("a.example", {"path": "x"}, "start with /"),
    ],
)
def test_a_host_that_cannot_be_is_refused_with_the_reason(text: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_host(text, **options)  # type: ignore[arg-type]
    assert says in f"{caught.value.message} {caught.value.hint}"
    assert "\n" not in caught.value.message


@given(st.text(max_size=80))
def test_any_host_is_a_target_or_a_usage_error(text: str) -> None:
    try:
        target = parse_host(text)
    except UsageError:
        return
    assert target.host.isascii()
    assert " " not in target.url
