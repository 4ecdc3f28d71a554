"""A mesh of any size with all that an audit has to find in it: logs, snapshot, policy, and the truth about them.

    planted_cluster    the cluster: pods, gateways, blind spots, policy
    planted_flows      each way out of the mesh, as the lines of its proxies
    planted_lines      the lines as Envoy and ztunnel write them

Everything is drawn from the seed: the same call writes the same bytes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path as File

import numpy as np

from egressaudit.evidence.collection import CollectedLog, Collection, State, save_collection
from egressaudit.model import LineCount, LogSource, Window
from planted.cluster import PARTNER, POLICY, Cluster, Workload, build
from planted.flows import OLD_LOG, Traffic
from planted.lines import Logs
from planted.plans import FAILING, FlowKey, Host, Plan, key

START = datetime(2026, 11, 7, 8, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=6))

FindingKey = tuple[str, str, str, str, int]
"""Control code, namespace, workload, host and port."""

_DOMAINS = {
    "api": "api.example.com",
    "partner": "partner.example.net",
    "amb": "amb.example.org",
    "chain": "chain.example.org",
    "straight": "direct.example.io",
    "blocked": "blocked.example.io",
    "unlisted": "unlisted.example.biz",
    "network": "network.example.biz",
}

_PLANTED = (
    # what, code, way, hosts, scheme, ambient, gateway
    ("direct http", "EA101", "direct", "api", "http", False),
    ("direct tls", "EA101", "direct", "partner", "tls", False),
    ("direct tcp", "EA101", "direct", "api", "tcp", False),
    ("direct, cut off", "EA101", "cut", "api", "http", False),
    ("direct, perhaps", "EA314", "perhaps", "api", "http", False),
    ("direct from ambient", "EA101", "direct_ambient", "amb", "tls", True),
    ("passthrough http", "EA102", "passthrough", "api", "http", False),
    ("passthrough tls", "EA102", "passthrough", "partner", "tls", False),
    ("passthrough from ambient", "EA102", "passthrough_ambient", "network", "tls", True),
    ("wrong gateway", "EA103", "gateway", "partner", "http", False),
    ("other gateway", "EA103", "gateway", "api", "tls", False),
    ("waypoint for gateway", "EA103", "waypoint", "chain", "http", True),
    ("unlisted by gateway", "EA104", "gateway", "unlisted", "http", False),
    ("unlisted direct", "EA104", "direct", "unlisted", "tls", False),
    ("unlisted passthrough", "EA104", "passthrough", "unlisted", "http", False),
    ("unlisted by waypoint", "EA104", "waypoint", "unlisted", "tls", True),
    ("forbidden direct", "EA105", "direct", "blocked", "http", False),
    ("forbidden by gateway", "EA105", "gateway", "blocked", "originate", False),
    ("forbidden passthrough", "EA105", "passthrough", "blocked", "tls", False),
    ("detour", "EA106", "gateway", "straight", "http", False),
    ("refused", "EA107", "refused", "api", "http", False),
    ("of nobody", "EA201", "stranger", "api", "http", False),
    ("of a silent proxy", "EA201", "silent", "api", "http", False),
    ("other server name", "EA202", "gateway", "api", "tls", False),
    ("lost http", "EA303", "lost", "api", "http", False),
    ("lost tls", "EA303", "lost", "api", "tls", False),
    ("lost in part", "EA303", "lost_partly", "api", "http", False),
    ("lost tunnel", "EA303", "lost_tunnel", "amb", "http", True),
    ("replaced gateway", "EA309", "replaced", "api", "http", False),
    ("replaced gateway's address", "EA309", "reused", "api", "http", False),
    ("forged", "EA304", "forged", "api", "http", False),
)
_USUAL = (
    ("gateway", "api", "http", False),
    ("gateway", "api", "tls", False),
    ("gateway", "api", "originate", False),
    ("gateway", "partner", "tcp", False),
    ("gateway", "partner", "http", False),
    ("direct", "straight", "tls", False),
    ("block_all", "blocked", "http", False),
    ("black_hole", "blocked", "tcp", False),
    ("waypoint", "amb", "http", True),
    ("waypoint", "amb", "tls", True),
    ("chain", "chain", "http", True),
    ("shared_chain", "chain", "http", True),
)
_FAILING = (("upstream_down", "api", "http"), ("gateway_down", "api", "http"), ("unconnected", "api", "http"))
_LINES = {"gateway": 2.0, "waypoint": 1.3, "chain": 2.3, "shared_chain": 4.5}
"""Lines of each flow, where it is not one."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What an audit of the folder has to say, all of it and nothing else."""

    window: Window
    flows: Mapping[FlowKey, int]
    findings: Mapping[FindingKey, str]
    """What was planted, and in a word what it is."""
    log_findings: frozenset[tuple[str, str]]
    """Control code and log."""
    blind_spots: frozenset[tuple[str, str]]
    """Kind and subject."""
    lines: Mapping[LogSource, LineCount]
    internal: int
    ignored: Mapping[str, int]
    violations: int
    """How many were planted: those of flows, and those of forged lines."""


