"""The judge's report held against the truth of a world."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from worlds.folder import written
from worlds.lines import socket
from worlds.model import END, START, Flow, Line, World
from worlds.run import Group, Judgement, Said


@dataclass(slots=True)
class Result:
    """What was wrong in one world, one sentence each, and what was counted."""

    seed: int
    kind: str
    mode: str
    tags: list[str]
    exit_code: int
    flows: int = 0
    """Egress flows of the window that logs can show."""
    undecided: int = 0
    false_pass: list[str] = field(default_factory=list)
    false_fail: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    blind: list[str] = field(default_factory=list)
    """Exit 0 though lines were lost that are to be told, or a pod outside capture that is not named."""
    open_codes: list[str] = field(default_factory=list)
    """Findings that leave it inconclusive."""

    @property
    def wrong(self) -> bool:
        """Whether a verdict is wrong; not being decided is counted beside."""
        return bool(self.false_pass or self.false_fail or self.lost or self.blind)


def compare(world: World, judged: Judgement) -> Result:
    """All that differs."""
    result = Result(world.seed, world.kind, world.mode, list(world.tags), judged.exit_code)
    # Without an account of the collection the window is what the logs have, and they go on for a minute.
    flows = [each for each in world.flows if each.fate != "inside" and (each.seen or not world.collection)]
    flows = [each for each in flows if not _moved_out(world, each)]
    if judged.exit_code == 1 and _nothing_to_audit(world, judged):
        return result
    if judged.exit_code not in (0, 3, 10):
        result.blind.append(f"exit {judged.exit_code}: {judged.text[:200]}")
        return result
    _false_pass(world, flows, judged, result)
    _false_fail(world, flows, judged, result)
    _lost(flows, judged, result)
    _told(world, judged, result)
    _decided(flows, judged, result)
    return result


def _moved_out(world: World, flow: Flow) -> bool:
    """Whether clocks that are off moved all its lines out of the window: a window is one of the proxies' clocks."""
    nodes = {pod.log: pod.node for pod in world.pods}
    lines = [each for each in flow.lines if not each.lost]
    skews = [world.skew.get(nodes[each.log.removesuffix(".previous")], 0) for each in lines]
    return bool(lines) and all(
        line.hurt == "skewed" and not (line.begin + skew < END and line.end + skew >= START)
        for line, skew in zip(lines, skews, strict=True)
    )


def _nothing_to_audit(world: World, judged: Judgement) -> bool:
    """Whether it says that no log holds a line about egress, and that is true: without an account there is no window."""
    left = [line for flow in world.flows if flow.fate != "inside" for line in flow.lines if not line.lost]
    return not world.collection and not left and "hold no line about traffic that left" in judged.text


def _unwritten(flow: Flow) -> bool:
    """Whether all its lines come after the window's collection: no log of this window can show it."""
    return bool(flow.lines) and all(line.lost == "not written in time" for line in flow.lines)


def _is_of(group: Group, flow: Flow) -> bool:
    """Whether the flow can be counted in the group, by who sent it and what its host and port may be called."""
    if group.workload and (group.namespace, group.workload) != (flow.namespace, flow.workload):
        return False
    ports = {flow.port, flow.reached, 0}
    if group.path in ("failed", "blocked"):
        # Without a cluster a report has only the socket that the client came to, and what it called the host.
        ports |= {int(port) for line in flow.lines if (port := _dialed(line).rpartition(":")[2]).isdigit()}
    return group.port in ports and (bool(flow.names & {group.host, *group.names}) or _stopped_at(group, flow))


def _dialed(line: Line) -> str:
    return str(line.fields.get("downstream_local_address", ""))


def _stopped_at(group: Group, flow: Flow) -> bool:
    """Whether the report calls the flow by the socket of the gateway that stopped it."""
    return group.path in ("failed", "blocked") and any(
        _dialed(line) == socket(group.host, group.port) and line.fields.get("upstream_cluster") == "-"
        for line in flow.lines
    )


def _false_pass(world: World, flows: list[Flow], judged: Judgement, result: Result) -> None:
    wrong = [each for each in flows if each.violates and each.in_scope and not _unwritten(each)]
    if judged.exit_code == 0 and wrong:
        result.false_pass.append(f"exit 0, but {_tell(wrong[0])} and {len(wrong) - 1} more")
    for group in judged.groups:
        if group.outcome != "PASS":
            continue
        same = [each for each in flows if _is_of(group, each)]
        right = [each for each in same if not each.violates]
        passed = sum(
            each.flows for each in judged.groups
            if each.outcome == "PASS" and (each.namespace, each.workload, each.host, each.port) == (group.namespace, group.workload, group.host, group.port)
        )  # fmt: skip
        if passed > len(right) and len(same) > len(right):
            bad = next(each for each in same if each.violates)
            result.false_pass.append(
                f"{group.host}:{group.port} PASS for {passed} flows, of which {len(right)} comply: {_tell(bad)}"
            )
    del world


