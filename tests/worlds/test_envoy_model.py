"""What the simulator writes of the proxy at which something ended is what a real Envoy writes."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from worlds import endings, envoy_model
from worlds.endings import BY_NAME
from worlds.lines import NOTHING
from worlds.model import Host, Pod, World
from worlds.traffic import Traffic

pytestmark = pytest.mark.e2e

PRESENT = (
    "upstream_host", "upstream_local_address", "upstream_cluster", "upstream_service_time", "bytes_sent",
    "upstream_transport_failure_reason",
)  # fmt: skip
"""The judge asks of these whether they are there; how many bytes, and which socket, differ from line to line."""
SAME = ("response_code", "response_flags", "response_code_details", "connection_termination_details")
MODELLED = [(scheme, each.name) for scheme, every in (("http", endings.HTTP), ("tcp", endings.TCP)) for each in every]


def pattern(fields: dict[str, Any], scheme: str) -> dict[str, Any]:
    """What the judge sees of a line."""
    present = (*PRESENT, "bytes_received") if scheme == "tcp" else PRESENT
    seen: dict[str, Any] = {key: fields[key] not in (None, "-", 0) for key in present}
    seen |= {key: None if fields[key] == "-" else fields[key] for key in SAME}
    if seen["upstream_transport_failure_reason"]:
        seen["response_code_details"] = (seen["response_code_details"] or "").partition("|")[0]
    return seen


def simulated(scheme: str, name: str) -> dict[str, Any]:
    """The line that the simulator writes of an ending."""
    world = World(1, "honest", "sidecar")
    pod = Pod("n", "p", ("10.244.0.9",), 0, "app", "Deployment/p", mode="sidecar")
    host = Host("up.example", ("203.0.113.1",), 80, scheme, "direct", far_port=80, vip="240.240.0.1")
    flow = Traffic(world, Sure(1)).straight(pod, host, 0, 100, BY_NAME[scheme, name])
    return NOTHING | flow.lines[0].fields


class Sure(random.Random):
    """Draws the largest number of bytes: zero may be drawn too, and is no other way to end."""

    def choice(self, seq: Any) -> Any:
        return seq[-1]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The lines of one Envoy."""
    return asyncio.run(envoy_model.lines(tmp_path_factory.mktemp("model")))


@pytest.mark.parametrize(("scheme", "name"), MODELLED)
def test_a_line_is_as_envoy_writes_it(
    real: dict[tuple[str, str], list[dict[str, Any]]], scheme: str, name: str
) -> None:
    assert pattern(simulated(scheme, name), scheme) == pattern(real[scheme, name][-1], scheme)


@pytest.mark.parametrize("scheme", ["http", "tcp"])
def test_a_failed_handshake_is_told_like_a_refused_connection(
    real: dict[tuple[str, str], list[dict[str, Any]]], scheme: str
) -> None:
    """The connection was made and a ClientHello left; the line has no socket of its own, and only the reason differs."""
    failed, refused = real[scheme, "tls-failed"][-1], real[scheme, "connect-refused"][-1]
    assert pattern(failed, scheme) == pattern(refused, scheme)
    assert failed["upstream_transport_failure_reason"].startswith("TLS_error:")


def test_a_connection_that_rbac_refuses_was_made(real: dict[tuple[str, str], list[dict[str, Any]]]) -> None:
    """Over TCP the proxy connects before RBAC sees a byte; a request is refused before an address is chosen."""
    connection, request = real["tcp", "rbac"][-1], real["http", "rbac"][-1]
    assert connection["upstream_host"]
    assert connection["upstream_local_address"]
    assert connection["bytes_sent"] == 0
    assert request["upstream_host"] is None
