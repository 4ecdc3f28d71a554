"""A report on a generated mesh held against the truth: what was missed, what was invented, what was counted wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path as File

from egressaudit.evidence.collection import load_collection
from egressaudit.judge.believed import believed
from egressaudit.mesh import Mesh
from egressaudit.mesh.trust import Trust
from egressaudit.model import AuditReport, Finding
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from egressaudit.policy import load_policy
from planted.mesh import Truth

# What the configuration says about it (EA4xx) is no part of the truth: the snapshot has no routes at all.
_CONFIGURATION = "EA4"


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs, one line each; `found` is how many planted violations were found."""

    found: int
    missed: tuple[str, ...]
    invented: tuple[str, ...]
    miscounted: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.missed or self.invented or self.miscounted)


def audited(folder: File, truth: Truth, *, memory_limit: str = "1GB", parts: int = 0) -> AuditReport:
    """The report on a generated folder, by its own policy and snapshot."""
    policy = load_policy(folder / "policy.yaml")
    saved = json.loads((folder / "mesh.json").read_text(encoding="utf-8"))
    mesh = Mesh.from_json(saved, believed(Trust(), policy))
    settings = AuditSettings(
        policy=policy,
        start=truth.window.start,
        end=truth.window.end,
        memory_limit=memory_limit,
        parts=parts,
    )
    return audit_window((str(folder),), mesh, settings, load_collection(folder))


def compare(report: AuditReport, truth: Truth) -> Difference:
    """The report against the truth; empty where they agree in everything."""
    told = [each for each in report.findings if not each.code.startswith(_CONFIGURATION)]
    seen = {_key(each) for each in told if _is_of_flows(each)}
    keys = set(truth.findings)
    said = {(each.code, each.subject) for each in told if not _is_of_flows(each)}
    around = {("EA306", subject) for kind, subject in truth.blind_spots if not kind.startswith("logging")}
    to_say = truth.log_findings | around
    blind = {(each.kind, each.subject) for each in report.coverage.blind_spots}
    missed = [f"{truth.findings[each]}: {each}" for each in sorted(keys - seen)]
    missed += [str(each) for each in sorted(to_say - said) + sorted(truth.blind_spots - blind)]
    invented = [str(each) for each in sorted(seen - keys) + sorted(said - to_say) + sorted(blind - truth.blind_spots)]
    planted = {each for each in keys if each[0] != "EA310"}
    forged = {each for each in truth.log_findings if each[0] == "EA304"}
    return Difference(
        found=len(planted & seen) + len(forged & said),
        missed=tuple(missed),
        invented=tuple(invented),
        miscounted=tuple(_miscounted(report, truth)),
    )


def _is_of_flows(finding: Finding) -> bool:
    return finding.judged is not None or finding.code == "EA202"


def _key(finding: Finding) -> tuple[str, str, str, str, int]:
    if finding.judged is not None:
        group = finding.judged.group
        return finding.code, group.namespace, group.workload, group.host, group.port or 0
    # Only the sentence says which host a server name was called for.
    namespace, _, workload = finding.subject.partition("/")
    host, _, port = finding.message.split(" ", 1)[0].rpartition(":")
    return finding.code, namespace, workload, host, int(port)


def _miscounted(report: AuditReport, truth: Truth) -> Iterable[str]:
    seen: Counter[tuple[str, str, str, int, str]] = Counter()
    for each in report.judged:
        group = each.group
        seen[group.namespace, group.workload, group.host, group.port or 0, group.path.value] += group.flows
    for key in sorted(seen.keys() | truth.flows.keys()):
        if seen[key] != truth.flows.get(key, 0):
            yield f"flows of {key}: {seen[key]} instead of {truth.flows.get(key, 0)}"
    lines = {each.name: each.lines for each in report.coverage.sources if each.read}
    wanted = {str(source): count for source, count in truth.lines.items()}
    for name in sorted(lines.keys() | wanted.keys()):
        if lines.get(name) != wanted.get(name):
            yield f"lines of {name}: {lines.get(name)} instead of {wanted.get(name)}"
    kinds = sorted(report.ignored.keys() | truth.ignored.keys())
    counts = [(kind, report.ignored.get(kind, 0), truth.ignored.get(kind, 0)) for kind in kinds]
    for kind, count, right in (("internal", report.internal, truth.internal), *counts):
        if count != right:
            yield f"{kind}: {count} instead of {right}"
