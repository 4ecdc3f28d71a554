"""`--istio-namespace` and `--revision`: names only, and of a live cluster only."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tools import SAMPLES

from egressaudit.cli import run


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["snapshot", "--istio-namespace", "a/b"], "--istio-namespace 'a/b' is not a name"),
        (["snapshot", "--revision", "Canary"], "--revision 'Canary' is not a name"),
        (["verify", "--host", "example.com", "--revision", ""], "--revision '' is not a name"),
        (["audit", "--istio-namespace", "-x"], "--istio-namespace '-x' is not a name"),
        (["audit", str(SAMPLES), "--istio-namespace", "mesh"], "--istio-namespace works only on a live cluster"),
        (["audit", str(SAMPLES), "--revision", "canary"], "--revision works only on a live cluster"),
        (["verify", "--replay", "x", "--revision", "canary"], "--revision does not go with --replay"),
    ],
)
def test_what_names_no_control_plane_is_refused(
    command: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert run(command) == 2
    assert said in capsys.readouterr().err
