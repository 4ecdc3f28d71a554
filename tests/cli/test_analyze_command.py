"""`egressaudit analyze` as a user runs it: its exit codes, its errors, its outputs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.mesh import READ
from support.scenarios import SCENARIOS, scenario

from egressaudit.cli import run
from egressaudit.evidence.mesh_file import save_snapshot
from egressaudit.mesh import Mesh

Captured = pytest.CaptureFixture[str]


def snapshot(name: str, folder: Path) -> str:
    file = folder / f"{name}.json"
    save_snapshot(Mesh.of(scenario(name), READ).to_json(), file)
    return str(file)


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        ("istio-apis", [], 0),
        ("istio-apis", ["--host", "httpbin.org"], 3),
        ("istio-apis", ["--host", "docs.redhat.com", "--host", "httpbin.org"], 3),
        ("istio-apis", ["--from", "deploy/curl", "-n", "curl"], 0),
        ("logging-off", [], 3),
        ("mesh-gateway-missing", [], 10),
        ("whole-mesh", ["-n", "shop", "--host", "docs.redhat.com"], 0),
    ],
)
def test_the_exit_code_is_that_of_the_worst_way(name, more, code, tmp_path: Path, capsys: Captured) -> None:
    assert run(["analyze", "--mesh", snapshot(name, tmp_path), *more]) == code
    assert capsys.readouterr().out


def test_files_are_analyzed_without_the_client_of_a_cluster(tmp_path: Path) -> None:
    run_it = f"run(['analyze', '--mesh', {snapshot('istio-apis', tmp_path)!r}])"
    code = f"import sys; from egressaudit.cli import run; {run_it}; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "docs.redhat.com" in done.stdout
    assert "egressaudit.pipeline.analyze" in done.stderr.split()
    assert "kubernetes" not in done.stderr.split()


def test_manifests_are_analyzed_without_a_cluster(capsys: Captured) -> None:
    files = [str(SCENARIOS / "mesh-gateway-missing" / each) for each in ("applied.yaml", "cluster.yaml")]
    assert run(["analyze", "-f", files[0], "-f", files[1], "-o", "json"]) == 10
    document = json.loads(capsys.readouterr().out)
    assert document["faults"][0]["written"]["file"] == files[0]
    assert document["live"] is None


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["--host", "a b"], 2, "invalid --host"),
        (["--host", "*.example.com"], 2, "a request cannot go to a wildcard"),
        (["--from", "deploy/a", "-l", "app=a"], 2, "--from and -l both choose the source"),
        (["-l", "app in ("], 2, ""),
        (["--from", "deploy/nobody"], 2, "found no pod for --from deploy/nobody in namespace default"),
        (["--trust", "nonsense"], 2, ""),
        (["-o", "parquet"], 2, "parquet"),
        (["-f", "{folder}/absent.yaml"], 2, "absent.yaml is missing"),
        (["-f", "{folder}/empty.yaml"], 2, "there is no object in"),
        (["-f", "{folder}/broken.yaml"], 2, "broken.yaml:1: this is not YAML"),
        (["--mesh", "{folder}/absent.json"], 1, "absent.json is missing"),
        (["--mesh", "{folder}/empty.yaml"], 1, "empty.yaml cannot be read"),
    ],
)
def test_what_cannot_be_is_an_error_that_says_so(args, code, says, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "broken.yaml").write_text("a: [")
    given = [each.format(folder=tmp_path) for each in args]
    files = [] if {"--mesh", "-f"} & set(given) else ["--mesh", snapshot("istio-apis", tmp_path)]
    report = tmp_path / "report.json"
    assert run(["analyze", *files, *given, "-o", f"json={report}"]) == code
    said = capsys.readouterr()
    assert says in said.err
    assert "Traceback" not in said.err
    if report.exists():
        assert json.loads(report.read_text())["outcome"] == "NOT_PERFORMED"


def test_a_dry_run_refuses_what_only_a_request_has(capsys: Captured) -> None:
    assert run(["verify", "--host", "docs.redhat.com", "--dry-run", "--expect", "direct"]) == 2
    assert "--expect does not go with --dry-run" in capsys.readouterr().err
    assert run(["verify", "--replay", "x", "--dry-run"]) == 2
    assert "--dry-run does not go with --replay" in capsys.readouterr().err
