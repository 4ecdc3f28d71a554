"""The generator of meshes: what it says it wrote is what it wrote."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path as File

import pytest

from egressaudit.evidence.collection import load_collection
from egressaudit.mesh import Mesh
from egressaudit.policy import load_policy
from planted.mesh import START, Truth, generate

_SMALL = {"lines": 9_000, "workloads": 60, "violations": 62, "blind_spots": 22}


def _files(folder: File) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[File, Truth]:
    folder = tmp_path_factory.mktemp("mesh")
    return folder, generate(folder, seed=11, **_SMALL)


def test_the_same_seed_writes_the_same_bytes(made: tuple[File, Truth], tmp_path: File) -> None:
    again = generate(tmp_path, seed=11, **_SMALL)

    assert again == made[1]
    assert _files(tmp_path) == _files(made[0])


def test_another_seed_writes_other_bytes(made: tuple[File, Truth], tmp_path: File) -> None:
    generate(tmp_path, seed=12, **_SMALL)

    assert _files(tmp_path) != _files(made[0])


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_lines_of_each_log_are_as_many_as_it_says(tmp_path: File, form: str) -> None:
    truth = generate(tmp_path, seed=13, form=form, **_SMALL)

    written = {str(each.relative_to(tmp_path)): each.read_text().count("\n") for each in tmp_path.rglob("*.log")}
    assert written == {f"{source}.log": count.read for source, count in truth.lines.items()}
    assert all(each.access + each.other + each.unparsed == each.read for each in truth.lines.values())
    assert sum(written.values()) == pytest.approx(_SMALL["lines"], rel=0.25)


def test_every_kind_of_violation_is_planted(made: tuple[File, Truth]) -> None:
    codes = Counter(code for code, *_ in made[1].findings)
    logs = Counter(code for code, _ in made[1].log_findings)

    assert set(codes) == {
        *("EA101", "EA102", "EA103", "EA104", "EA105", "EA106", "EA107", "EA201", "EA202"),
        *("EA303", "EA309", "EA310", "EA314"),
    }
    assert set(logs) == {"EA301", "EA302", "EA304", "EA305", "EA307", "EA309", "EA321"}
    assert made[1].violations == sum(codes.values()) - codes["EA310"] + logs["EA304"]


def test_snapshot_policy_and_collection_can_be_read(made: tuple[File, Truth]) -> None:
    folder, truth = made
    mesh = Mesh.from_json(json.loads((folder / "mesh.json").read_text()))
    collection = load_collection(folder)

    assert collection is not None
    assert {each.source for each in collection.logs} == {source for source, _ in mesh.expected_logs()}
    assert {(each.kind, each.subject) for each in mesh.blind_spots()} == truth.blind_spots
    assert load_policy(folder / "policy.yaml").name == "generated"


def test_ports_are_used_again_but_not_soon(made: tuple[File, Truth]) -> None:
    """The same connection's lines are close together; a port's next connection begins much later."""
    uses: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    line = re.compile(r'\[(\S+?)Z\].*"(\S+)" outbound\|\d+\|\|\S*gateway\S* (\S+) ')
    for log in made[0].glob("team-*/*/*.log"):
        for found in line.finditer(log.read_text()):
            uses[found[3], found[2]].append(found[1])
    spans = [(min(each), max(each)) for each in uses.values()]

    assert any(last[:13] > first[:13] for first, last in spans)
    assert min(first for first, _ in spans) >= f"{START:%Y-%m-%dT07}"
