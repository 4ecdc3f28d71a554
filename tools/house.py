"""How well ordered the code is, as numbers: `python tools/house.py 94c34eb HEAD` compares two revisions as a table.

Each revision is unpacked into a folder of its own, so nothing that is not committed counts. The compiled module is the
checkout's: with an older revision it may stop a command, after its imports. A row of what comes out:

    | files over 250 lines | 36 | 14 |
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import limits

ROOT = Path(__file__).resolve().parent.parent
LONG, BRANCHES, RUNS = 250, 12, 5
SAMPLE = "sample_logs/whole-mesh"

# What each command imports until it is done, or until it finds no cluster. A second spelling is for older revisions.
NOWHERE = ("--kubeconfig", "/nonexistent")
COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "--help": (("--help",),),
    "verify": (("verify", "--host", "docs.redhat.com", "--from", "curl/curl-1", *NOWHERE),),
    "verify --replay": (("verify", "--replay", "sample_logs/istio-apis"), ("audit", "sample_logs/istio-apis")),
    "audit, live": (("audit", "-A", *NOWHERE),),
    "audit DIR": (("audit", SAMPLE, "--policy", f"{SAMPLE}/policy.yaml"),),
    "parse": (("parse", f"{SAMPLE}/curl"),),
    "snapshot": (("snapshot", *NOWHERE),),
    "policy check": (("policy", "check", f"{SAMPLE}/policy.yaml"),),
    "causes": (("causes",),),
    "controls": (("controls",),),
    "cleanup": (("cleanup", "-A", *NOWHERE),),
}
USAGE_ERROR = 2

# The files that each addition touches, read by hand at 94c34eb. A later revision says it in a test that adds each of
# them, tests/support/additions.py: a dict `ADDITIONS` of the same names, each with the files that it adds or changes.
ADDITIONS: dict[str, str] = {
    "a log source (a proxy of another kind)": "up to 29",
    "a finding": "3 to 5; of a configuration fault: no place",
    "a report format": "6 to 8",
    "a steering API": "10",
    "a mesh mode": "10",
    "an engine": "no seam: 3 at least",
    "a place where logs are kept": "no seam: 3 at least",
}
BY_HAND, SEAMS = "94c34eb", "tests/support/additions.py"


@dataclass(frozen=True)
class Module:
    """A module of the program: its dotted name, its text, and the modules of the program that it imports."""

    name: str
    text: str
    imports: frozenset[str]

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def is_pipeline(self) -> bool:
        return self.name.split(".")[1:2] == ["pipeline"]


def main(revisions: list[str]) -> int:
    if not revisions:
        print("usage: python tools/house.py REVISION ...", file=sys.stderr)
        return USAGE_ERROR
    columns = [dict(measured(each)) for each in revisions]
    print(f"| | {' | '.join(revisions)} |\n|---|{'---|' * len(revisions)}")
    for row in dict.fromkeys(row for column in columns for row in column):
        print(f"| {row} | {' | '.join(column.get(row, '-') for column in columns)} |")
    return 0


def measured(revision: str) -> Iterator[tuple[str, str]]:
    """The rows of one revision, each with its name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packed = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=packed, check=True)
        for built in (ROOT / "egressaudit").glob("_lanes*.so"):
            shutil.copy(built, folder / "egressaudit")
        (folder / "egressaudit" / "_grammars").symlink_to(folder / "grammars")
        modules = list(read(folder))
        yield from sizes(modules)
        yield "test files over 350 lines", str(sum(long_file(each, 350) for each in (folder / "tests").rglob("*.py")))
        yield from names(folder)
        yield from pipeline(modules)
        yield from additions(folder, revision)
        for command, spellings in COMMANDS.items():
            yield f"import time of `{command}`, ms", import_time(folder, spellings)


def sizes(modules: list[Module]) -> Iterator[tuple[str, str]]:
    yield "files", str(len(modules))
    yield "lines", str(sum(each.lines for each in modules))
    for limit in (LONG, limits.FILE_LINES):
        yield f"files over {limit} lines", str(sum(each.lines > limit for each in modules))
    long = sum(lines > limits.FUNCTION_LINES for each in modules for _, lines in limits.functions(each.text))
    yield f"functions over {limits.FUNCTION_LINES} lines", str(long)
    many = sum(branches(node) > BRANCHES for each in modules for node in functions(ast.parse(each.text)))
    yield f"functions with more than {BRANCHES} branches, `and` and `or` counted", str(many)


