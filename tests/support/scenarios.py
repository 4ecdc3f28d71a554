"""The meshes of the lab's scenarios with a pod for each replica, as a cluster would have them."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import egressaudit_lab
from egressaudit.mesh import Mesh

SCENARIOS = Path(egressaudit_lab.__file__).parent / "scenarios"
NAMES = tuple(sorted(each.name for each in SCENARIOS.iterdir() if each.is_dir()))

Manifest = dict[str, Any]


def scenario(name: str, *, native: bool = False) -> list[Manifest]:
    """The objects of a scenario with the pods that its workloads would have."""
    folder = SCENARIOS / name
    applied = [*_load(folder / "cluster.yaml"), *_load(folder / "applied.yaml")]
    return with_pods(applied, native=native)


def parse(text: str) -> list[Manifest]:
    """The objects of YAML documents."""
    return [each for each in yaml.safe_load_all(text) if each]


def mesh(name: str, *more: str, without: Iterable[str] = ()) -> Mesh:
    """The snapshot of a scenario, with further YAML, and without some objects (`Kind/name`)."""
    objects = [*scenario(name), *(obj for text in more for obj in parse(text))]
    gone = set(without)
    return Mesh.of([each for each in objects if f"{each['kind']}/{each['metadata']['name']}" not in gone])


def with_pods(objects: list[Manifest], *, native: bool = False) -> list[Manifest]:
    """The objects and their pods: sidecars injected, ready, each with an address of its own."""
    nodes = [each["metadata"]["name"] for each in objects if each["kind"] == "Node"]
    labels = {
        each["metadata"]["name"]: each["metadata"].get("labels", {}) for each in objects if each["kind"] == "Namespace"
    }
    made: list[Manifest] = []
    for each in objects:
        if each["kind"] == "Deployment":
            name = f"{each['metadata']['name']}-5d8f"
            namespace = each["metadata"]["namespace"]
            owners = [{"kind": "Deployment", "name": each["metadata"]["name"]}]
            metadata = {"name": name, "namespace": namespace, "ownerReferences": owners}
            made.append({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata})
            above = [{"kind": "ReplicaSet", "name": name}]
            made += [_pod(each, f"{name}-{n}", above, nodes[0]) for n in range(each["spec"]["replicas"])]
        elif each["kind"] == "DaemonSet":
            owners = [{"kind": "DaemonSet", "name": each["metadata"]["name"]}]
            made += [_pod(each, f"{each['metadata']['name']}-{node}", owners, node) for node in nodes]
        elif each["kind"] == "Pod":
            each["spec"].setdefault("nodeName", nodes[0])
    pods = [each for each in [*objects, *made] if each["kind"] == "Pod"]
    for n, pod in enumerate(pods, start=1):
        _inject(pod, labels.get(pod["metadata"]["namespace"], {}), native=native)
        pod["status"] = {
            "phase": "Running",
            "podIPs": [{"ip": f"10.0.0.{n}"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        }
    return [*objects, *made]


def _pod(workload: Manifest, name: str, owners: list[Manifest], node: str) -> Manifest:
    template = deepcopy(workload["spec"]["template"])
    template["metadata"] |= {
        "name": name,
        "namespace": workload["metadata"]["namespace"],
        "ownerReferences": owners,
    }
    template["spec"].setdefault("nodeName", node)
    return {"apiVersion": "v1", "kind": "Pod", **template}


def _inject(pod: Manifest, namespace: dict[str, str], *, native: bool) -> None:
    metadata, spec = pod["metadata"], pod["spec"]
    inject = metadata.get("labels", {}).get("sidecar.istio.io/inject")
    if inject == "false" or (inject != "true" and namespace.get("istio-injection") != "enabled"):
        return
    metadata.setdefault("annotations", {})["sidecar.istio.io/status"] = "{}"
    if any(each["name"] == "istio-proxy" for each in spec["containers"]):
        return
    where = spec.setdefault("initContainers", []) if native else spec["containers"]
    where.append({"name": "istio-proxy", "image": "istio/proxyv2"})


def _load(path: Path) -> list[Manifest]:
    return deepcopy(_read(path))


@cache
def _read(path: Path) -> list[Manifest]:
    return parse(path.read_text(encoding="utf-8"))
