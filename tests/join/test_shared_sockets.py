"""Two probes of a pod with one local port, to two places: the line of one is not the other's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.probes import SOURCE, WAYPOINT_LOG, ZTUNNEL_LOG, curl, probe, waypoint, ztunnel

from egressaudit.join.probe_hops import Vantage, join, shared_sockets
from egressaudit.model import Hop, LogSource, Probe, Scheme, Target

STEERED = replace(probe(curl(remote_address="240.240.0.4:80")), target=Target("docs.redhat.com", 443, Scheme.HTTPS))
OTHER = replace(
    probe(curl(remote_address="203.0.113.9:443")),
    target=Target("other.example", 443, Scheme.HTTPS),
    nonce="f" * 16,
)
NO_REQUEST: dict[str, object] = {"method": None, "path": None, "protocol": None, "response_code": 0, "user_agent": None}
THROUGH = (ztunnel(), waypoint(bytes_received=78, bytes_sent=540, **NO_REQUEST))
DIRECT = ztunnel(2, dst_addr="203.0.113.9:443", dst_hbone_addr=None, dst_service=None, bytes_sent=90)


def logs(hops: tuple[Hop, ...], *probes: Probe) -> list[list[LogSource]]:
    vantage = Vantage(
        source_log={str(SOURCE): ZTUNNEL_LOG},
        addresses={WAYPOINT_LOG: ("10.0.0.8",), ZTUNNEL_LOG: ("10.0.0.7",)},
        before={},
        shared=shared_sockets(probes),
    )
    return [[hop.line.source for hop in flow.hops] for flow in join(hops, probes, vantage)]


@pytest.mark.parametrize(
    ("hops", "of_other"),
    [
        # Its own line is not there yet: the other's must not stand in for it.
        (THROUGH, []),
        ((*THROUGH, DIRECT), [ZTUNNEL_LOG]),
    ],
)
def test_each_has_the_lines_of_its_own_connection(hops: tuple[Hop, ...], of_other: list[LogSource]) -> None:
    assert logs(hops, STEERED, OTHER) == [[ZTUNNEL_LOG, WAYPOINT_LOG], of_other]


def test_a_socket_of_one_probe_needs_no_address() -> None:
    assert logs(THROUGH, replace(STEERED, result=curl(remote_address="10.96.0.7:80"))) == [[ZTUNNEL_LOG, WAYPOINT_LOG]]
