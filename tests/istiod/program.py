"""The program around istiod: where it is, how it is built, and how it is asked.

In: cases. Out: istiod's answers, in the same order. A case that ends the program has the answer `{"error": ...}`.

    with Program(built()) as program:
        answer = program.ask(case)
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "tools" / "istiod_oracle"
BUILT = Path(os.environ.get("ISTIOD_ORACLE_CACHE", ROOT / "build" / "istiod_oracle"))
"""Where programs are kept, by the hash of their sources; a folder outside the checkout outlives it."""
QUICK = 120
"""Seconds that a build may take where nobody asked for one."""
PATIENCE = 90
"""Seconds for one case; most take a tenth of one."""


def binary() -> Path:
    """Where the program of these sources is, or would be."""
    found = hashlib.sha256()
    for path in sorted([*SOURCES.glob("*.go"), SOURCES / "go.mod", SOURCES / "go.sum"]):
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return BUILT / found.hexdigest()[:16] / "oracle"


def ready() -> bool:
    """Whether the program is there, or Go has all that it needs to build it without a network in two minutes.

    What a build compiled before it was stopped stays in Go's cache, so the next one comes further.
    """
    try:
        build({"GOPROXY": "off"}, QUICK, quiet=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def build(extra: Mapping[str, str] | None = None, patience: float | None = None, *, quiet: bool = False) -> Path:
    """Build the program unless it is there. Raises `SubprocessError`, or `FileNotFoundError` without Go."""
    target = binary()
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # go.sum has every module's hash, so the checksum database need not be asked, which not every proxy has.
    environment = {**os.environ, "GONOSUMDB": "*", "GOFLAGS": "-mod=readonly", **(extra or {})}
    made = target.with_name("oracle.part")
    command = ["go", "build", "-trimpath", "-o", str(made), "."]
    told = subprocess.DEVNULL if quiet else None
    subprocess.run(command, cwd=SOURCES, env=environment, check=True, timeout=patience, stderr=told)
    made.rename(target)
    for old in BUILT.iterdir():
        if old != target.parent:
            shutil.rmtree(old, ignore_errors=True)
    return target


class Program:
    """A running program; it is started again if a case ends it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._running: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End it."""
        if self._running is not None:
            self._running.kill()
            self._running.communicate()
            self._running = None

    def ask(self, case: dict[str, Any]) -> dict[str, Any]:
        """The answer to a case."""
        running = self._started()
        assert running.stdin is not None
        assert running.stdout is not None
        watch = threading.Timer(PATIENCE, running.kill)
        watch.start()
        try:
            with suppress(BrokenPipeError):
                running.stdin.write(json.dumps(case) + "\n")
                running.stdin.flush()
            line = running.stdout.readline()
        finally:
            watch.cancel()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self.stop()
        return {"id": case.get("id", ""), "error": "the program ended"}

    def ask_all(self, cases: Iterator[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Each case with its answer."""
        for case in cases:
            yield case, self.ask(case)

    def _started(self) -> subprocess.Popen[str]:
        if self._running is None:
            pipe = subprocess.PIPE
            self._running = subprocess.Popen(
                [str(self._path)], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
            )
        return self._running
