"""What each command imports, held against its budget: `python tools/imports.py`.

A command waits for its imports before it does anything, and each of our modules takes about a millisecond, most of it
for dataclasses. The budget is in modules and libraries and not in seconds, so that it says the same on every machine.
Prints a row for each command, and fails where one imports more than it may:

    | verify, until the request | 200 of 205 | rich, urllib3, websocket, yaml |
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = frozenset(
    {"aiohttp", "duckdb", "kubernetes", "lark", "numpy", "pandas", "pyarrow", "pydantic", "requests", "rich"}
)
WINDOW = "sample_logs/whole-mesh"

# Nobody listens at this server, so a command ends at its first request.
KUBECONFIG = """
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
"""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a command may import until it ends."""

    command: tuple[str, ...]
    modules: int
    """Modules of our own."""
    libraries: tuple[str, ...] = ()
    """Of LIBRARIES."""
    never: tuple[str, ...] = ()
    """Modules of our own that it must not wait for."""


EXPLAINING = ("egressaudit.causes.diagnosis", "egressaudit.fixes", "egressaudit.manifests")
TELLING = (
    *("egressaudit.pipeline.notifying", "egressaudit.pipeline.publishing"),
    *("egressaudit.report.audit_sarif", "egressaudit.report.metrics", "egressaudit.report.openreports"),
)
BUDGETS: dict[str, Budget] = {
    "verify, until the request": Budget(
        ("verify", "--host", "docs.redhat.com", "--from", "curl/curl-1", "--kubeconfig", "{kubeconfig}"),
        239,
        # Only the error at its end is shown with rich.
        ("rich",),
        (*EXPLAINING, "egressaudit.model.analysis", "egressaudit.hops", "egressaudit.cluster.official_client"),
    ),
    "verify --replay, PASS": Budget(
        ("verify", "--replay", "sample_logs/istio-apis"),
        248,
        ("lark", "rich"),
        (*EXPLAINING, "egressaudit.model.analysis", "egressaudit.mesh.programmed"),
    ),
    "audit of a window, PASS": Budget(
        ("audit", "sample_logs/istio-apis", "--since", "1000d"),
        350,
        ("duckdb", "lark", "numpy", "pyarrow", "rich"),
        (*EXPLAINING, *TELLING, "egressaudit.model.analysis", "egressaudit.cluster"),
    ),
    "audit with a policy, FAIL": Budget(
        ("audit", WINDOW, "--policy", f"{WINDOW}/policy.yaml"),
        425,
        ("duckdb", "lark", "numpy", "pyarrow", "pydantic", "rich"),
        (*TELLING, "egressaudit.model.analysis", "egressaudit.cluster"),
    ),
    "snapshot, until the request": Budget(("snapshot", "--kubeconfig", "{kubeconfig}"), 205),
}


def main() -> int:
    print("| command | modules | libraries |\n|---|---|---|")
    wrong = [said for name in BUDGETS for said in over(name, show=True)]
    print(*wrong, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


def over(name: str, *, show: bool = False) -> Iterator[str]:
    """What a command imports beyond its budget, one sentence each."""
    budget = BUDGETS[name]
    loaded = imported(budget.command)
    ours = {each for each in loaded if each.partition(".")[0] == "egressaudit"}
    libraries = {each.partition(".")[0] for each in loaded} & LIBRARIES
    if show:
        print(f"| {name} | {len(ours)} of {budget.modules} | {', '.join(sorted(libraries))} |")
    if len(ours) > budget.modules:
        yield f"{name}: imports {len(ours)} modules of our own, {budget.modules} are its budget"
    for each in sorted(libraries.difference(budget.libraries) | ours.intersection(budget.never)):
        yield f"{name}: imports {each}"


def imported(command: tuple[str, ...]) -> frozenset[str]:
    """The modules that a command has imported when it ends."""
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig, found = Path(folder, "kubeconfig"), Path(folder, "modules")
        kubeconfig.write_text(KUBECONFIG, encoding="utf-8")
        arguments = [each.format(kubeconfig=kubeconfig) for each in command]
        code = (
            "import pathlib, sys; from egressaudit.cli import run; run(sys.argv[2:]);"
            "pathlib.Path(sys.argv[1]).write_text('\\n'.join(sys.modules))"
        )
        # -P: the package that is installed, with its compiled module, and not the sources in this folder.
        ran = [sys.executable, "-P", "-c", code, str(found), *arguments]
        subprocess.run(ran, cwd=ROOT, check=True, capture_output=True)
        return frozenset(found.read_text(encoding="utf-8").split())


if __name__ == "__main__":
    sys.exit(main())
