"""What a history keeps of a day is enough to judge it again: as an audit of its logs by that policy would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from planted.mesh import generate
from support.history_runs import remembered, stored
from support.judged_again import audited, differences
from support.reports import FULL
from support.tools import SAMPLES
from worlds.draw import draw
from worlds.folder import write

from egressaudit.history.stored_runs import History
from egressaudit.judge.believed import believed
from egressaudit.mesh import Trust
from egressaudit.model import AuditReport
from egressaudit.pipeline.judged_again import judged_again
from egressaudit.policy import Policy, load_policy

HEAD = "apiVersion: egressaudit.io/v1alpha1\nkind: EgressPolicy\nmetadata: {name: other}\nspec:\n"
BY_MESH = "  default: mesh\n"
ALLOWING = "  default: allow\n"
DENYING = "  default: deny\n"
HOSTS = """
  rules:
  - {name: straight, to: {hosts: ["*"]}, via: direct}
  - {name: addresses, to: {hosts: ["198.18.0.0/15", "127.0.0.0/8", "203.0.113.0/24"]}, via: blocked}
  - {name: some, to: {hosts: ["*.example.com", "docs.redhat.com"], ports: [443, 80]}, via: direct}
"""
WAIVED = """
  waivers:
  - {rule: default, from: "*/*", reason: CHG-1, expires: 2026-12-31}
"""


def policy(tmp_path: Path, spec: str) -> Policy:
    file = tmp_path / "other.yaml"
    file.write_text(HEAD + spec, "utf-8")
    return load_policy(file)


WORLDS = range(900, 908)
OTHERS = {
    "mesh": BY_MESH,
    "allow": ALLOWING,
    "deny": DENYING,
    "rules": HOSTS + DENYING,
    "rules-mesh": HOSTS + BY_MESH,
    "waived": WAIVED + DENYING,
}


def test_a_sample_is_judged_again_as_it_was(tmp_path: Path) -> None:
    folder = SAMPLES / "whole-mesh"
    own = load_policy(folder / "policy.yaml")
    trust = believed(Trust(), own)
    for first in (audited(folder, own, trust), audited(folder, None, trust)):
        assert len(first[1].memory.judged) == 5
        for other in (own, *(policy(tmp_path, spec) for spec in OTHERS.values())):
            assert differences(folder, first, other, trust) == []


@pytest.mark.planted
def test_a_planted_mesh_is_judged_again_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "mesh"
    generate(folder, seed=23, lines=6_000, workloads=60, violations=62, blind_spots=22)
    own = load_policy(folder / "policy.yaml")
    trust = believed(Trust(), own)
    first = audited(folder, own, trust)
    assert len(first[1].memory.judged) > 300
    for other in (own, *(policy(tmp_path, OTHERS[name]) for name in ("rules", "waived"))):
        assert differences(folder, first, other, trust) == []


@pytest.mark.worlds
def test_worlds_are_judged_again_as_they_were(tmp_path: Path) -> None:
    """Meshes with routes, aliases, tunnels and shared addresses: what the snapshot answered is kept with the groups."""
    total = 0
    for seed in WORLDS:
        folder = tmp_path / str(seed)
        write(draw(seed), folder)
        file = folder / "policy.yaml"
        own = load_policy(file) if file.exists() else None
        trust = believed(Trust(), own)
        first = audited(folder, own, trust)
        total += len(first[1].memory.judged)
        for name in ("rules", "rules-mesh"):
            assert differences(folder, first, policy(tmp_path, OTHERS[name]), trust) == [], (seed, name)
    assert total > 30


def about(*left_out: str) -> AuditReport:
    """A report that was asked about all workloads but these."""
    return replace(FULL, coverage=replace(FULL.coverage, left_out=frozenset(left_out)))


WIDE, SHOP, REST = about(), about("pay/Deployment/x"), about("shop/Deployment/cart")


@pytest.mark.parametrize(
    ("first", "then", "runs"),
    [(WIDE, WIDE, 1), (SHOP, WIDE, 1), (SHOP, SHOP, 1), (WIDE, REST, 2), (SHOP, REST, 2)],
)
def test_a_later_run_about_fewer_workloads_replaces_none(
    tmp_path: Path, first: AuditReport, then: AuditReport, runs: int
) -> None:
    """The later run saw nothing of what escaped; whoever did not ask about a workload did not clear it."""
    history = History(tmp_path / "egress.duckdb")
    stored(history, first)
    remembered(history, then, ())
    report = judged_again(history, policy(tmp_path, DENYING), Trust(), None, None)
    assert report.runs == runs
    assert bool(report.rows) is (runs == 2)
