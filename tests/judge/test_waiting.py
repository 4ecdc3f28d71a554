"""How long a live run waits: not at all, until logs have settled, or to its deadline."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.probes import (
    GATEWAY_LOG,
    SIDECAR_LOG,
    VIA_GATEWAY,
    counts,
    curl,
    gateway,
    probe,
    sidecar,
    surroundings,
)
from support.tools import SAMPLES

from egressaudit.evidence.saved_run import load
from egressaudit.join.probe_hops import Vantage, join
from egressaudit.judge.probe_surroundings import ProbeSurroundings, RunFacts
from egressaudit.judge.verdict import judge
from egressaudit.mesh import Mesh
from egressaudit.model import CurlResult, Hop, Scheme
from egressaudit.pipeline.awaiting import wait_until

AROUND = surroundings(SIDECAR_LOG, counts(SIDECAR_LOG, GATEWAY_LOG))
NOT_CAPTURED = replace(AROUND, uncaptured="excludeOutboundPorts has 80")
NO_SIDECAR_LOG = replace(AROUND, silent={SIDECAR_LOG: "Telemetry curl/off turns it off"})
NO_GATEWAY_LOG = replace(AROUND, silent={GATEWAY_LOG: "Telemetry egress/off turns it off"})
BARE = replace(AROUND, bare=True)
UNRESOLVED = CurlResult(exit_code=6, error="Could not resolve host")
REFUSED = CurlResult(exit_code=7, error="Failed to connect")
OUTSIDE = curl(remote_address="203.0.113.7:80")
NOW, SETTLED, DEADLINE = "now", "when logs have settled", "at the deadline"


def waits(hops: list[Hop], result: CurlResult, around: ProbeSurroundings) -> str:
    sent = probe(result)
    addresses = {SIDECAR_LOG: ("10.0.0.5",), GATEWAY_LOG: ("10.0.0.9",)}
    [flow] = join(hops, [sent], Vantage({str(sent.source): SIDECAR_LOG}, addresses, {}))
    until = wait_until([judge(flow, VIA_GATEWAY, around)], deadline=30.0, settled=3.0)
    return {0.0: NOW, 3.0: SETTLED, 30.0: DEADLINE}[until]


@pytest.mark.parametrize(
    ("hops", "result", "around", "expected"),
    [
        ([sidecar(), gateway()], curl(), AROUND, NOW),
        ([], curl(), AROUND, DEADLINE),
        ([sidecar()], curl(), AROUND, DEADLINE),
        ([], UNRESOLVED, AROUND, NOW),
        ([], REFUSED, AROUND, NOW),
        ([], CurlResult(), AROUND, NOW),
        ([], REFUSED, NOT_CAPTURED, NOW),
        ([], OUTSIDE, NOT_CAPTURED, SETTLED),
        ([], curl(), NO_SIDECAR_LOG, SETTLED),
        ([], curl(), BARE, SETTLED),
        ([sidecar()], curl(), NO_SIDECAR_LOG, DEADLINE),
        ([sidecar()], curl(), NO_GATEWAY_LOG, SETTLED),
        ([sidecar(1), sidecar(2)], curl(), AROUND, SETTLED),
        ([replace(sidecar(), clean=False)], curl(), AROUND, SETTLED),
        ([sidecar(), replace(gateway(), clean=False)], curl(), AROUND, SETTLED),
    ],
)
def test_it_waits_for_what_may_come(
    hops: list[Hop], result: CurlResult, around: ProbeSurroundings, expected: str
) -> None:
    assert waits(hops, result, around) == expected


@pytest.mark.parametrize(("scheme", "bare"), [(Scheme.TCP, True), (Scheme.HTTP, False)])
def test_a_bare_connection_to_a_port_of_requests_is_known_by_the_service_entry(scheme: Scheme, *, bare: bool) -> None:
    saved = load(SAMPLES / "istio-apis")
    [sent] = saved.probes
    tcp = replace(sent, target=replace(sent.target, scheme=scheme))
    around = RunFacts(Mesh.from_json(saved.mesh), saved.sources).around(tcp, {}, {})
    assert around.bare is bare
    assert around.silent == {}


def test_a_log_that_the_configuration_turns_off_is_known() -> None:
    saved = load(SAMPLES / "logging-off")
    [sent] = saved.probes
    [(log, why)] = RunFacts(Mesh.from_json(saved.mesh), saved.sources).around(sent, {}, {}).silent.items()
    assert (log.namespace, "Telemetry" in why) == ("egress-gateway", True)


def test_one_probe_that_may_get_a_line_is_waited_for() -> None:
    [flow] = join([], [probe()], Vantage({}, {}, {}))
    may, never = (judge(flow, VIA_GATEWAY, each) for each in (AROUND, NO_SIDECAR_LOG))
    assert wait_until([never, may], deadline=30.0, settled=3.0) == 30.0
    assert wait_until([never], deadline=2.0, settled=3.0) == 2.0