def generate(
    folder: File,
    *,
    seed: int,
    lines: int,
    workloads: int = 200,
    violations: int = 137,
    blind_spots: int = 40,
    form: str = "text",
    without: tuple[str, ...] = (),
) -> Truth:
    """Write about so many lines (`form` text or json), mesh.json, collection.json and policy.yaml into a folder.

    `without` names ways (`planted_plans.PATHS`) that nothing goes.
    """
    rng = random.Random(seed)
    cluster = build(workloads, blind_spots)
    logs = Logs(folder, rng, form=form)
    # Quotes are escaped in JSON: a user agent can forge nothing there.
    plan = _Planner(cluster, rng, (*without, *(() if form == "text" else ("forged",))))
    planted = plan.violations(violations)
    usual = plan.usual()
    traffic = Traffic(cluster, logs, rng)
    for each, moment, requests in _schedule(usual, [each for each, _, _ in planted], lines, seed):
        traffic.send(each, moment, requests)
    marked = _mark_logs(cluster, logs, traffic, plan, rng)
    counts = logs.close()
    save_collection(with_figures(_collection(cluster, plan.silent, marked), folder), folder)
    (folder / "mesh.json").write_text(json.dumps(cluster.mesh.to_json()), encoding="utf-8")
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    findings = {(code, *key(each)[:4]): what for each, code, what in planted if code != "EA304"}
    findings |= {("EA310", *key(each)[:4]): each.way for each in usual if each.way in FAILING}
    forged = {(code, str(pod.log)) for each, code, _ in planted if code == "EA304" for pod in each.workload.pods}
    return Truth(
        window=WINDOW,
        flows=dict(traffic.flows),
        findings=findings,
        log_findings=frozenset(marked | forged),
        blind_spots=frozenset(cluster.blind),
        lines=counts,
        internal=traffic.ignored.pop("internal", 0),
        ignored=dict(traffic.ignored),
        violations=len(planted),
    )


