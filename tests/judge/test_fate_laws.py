"""The laws that hold for the fate of every line, whatever its facts are."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st
from support.fates import (
    GATEWAY,
    NO_ANSWER,
    REJECTED,
    SIDECAR,
    WAYPOINT,
)

from egressaudit.hops.dialects.envoy.cluster_name import KINDS
from egressaudit.join.line_facts import EnvoyFacts, Fate, ZtunnelFacts
from egressaudit.judge.fate import OTHER_ENDPOINTS, LineFate, fate_of
from egressaudit.judge.words import REASONS
from egressaudit.mesh.places import Place
from egressaudit.model import Path

FLAGS = (
    "DC",
    "UT",
    "UR",
    "UF",
    "URX",
    "NR",
    "NC",
    "UH",
    "UAEX",
    "RL",
    "FI",
    "DI",
    "DT",
    "UC",
    "LH",
    "RLSE",
    "IH",
    "NFCF",
)


DETAILS = (
    *("", "via_upstream", "direct_response", "route_not_found", "rbac_access_denied_matched_policy[none]"),
    *("ext_authz_denied", "fault_filter_abort", "jwt_authn_access_denied{x}", "local_rate_limited", NO_ANSWER),
)


SERVICES = ("", "gateway", "pods", "other", "gone", "pods-only", "api-server")


flags = st.lists(st.sampled_from(FLAGS), max_size=3).map(",".join)


details = st.sampled_from(DETAILS)


envoys = st.builds(
    EnvoyFacts,
    role=st.sampled_from((SIDECAR, GATEWAY, WAYPOINT)),
    place=st.sampled_from(Place),
    kind=st.sampled_from(("", *KINDS)),
    service=st.sampled_from(SERVICES),
    flags=flags,
    details=details,
    ended=details,
)


errors = st.sampled_from(("", REJECTED, "no healthy upstream", "connection failed: x", "http status: 503", "io error"))


ztunnels = st.builds(
    ZtunnelFacts, place=st.sampled_from(Place), service=st.sampled_from(SERVICES), error=errors | st.text(max_size=20)
)


GONE = (Fate.LEFT, Fate.MAY_HAVE_LEFT)


WELL = (Fate.NOT_LEFT, Fate.REFUSED)


def says_that_it_was_not_connected(facts: EnvoyFacts) -> bool:
    answered = facts.details == "via_upstream" if facts.request else facts.moved
    return not facts.own and not answered and "UF" in facts.flags.split(",")


@given(envoys | ztunnels)
def test_every_line_has_a_fate_and_a_word_for_why(facts: EnvoyFacts | ZtunnelFacts) -> None:
    found = fate_of(facts)
    assert isinstance(found, LineFate)
    assert found.reason in {"", *REASONS}
    assert (found.path is Path.BLOCKED) == (found.fate is Fate.REFUSED)
    assert (found.path is Path.FAILED) == (found.fate is Fate.NOT_LEFT)
    # Where a retry may have gone elsewhere, a fate that needs no word has this one.
    doubted = found.reason == OTHER_ENDPOINTS and facts.mixed
    assert doubted or (found.reason != "") == (found.fate in (Fate.MAY_HAVE_LEFT, *WELL))
    assert found.path is Path.UNKNOWN or found.fate in (*GONE, *WELL)
    assert found.fate is not Fate.LEFT or (found.path is not Path.UNKNOWN and facts.place is Place.OUTSIDE)


@given(envoys)
def test_nothing_is_refused_once_an_address_was_chosen(facts: EnvoyFacts) -> None:
    assume(facts.place is not Place.NONE)
    found = fate_of(facts).fate
    assert found is not Fate.REFUSED
    assert found is not Fate.NOT_LEFT or says_that_it_was_not_connected(facts)


@given(facts=envoys, more=flags, told=details, ended=details, block_all=st.booleans())
def test_no_flag_detail_or_route_takes_back_that_it_left(
    facts: EnvoyFacts, more: str, told: str, ended: str, *, block_all: bool
) -> None:
    before = fate_of(facts).fate
    assume(before in GONE and facts.place is not Place.NONE)
    joined = ",".join(each for each in (facts.flags, more) if each)
    changed = replace(facts, flags=joined, details=told, ended=ended, block_all=block_all)
    after = fate_of(changed).fate
    assert after in GONE or says_that_it_was_not_connected(changed)
    if facts.own:
        assert after is before


@given(envoys)
def test_a_retry_that_may_have_gone_elsewhere_is_never_a_way_without_doubt(facts: EnvoyFacts) -> None:
    found = fate_of(replace(facts, mixed=True))
    assert found.fate not in (Fate.LEFT, Fate.ONWARD) or found.reason == OTHER_ENDPOINTS


@given(ztunnels)
def test_a_tunnel_is_never_a_way_out_of_its_own(facts: ZtunnelFacts) -> None:
    found = fate_of(replace(facts, tunnel=True))
    assert found.path not in (Path.DIRECT, Path.PASSTHROUGH)


@given(ztunnels, errors)
def test_no_error_takes_back_the_bytes_that_went(facts: ZtunnelFacts, error: str) -> None:
    moved = replace(facts, moved=True)
    assert fate_of(replace(moved, error=error)) == fate_of(moved)


@given(envoys | ztunnels)
def test_another_pods_line_proves_nothing(facts: EnvoyFacts | ZtunnelFacts) -> None:
    assert fate_of(replace(facts, foreign=True)).fate in (Fate.FOREIGN, Fate.INBOUND)
