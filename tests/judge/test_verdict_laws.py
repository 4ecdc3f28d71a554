"""What holds for the verdict on any hops: noise changes nothing, and fewer hops never prove more."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.probes import (
    CURL,
    gateway,
    sidecar,
)
from support.verdicts import PASSTHROUGH, row, verdict

from egressaudit.model import (
    Hop,
    Outcome,
)

NOISE = (
    gateway(11, user_agent="curl/8.11.0"),
    gateway(12, downstream_remote_address="10.0.0.6:50000", user_agent="other"),
    sidecar(13, downstream_remote_address="10.0.0.5:40001", user_agent="other"),
    gateway(14, clean=False, downstream_remote_address="10.0.0.6:1", user_agent="other"),
)


@given(st.permutations([sidecar(), gateway(), *NOISE]))
def test_the_order_of_lines_never_matters_and_noise_changes_nothing(hops: list[Hop]) -> None:
    assert row(verdict(*hops)) == ("PASS", "via-gateway")


@given(st.sets(st.sampled_from(range(6))))
def test_removing_lines_never_makes_a_pass(kept: set[int]) -> None:
    everything = [sidecar(), gateway(), *NOISE]
    found = verdict(*(everything[n] for n in sorted(kept)))
    assert (found.outcome is Outcome.PASS) == ({0, 1} <= kept)
    if {0, 1} > kept:
        assert found.outcome is not Outcome.PASS


@pytest.mark.parametrize("column", sorted(set(sidecar().fields) - {"path", "authority", "upstream_cluster"}))
def test_no_pass_without_any_field_of_the_source_that_the_proof_names(column: str) -> None:
    # That it reached the gateway is proven by the sockets of both lines, not by how the source words it.
    needless = {"downstream_local_address", "method", "cluster_kind", "cluster_host", "response_code_details"}
    found = verdict(sidecar(**{column: None}), gateway())
    assert found.outcome is (Outcome.PASS if column in needless else Outcome.INCONCLUSIVE)


def test_any_subset_of_the_hops_of_a_failure_is_never_a_pass() -> None:
    hops = [PASSTHROUGH, gateway(), *NOISE]
    for size in range(len(hops) + 1):
        for some in itertools.combinations(hops, size):
            assert verdict(*some).outcome is not Outcome.PASS


def test_curls_socket_is_the_anchor() -> None:
    assert verdict(sidecar(), gateway()).flow.joined_by[0] == "curl socket = downstream_remote_address"
    assert verdict(sidecar(), gateway()).flow.hops[0].text("downstream_remote_address") == CURL
