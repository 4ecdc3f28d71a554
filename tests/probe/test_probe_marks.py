"""The requests of our own probes in a later audit: they are called that, and judged like all else."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path as File

import pytest
from support.folders import mesh_of
from support.tools import SAMPLES

from egressaudit.model import AuditReport
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from egressaudit.probe import ProbePodOptions, curl_argv, is_marked, new_nonce, parse_host, probe_pod

EVER = AuditSettings(start=datetime(2020, 1, 1, tzinfo=UTC), end=datetime(2040, 1, 1, tzinfo=UTC))
WORDS = "the mark of egressaudit's own probes, which any sender can write"


def audited(folder: File) -> AuditReport:
    return audit_window((str(folder),), mesh_of(folder), EVER)


def said(report: AuditReport, code: str) -> list[str]:
    return [each.message for each in report.findings if each.code == code]


def test_what_a_probe_sends_is_marked_and_so_is_its_pod_at_a_ztunnel() -> None:
    argv = curl_argv(parse_host("docs.redhat.com"), new_nonce(), 1, 1)
    agent = argv[argv.index("--user-agent") + 1]
    assert is_marked(f'"GET / HTTP/1.1" 200 - "{agent}"')
    name = probe_pod("curl", ProbePodOptions(), "0123abcd", 60)["metadata"]["name"]
    assert is_marked(f'src.workload="{name}" src.namespace="curl"')
    assert is_marked(json.dumps({"src.workload": name}))


@pytest.mark.parametrize(
    "text",
    ["", '"egressaudit/0.1.0"', '"curl/8.5 (0123456789abcdef)"', "egressaudit/0.1.0 (0123)", "egressaudit-probe"],
)
def test_what_only_resembles_the_mark_is_none(text: str) -> None:
    assert not is_marked(text)


def gone_probe(tmp_path: File) -> File:
    """The sample of a probe pod of our own, as a later audit finds it: the pod and its log are gone."""
    folder = File(shutil.copytree(SAMPLES / "gateway-api", tmp_path / "later"))
    for log in (folder / "egress-gateway").glob("egressaudit-probe-*"):
        shutil.rmtree(log)
    snapshot = json.loads((folder / "mesh.json").read_text())
    kept = [each for each in snapshot["objects"] if not each["metadata"]["name"].startswith("egressaudit-probe-")]
    assert len(kept) < len(snapshot["objects"])
    (folder / "mesh.json").write_text(json.dumps({**snapshot, "objects": kept}))
    return folder


def test_the_lines_of_a_probe_pod_that_is_gone_are_unattributed_and_called_a_probes(tmp_path: File) -> None:
    [message] = said(audited(gone_probe(tmp_path)), "EA201")
    assert message.endswith(f"the line shown carries {WORDS}")


def test_the_mark_excuses_nothing(tmp_path: File) -> None:
    """A sender writes the mark into the requests of its bypass: the verdict is the same, and the words are added."""
    folder = File(shutil.copytree(SAMPLES / "mesh-gateway-missing", tmp_path / "marked"))
    marked = audited(folder)
    [message] = said(marked, "EA101")
    assert message.endswith(WORDS)
    for log in folder.glob("*/*/istio-proxy.log"):
        log.write_text(log.read_text().replace("egressaudit/", "agent/"))
    plain = audited(folder)
    [unmarked] = said(plain, "EA101")
    assert message.removeprefix(unmarked).startswith("; ")
    assert (plain.outcome, [each.outcome for each in plain.judged]) == (
        marked.outcome,
        [each.outcome for each in marked.judged],
    )
