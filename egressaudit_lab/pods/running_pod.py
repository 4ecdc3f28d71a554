"""A running pod: its processes, its logs, and commands that are run in it.

In: a manifest and its processes. Out: logs by container, and the output of an exec.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import AsyncExitStack
from pathlib import PurePosixPath

from egressaudit_lab import processes
from egressaudit_lab.pods.injection import PROXY
from egressaudit_lab.world import CommandNotFound, ContainerLog, Manifest

_PLAIN = ("cat", "echo", "false", "sleep", "true")
"""What else than curl a container of the lab has. No shell: it could run anything on this machine."""

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
"""Nothing of this machine's: a proxy variable or a ~/.curlrc would be another way out."""


class LabPod:
    """The pod's side of `world.RunningPod`. What it started is on `stack` and ends with it.

    `curl` makes the command line of curl in a container, from what was asked; `without_curl` are containers without.
    """

    def __init__(
        self,
        pod: Manifest,
        address: str,
        curl: Callable[[str, Sequence[str]], list[str]],
        without_curl: Sequence[str],
    ) -> None:
        spec = pod["spec"]
        names = [each["name"] for each in [*(spec.get("initContainers") or []), *spec["containers"]]]
        self.logs: MutableMapping[str, ContainerLog] = {name: ContainerLog() for name in names}
        self.name: str = pod["metadata"]["name"]
        self.address = address
        self.admin: tuple[str, int] | None = None
        """Where its Envoy's admin endpoint is; None if no Envoy runs in it."""
        self.stack = AsyncExitStack()
        self._curl = curl
        self._without_curl = without_curl
        self._commands: set[asyncio.subprocess.Process] = set()

    async def exec(self, container: str, argv: Sequence[str]) -> asyncio.subprocess.Process:
        """Start curl, or one of a few harmless programs; CommandNotFound in the words of runc for anything else."""
        command = self._command(container, argv)
        process = await processes.spawn(command, env=_ENVIRONMENT)
        self._commands = {each for each in self._commands if each.returncode is None} | {process}
        return process

    async def stop(self) -> None:
        """End its processes and close its logs."""
        await asyncio.gather(*(processes.stop(each) for each in self._commands))
        await self.stack.aclose()
        for log in self.logs.values():
            await log.close()

    def _command(self, container: str, argv: Sequence[str]) -> list[str]:
        program = PurePosixPath(argv[0]).name
        if program == "pilot-agent" and container == PROXY and self.admin is not None:
            return self._admin_request(self.admin, argv[1:])
        if program == "curl" and container not in self._without_curl:
            return self._curl(container, argv)
        found = shutil.which(program, path=_ENVIRONMENT["PATH"]) if program in _PLAIN else None
        if found is None:
            where = "stat" if "/" in argv[0] else "executable file not found in $PATH"
            why = f"stat {argv[0]}: no such file or directory" if where == "stat" else where
            raise CommandNotFound(
                "OCI runtime exec failed: exec failed: unable to start container process: "
                f'exec: "{argv[0]}": {why}: unknown'
            )
        return [found, *argv[1:]]

    def _admin_request(self, admin: tuple[str, int], argv: Sequence[str]) -> list[str]:
        """`pilot-agent request GET PATH`, asked of the pod's real Envoy (istio/istio pilot/cmd/pilot-agent/app).

        A stand-in: of pilot-agent's commands there is this one, and curl sends what pilot-agent would.
        """
        if len(argv) != 3 or list(argv[:2]) != ["request", "GET"]:
            raise CommandNotFound("the lab's pilot-agent knows only: pilot-agent request GET PATH")
        address, port = admin
        url = f"http://{address}:{port}/{argv[2].removeprefix('/')}"
        curl = shutil.which("curl", path=_ENVIRONMENT["PATH"]) or "curl"
        return [curl, "--silent", "--show-error", "--fail-with-body", "--globoff", "--noproxy", "*", url]
