"""Saved runs of `verify`: one flow of a world as its probe, judged from the folder, and held against what really happened."""

from __future__ import annotations

import json
import random
from pathlib import Path

from worlds.compare import Result, tell
from worlds.draw import draw
from worlds.folder import read_kinds, written
from worlds.lines import render, stamp
from worlds.model import END, START, Flow, World
from worlds.run import verify

_BEFORE, _AFTER = 120_000, 5_000
"""A live run reads the logs' tails, and goes on a while after its probe."""


def probe(seed: int, folder: Path) -> Result | None:
    """Draw a world, take one flow of it as the probe, judge, compare; None where no flow of the world can be one."""
    rng = random.Random(seed)
    world = draw(seed, "honest")
    alone = {flow.number for flow in world.flows} - _sharing(world)
    fitting = [flow for flow in world.flows if flow.number in alone and _fits(flow)]
    if not fitting:
        return None
    flow = rng.choice(fitting)
    expect = _expect(world, flow, rng)
    _mark(flow, f"{rng.getrandbits(64):016x}", folder, world, expect)
    judged = verify(folder)
    result = Result(
        seed, "probe", world.mode, [each for each in world.tags if each in ("json", "dual-stack")], judged.exit_code, 1
    )
    result.tags += [f"expect:{expect.partition('=')[0]}", f"end:{flow.ending}", f"way:{flow.way}"]
    if judged.exit_code not in (0, 3, 10):
        result.blind.append(f"exit {judged.exit_code}: {judged.text[:200]}")
        return result
    right, wrong = _truth(flow, expect)
    said = f"expected {expect}; {tell(flow)}"
    if judged.exit_code == 0 and right is not True:
        result.false_pass.append(said)
    if judged.exit_code == 10 and right is True:
        result.false_fail.append(said)
    if judged.exit_code != 10 and wrong:
        result.lost.append(said)
    result.undecided = int(judged.exit_code == 3 and flow.fate == "left" and right is not None)
    return result


def _fits(flow: Flow) -> bool:
    whole = bool(flow.lines) and not any(line.lost for line in flow.lines)
    short = flow.end - flow.begin < 20_000 and START + _BEFORE < flow.begin < END - _AFTER
    return (
        whole
        and short
        and flow.decidable
        and flow.fate != "inside"
        and flow.scheme in ("http", "tls")
        and bool(flow.host)
    )


def _sharing(world: World) -> set[int]:
    """Flows that share their client's connection with others: curl opens one for itself."""
    seen: dict[str, list[int]] = {}
    for flow in world.flows:
        if flow.lines:
            seen.setdefault(_client(flow), []).append(flow.number)
    return {number for numbers in seen.values() if len(numbers) > 1 for number in numbers}


def _client(flow: Flow) -> str:
    own = next((line for line in flow.lines if line.kind == "ztunnel"), flow.lines[0])
    return str(own.fields.get("src.addr") or own.fields["downstream_remote_address"])


def _expect(world: World, flow: Flow, rng: random.Random) -> str:
    """What is asked for: mostly the way that it went."""
    ways = ["direct", "blocked", *(f"{each.kind}={each.ref}" for each in world.proxies)]
    went = flow.chain[-1].replace(" ", "=") if flow.chain else "direct"
    return went if rng.random() < 0.6 else rng.choice(ways)


def _truth(flow: Flow, expect: str) -> tuple[bool | None, bool]:
    """Whether it went as expected (None: an earlier hop leaves it open), and whether complete lines prove that it did not."""
    if expect == "blocked":
        return flow.fate == "refused", flow.fate == "left"
    if flow.fate != "left":
        return False, False
    if expect == "direct":
        return flow.way != "through", flow.way == "through"
    last = flow.chain[-1].replace(" ", "=") if flow.chain else ""
    if last != expect:
        # It passed the one that is expected, and left through another: the rules say that it is not enough.
        return False, True
    gateways = [each for each in flow.chain if each.startswith("gateway")]
    return (None if len(gateways) > 1 else True), False


def _mark(flow: Flow, nonce: str, folder: Path, world: World, expect: str) -> None:
    """Write the folder that `verify --save-logs` leaves."""
    for line in flow.lines:
        if "user_agent" in line.fields:
            line.fields["user_agent"] = f"egressaudit/0.1.0 ({nonce})"
            line.fields["path"] = "/"
            line.fields["method"] = "GET"
    folder.mkdir(parents=True)
    document = {"version": 1, "read": read_kinds(), "objects": world.objects}
    (folder / "mesh.json").write_text(json.dumps(document))
    pods = {pod.log: pod for pod in world.pods}
    sources = {line.log for line in flow.lines} | {pod.log for pod in world.pods if pod.role in ("gateway", "waypoint")}
    before = {}
    for log, lines in sorted(written(world).items()):
        if log not in sources:
            continue
        kept = [line for line in lines if flow.begin - _BEFORE <= line.end <= flow.end + _AFTER]
        before[log] = sum(line.end < flow.begin for line in kept)
        pod = pods[log]
        file = folder / f"{log}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(render(line, pod.log_format, world.skew.get(pod.node, 0)) + "\n" for line in kept)
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
    (folder / "probes.json").write_text(json.dumps(_document(flow, nonce, world, expect, before)))


def _document(flow: Flow, nonce: str, world: World, expect: str, before: dict[str, int]) -> dict[str, object]:
    first = flow.lines[0]
    client = _client(flow)
    source = next(pod for pod in world.pods if any(client.startswith((f"{ip}:", f"[{ip}]:")) for ip in pod.ips))
    code = first.fields.get("response_code", 200) if flow.scheme == "http" else 200 if flow.fate == "left" else 0
    remote = (
        first.fields.get("downstream_local_address") or first.fields.get("dst.hbone_addr") or first.fields["dst.addr"]
    )
    result = {
        "connected": True, "error": None, "exit_code": 0 if code else 52, "http_code": code or None,
        "local_address": client, "redirect_url": None, "remote_address": remote,
    }  # fmt: skip
    scheme = "http" if flow.scheme == "http" else "https"
    one = {
        "nonce": nonce, "source": f"{source.namespace}/{source.name}", "container": "app", "redirected_from": None,
        "target": {"host": flow.host, "path": "/", "port": flow.port, "scheme": scheme}, "result": result,
        "started": stamp(flow.begin - 20), "ended": stamp(flow.end + 20),
    }  # fmt: skip
    return {"schema_version": 1, "expect": expect, "notes": [], "lines_before": before, "probes": [one]}
