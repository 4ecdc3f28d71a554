"""Where a redirect leads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egressaudit.model import CurlResult, Scheme, Target
from egressaudit.probe import redirect_target as redirected


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://docs.redhat.com/", "https://docs.redhat.com/"),
        ("https://docs.redhat.com:8443/a?b=c#d", "https://docs.redhat.com:8443/a?b=c"),
        ("http://user:secret@docs.redhat.com/", "http://docs.redhat.com/"),
        ("/en", "http://docs.redhat.com:8080/en"),
        ("en/x", "http://docs.redhat.com:8080/a/en/x"),
        ("//other.example/y", "http://other.example/y"),
        ("http://[2001:db8::1]/", "http://[2001:db8::1]/"),
        ("HTTPS://Docs.RedHat.com", "https://docs.redhat.com/"),
        ("https://docs.redhat.com?x", "https://docs.redhat.com/?x"),
        ('https://docs.redhat.com/"quoted"', "https://docs.redhat.com/%22quoted%22"),
        ("ftp://docs.redhat.com/", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("https://*.example/", None),
        ("https://a b/", None),
        ("https://a.example/\r\nX: y", None),
        ("http://docs.redhat.com:99999/", None),
        ("http://[::1", None),
        ("https://a.example/" + "x" * 9000, None),
        (None, None),
    ],
)
def test_a_location_becomes_a_target(location: str | None, url: str | None) -> None:
    target = Target("docs.redhat.com", 8080, Scheme.HTTP, "/a/b")
    result = CurlResult(exit_code=0, http_code=301, redirect_url=location)
    found = redirected(result, target)
    assert (found and found.url) == url


def test_only_a_redirecting_answer_redirects() -> None:
    target = Target("docs.redhat.com", 80, Scheme.HTTP)
    assert redirected(CurlResult(http_code=200, redirect_url="http://a.example/"), target) is None
    tcp = Target("a.example", 80, Scheme.TCP, "")
    assert redirected(CurlResult(http_code=301, redirect_url="http://a.example/"), tcp) is None


@given(st.text())
def test_any_location_is_a_target_or_none(location: str) -> None:
    found = redirected(CurlResult(http_code=302, redirect_url=location), Target("a.example", 80, Scheme.HTTP))
    assert found is None or (found.scheme in (Scheme.HTTP, Scheme.HTTPS) and found.path.isprintable())
