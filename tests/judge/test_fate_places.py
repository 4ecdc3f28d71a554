"""Only an address that is proven outside makes a line `left`, also when somebody adds a place and forgets the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from egressaudit.join.line_facts import EnvoyFacts, Fate, ZtunnelFacts
from egressaudit.judge.fate import fate_of
from egressaudit.judge.words import REASONS
from egressaudit.mesh.places import Place
from egressaudit.model import Reporter

ENVOY = EnvoyFacts(
    role=Reporter.SIDECAR, request=True, own=True, moved=True, foreign=False, came_in=False, place=Place.OUTSIDE,
    kind="outbound", host=True, service="", mixed=False, block_all=False, flags="", details="via_upstream", ended="",
)  # fmt: skip
ZTUNNEL = ZtunnelFacts(
    inbound=False, early=False, opened=False, moved=True, foreign=False, place=Place.OUTSIDE, tunnel=False,
    ends_there=False, host=True, service="", error="",
)  # fmt: skip


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize("facts", [ENVOY, replace(ENVOY, kind="passthrough", host=False), ZTUNNEL])
def test_nothing_but_outside_makes_a_line_leave(facts: EnvoyFacts | ZtunnelFacts, place: Place) -> None:
    found = fate_of(replace(facts, place=place))
    assert (found.fate is Fate.LEFT) == (place is Place.OUTSIDE)
    assert not found.reason or found.reason in REASONS
