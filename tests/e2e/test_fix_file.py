"""`verify --fix FILE` on the lab: the object as it would be, whole, and nothing of the cluster is changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

TOOL = str(Path(sys.executable).parent / "egressaudit")


def test_the_fix_of_a_live_run_is_complete_yaml(tmp_path: Path) -> None:
    file = tmp_path / "fix.yaml"
    verify = [TOOL, "verify", "--host", "docs.redhat.com", "--from", "deploy/curl", "-n", "curl", "--fix", str(file)]
    lab = [TOOL, "lab", "run", "--scenario", "mesh-gateway-missing", "--", *verify]
    done = subprocess.run(lab, check=False, capture_output=True, text=True)
    assert done.returncode == 10, done.stderr
    assert f"wrote a fix for EC26, not applied. Review it with: kubectl diff -f {file}" in done.stderr
    [made] = [each for each in yaml.safe_load_all(file.read_text("utf-8")) if each]
    assert (made["kind"], made["metadata"]) == ("VirtualService", {"name": "egress-vs", "namespace": "curl"})
    assert made["spec"]["gateways"] == ["mesh", "egress-gateway/egress-gw"]
    # What no snapshot restates is there too: the rules, with their weights.
    assert [rule["route"][0]["weight"] for rule in made["spec"]["http"]] == [100, 100]
    assert file.stat().st_mode & 0o077 == 0
