"""`make lint` notices what breaks the limits of the house."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tools import load_tool

limits = load_tool("limits")

LONG_FUNCTION = "def long():\n" + "    pass\n" * 60


@pytest.mark.parametrize(
    ("files", "broken"),
    [
        ({"egressaudit/a.py": "\n" * 350, "native/src/a.rs": "\n" * 350}, []),
        ({"egressaudit/a.py": "\n" * 351}, ["egressaudit/a.py"]),
        ({"native/src/a.rs": "\n" * 351}, ["native/src/a.rs"]),
        ({"tests/a.py": LONG_FUNCTION}, ["tests/a.py: long"]),
        ({"tools/a.py": "class A:\n  async " + LONG_FUNCTION.replace("\n  ", "\n    ")}, ["tools/a.py: long"]),
        ({"egressaudit/hops/a.py": "", "egressaudit/mesh/a.py": ""}, ["hops/a, mesh/a"]),
        ({"egressaudit/hops/__init__.py": "", "egressaudit/mesh/__init__.py": ""}, []),
        ({"egressaudit/cli/audit.py": "", "egressaudit/pipeline/audit.py": ""}, []),
        (
            {f"egressaudit/{room}/audit.py": "" for room in ("cli", "pipeline", "report")},
            ["cli/audit, pipeline/audit, report/audit"],
        ),
        ({"egressaudit/a.py": "", "egressaudit_lab/a.py": ""}, []),
    ],
)
def test_what_breaks_a_limit_is_found(tmp_path: Path, files: dict[str, str], broken: list[str]) -> None:
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert [what for what, _ in limits.broken(tmp_path)] == broken


def test_an_exemption_that_is_no_longer_needed_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert limits.main() == 0
    monkeypatch.setitem(limits.EXEMPT, "egressaudit/errors.py", "short by now")
    assert limits.main() == 1
    assert "egressaudit/errors.py breaks no limit" in capsys.readouterr().err