def names(folder: Path) -> Iterator[tuple[str, str]]:
    """Module names that occur more than once in a package."""
    shared = sorted({Path(twice[0]).name for twice in limits.same_names(folder)})
    yield "module names that occur twice", f"{len(shared)}: {', '.join(shared)}" if shared else "0"


def pipeline(modules: list[Module]) -> Iterator[tuple[str, str]]:
    """How `pipeline/` hangs together with the rest: fewer files that know it, and fewer that it must know."""
    inside = [each for each in modules if each.is_pipeline]
    named = {each.name for each in inside}
    yield "files of `pipeline/`", str(len(inside) - 1)
    yield "lines of `pipeline/`", str(sum(each.lines for each in inside))
    users = [each.name for each in modules if not each.is_pipeline and each.imports & named]
    yield "fan-in of `pipeline/`: modules that import it", str(len(users))
    used = {name for each in inside for name in each.imports} - named
    yield "fan-out of `pipeline/`: modules that it imports", str(len(used))


def additions(folder: Path, revision: str) -> Iterator[tuple[str, str]]:
    """The files to touch for each addition: read by hand at the old revision, later what the test of the seams says."""
    said = dict.fromkeys(ADDITIONS, "-")
    if revision.startswith(BY_HAND):
        said = ADDITIONS
    elif (seams := folder / SEAMS).is_file():
        for node in ast.parse(seams.read_text("utf-8")).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if (
                isinstance(node, ast.Assign | ast.AnnAssign)
                and ast.unparse(target or node) == "ADDITIONS"
                and node.value
            ):
                said |= {what: str(len(files)) for what, files in ast.literal_eval(node.value).items()}
    for what, number in said.items():
        yield f"files touched to add {what}", number


def import_time(folder: Path, spellings: tuple[tuple[str, ...], ...]) -> str:
    """The milliseconds that a command spends on imports, best of some runs; '-' where it does not know the command."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "120"}
    for arguments in spellings:
        command = [sys.executable, "-X", "importtime", "-m", "egressaudit", *arguments]
        best, stopped = None, ""
        for _ in range(RUNS):
            ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            if ran.returncode == USAGE_ERROR or "Traceback" in ran.stderr:
                break
            stopped = ", stopped by an error" if "this is a bug" in ran.stderr else ""
            took = sum(int(own) for own in re.findall(r"^import time: +(\d+) \|", ran.stderr, re.MULTILINE))
            best = took if best is None else min(best, took)
        if best is not None:
            return f"{best / 1000:.0f}{stopped}"
    return "-"


def read(folder: Path) -> Iterator[Module]:
    """All modules of the program in a folder."""
    files = {
        ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): file
        for package in limits.PACKAGES
        for file in sorted((folder / package).rglob("*.py"))
    }
    for name, file in files.items():
        text = file.read_text("utf-8")
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        yield Module(name, text, frozenset(imports(ast.parse(text), package, files.__contains__)) - {name})


def imports(tree: ast.Module, package: str, known: Callable[[str], bool]) -> Iterator[str]:
    """The program's modules that a module imports anywhere; `from a.b import c` is `a.b.c` if that is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if known(each.name))
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for each in node.names:
                yield from (name for name in [f"{base}.{each.name}"] if known(name))
                yield from (name for name in [base] if known(name) and not known(f"{base}.{each.name}"))


def functions(tree: ast.Module) -> Iterator[ast.AST]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def branches(function: ast.AST) -> int:
    """1, and 1 for each way that a function's flow may divide, inner functions left out."""
    number, todo = 1, list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(node, ast.If | ast.IfExp | ast.For | ast.AsyncFor | ast.While | ast.ExceptHandler | ast.Assert):
            number += 1
        elif isinstance(node, ast.comprehension):
            number += 1 + len(node.ifs)
        elif isinstance(node, ast.BoolOp):
            number += len(node.values) - 1
        elif isinstance(node, ast.match_case):
            number += not (isinstance(node.pattern, ast.MatchAs) and node.pattern.pattern is None and not node.guard)
        todo += ast.iter_child_nodes(node)
    return number


def long_file(file: Path, limit: int) -> bool:
    return len(file.read_text("utf-8").splitlines()) > limit


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
