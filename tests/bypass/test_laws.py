"""Laws of the ruling, whatever curl says: without a line, only an answer from outside opens, and nothing closes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.batteries import attempted, connected, uncaptured
from support.probes import probe
from support.verdicts import verdict

from egressaudit.bypass import attempts
from egressaudit.model import BypassStanding, CurlResult

ADDRESSES = st.sampled_from([None, "203.0.113.7:80", "198.51.100.1:80", "10.0.0.77:80", "10.1.0.1:80", "127.0.0.1:80"])
RESULTS = st.builds(
    CurlResult,
    exit_code=st.one_of(st.none(), st.integers(0, 99)),
    http_code=st.one_of(st.none(), st.integers(100, 599)),
    local_address=st.just("10.0.0.5:40000"),
    remote_address=ADDRESSES,
    connected=st.one_of(st.none(), st.booleans()),
    error=st.one_of(st.none(), st.text(max_size=20)),
)
OUTSIDE = ("203.0.113.7:80", "198.51.100.1:80")
NAMES = st.sampled_from([each.name for each in attempts().values()])


@given(NAMES, RESULTS)
def test_no_word_of_curl_closes_a_way(name: str, result: CurlResult) -> None:
    for found in (verdict(sent=probe(result)), uncaptured(result)):
        for control in (None, connected()):
            standing = attempted(name, found, control=control, dialled="10.1.0.1:69").standing
            assert standing is not BypassStanding.CLOSED


@given(NAMES, RESULTS)
def test_a_captured_pod_without_a_line_opens_nothing(name: str, result: CurlResult) -> None:
    if name not in ("http3", "udp"):
        assert attempted(name, verdict(sent=probe(result))).standing is not BypassStanding.OPEN


@given(NAMES, RESULTS)
def test_what_is_open_without_a_line_was_answered_by_an_address_outside(name: str, result: CurlResult) -> None:
    if attempted(name, uncaptured(result), dialled="10.1.0.1:69").standing is BypassStanding.OPEN:
        assert result.remote_address in OUTSIDE
        assert result.http_code is not None or name == "udp"
