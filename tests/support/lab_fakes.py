"""A tiny data plane whose pods run real local commands, and a lab in a thread for tests that block."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from egressaudit_lab.kube import ApiServer
from egressaudit_lab.world import AdmissionDenied, CommandNotFound, ContainerLog, Fault, Faults, Manifest

KUBECTL = str(Path(sys.prefix) / "bin" / "kubectl")


class LocalPod:
    """A pod whose commands run on this machine."""

    def __init__(self, pod: Manifest) -> None:
        spec = pod["spec"]
        self.logs = {c["name"]: ContainerLog() for c in spec["containers"] + (spec.get("initContainers") or [])}
        self.processes: list[asyncio.subprocess.Process] = []
        self.stopped = False

    async def exec(self, container: str, argv: Sequence[str]) -> asyncio.subprocess.Process:
        if shutil.which(argv[0]) is None:
            raise CommandNotFound(
                "OCI runtime exec failed: exec failed: unable to start container process: "
                f'exec: "{argv[0]}": executable file not found in $PATH: unknown'
            )
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe)
        self.processes.append(process)
        return process

    async def stop(self) -> None:
        assert not self.stopped
        self.stopped = True
        for log in self.logs.values():
            await log.close()


class LocalDataPlane:
    """Injects a sidecar where a label asks for it; a pod of image `missing` or `slow` never becomes ready."""

    def __init__(self) -> None:
        self.pods: dict[str, LocalPod] = {}

    def admit(self, pod: Manifest) -> Manifest:
        if (pod["metadata"].get("labels") or {}).get("sidecar") == "yes":
            pod["spec"]["containers"].append({"name": "istio-proxy", "image": "proxy"})
        if any(c["image"] == "denied" for c in pod["spec"]["containers"]):
            raise AdmissionDenied(f'pods "{pod["metadata"]["name"]}" is forbidden: violates PodSecurity "restricted"')
        return pod

    async def start(self, pod: Manifest) -> tuple[LocalPod, Manifest]:
        running = LocalPod(pod)
        self.pods[pod["metadata"]["name"]] = running
        images = {c["image"] for c in pod["spec"]["containers"]}
        broken = bool(images & {"missing", "slow"})
        why = "ErrImagePull" if "missing" in images else "ContainerCreating"
        begun = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        state: dict[str, Any] = {"waiting": {"reason": why}} if broken else {"running": {"startedAt": begun}}
        containers = [
            {
                "name": c["name"],
                "image": c["image"],
                "imageID": "",
                "ready": not broken,
                "started": not broken,
                "restartCount": 0,
                "state": state,
            }
            for c in pod["spec"]["containers"]
        ]
        status = {
            "phase": "Pending" if broken else "Running",
            "podIP": "127.0.0.9",
            "podIPs": [{"ip": "127.0.0.9"}],
            "conditions": [{"type": "Ready", "status": "False" if broken else "True"}],
            "containerStatuses": containers,
        }
        return running, status


class Lab:
    """A running API server with its kubeconfig in a file."""

    def __init__(
        self,
        api: ApiServer,
        dataplane: LocalDataPlane,
        loop: asyncio.AbstractEventLoop,
        home: Path,
        faults: Faults,
    ) -> None:
        self.api = api
        self.faults = faults
        self.dataplane = dataplane
        self._loop = loop
        self._home = home
        self.kubeconfig = home / "kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(api.kubeconfig()))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine in the lab's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def apply(self, *manifests: Manifest) -> None:
        for manifest in manifests:
            self.run(self.api.apply(manifest))

    def log(self, pod: str, container: str, *lines: bytes) -> None:
        for line in lines:
            self.run(self.dataplane.pods[pod].logs[container].append(line))

    def kubectl_command(self, *args: str) -> list[str]:
        return [KUBECTL, f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self._home}/cache", *args]

    def kubectl(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.kubectl_command(*args), input=stdin, capture_output=True, text=True, timeout=30, check=False
        )

    def out(self, *args: str, stdin: str | None = None) -> str:
        """What a kubectl command prints that must succeed."""
        done = self.kubectl(*args, stdin=stdin)
        assert done.returncode == 0, done
        return done.stdout

    def json(self, *args: str) -> Any:
        return json.loads(self.out(*args, "-o", "json"))


@contextmanager
def running_lab(*rules: Fault) -> Iterator[Lab]:
    """A lab in a thread of its own, with a node, the namespace `curl` and the given faults."""
    ready: list[Lab] = []
    started = threading.Event()
    dataplane = LocalDataPlane()

    async def serve(home: Path) -> None:
        faults = Faults(list(rules))
        async with ApiServer(dataplane, faults) as api:
            ready.append(Lab(api, dataplane, asyncio.get_running_loop(), home, faults))
            started.set()
            await asyncio.to_thread(leave.wait)

    leave = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        errors: list[BaseException] = []

        def work() -> None:
            try:
                asyncio.run(serve(Path(folder)))
            except BaseException as error:  # noqa: BLE001
                errors.append(error)
                started.set()

        thread = threading.Thread(target=work)
        thread.start()
        started.wait(10)
        try:
            if not ready:
                raise errors[0]
            ready[0].apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "curl"}})
            yield ready[0]
        finally:
            leave.set()
            thread.join(10)
        assert not thread.is_alive()
        assert not errors, errors
    assert all(pod.stopped for pod in dataplane.pods.values())


def pod(name: str, *containers: str, namespace: str = "curl", **labels: str) -> Manifest:
    """A pod manifest."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"containers": [{"name": c, "image": "curl:8"} for c in containers or ("curl",)]},
    }
