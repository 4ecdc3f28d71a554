"""Start a scenario, run a command against it, stop it.

In: `ambient` and `egressaudit verify ...`. Out: the command's exit code; nothing is left running.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Self

import trustme
import yaml

from egressaudit.errors import LabError, NotFound
from egressaudit_lab import processes
from egressaudit_lab.addresses import AddressBook
from egressaudit_lab.dataplane import LabDataPlane
from egressaudit_lab.kube import ApiServer, Refusal
from egressaudit_lab.pods.injection import PROXY
from egressaudit_lab.programs import find_programs
from egressaudit_lab.proxies.upstreams import Arrival, Upstreams
from egressaudit_lab.scenario import Scenario
from egressaudit_lab.world import Fault, Faults

_TRAFFIC_LINES = 20
_TRAFFIC_TIMEOUT = 5.0


class Lab:
    """`async with Lab(scenario) as lab:` a running mesh; everything it made is gone when it is left.

    `faults` are added to the scenario's own.
    """

    def __init__(self, scenario: Scenario, faults: Sequence[Fault] = ()) -> None:
        self._scenario = scenario
        self.faults = Faults([*scenario.behaviour.faults, *faults])
        """In force; may be changed while the lab is up."""
        self._stack = AsyncExitStack()
        self.kubeconfig_path = Path()
        """Where kubectl and others find the lab's API server."""
        self.outside = ""
        """The networks of its external hosts, for EGRESSAUDIT_OUTSIDE."""
        self.arrivals: list[Arrival] = []
        """What the external hosts got, whichever way it came."""

    async def __aenter__(self) -> Self:
        programs = find_programs()
        async with AsyncExitStack() as stack:
            book = AddressBook()
            stack.callback(book.close)
            self.outside = book.outside
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="egressaudit-lab-")))
            authority = trustme.CA(organization_name="egressaudit lab")
            self.dataplane = LabDataPlane(self._scenario, book, authority, programs, folder)
            hosts = self._scenario.behaviour.hosts
            upstreams = Upstreams(hosts, self.dataplane.destinations, authority)
            self.arrivals = (await stack.enter_async_context(upstreams)).arrivals
            self.api = await stack.enter_async_context(ApiServer(self.dataplane, self.faults))
            self.kubeconfig_path = folder / "kubeconfig"
            self.kubeconfig_path.touch(mode=0o600)
            self.kubeconfig_path.write_text(yaml.safe_dump(self.api.kubeconfig()), encoding="utf-8")
            try:
                await self.api.apply({"kind": "List", "items": list(self._scenario.manifests)})
            except Refusal as error:
                raise LabError(f"scenario {self._scenario.name}: {error}") from error
            if self.dataplane.failures:
                raise LabError(f"scenario {self._scenario.name}: {'; '.join(self.dataplane.failures)}")
            await self._await_traffic()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _await_traffic(self) -> None:
        """Return once the traffic of a scenario that has some is in the proxies' logs, so that no probe is early."""
        if not self._scenario.behaviour.traffic:
            return
        pods = [pod for each in self._scenario.behaviour.proxies for pod in self.dataplane.pods(each.workload)]
        with suppress(TimeoutError):
            async with asyncio.timeout(_TRAFFIC_TIMEOUT):
                await asyncio.gather(*(pod.logs[PROXY].grown_to(_TRAFFIC_LINES) for pod in pods))


async def run_lab(
    scenario: Scenario,
    command: Sequence[str],
    faults: Sequence[Fault] = (),
    say: Callable[[str], None] = lambda _: None,
) -> int:
    """Run a command against a scenario and return its exit code (128 + N for signal N).

    Without a command `say` is told what to export, and the lab stays up until one of four signals: SIGINT is 130.
    """
    if command and shutil.which(command[0]) is None:
        raise NotFound(f"there is no command {command[0]!r}", hint="What follows `--` is run as a command.")
    received: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    # What is ignored stays so: nohup.
    every = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    signals = [number for number in every if signal.getsignal(number) is not signal.SIG_IGN]
    for number in signals:
        loop.add_signal_handler(number, received.put_nowait, number)
    try:
        return await _serve(scenario, command, faults, say, received)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def _serve(
    scenario: Scenario,
    command: Sequence[str],
    faults: Sequence[Fault],
    say: Callable[[str], None],
    received: asyncio.Queue[int],
) -> int:
    lab = Lab(scenario, faults)
    entering = asyncio.create_task(lab.__aenter__())
    interrupted = asyncio.create_task(received.get())
    await asyncio.wait([entering, interrupted], return_when=asyncio.FIRST_COMPLETED)
    if interrupted.done():
        # What has been started so far ends before the signal is obeyed.
        entering.cancel()
        done = await asyncio.gather(entering, return_exceptions=True)
        if isinstance(done[0], Lab):
            await lab.__aexit__()
        return 128 + interrupted.result()
    try:
        await entering
        if command:
            return await _run(command, lab, received, interrupted)
        say(f"export KUBECONFIG={lab.kubeconfig_path} EGRESSAUDIT_OUTSIDE={lab.outside}")
        say(f"egressaudit verify {shlex.join(scenario.behaviour.verify)}")
        say("# the lab is up until interrupted (Ctrl-C)")
        return 128 + await interrupted
    finally:
        interrupted.cancel()
        await lab.__aexit__()


async def _run(command: Sequence[str], lab: Lab, received: asyncio.Queue[int], first: asyncio.Task[int]) -> int:
    """The exit code of a command; signals that we get are passed on to it."""
    environment = os.environ | {"KUBECONFIG": str(lab.kubeconfig_path), "EGRESSAUDIT_OUTSIDE": lab.outside}
    process = await processes.spawn(command, env=environment, piped=False, new_session=False)

    async def forward() -> None:
        number = await first
        while True:
            # Ctrl-C on a terminal has reached the command already: it is of our own process group.
            if number != signal.SIGINT or not _in_foreground():
                process.send_signal(number)
            number = await received.get()

    forwarding = asyncio.create_task(forward())
    try:
        code = await process.wait()
    finally:
        forwarding.cancel()
        await asyncio.gather(forwarding, return_exceptions=True)
        await processes.stop(process)
    return code if code >= 0 else 128 - code


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
