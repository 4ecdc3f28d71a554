"""Fingerprints of a whole audit: all pods get other names, and nothing else in the report is new."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from pathlib import Path as File

from egressaudit.findings.fingerprints import fingerprint_of, flow_fingerprint
from egressaudit.model import AuditReport
from planted.check import audited
from planted.mesh import generate

_RANDOM = "bcdfghjklmnpqrstvwxz2456789"


def test_replaced_pods_change_no_fingerprint(tmp_path: File) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    truth = generate(old, seed=17, lines=6_000, workloads=60, violations=62, blind_spots=22)
    _with_other_pods(old, new)

    before, after = audited(old, truth), audited(new, truth)

    assert {each.subject for each in before.findings} != {each.subject for each in after.findings}
    assert {each.code for each in before.findings} >= {"EA101", "EA104", "EA202", "EA301", "EA304", "EA306", "EA307"}
    assert _fingerprints(before) == _fingerprints(after)


def test_findings_share_a_fingerprint_only_if_pods_of_a_workload_have_one_problem(tmp_path: File) -> None:
    truth = generate(tmp_path, seed=18, lines=6_000, workloads=60, violations=62, blind_spots=22)
    same = defaultdict(list)
    for each in audited(tmp_path, truth).findings:
        same[fingerprint_of(each)].append(each)

    shared = [each for each in same.values() if len(each) > 1]

    assert len(same) > 100
    for findings in shared:
        assert len({(each.code, each.about, each.outcome) for each in findings}) == 1
        assert len({each.subject for each in findings}) == len(findings), findings


def _fingerprints(report: AuditReport) -> tuple[list[str], list[str]]:
    # ztunnel's lines name pods, so its renamed logs are not what collection.json says (EA320).
    findings = sorted(fingerprint_of(each) for each in report.findings if each.code != "EA320")
    return findings, sorted(map(flow_fingerprint, report.judged))


def _with_other_pods(old: File, new: File) -> None:
    """The same evidence with another random end in the name of each pod that a controller made."""
    rng = random.Random(1)
    pods = [
        each["metadata"] for each in json.loads((old / "mesh.json").read_text())["objects"] if each["kind"] == "Pod"
    ]
    names = {each["name"]: _renamed(each["name"], rng) for each in pods if each.get("ownerReferences")}
    assert len(names) > 40
    pattern = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    for file in (each for each in old.rglob("*") if each.is_file()):
        path = new / pattern.sub(lambda found: names[found[0]], file.relative_to(old).as_posix())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pattern.sub(lambda found: names[found[0]], file.read_text()))


def _renamed(name: str, rng: random.Random) -> str:
    base, dash, end = name.rpartition("-")
    return "".join((base, dash, *rng.choices(_RANDOM, k=len(end))))