class _Planner:
    """Chooses who sends what; no two violations share a workload and a host."""

    def __init__(self, cluster: Cluster, rng: random.Random, without: tuple[str, ...]) -> None:
        self._rng, self._without, self._hosts = rng, without, 0
        single = [each for each in cluster.workloads if not each.ambient and len(each.pods) == 1]
        self.silent = tuple(single[-max(1, len(cluster.workloads) // 50) :])
        """Workloads whose proxy's log is missing."""
        others = [each for each in cluster.workloads if each not in self.silent]
        self.sidecars = [each for each in others if not each.ambient]
        self.ambient = [each for each in others if each.ambient]
        self._single = [each for each in single if each not in self.silent]

    def violations(self, count: int) -> list[tuple[Plan, str, str]]:
        """As many plans, each with its code and what it is; all kinds in turn, each time of another workload."""
        kinds = [each for each in _PLANTED if each[2] not in self._without]
        found = []
        for number in range(count):
            what, code, way, hosts, scheme, ambient = kinds[number % len(kinds)]
            turn = number // len(kinds)
            senders = self._senders(way, ambient=ambient)
            alone = way in ("replaced", "reused", "forged")
            if alone and turn >= len(senders):
                raise ValueError(f"too few workloads for {count} violations")
            gateway = {"gateway": PARTNER} if what == "other gateway" else {}
            called = {"called": f"cdn-{number}.elsewhere.example.com"} if code == "EA202" else {}
            sender = senders[turn if alone else (turn * 7 + number) % len(senders)]
            found.append((Plan(way, sender, self._host(hosts), scheme, **gateway, **called), code, what))
        return found

    def usual(self) -> list[Plan]:
        """What is as it should be, what fails, and what is no egress."""
        hosts = {family: [self._host(family) for _ in range(12)] for family in _DOMAINS}
        plans = [
            Plan(way, self._rng.choice(self._senders(way, ambient=ambient)), hosts[family][0], scheme, **_by(family))
            for way, family, scheme, ambient in _USUAL
            if way != "shared_chain"
        ]
        for workload in (*self.sidecars, *self.ambient):
            for way, family, scheme, ambient in self._rng.sample(_USUAL, 9):
                if ambient == workload.ambient:
                    other = (
                        {"other": self._rng.choice([each for each in self.ambient if each is not workload])}
                        if ambient
                        else {}
                    )
                    plans.append(Plan(way, workload, self._rng.choice(hosts[family]), scheme, **_by(family), **other))
        for number, workload in enumerate(self.sidecars[-4:]):
            way, family, scheme = _FAILING[number % len(_FAILING)]
            plans.append(Plan(way, workload, self._host(family), scheme))
        plans.append(Plan("gateway", self.sidecars[0], self._host("api"), early=True))
        nowhere = self._host("unlisted")
        noise = ("internal", "inbound", "other")
        plans += [Plan(way, each, nowhere) for each in (*self.sidecars, *self.ambient) for way in noise]
        return [each for each in dict.fromkeys(plans) if each.way not in self._without]

    def _senders(self, way: str, *, ambient: bool) -> list[Workload]:
        if way == "silent":
            return list(self.silent)
        if way == "forged":
            return self._single[: len(self._single) // 2]
        if way == "reused":
            return self.sidecars[-5::-1]
        # The last few fail at a gateway's own Service, which is what a replaced gateway's flows are counted by.
        return self.ambient if ambient else self.sidecars[:-4]

    def _host(self, family: str) -> Host:
        self._hosts += 1
        n = self._hosts
        first = "198.18" if family == "network" else f"34.{100 + (n >> 16)}"
        return Host(
            f"h{n}.{_DOMAINS[family]}", f"{first}.{n >> 8 & 255}.{n & 255}", f"240.240.{n >> 8 & 255}.{n & 255}"
        )


def _by(family: str) -> dict[str, str]:
    return {"gateway": PARTNER} if family == "partner" else {}


def _schedule(usual: list[Plan], planted: list[Plan], lines: int, seed: int) -> Iterator[tuple[Plan, int, int]]:
    """Connections in the order of their time: plan, moment in milliseconds, and how many requests it has."""
    draw = np.random.default_rng(seed)
    weights = draw.pareto(1.5, len(usual)) + 0.2
    weights /= weights.sum()
    per = np.array([_LINES.get(each.way, 1.0) * (4 if each.scheme in ("http", "originate") else 1) for each in usual])
    connections = [max(1, round(each)) for each in lines * weights / per]
    connections = [min(many, 5) if plan.early else many for many, plan in zip(connections, usual, strict=True)]
    plans = [*usual, *planted]
    many = np.array([*connections, *draw.integers(1, 5, len(planted))])
    chosen = np.repeat(np.arange(len(plans)), many)
    begin = int(WINDOW.start.timestamp() * 1000)
    length = int((WINDOW.end - WINDOW.start).total_seconds() * 1000)
    # The longest connection ends before the window does, so that every flow begins in it.
    moments = begin + draw.integers(30_000, length - 600_000, len(chosen))
    early = np.array([each.early for each in plans])
    moments = np.where(early[chosen], begin - 1_200_000 + moments % 600_000, moments)
    order = np.argsort(moments, kind="stable")
    requests = draw.integers(1, 8, len(chosen))
    for index, moment, many_requests in zip(
        chosen[order].tolist(), moments[order].tolist(), requests[order].tolist(), strict=True
    ):
        yield plans[index], moment, many_requests


def _mark_logs(
    cluster: Cluster, logs: Logs, traffic: Traffic, plan: _Planner, rng: random.Random
) -> set[tuple[str, str]]:
    """Lines that are cut, logs that are missing or end early; what is to be found of them."""
    begin = int(WINDOW.start.timestamp() * 1000)
    found = set()
    for pod in cluster.quiet:
        logs.other(pod.log, begin + 1000)
    broken = rng.sample([pod for each in plan.sidecars for pod in each.pods], 3)
    for pod in broken:
        logs.broken(pod.log, begin + 2000)
        found.add(("EA305", str(pod.log)))
    found |= {("EA301", str(pod.log)) for each in plan.silent for pod in each.pods}
    partial = (cluster.quiet[0], plan.sidecars[1].pods[0])
    found |= {("EA302", str(pod.log)) for pod in partial}
    found |= {("EA307", subject) for kind, subject in cluster.blind if kind.startswith("logging")}
    if traffic.ignored["no-proxy"]:
        found.add(("EA309", str(OLD_LOG)))
        found.add(("EA321", f"{OLD_LOG}.log"))
    return found


def with_figures(collection: Collection, folder: File) -> Collection:
    """The collection with how many lines and bytes each of its files has, as the collector writes them."""

    def figures(log: CollectedLog) -> CollectedLog:
        file = folder / log.path
        data = file.read_bytes() if file.is_file() else b""
        return replace(log, lines=data.count(b"\n"), bytes=len(data), sha256=sha256(data).hexdigest() if data else "")

    return replace(collection, logs=tuple(map(figures, collection.logs)))


def _collection(cluster: Cluster, silent: tuple[Workload, ...], marked: set[tuple[str, str]]) -> Collection:
    missing = {pod.log for each in silent for pod in each.pods}
    logs = []
    for source, _ in cluster.mesh.expected_logs():
        if source in missing:
            logs.append(CollectedLog(source, State.FAILED, "the node did not answer"))
        else:
            partial = ("EA302", str(source)) in marked
            state, reason = (State.PARTIAL, "the node had dropped its first lines") if partial else (State.COMPLETE, "")
            since = WINDOW.start + timedelta(minutes=30 if partial else 0)
            logs.append(CollectedLog(source, state, reason, covered_from=since, covered_to=WINDOW.end))
    return Collection(WINDOW.start, WINDOW.end, WINDOW.end, "generated", tuple(logs), finished=WINDOW.end)
