"""A world as a folder: `mesh.json`, `collection.json`, `policy.yaml` and the logs, as a collection leaves them."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import yaml

from worlds.lines import render, stamp
from worlds.model import END, PROXY, START, Line, Manifest, Policy, World
from worlds.objects import READ


def write(world: World, folder: Path) -> None:
    """Write all that the judge reads."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"version": 1, "read": read_kinds(), "objects": world.objects}
    (folder / "mesh.json").write_text(json.dumps(document, separators=(",", ":")))
    if world.policy is not None:
        (folder / "policy.yaml").write_text(policy_text(world.policy))
    told = _logs(world, folder)
    for name, text in world.extra_files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    if world.collection:
        (folder / "collection.json").write_text(json.dumps(_collection(world, told), indent=1))


def read_kinds() -> list[str]:
    """The kinds that `mesh.json` says were read whole: all that the tool asks for."""
    from egressaudit.mesh import RESOURCES

    return sorted({*READ, *(each.name for each in RESOURCES)})


def written(world: World) -> dict[str, list[Line]]:
    """The lines of each file, in the order in which they were written."""
    files: defaultdict[str, list[Line]] = defaultdict(list)
    for line in world.lines:
        if not line.lost:
            files[line.log].append(line)
    for lines in files.values():
        lines.sort(key=lambda each: each.end)
    return dict(files)


def _logs(world: World, folder: Path) -> dict[str, tuple[int, int]]:
    """Write the logs; the lines and bytes of each."""
    pods = {pod.log: pod for pod in world.pods}
    told = {}
    for log, lines in written(world).items():
        pod = pods.get(log.removesuffix(".previous"))
        log_format, skew = (pod.log_format, world.skew.get(pod.node, 0)) if pod else ("text", 0)
        text = "".join(render(line, log_format, skew) + "\n" for line in lines)
        file = folder / f"{log}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        data = text.encode("utf-8", "surrogateescape")
        file.write_bytes(data)
        told[log] = (len(lines), len(data))
    for log, said in world.manifest.items():
        if log not in told and said.state == "complete":
            file = folder / f"{log}.log"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
    return told


def _collection(world: World, told: dict[str, tuple[int, int]]) -> dict[str, object]:
    logs = [_entry(world, log, said, told) for log, said in sorted(world.manifest.items())]
    return {
        "since": stamp(START),
        "until": stamp(END),
        "collected_at": stamp(END + 60_000),
        "context": "simulated",
        "logs": logs,
        "finished": stamp(END + 61_000) if world.finished else None,
        "notes": [],
        "schema_version": 1,
    }


def _entry(world: World, log: str, said: Manifest, told: dict[str, tuple[int, int]]) -> dict[str, object]:
    ns, pod, _ = log.split("/")
    lines, size = told.get(log, (0, 0))
    had = sorted(line.end for line in world.lines if line.log == log and not line.lost)
    entry: dict[str, object] = {
        "source": {"namespace": ns, "pod": pod, "container": PROXY},
        "state": said.state,
        "reason": said.reason,
        "first_time": stamp(had[0]) if had else None,
        "last_time": stamp(had[-1]) if had else None,
        "log_begins": stamp(min(had[0], said.covered_from or had[0])) if had else None,
        "covered_from": None if said.covered_from is None else stamp(said.covered_from),
        "covered_to": None if said.covered_to is None else stamp(said.covered_to),
        "lines": lines + said.claims_more,
        "bytes": size + 200 * said.claims_more,
        "container_started_at": stamp(START - 86_400_000),
        "restart_count": 1 if said.previous else 0,
        "rotated": said.rotated,
        "truncated": False,
        "previous": None,
    }
    if said.previous:
        before, data = told.get(f"{log}.previous", (0, 0))
        entry["previous"] = {"state": said.previous, "lines": before, "bytes": data}
    return entry


def policy_text(policy: Policy) -> str:
    """The policy as a file."""

    def refs(names: tuple[str, ...] | list[str]) -> list[dict[str, str]]:
        return [dict(zip(("namespace", "name"), each.split("/"), strict=True)) for each in names]

    rules = []
    for each in policy.rules:
        rule: dict[str, object] = {"name": each.name}
        if each.namespaces:
            rule["from"] = {"namespaces": list(each.namespaces)}
        rule["to"] = {"hosts": list(each.hosts), **({"ports": list(each.ports)} if each.ports else {})}
        rule["via"] = each.via
        if each.proxies:
            rule[f"{each.via}s"] = refs(each.proxies)
        rules.append(rule)
    spec = {
        "gateways": refs(policy.gateways),
        "waypoints": refs(policy.waypoints),
        "rules": rules,
        "default": policy.default,
    }
    document = {
        "apiVersion": "egressaudit.io/v1alpha1",
        "kind": "EgressPolicy",
        "metadata": {"name": "simulated"},
        "spec": spec,
    }
    return yaml.safe_dump(document, sort_keys=False)
