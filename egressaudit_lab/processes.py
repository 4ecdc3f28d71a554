"""Processes that never outlive the lab, and their output as container logs.

In: a command, e.g. of an Envoy. Out: a process that ends with the lab, and the log of what it writes.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from egressaudit_lab.world import ContainerLog

_PR_SET_PDEATHSIG = 1
"""prctl(2)."""

_CHUNK = 1 << 18

Change = Callable[[bytes], bytes]
"""What becomes of a line on its way into the log."""


def _die_with(parent: int) -> Callable[[], None]:
    """To be run in a child: it is killed when the lab dies, even by SIGKILL."""
    prctl = ctypes.CDLL(None).prctl

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The lab may have died before the call above.
        if os.getppid() != parent:
            os._exit(1)

    return prepare


async def spawn(
    argv: Sequence[str], *, env: Mapping[str, str], piped: bool = True, new_session: bool = True
) -> Process:
    """Start a program that dies with this process. `piped` opens pipes to all three streams, else they are inherited.

    A session of its own keeps Ctrl-C on the terminal from it: the lab decides when it ends.
    """
    stream = PIPE if piped else None
    return await asyncio.create_subprocess_exec(
        *argv,
        stdin=stream,
        stdout=stream,
        stderr=stream,
        env=dict(env),
        start_new_session=new_session,
        preexec_fn=_die_with(os.getpid()),
    )


async def spawn_daemon(argv: Sequence[str], env: Mapping[str, str]) -> Process:
    """Start a program without input, with its output piped."""
    return await asyncio.create_subprocess_exec(
        *argv,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=dict(env),
        start_new_session=True,
        preexec_fn=_die_with(os.getpid()),
    )


async def stop(process: Process, grace: float = 2.0) -> None:
    """End a process: asked first, killed after `grace` seconds."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace)
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def pump(stream: asyncio.StreamReader, log: ContainerLog, change: Change = lambda line: line) -> None:
    """Append each line of a stream to a log until it ends; a line may be of any length and of any bytes."""
    rest = b""
    while chunk := await stream.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n") if b"\n" in chunk else [rest + chunk]
        for line in lines:
            await log.append(change(line))
    if rest:
        await log.append(change(rest))
