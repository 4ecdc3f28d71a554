"""The faults after which the logs of a simulated mesh do not tell the way: what is lost, and what a line lacks.

In: nothing. Out: rows as those of `fault_table`. Example: a log that was not collected is EC72.
"""

from __future__ import annotations

from collections.abc import Iterator

from worlds import objects as k8s
from worlds.broken import SIDECAR, Broken, WorldFault
from worlds.model import Manifest

_HTTP = ("http",)


def evidence_faults() -> Iterator[WorldFault]:
    """All of them."""
    yield WorldFault("not-collected", "EC72", SIDECAR, lambda _: None, _not_collected, alone=True)
    yield WorldFault("silent", "EC73", SIDECAR, _silent, _unlogged, alone=True)
    yield WorldFault("client-from-header", "EC75", SIDECAR, lambda _: None, lambda it, begin: _came_as(
        it, begin, "198.51.100.77:0"), _HTTP)  # fmt: skip
    yield WorldFault("node-address", "EC76", SIDECAR, lambda _: None, lambda it, begin: _came_as(
        it, begin, f"192.168.1.10:{50_000 + begin % 9999}"), _HTTP)  # fmt: skip


def _not_collected(it: Broken, begin: int) -> None:
    log = it.through(begin).lines[-1].log
    it.world.manifest[log] = Manifest("failed", "not served after all attempts", None, None)
    for line in it.world.lines:
        if line.log == log:
            line.lost = "not collected"


def _silent(it: Broken) -> None:
    spec = {"accessLogging": [{"providers": [{"name": "envoy"}], "disabled": True}]}
    it.add(k8s.made("telemetry.istio.io/v1", "Telemetry", it.proxy.namespace, "quiet", spec=spec))


def _unlogged(it: Broken, begin: int) -> None:
    it.through(begin).lines[-1].lost = "not logged"


def _came_as(it: Broken, begin: int, client: str) -> None:
    it.through(begin).lines[-1].fields["downstream_remote_address"] = client
