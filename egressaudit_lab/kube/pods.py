"""The life of a pod: created, admitted by the mesh, scheduled, started by the data plane, ended, removed.

In: a pod's manifest. Out: a running pod with an address and a status; later, its removal.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable, Mapping

from egressaudit_lab.kube.kinds import NODE, POD
from egressaudit_lab.kube.refusal import denied, invalid
from egressaudit_lab.kube.store import Store, now
from egressaudit_lab.world import AdmissionDenied, ContainerLog, DataPlane, Manifest, RunningPod

_LOGGER = logging.getLogger(__name__)


class Pods:
    """Creates and ends pods. `changed` is called with the namespace whenever one has become ready or is gone."""

    def __init__(self, store: Store, dataplane: DataPlane, changed: Callable[[str], None]) -> None:
        self._store = store
        self._dataplane = dataplane
        self._changed = changed
        self._running: dict[str, RunningPod] = {}
        self._previous: dict[str, dict[str, ContainerLog]] = {}
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}

    def create(self, manifest: Manifest) -> Manifest:
        """The stored pod, Pending; the data plane starts it meanwhile. Refusal 403, 409 or 422."""
        stored = self._store.create(POD, self.admitted(manifest))
        uid = stored["metadata"]["uid"]
        task = asyncio.create_task(self._start(stored), name=f"start pod {stored['metadata']['name']}")
        self._starting[uid] = task
        task.add_done_callback(lambda done: self._started(uid, done))
        return stored

    def admitted(self, manifest: Manifest) -> Manifest:
        """The pod with defaults, and as admission makes it; nothing is stored. Refusal 403 or 422."""
        pod = copy.deepcopy(manifest)
        _check(pod)
        spec = pod["spec"]
        spec.setdefault("nodeName", self._first_node())
        defaults = {
            "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default",
            "terminationGracePeriodSeconds": 30,
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "enableServiceLinks": True,
        }
        pod["spec"] = defaults | spec
        try:
            pod = copy.deepcopy(self._dataplane.admit(pod))
        except AdmissionDenied as error:
            raise denied(POD, pod["metadata"]["name"], str(error)) from error
        pod["status"] = _pending(pod)
        return pod

    def delete(self, pod: Manifest, grace: int) -> Manifest:
        """The pod, marked for deletion; it is removed once its processes have ended."""
        meta = pod["metadata"]
        if meta["uid"] in self._ending:
            return pod
        marked = meta | {"deletionTimestamp": now(), "deletionGracePeriodSeconds": grace}
        stored = self._store.replace(POD, pod | {"metadata": marked})
        self._ending[meta["uid"]] = asyncio.create_task(self._end(stored), name=f"end pod {meta['name']}")
        return stored

    async def ended(self, uid: str) -> None:
        """Wait until a deleted pod is removed."""
        if task := self._ending.get(uid):
            await asyncio.shield(task)

    async def settled(self) -> None:
        """Wait for the pods that are starting now; what the data plane raised against its contract is raised here."""
        await asyncio.gather(*self._starting.values())

    def running(self, uid: str) -> RunningPod | None:
        """The pod's processes, None if they have not been started."""
        return self._running.get(uid)

    def logs(self, uid: str) -> Mapping[str, ContainerLog]:
        """The logs of a pod, empty if it has not been started."""
        running = self._running.get(uid)
        return running.logs if running else {}

    def previous_logs(self, uid: str) -> Mapping[str, ContainerLog]:
        """The logs of a pod's containers before their last restart, by container."""
        return self._previous.get(uid, {})

    async def restart(self, namespace: str, name: str, container: str) -> None:
        """Stand in for a container's restart: a new log, and a status that says so. Its process goes on.

        The kubelet keeps the log of one run before the present (`maxPerPodContainer` is 1), so no older one is.
        """
        pod = self._store.get(POD, namespace, name)
        running = self._running[pod["metadata"]["uid"]]
        old, running.logs[container] = running.logs[container], ContainerLog()
        await old.close()
        self._previous.setdefault(pod["metadata"]["uid"], {})[container] = old
        status = copy.deepcopy(pod["status"])
        for each in (*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())):
            if each["name"] == container:
                began = (each["state"].get("running") or {}).get("startedAt", pod["status"].get("startTime", now()))
                each["lastState"] = {"terminated": {"startedAt": began, "finishedAt": now(), "exitCode": 1}}
                each["state"] = {"running": {"startedAt": now()}}
                each["restartCount"] += 1
        self._store.replace(POD, pod | {"status": status})

    async def stop(self) -> None:
        """End all processes; a pod that is starting is started first, so that nothing is left behind."""
        await asyncio.gather(*self._starting.values(), return_exceptions=True)
        ended = await asyncio.gather(*self._ending.values(), return_exceptions=True)
        running, self._running = self._running, {}
        stopped = await asyncio.gather(*(pod.stop() for pod in running.values()), return_exceptions=True)
        # Only once every pod has had its stop, so that one failure leaves no other pod's processes behind.
        for error in (*ended, *stopped):
            if isinstance(error, BaseException):
                raise error

    async def _start(self, pod: Manifest) -> None:
        try:
            running, status = await self._dataplane.start(copy.deepcopy(pod))
        except Exception as error:
            self._set_status(pod, {"phase": "Failed", "reason": "DataPlane", "message": str(error)})
            raise
        self._running[pod["metadata"]["uid"]] = running
        self._set_status(pod, status)

    def _started(self, uid: str, task: asyncio.Task[None]) -> None:
        self._starting.pop(uid, None)
        if not task.cancelled() and (error := task.exception()):
            _LOGGER.error("%s: %s", task.get_name(), error)

    def _set_status(self, pod: Manifest, status: Manifest) -> None:
        meta = pod["metadata"]
        present = self._store.find(POD, meta["namespace"], meta["name"])
        if present is not None and present["metadata"]["uid"] == meta["uid"]:
            self._store.replace(POD, present | {"status": present["status"] | status})
        self._changed(meta["namespace"])

    async def _end(self, pod: Manifest) -> None:
        meta = pod["metadata"]
        if starting := self._starting.get(meta["uid"]):
            await asyncio.wait([starting])
        try:
            if running := self._running.pop(meta["uid"], None):
                await running.stop()
        finally:
            self._store.delete(POD, meta["namespace"], meta["name"])
            self._ending.pop(meta["uid"], None)
            self._changed(meta["namespace"])

    def _first_node(self) -> str:
        nodes = self._store.all(NODE)
        # A cluster has a node; a scenario need not say so.
        node = nodes[0] if nodes else self._store.create(NODE, ready_node("lab-node"))
        return str(node["metadata"]["name"])


