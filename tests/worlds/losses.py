"""What a collection can lose, or get wrong: each loss is known to the simulator, and to `collection.json` where a real one knows."""

from __future__ import annotations

import random
from collections.abc import Callable

from worlds.model import END, START, Manifest, World


def lose(world: World, rng: random.Random) -> None:
    """One or two losses."""
    for name in rng.sample(sorted(LOSSES), rng.choice((1, 1, 1, 2))):
        world.tag(f"loss:{name}")
        LOSSES[name](world, rng)


def _log(world: World, rng: random.Random) -> str:
    """A log that something is said in, if there is one."""
    busy = sorted({line.log for line in world.lines if line.flow is not None and line.log in world.manifest})
    return rng.choice(busy or sorted(world.manifest))


def _drop(world: World, log: str, name: str, since: int = 0, until: int = 1 << 60) -> None:
    for line in world.lines:
        if line.log == log and since <= line.end < until:
            line.lost = line.lost or name


def _missing(world: World, rng: random.Random) -> None:
    log = _log(world, rng)
    _drop(world, log, "missing")
    state, why = rng.choice(
        (
            ("vanished", "the pod was gone before its log was read"),
            ("forbidden", "get on pods/log is not allowed"),
            ("failed", "not served after all attempts"),
        )
    )
    world.manifest[log] = Manifest(state, why, None, None)
    world.must_tell = True


def _rotated(world: World, rng: random.Random) -> None:
    log, cut = _log(world, rng), rng.randint(START + 60_000, END - 60_000)
    if world.manifest[log] != Manifest():
        return  # Something else happened to this log, and its account says so.
    _drop(world, log, "rotated", until=cut)
    world.manifest[log] = Manifest("partial", "the node had dropped older lines", cut, END, rotated=True)
    world.must_tell = True


def _restart(world: World, rng: random.Random) -> None:
    log, cut = _log(world, rng), rng.randint(START + 60_000, END - 60_000)
    if world.manifest[log] != Manifest():
        return  # Something else happened to this log, and its account says so.
    world.manifest[log] = Manifest("partial", "the run before the restart is missing", cut, END, previous="missing")
    _drop(world, log, "restart", until=cut)
    world.must_tell = True


def _restart_with_previous(world: World, rng: random.Random) -> None:
    """Nothing is lost: the run before the restart is in a file of its own."""
    log, cut = _log(world, rng), rng.randint(START + 60_000, END - 60_000)
    if world.manifest[log] != Manifest():
        return  # Something else happened to this log, and its account says so.
    world.manifest[log] = Manifest(previous="fetched")
    for line in world.lines:
        if line.log == log and line.end < cut:
            line.log = log + ".previous"


def _truncated(world: World, rng: random.Random) -> None:
    """A copy that lost its tail afterwards: `collection.json` still says what it had."""
    log = _log(world, rng)
    lines = sorted(
        (each for each in world.lines if each.log == log and not each.lost and START <= each.end < END + 60_000),
        key=lambda each: each.end,
    )
    if not lines:
        return
    gone = lines[rng.randrange(len(lines)) :]
    for line in gone:
        line.lost = "truncated"
    world.manifest[log].claims_more += len(gone)
    world.must_tell = True


def _killed(world: World, rng: random.Random) -> None:
    """The collection was killed: it ends in the middle of one log, and others are not there."""
    world.finished = False
    logs = sorted(world.manifest)
    rng.shuffle(logs)
    for log in logs[: max(1, len(logs) // 3)]:
        _drop(world, log, "killed")
        world.manifest[log] = Manifest("pending", "the collection ended before", None, None)
    world.must_tell = True


def _no_account(world: World, rng: random.Random) -> None:
    """The folder has no `collection.json`."""
    del rng
    world.collection = False


def _skewed(world: World, rng: random.Random) -> None:
    """A node's clock is minutes wrong."""
    node = rng.randrange(world.nodes)
    world.skew[node] = rng.choice((-1, 1)) * rng.randint(120_000, 600_000)
    hurt = {pod.log for pod in world.pods if pod.node == node}
    for line in world.lines:
        if line.log.removesuffix(".previous") in hurt:
            line.hurt = "skewed"


def _given_away(world: World, rng: random.Random) -> None:
    """A pod is gone when the snapshot is taken; another pod, of another workload, has its address by then."""
    candidates = sorted(
        (pod for pod in world.pods if pod.role in ("app", "gateway", "waypoint")), key=lambda pod: pod.log
    )
    gone = rng.choice(candidates)
    for each in world.objects:
        if (
            each["kind"] == "Pod"
            and each["metadata"]["name"] == gone.name
            and each["metadata"]["namespace"] == gone.namespace
        ):
            each["metadata"] = {
                "namespace": "shop",
                "name": "newcomer-0",
                "labels": {"app": "newcomer"},
                "annotations": {},
                "ownerReferences": [{"kind": "StatefulSet", "name": "newcomer"}],
            }
            each["spec"]["containers"] = [{"name": "app"}]
            started = each["status"]["startTime"]
            each["status"]["startTime"] = "2026-11-07T14:50:00Z"
            each["status"]["containerStatuses"] = [
                {"name": "app", "restartCount": 0, "state": {"running": {"startedAt": "2026-11-07T14:50:00Z"}}}
            ]
            assert started
        if each["kind"] == "EndpointSlice":
            each["endpoints"] = [
                point for point in each["endpoints"] if point.get("targetRef", {}).get("name") != gone.name
            ]
    _drop(world, gone.log, "given away")
    world.manifest.pop(gone.log, None)
    for line in world.lines:
        if any(
            str(value).startswith((gone.ip + ":", *(f"[{six}]:" for six in gone.ips[1:])))
            for value in line.fields.values()
        ):
            line.hurt = "given away"
    world.must_name = [name for name in world.must_name if gone.name not in name]
    if not any(pod.namespace == gone.namespace for pod in world.pods if pod.log in world.manifest):
        # Nothing in the snapshot says that this namespace had a proxy.
        world.must_name = [name for name in world.must_name if name != gone.namespace]
    for flow in world.flows:
        # Neither the snapshot nor any log knows the pod: what only its own proxy logged, no audit of this folder can see.
        if flow.lines and all(line.log == gone.log for line in flow.lines):
            flow.in_scope = False


def _not_collected(world: World, rng: random.Random) -> None:
    """The collection was asked for some namespaces only: the report is about those, and says so."""
    names = sorted({pod.namespace for pod in world.pods if pod.mode == "sidecar" and pod.log in world.manifest})
    if not names:
        return
    ns = rng.choice(names)
    if any(world.manifest[log] != Manifest() for log in world.manifest if log.startswith(f"{ns}/")):
        return  # Another loss is to be told, and nobody could know of it.
    for log in sorted(world.manifest):
        pod = next(each for each in world.pods if each.log == log)
        if pod.namespace == ns and pod.mode == "sidecar":
            del world.manifest[log]
            _drop(world, log, "not collected")
    for flow in world.flows:
        if flow.namespace == ns:
            flow.in_scope = False
    world.must_name.append(ns)


LOSSES: dict[str, Callable[[World, random.Random], None]] = {
    "missing": _missing,
    "rotated": _rotated,
    "restart": _restart,
    "restart-with-previous": _restart_with_previous,
    "truncated": _truncated,
    "killed": _killed,
    "no-account": _no_account,
    "skewed": _skewed,
    "given-away": _given_away,
    "not-collected": _not_collected,
}