def _false_fail(world: World, flows: list[Flow], judged: Judgement, result: Result) -> None:
    numbered = {(log, n): line for log, lines in written(world).items() for n, line in enumerate(lines, 1)}
    by_number = {each.number: each for each in world.flows}
    for said in judged.findings:
        if said.outcome != "FAIL" or said.group is None:
            continue
        same = [each for each in flows if _is_of(said.group, each)]
        lines = [line for at in said.lines if (line := numbered.get(_at(at))) is not None and line.flow is not None]
        shown = [by_number[line.flow] for line in lines]
        # A clock that is off moves a flow into the window. What it broke, it broke: only the time is wrong.
        same += [
            by_number[line.flow] for line in lines if line.hurt == "skewed" and _is_of(said.group, by_number[line.flow])
        ]
        if any(each.violates for each in same) and (not shown or any(each.violates for each in shown)):
            continue
        if any(each.violates is None for each in shown or same):
            continue
        what = _tell(shown[0]) if shown else "no such flow"
        result.false_fail.append(f"{said.code} {said.message} | {what}")


def _at(shown: tuple[str, int]) -> tuple[str, int]:
    log, number = shown
    return log.removesuffix(".log"), number


def _lost(flows: list[Flow], judged: Judgement, result: Result) -> None:
    failed = [said.group for said in judged.findings if said.outcome == "FAIL" and said.group is not None]
    failed += [each for each in judged.groups if each.outcome == "FAIL"]
    for flow in flows:
        if not (flow.violates and flow.decidable and flow.in_scope and flow.lines):
            continue
        if any(line.lost or line.hurt for line in flow.lines):
            continue
        if not any(_is_of(group, flow) for group in failed):
            result.lost.append(_tell(flow))


def _told(world: World, judged: Judgement, result: Result) -> None:
    if world.must_tell and judged.exit_code == 0 and not _before_the_window(world):
        result.blind.append(
            "exit 0, though lines are missing: " + ", ".join(each for each in world.tags if each.startswith("loss:"))
        )
    result.blind += [f"does not name {word}" for word in world.must_name if word not in judged.text]


def _before_the_window(world: World) -> bool:
    """Whether all that was lost ended before the window, which without an account begins with the first line left."""
    lines = [line for flow in world.flows if flow.fate != "inside" for line in flow.lines]
    left = [line.begin for line in lines if not line.lost]
    return not world.collection and bool(left) and all(line.end < min(left) for line in lines if line.lost)


def _decided(flows: list[Flow], judged: Judgement, result: Result) -> None:
    shown = [
        each
        for each in flows
        if each.in_scope and each.decidable and each.lines and not any(line.lost for line in each.lines)
    ]
    result.flows = len(shown)
    open_groups = [each for each in judged.groups if each.outcome == "INCONCLUSIVE"]
    result.open_codes = sorted({said.code for said in judged.findings if said.outcome == "INCONCLUSIVE"})
    left: defaultdict[int, int] = defaultdict(int)
    for number, group in enumerate(open_groups):
        left[number] = group.flows
    for flow in shown:
        fitting = [n for n, group in enumerate(open_groups) if left[n] and (_is_of(group, flow) or _stray(group, flow))]
        known = any(_is_of(group, flow) for group in judged.groups if group.outcome != "INCONCLUSIVE")
        if fitting and not (known and _enough(flow, shown, judged)):
            left[fitting[0]] -= 1
            result.undecided += 1
        elif not known and not fitting:
            result.undecided += 1


def _stray(group: Group, flow: Flow) -> bool:
    """An undecided group may be called by the gateway's Service or an inner address: then only its sender tells."""
    unnamed = not group.workload
    return unnamed or (
        (group.namespace, group.workload) == (flow.namespace, flow.workload) and not flow.names & {group.host}
    )


def _enough(flow: Flow, shown: list[Flow], judged: Judgement) -> bool:
    """Whether the decided groups that this flow fits have room for all flows that fit them."""
    fitting = [group for group in judged.groups if group.outcome != "INCONCLUSIVE" and _is_of(group, flow)]
    rivals = [each for each in shown if any(_is_of(group, each) for group in fitting)]
    return sum(group.flows for group in fitting) >= len(rivals)


def _tell(flow: Flow) -> str:
    way = " > ".join(flow.chain) if flow.chain else flow.way
    bad = {True: "violates", False: "complies", None: "either"}[flow.violates]
    return (
        f"flow {flow.number} {flow.namespace}/{flow.workload} {flow.host or flow.address}:{flow.port} ({flow.address}) "
        f"{way}, {flow.fate}, {flow.ending}{', ' + flow.attack if flow.attack else ''}: {bad}"
    )


tell = _tell
__all__ = ["Result", "Said", "compare", "tell"]
