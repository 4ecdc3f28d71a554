"""A lab whose logs are written by the test, and their copies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from egressaudit.cluster import Cluster
from egressaudit.collect.copy.many_logs import Collecting
from egressaudit.collect.copy.one_log import CopyPlan
from egressaudit.collect.selection import select_sources
from egressaudit.evidence.collection import CollectedLog, Collection
from egressaudit.model import LogSource, ObjectRef
from egressaudit.pipeline.collecting import snapshot
from support.lab_fakes import Lab, pod

T = datetime(2025, 1, 1, 14, 0, tzinfo=UTC)
"""The window of most tests is [T, T + 1 h); the pods began an hour before it."""


HOUR = timedelta(hours=1)


GW = LogSource("curl", "gw-1", "istio-proxy")


APP = LogSource("curl", "app-1", "istio-proxy")


ODD = [b"plain", b"", b"\xff\xfe \xc3\x28", b"ends in CR\r", "ä 中 \u2028 \x1b[31m".encode(), b'"' * 3000]


def at(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


def gateway(name: str) -> list[dict[str, Any]]:
    """A gateway's Deployment and ReplicaSet, and a pod of theirs: what proves that it is a gateway.

    The controllers of the lab name pods themselves; this pod has the name that tests know, so they want none.
    """
    notes = {"inject.istio.io/templates": "gateway"}
    spec = {"containers": [{"name": "istio-proxy", "image": "proxy"}]}
    template = {"metadata": {"labels": {"app": name}, "annotations": notes}, "spec": spec}
    wanted = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    above = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-5d8f", "uid": "of-nobody"}
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": "of-nobody"}
    one = pod(f"{name}-1", "istio-proxy")
    one["metadata"] |= {"annotations": notes, "ownerReferences": [above]}
    meta = {"namespace": "curl", "name": name}
    owned = {"namespace": "curl", "name": f"{name}-5d8f", "ownerReferences": [owner]}
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": wanted},
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": owned, "spec": wanted},
        one,
    ]


class Bench:
    """A lab with a gateway pod and an app pod with a sidecar, whose containers began at T - 1 h."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.cluster = Cluster.connect(kubeconfig=str(lab.kubeconfig))
        lab.apply(*gateway("gw"), pod("app-1", sidecar="yes"))
        for name in ("gw-1", "app-1"):
            self.began(name, T - HOUR)
            self.write(name, T - HOUR, b"info\tthe first line of the run")

    def began(self, name: str, when: datetime, **more: Any) -> None:
        found = self.cluster.pod(ObjectRef("curl", name))
        assert found is not None
        for each in found["status"]["containerStatuses"]:
            each |= {"state": {"running": {"startedAt": f"{when:%Y-%m-%dT%H:%M:%SZ}"}}, **more}
        found["status"]["startTime"] = f"{when:%Y-%m-%dT%H:%M:%SZ}"
        self.lab.apply(found)

    def write(self, name: str, when: datetime, *lines: bytes) -> None:
        log = self.lab.dataplane.pods[name].logs["istio-proxy"]
        for n, line in enumerate(lines):
            self.lab.run(log.append(line, round(when.timestamp() * 1e9) + n))

    def restart(self, name: str, when: datetime) -> None:
        self.lab.run(self.lab.api.restart_container("curl", name, "istio-proxy"))
        found = self.cluster.pod(ObjectRef("curl", name))
        assert found is not None
        before = next(each["lastState"] for each in found["status"]["containerStatuses"] if "lastState" in each)
        before["terminated"]["finishedAt"] = f"{when:%Y-%m-%dT%H:%M:%SZ}"
        self.began(name, when, restartCount=1, lastState=before)

    def collect(self, **how: Any) -> Collection:
        mesh, _ = snapshot(self.cluster)
        mesh, sources = how.pop("mesh", mesh), how.pop("sources", select_sources(mesh, None))
        threads = how.pop("max_concurrency", 8)
        messages = {name: how.pop(name) for name in ("notes", "say") if name in how}
        plan = CopyPlan(**{"folder": self.folder, "since": T, "until": T + HOUR, "patience": 3.0, **how})
        return Collecting(self.cluster, mesh, plan, sources, **messages).run(threads)

    def entry(self, source: LogSource = GW, **how: Any) -> CollectedLog:
        return next(each for each in self.collect(**how).logs if each.source == source)

    def lines(self, path: str = str(GW) + ".log", folder: Path | None = None) -> list[bytes]:
        data = ((folder or self.folder) / path).read_bytes()
        assert data == b"" or data.endswith(b"\n")
        return data.split(b"\n")[:-1]
