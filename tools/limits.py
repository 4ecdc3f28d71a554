"""The limits of the house: `python tools/limits.py` prints what breaks them, and `make lint` fails then.

A file has at most 350 lines, a function at most 60, and no two modules or classes of a package have the same name.
Complexity is ruff's to check (C901, `max-complexity` in pyproject.toml). A line of output:

    egressaudit/mesh/trim.py: 354 lines, and 350 are the limit
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("egressaudit", "egressaudit_lab", "native/src", "tests", "tools", "benchmarks")
PACKAGES = ("egressaudit", "egressaudit_lab")
FILE_LINES, FUNCTION_LINES = 350, 60
SUFFIXES = {".py", ".rs", ".sql", ".js", ".css", ".jinja"}

# A command and its story share a name on purpose: cli/audit.py reads the options, pipeline/audit.py does the work.
SHARED_FOLDERS = (frozenset({"egressaudit/cli", "egressaudit/pipeline"}),)

# Classes may share a name where one is the JSON form of the other: the published schemas show their names.
DOCUMENTS = frozenset(
    {
        "egressaudit/report/analyze_document.py",
        "egressaudit/report/audit_document.py",
        "egressaudit/report/document_parts.py",
        "egressaudit/report/verify_document.py",
    }
)
# Other classes that share a name, and why.
SHARED_CLASSES: dict[str, str] = {}

# What breaks a limit today, and who will mend it. An entry that is no longer needed fails, so the list can only shrink.
# It must be empty in the end: never add to it, split the file instead.
EXEMPT: dict[str, str] = {}


def main() -> int:
    found = dict(broken(ROOT))
    wrong = [said for what, said in found.items() if what not in EXEMPT]
    wrong += [f"tools/limits.py: {what} breaks no limit, take it out of EXEMPT" for what in EXEMPT if what not in found]
    for each in wrong:
        print(each, file=sys.stderr)
    return 1 if wrong else 0


def broken(root: Path) -> Iterator[tuple[str, str]]:
    """What breaks a limit: its name as EXEMPT writes it, and the sentence about it."""
    for file in files(root):
        name, text = file.relative_to(root).as_posix(), file.read_text("utf-8")
        if (lines := len(text.splitlines())) > FILE_LINES:
            yield name, f"{name}: {lines} lines, and {FILE_LINES} are the limit"
        for function, lines in functions(text) if file.suffix == ".py" else ():
            if lines > FUNCTION_LINES:
                what = f"{name}: {function}"
                yield what, f"{what} has {lines} lines, and {FUNCTION_LINES} are the limit"
    for twice in same_names(root):
        what = ", ".join(twice)
        yield what, f"{what}: modules of one package with the same name; name them for what they do"

    for name, places in same_classes(root):
        what = ", ".join(places)
        yield f"class {name}", f"{what}: classes named {name}; name each for what it is here"


def same_classes(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Names of classes that a package has twice, with the files: `Rule`, `["findings/rule.py", "policy/rules.py"]`."""
    for package in PACKAGES:
        defined: defaultdict[str, list[str]] = defaultdict(list)
        for file in sorted((root / package).rglob("*.py")):
            name = file.relative_to(root).as_posix()
            for node in ast.parse(file.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and name not in DOCUMENTS:
                    defined[node.name.removeprefix("_")].append(name)
        for name, places in defined.items():
            if len(places) > 1 and name not in SHARED_CLASSES:
                yield name, places


def files(root: Path) -> list[Path]:
    """All source files of the checkout."""
    return [
        file
        for folder in FOLDERS
        for file in sorted((root / folder).rglob("*"))
        # What others wrote is as long as they like it.
        if file.suffix in SUFFIXES and file.parent.name != "vendor" and file.is_file()
    ]


def functions(text: str) -> Iterator[tuple[str, int]]:
    """Each function with its number of lines."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def same_names(root: Path) -> Iterator[tuple[str, ...]]:
    """Modules of one package that share a name, each as `room/module`: `("join/flows", "model/flows")`."""
    for package in PACKAGES:
        named: defaultdict[str, list[Path]] = defaultdict(list)
        for file in sorted((root / package).rglob("*.py")):
            named[file.name].append(file)
        for name, found in named.items():
            folders = frozenset(file.parent.relative_to(root).as_posix() for file in found)
            if name != "__init__.py" and len(found) > 1 and folders not in SHARED_FOLDERS:
                yield tuple(file.relative_to(root / package).with_suffix("").as_posix() for file in found)


if __name__ == "__main__":
    sys.exit(main())
