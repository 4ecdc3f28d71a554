"""One Envoy process, run as Istio's pilot-agent runs it.

In: a configuration. Out: a process whose output is the container's log.
"""

from __future__ import annotations

import asyncio
import time
from asyncio.subprocess import Process
from datetime import UTC, datetime
from pathlib import Path

from egressaudit.errors import LabError
from egressaudit_lab import processes
from egressaudit_lab.processes import Change
from egressaudit_lab.world import ContainerLog

_START_TIMEOUT = 20.0

_OPTIONS = (
    # istio/istio pkg/envoy/proxy.go: the access log reaches standard output about a second late.
    "--file-flush-interval-msec",
    "1000",
    "--disable-hot-restart",
    "--local-address-ip-version",
    "v4",
    "--log-format",
    "%Y-%m-%dT%T.%fZ\t%l\tenvoy %n %g:%#\t%v\tthread=%t",
    "-l",
    "warning",
    "--component-log-level",
    "misc:error",
    "--concurrency",
    "2",
)


class Envoy:
    """Both output streams go to one container log, as the kubelet has it."""

    def __init__(self, program: str, config: Path, log: ContainerLog, change: Change) -> None:
        self._program = program
        self._config = config
        self._log = log
        self._change = change
        self._process: Process | None = None
        self._pumps: list[asyncio.Task[None]] = []

    async def start(self, admin: tuple[str, int]) -> None:
        """Return once it serves; `admin` is where it says so. LabError if it does not."""
        argv = [self._program, "-c", str(self._config), *_OPTIONS]
        self._process = process = await processes.spawn_daemon(argv, {"PATH": "/usr/bin:/bin"})
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            self._pumps.append(asyncio.create_task(processes.pump(stream, self._log, self._change)))
        deadline = time.monotonic() + _START_TIMEOUT
        while not await _is_live(*admin):
            if process.returncode is not None:
                raise LabError(f"Envoy ended with {process.returncode}: {await self._last_words()}")
            if time.monotonic() > deadline:
                raise LabError(f"Envoy was not ready after {_START_TIMEOUT:.0f} seconds")
            await asyncio.sleep(0.02)
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        # As pilot-agent says it (istio/istio pilot/cmd/pilot-agent/status/ready).
        await self._log.append(self._change(f"{now}\tinfo\tEnvoy proxy is ready".encode()))

    async def stop(self) -> None:
        """End it; what it had not flushed yet is still logged."""
        if self._process is not None:
            await processes.stop(self._process)
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _last_words(self) -> str:
        await asyncio.gather(*self._pumps, return_exceptions=True)
        lines = [entry.line async for entry in self._log.read(tail=1)]
        return b"".join(lines).decode(errors="replace") or "it said nothing"


async def _is_live(address: str, port: int) -> bool:
    """Whether Envoy's admin endpoint says that all listeners work."""
    try:
        reader, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    try:
        writer.write(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()
