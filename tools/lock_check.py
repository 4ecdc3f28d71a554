"""Whether requirements/ fits pyproject.toml. It asks no registry: `make lock` finds versions, this only compares.

A lock fits where it has a version within bounds of all that is declared, calls nothing else declared (the comments
that uv writes say what is), and agrees with the other locks. No pin is without a hash and no line names a registry,
so that whoever installs may have a mirror of their own.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT, LAB = "dependencies", "lab"
LOCKS = {
    "dev.txt": (PROJECT, LAB, "dev"),
    "lab.txt": (PROJECT, LAB, "build"),
    "bench.txt": (PROJECT, LAB, "bench"),
    "pip.txt": ("pip",),
    "uv.txt": ("lock",),
}
"""What each lock is made of, as the Makefile's `lock` says."""
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))? \\$")
_DECLARED = re.compile(r"^    #.* egressaudit \(pyproject\.toml(:[^)]*)?\)$")


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wrong = [*of_build(project), *of_files()]
    pins: dict[str, dict[str, str]] = {}
    for name, parts in LOCKS.items():
        text = (ROOT / "requirements" / name).read_text()
        declared = [each for part in parts for each in requirements(project, part)]
        wrong += [f"requirements/{name}: {each}" for each in of_lock(text, declared, pins)]
    for each in wrong:
        print(each, file=sys.stderr)
    if wrong:
        print("requirements/ does not fit pyproject.toml; run `make lock` (CONTRIBUTING.md)", file=sys.stderr)
    return 1 if wrong else 0


def of_build(project: dict) -> Iterator[str]:
    built, grouped = project["build-system"]["requires"], project["dependency-groups"]["build"]
    if built != grouped:
        yield f"pyproject.toml: [build-system] requires {built}, and the dependency group `build` {grouped}"


def of_files() -> Iterator[str]:
    for each in sorted((ROOT / "requirements").iterdir()):
        if each.name not in LOCKS:
            yield f"requirements/{each.name}: `make lock` does not write this file"


def requirements(project: dict, part: str) -> Iterator[Requirement]:
    """What pyproject.toml declares under a name: the dependencies, an extra, or a group with those it includes."""
    if part == PROJECT:
        listed = project["project"]["dependencies"]
    elif part == LAB:
        listed = project["project"]["optional-dependencies"][LAB]
    else:
        listed = project["dependency-groups"][part]
    for each in listed:
        if isinstance(each, dict):
            yield from requirements(project, each["include-group"])
        else:
            yield Requirement(each)


def of_lock(text: str, declared: list[Requirement], pins: dict[str, dict[str, str]]) -> Iterator[str]:
    """What is wrong in one lock; `pins` holds the versions of the locks before it, and gets those of this one."""
    here: dict[str, list[str]] = {}
    called: set[str] = set()
    hashed = True
    name = "the beginning"
    for line in text.splitlines():
        if "://" in line or line.startswith("-"):
            yield f"names a registry, or has an option: {line}"
        elif pin := _PIN.match(line):
            if not hashed:
                yield f"{name} has no hash"
            hashed = False
            name = canonicalize_name(pin["name"])
            here.setdefault(name, []).append(pin["version"])
            other = pins.setdefault(name, {}).setdefault(pin["marker"] or "", pin["version"])
            if other != pin["version"]:
                yield f"{name} is {pin['version']}, and {other} in another lock"
        elif line.startswith("    --hash=sha256:"):
            hashed = True
        elif _DECLARED.match(line):
            called.add(name)
        elif not line.lstrip().startswith("#"):
            yield f"is not a pin: {line}"
    if not hashed:
        yield f"{name} has no hash"
    yield from of_declared(here, called, declared)


def of_declared(here: dict[str, list[str]], called: set[str], declared: list[Requirement]) -> Iterator[str]:
    for each in declared:
        name = canonicalize_name(each.name)
        if name not in here:
            yield f"{name} is missing"
        for version in here.get(name, ()):
            if not each.specifier.contains(version, prereleases=True):
                yield f"{name} is {version}, and pyproject.toml wants {each.specifier}"
    for name in sorted(called - {canonicalize_name(each.name) for each in declared}):
        yield f"{name} is not declared any more"


if __name__ == "__main__":
    sys.exit(main())
