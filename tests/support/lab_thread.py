"""A lab in a thread of the test process, so that a test can change its faults and write into its logs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from egressaudit.evidence.environment import OUTSIDE
from egressaudit_lab.proxies.upstreams import Arrival
from egressaudit_lab.runner import Lab
from egressaudit_lab.scenario import Scenario
from egressaudit_lab.world import ContainerLog, Fault


class RunningLab:
    """What a test may do with a lab that runs in another thread."""

    def __init__(self, lab: Lab, loop: asyncio.AbstractEventLoop) -> None:
        self._lab = lab
        self._loop = loop
        self.kubeconfig: Path = lab.kubeconfig_path

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        """What the external hosts got, whichever way it came."""
        return tuple(self._lab.arrivals)

    def addresses(self, workload: str) -> frozenset[str]:
        """The addresses of a workload's pods."""
        return frozenset(pod.address for pod in self._lab.dataplane.pods(workload))

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the lab's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    @contextmanager
    def faulty(self, *faults: Fault) -> Iterator[None]:
        """These faults while the block runs, and no others."""
        self._lab.faults.rules[:] = faults
        try:
            yield
        finally:
            self._lab.faults.rules.clear()

    def log(self, workload: str) -> ContainerLog:
        """The proxy's log of a workload's first pod."""
        log: ContainerLog = self._lab.dataplane.pods(workload)[0].logs["istio-proxy"]
        return log

    def write(self, workload: str, line: bytes) -> None:
        """Put a line into a proxy's log."""
        self.do(self.log(workload).append(line))


@contextmanager
def running_lab(scenario: Scenario) -> Iterator[RunningLab]:
    """A lab that is up while the block runs; what this process starts meanwhile knows where its outside is."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    lab = Lab(scenario)
    try:
        asyncio.run_coroutine_threadsafe(lab.__aenter__(), loop).result(60)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(OUTSIDE, lab.outside)
                yield RunningLab(lab, loop)
        finally:
            asyncio.run_coroutine_threadsafe(lab.__aexit__(), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
