"""Write docs/map.md, the map of the code, from the docstring of each module: `python tools/code_map.py`."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docs" / "map.md"
HEAD = """\
# The map of the code

Every room and every file, in the words of its docstring. `tools/code_map.py` writes this page; a test holds it to the
code. The order of the rooms and why it is so: [CONTRIBUTING.md](../CONTRIBUTING.md).
"""


def page() -> str:
    """The whole page."""
    text = HEAD
    for package in ("egressaudit", "egressaudit_lab"):
        for folder in sorted({file.parent for file in (ROOT / package).rglob("*.py")}):
            text += _room(folder)
    return text


def _room(folder: Path) -> str:
    rows = [f"| `{file.name}` | {said(file)} |\n" for file in sorted(folder.glob("*.py")) if file.name != "__init__.py"]
    text = f"\n## `{folder.relative_to(ROOT).as_posix()}`\n\n{said(folder / '__init__.py')}\n"
    return text + ("\n| file | what |\n|---|---|\n" + "".join(rows) if rows else "")


def said(file: Path) -> str:
    """The first paragraph of a module's docstring on one line, '' where it has none."""
    text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
