"""Curl in the lab's pods, and the access lines that come of it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from egressaudit_lab.pods.running_pod import LabPod
from egressaudit_lab.runner import Lab
from egressaudit_lab.scenario import Scenario, load_scenario

T = TypeVar("T")

# Istio's default text format (1.23 and later), field by field, as istio.io documents it.
_ACCESS = re.compile(
    r'\[(?P<time>[^\]]+)\] "(?P<method>\S+) (?P<path>\S+) (?P<protocol>\S+)" (?P<code>\d+) (?P<flags>\S+) '
    r'(?P<details>\S+) (?P<termination>\S+) "(?P<failure>[^"]*)" (?P<received>\d+) (?P<sent>\d+) (?P<duration>\d+) '
    r'(?P<service_time>\S+) "(?P<forwarded>[^"]*)" "(?P<agent>[^"]*)" "(?P<request_id>[^"]*)" "(?P<authority>[^"]*)" '
    r'"(?P<upstream>[^"]*)" (?P<cluster>\S+) (?P<upstream_local>\S+) (?P<local>\S+) (?P<remote>\S+) (?P<sni>\S+) '
    r"(?P<route>\S+)"
)


@dataclass(frozen=True)
class Curl:
    """What a curl in a pod said."""

    exit: int
    code: str
    socket: str
    remote: str
    stderr: str


def changed(name: str, **behaviour: Any) -> Scenario:
    """A scenario whose lab.yaml differs in some fields."""
    scenario = load_scenario(name)
    return replace(scenario, behaviour=replace(scenario.behaviour, **behaviour))


def in_lab(scenario: str | Scenario, work: Callable[[Lab], Awaitable[T]]) -> T:
    """What a coroutine found in a running lab."""

    async def run() -> T:
        async with Lab(load_scenario(scenario) if isinstance(scenario, str) else scenario) as lab:
            return await work(lab)

    return asyncio.run(run())


async def curl(lab: Lab, workload: str, container: str, *args: str) -> Curl:
    [pod] = lab.dataplane.pods(workload)
    said = "\\n%{http_code} %{local_ip}:%{local_port} %{remote_ip}:%{remote_port}"
    argv = ["curl", "-q", "-sS", "-o", "/dev/null", "-w", said, "--max-time", "10", *args]
    process = await pod.exec(container, argv)
    out, err = await process.communicate()
    code, socket, remote = out.decode().split("\n")[-1].split(" ")
    return Curl(process.returncode or 0, code, socket, remote, err.decode())


async def lines(pod: LabPod, container: str = "istio-proxy") -> list[str]:
    """The lines of a container's log until now."""
    return [entry.line.decode(errors="replace") async for entry in pod.logs[container].read()]


async def line_with(lab: Lab, workload: str, text: str, wait: float = 5.0) -> str:
    """The one line of a workload's proxies that holds a text; proxies write about a second late."""
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        found = [line for pod in lab.dataplane.pods(workload) for line in await lines(pod) if text in line]
        if found:
            assert len(found) == 1, found
            return found[0]
        await asyncio.sleep(0.05)
    raise AssertionError(f"no line of {workload} has {text}")


def access(line: str) -> dict[str, str]:
    """The fields of an access line."""
    found = _ACCESS.fullmatch(line)
    assert found, line
    return found.groupdict()


def ztunnel_fields(line: str) -> dict[str, str]:
    """The fields of a ztunnel access line, unquoted."""
    rest = line.rsplit("\t", maxsplit=1)[-1]
    return {key: value.strip('"') for key, value in (each.split("=", 1) for each in rest.split(" "))}
