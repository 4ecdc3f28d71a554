"""What the laws of `test_laws.py` change in a world, and how two judgements are compared."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from worlds import objects as k8s
from worlds.draw import draw
from worlds.folder import write
from worlds.lines import stamp
from worlds.model import END, START, Line, Manifest, World
from worlds.run import Group, Judgement, audit

RANK = {10: 0, 3: 1, 0: 2}
"""Exit codes, the worst first."""
WINDOW = ("--since", stamp(START), "--until", stamp(END))
_FAR = "6.6.6.6"

Flow = tuple[str, str, str, int]
"""What a report calls a flow: namespace, workload, host, port."""


def judged(world: World, place: Path, name: str, *options: str) -> Judgement:
    """The judgement of a world, from a folder of this name."""
    folder = place / name
    write(world, folder)
    return audit(folder, *options)


def passes(judgement: Judgement) -> Counter[Flow]:
    """How many flows pass, by what they are called."""
    return _counted(judgement, "PASS")


def fails(judgement: Judgement) -> Counter[tuple[str, str]]:
    """How many flows fail, by who sent them: what a host is called may change."""
    found: Counter[tuple[str, str]] = Counter()
    for (ns, workload, _, _), count in _counted(judgement, "FAIL").items():
        found[ns, workload] += count
    return found


def _counted(judgement: Judgement, outcome: str) -> Counter[Flow]:
    found: Counter[Flow] = Counter()
    for each in judgement.groups:
        if each.outcome == outcome:
            found[each.namespace, each.workload, each.host, each.port] += each.flows
    return found


def groups(judgement: Judgement) -> list[Group]:
    """The judged groups, in an order of their own."""
    return sorted(judgement.groups, key=lambda each: tuple(map(str, (each.namespace, each.workload, each.host, each))))


# ---------------------------------------------------------------- what a tenant may write

LABELS = (
    {"app": "ztunnel"}, {"app.kubernetes.io/name": "ztunnel"}, {"istio": "egressgateway"}, {"istio": "gw-0"},
    {"gateway.networking.k8s.io/gateway-name": "gw-0"}, {"gateway.networking.k8s.io/gateway-class-name": "istio-waypoint"},
    {"gateway.istio.io/managed": "istio.io-mesh-controller"}, {"istio.io/use-waypoint": "mine"}, {"istio.io/rev": "other"},
)  # fmt: skip
ANNOTATIONS = (
    {"inject.istio.io/templates": "gateway"}, {"ambient.istio.io/redirection": "enabled"},
    {"sidecar.istio.io/status": "{}"}, {"istio.io/accept": "anything"},
)  # fmt: skip
PORT = {"number": 80, "name": "http", "protocol": "HTTP"}


def tenant_objects(rng: random.Random, world: World) -> list[k8s.Object]:
    """One object of the namespace `team-0`, or the few that belong together."""
    ns, host = "team-0", rng.choice(world.hosts).name

    def istio(kind: str, **spec: object) -> k8s.Object:
        return k8s.made(k8s.ISTIO, kind, ns, "of-a-tenant", spec=spec)

    entry = {"hosts": [host], "ports": [PORT], "exportTo": [rng.choice((".", "*"))]}
    made: list[Callable[[], list[k8s.Object]]] = [
        lambda: [istio("ServiceEntry", resolution="STATIC", endpoints=[{"address": _FAR}], **entry)],
        lambda: [istio("ServiceEntry", resolution="NONE", **entry)],
        lambda: [istio("DestinationRule", host=host, trafficPolicy={"loadBalancer": {"simple": "PASSTHROUGH"}})],
        lambda: [istio("VirtualService", hosts=[host], http=[{"route": [{"destination": {"host": host}}]}])],
        lambda: [istio("Sidecar", outboundTrafficPolicy={"mode": "ALLOW_ANY"})],
        lambda: [istio("WorkloadEntry", address=_FAR, labels={"app": "vm"})],
        lambda: [istio("Gateway", selector={"istio": "gw-0"}, servers=[{"port": PORT, "hosts": [host]}])],
        lambda: [k8s.made("telemetry.istio.io/v1", "Telemetry", ns, "quiet", spec={"accessLogging": [{"disabled": True}]})],
        lambda: [k8s.service(ns, "hide", ("10.96.9.9",), {80: 80}, {"app": "app-0"}, externalIPs=list(world.hosts[0].addresses))],
        lambda: [k8s.service(ns, "ext", ("10.96.9.8",), {80: 80}, None)],
        lambda: [k8s.made("v1", "ConfigMap", ns, "istio", data={"mesh": "accessLogFile: /dev/null\n"})],
        lambda: [k8s.made(k8s.GATEWAY_API, "Gateway", ns, "gw-0", spec={"gatewayClassName": "istio", "listeners": []})],
        lambda: [k8s.made("apps/v1", "DaemonSet", ns, "ztunnel", labels={"app": "ztunnel"}, spec={"template": {}})],
    ]  # fmt: skip
    return rng.choice(made)()


def mark(rng: random.Random, world: World) -> str:
    """Put a label or an annotation on a pod of a tenant; what it was."""
    pods = [
        each for each in world.objects if each["kind"] == "Pod" and each["metadata"]["namespace"].startswith("team-")
    ]
    pod, (key, marks) = (
        rng.choice(pods),
        rng.choice([("labels", each) for each in LABELS] + [("annotations", each) for each in ANNOTATIONS]),
    )
    pod["metadata"][key] = {**marks, **pod["metadata"].get(key, {})}
    return f"{key} {marks} on {pod['metadata']['name']}"  # fmt: skip


# ---------------------------------------------------------------- what may happen to logs


def access_lines(world: World) -> list[Line]:
    """The lines about flows that files have."""
    return [each for each in world.lines if each.flow is not None and not each.lost]


def split(world: World, rng: random.Random) -> str:
    """Move the older lines of a log to the file of the run before; nothing is lost."""
    log = _some_log(world, rng)
    lines = sorted((each for each in world.lines if each.log == log and not each.lost), key=lambda each: each.end)
    for line in lines[: rng.randrange(1, len(lines))]:
        line.log = f"{log}.previous"
    world.manifest[log] = Manifest(previous="fetched")
    return log


def copy(world: World, rng: random.Random) -> str:
    """The file of the run before has all lines of the log too."""
    log = _some_log(world, rng)
    again = [
        Line(f"{log}.previous", each.begin, each.end, each.kind, each.fields, each.flow, each.lost)
        for each in world.lines
        if each.log == log
    ]
    world.lines += again
    world.manifest[log] = Manifest(previous="fetched")
    return log  # fmt: skip


def _some_log(world: World, rng: random.Random) -> str:
    return rng.choice(sorted({line.log for line in access_lines(world) if world.manifest.get(line.log) == Manifest()}))


def reordered(folder: Path, rng: random.Random) -> None:
    """Shuffle the lines of every log, and write the files in another order."""
    files = sorted(folder.rglob("*.log"))
    rng.shuffle(files)
    for file in files:
        lines = file.read_bytes().splitlines(keepends=True)
        rng.shuffle(lines)
        file.unlink()
        file.write_bytes(b"".join(lines))


def world_of(seed: int, kind: str = "honest") -> World:
    """A world of a seed, drawn anew: laws change theirs."""
    return draw(seed, kind)
