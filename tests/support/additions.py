"""What it takes to add something to the program: the one file, and the list that gets the one line.

The tests of each room add theirs to a copy of the package with `add`, and show that everything picks it up.
`tools/house.py` counts the files of `ADDITIONS`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import egressaudit

PACKAGE = Path(egressaudit.__file__).parent

ADDITIONS: dict[str, tuple[str, ...]] = {
    "a log source (a proxy of another kind)": ("hops/dialects/at_signs.py", "hops/dialects/__init__.py"),
    "a finding": ("findings/path/example.py", "findings/__init__.py"),
    "a report format": ("report/brief.py", "report/output_formats.py"),
    "a steering API": ("mesh/steering/exits.py", "mesh/steering/__init__.py"),
    "a mesh mode": ("mesh/modes/hosted.py", "mesh/modes/__init__.py", "model/proxies.py"),
    "an engine": ("join/engines/spoken.py", "join/engines/__init__.py"),
    "a place where logs are kept": ("sources/locations/shelf.py", "sources/locations/__init__.py"),
}
"""The new file first, then the files that get one line each. A mode also gets its name in the vocabulary."""


def package_copy(to: Path) -> Path:
    """The package in `to/egressaudit`, and what it needs beside it."""
    shutil.copytree(PACKAGE, to / "egressaudit", ignore=shutil.ignore_patterns("__pycache__"))
    if (PACKAGE.parent / "grammars").is_dir():  # a checkout; a wheel has them inside
        shutil.copytree(PACKAGE.parent / "grammars", to / "grammars")
    return to / "egressaudit"


def add(package: Path, what: str, text: str, *lines: tuple[str, str]) -> None:
    """Add the file, and one line to each list: (the text that it stands behind, the line)."""
    new, *lists = ADDITIONS[what]
    assert not (package / new).exists()
    (package / new).write_text(text, "utf-8")
    for name, (above, line) in zip(lists, lines, strict=True):
        known = (package / name).read_text("utf-8")
        assert known.count(above) == 1, f"{name} has {above!r} {known.count(above)} times"
        assert line.count("\n") == 1
        (package / name).write_text(known.replace(above, above + line), "utf-8")


def run_copy(package: Path, *arguments: str, ok: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    """`python ARGUMENTS` beside the copy, which it imports."""
    environment = {name: value for name, value in os.environ.items() if name != "EGRESSAUDIT_LANES"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=package.parent,
        env=environment | {"PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode in ok, done.stderr
    return done