def ready_node(name: str) -> Manifest:
    """A Node object as small as clients accept."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {},
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]},
    }


def _check(pod: Manifest) -> None:
    name = pod["metadata"]["name"]
    containers = (pod.get("spec") or {}).get("containers")
    if not containers:
        raise invalid(POD, name, "spec.containers", "Required value")
    for index, container in enumerate(containers):
        for field in ("name", "image"):
            if not container.get(field):
                raise invalid(POD, name, f"spec.containers[{index}].{field}", "Required value")


def _pending(pod: Manifest) -> Manifest:
    spec = pod["spec"]
    inits = spec.get("initContainers") or []

    def waiting(containers: list[Manifest]) -> list[Manifest]:
        reason = "PodInitializing" if inits else "ContainerCreating"
        fresh = {"ready": False, "started": False, "restartCount": 0, "imageID": ""}
        return [
            {"name": c["name"], "image": c["image"], "state": {"waiting": {"reason": reason}}, **fresh}
            for c in containers
        ]

    status: Manifest = {
        "phase": "Pending",
        "qosClass": "BestEffort",
        "startTime": now(),
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": now()},
            {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": now()},
        ],
        "containerStatuses": waiting(spec["containers"]),
    }
    if inits:
        status["initContainerStatuses"] = waiting(inits)
    return status
