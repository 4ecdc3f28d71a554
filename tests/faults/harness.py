"""The fault matrix: a command is run as a user runs it, something goes wrong, and what it leaves is held to a row.

In: a table of `fault | command | code | says`, and how each fault is brought about. Out: an assertion, or four
counters that must be 0. Example row: `standard output is full | verify | 0 | error: ...`.

A test file of this package has its rows in `ROWS`; `tools/reliability.py` makes docs/reliability.md from all of them.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from support.tools import ROOT

OLD = '{"outcome": "PASS", "report of": "an earlier run"}\n'
"""What stands at the place of every report before the command runs."""
PROGRAM = str(Path(sys.executable).parent / "egressaudit")
"""As pip installs it."""
_BAD_WORDS = ("Traceback", "Exception ignored", "Fatal Python error", "this is a bug", "lark.")
_PATIENCE = 60.0
"""Seconds after which a command counts as hanging."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a user sees of one fault: the exit code, and standard error, its lines joined by ` / `.

    In `says`, `…` stands for any text, and the empty string for nothing at all.
    """

    fault: str
    command: str
    code: int
    says: str

    def __str__(self) -> str:
        return f"{self.command}: {self.fault}"


def rows(table: str, of: str = "") -> tuple[Row, ...]:
    """The rows of a table: one a line, four columns. `of` says what all its faults are of, e.g. `exec: `."""
    found = []
    for line in filter(str.strip, table.splitlines()):
        fault, command, code, says = (each.strip() for each in line.split("|", 3))
        found.append(Row(f"{of}{fault}", command, int(code), says))
    return tuple(found)


EACH = ("verify", "snapshot", "audit", "analyze", "cleanup")
"""The commands that a row of `each` is held for: all that talk to a cluster."""


def for_each_command(table: Sequence[Row]) -> list[Row]:
    """The rows, those of `each` once for every command."""
    return [
        Row(row.fault, command, row.code, row.says)
        for row in table
        for command in (EACH if row.command == "each" else (row.command,))
    ]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one command runs: a folder of its own, and below it its TMPDIR and the reports that it is to write."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def temporary(self) -> Path:
        """Its TMPDIR, empty before and after."""
        return self.folder / "tmp"

    def argv(self, command: str) -> list[str]:
        """A command line: words with `{place}` and `{root}` in them, without the program."""
        return [word.format(place=self.folder, root=ROOT) for word in command.split()]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left."""

    place: Place
    code: int
    out: str
    err: str
    processes: tuple[int, ...]
    """Of its session, those that outlive it."""

    @property
    def said(self) -> str:
        """Its standard error as rows have it; the names of folders that differ from run to run are shortened."""
        text = self.err.replace(str(self.place.folder), "DIR").replace(str(ROOT), "ROOT")
        return " / ".join(line.strip() for line in text.splitlines() if line.strip())


@dataclass(frozen=True, slots=True)
class Counters:
    """What must never happen, counted."""

    tracebacks: int = 0
    false_passes: int = 0
    leftovers: int = 0
    stale_reports: int = 0

    def __add__(self, other: Counters) -> Counters:
        return Counters(
            self.tracebacks + other.tracebacks,
            self.false_passes + other.false_passes,
            self.leftovers + other.leftovers,
            self.stale_reports + other.stale_reports,
        )


@contextmanager
def a_place(*reports: str, environment: Mapping[str, str] | None = None) -> Iterator[Place]:
    """A fresh place, with an old report at each of these names."""
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name), environment or {})
        place.temporary.mkdir()
        for report in reports:
            (place.folder / report).write_text(OLD)
        yield place


Stream = int | BinaryIO | None


@dataclass(frozen=True, slots=True)
class Fault:
    """How a fault is brought about.

    `shell` runs the command, its "$@"; `exec` there lets signals reach it. `during` gets the running process.
    """

    shell: str = 'exec "$@"'
    environment: Mapping[str, str] = field(default_factory=dict)
    during: Callable[[subprocess.Popen[bytes], Place], None] | None = None
    prepare: Callable[[Place], None] | None = None
    """What is changed in the place before."""
    repair: Callable[[Place], None] | None = None
    """What is changed back after."""


NO_FAULT = Fault()


def run(argv: Sequence[str], place: Place, fault: Fault = NO_FAULT) -> Ran:
    """Run `egressaudit ARGV` in this place under this fault."""
    command = [PROGRAM, *argv]
    if fault.shell != NO_FAULT.shell:
        command = ["sh", "-c", fault.shell, "sh", *command]
    if fault.prepare is not None:
        fault.prepare(place)
    environment = _environment() | {"TMPDIR": str(place.temporary)} | dict(place.environment) | dict(fault.environment)
    process = subprocess.Popen(
        command, cwd=place.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        if fault.during is not None:
            fault.during(process, place)
        out, err = process.communicate(timeout=_PATIENCE)
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    left = tuple(_session(process.pid))
    if fault.repair is not None:
        fault.repair(place)
    return Ran(place, process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), left)


def _environment() -> dict[str, str]:
    """The user's own, without what changes how the program runs."""
    return {each: value for each, value in os.environ.items() if not each.startswith(("EGRESSAUDIT", "KUBE"))}


def _session(leader: int) -> Iterator[int]:
    """The processes of a session that are still there."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # pid (name) state ppid pgrp session: the name may hold anything, also brackets.
            state, _, _, session = status.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                yield int(status.parent.name)


def counted(ran: Ran, *, may_pass: bool, pods: Sequence[str] = ()) -> Counters:
    """What a command left that it must never leave; `pods` are those of our own that are still in the cluster."""
    texts = [ran.err, ran.out]
    tracebacks = sum(word in text for text in texts for word in _BAD_WORDS)
    passes = 0 if may_pass else int(ran.code == 0)
    stale, temporary = 0, list(ran.place.temporary.rglob("*"))
    for report in sorted(ran.place.folder.rglob("*")):
        if not report.is_file() or report.is_relative_to(ran.place.temporary):
            continue
        if report.name.startswith("."):
            temporary.append(report)
            continue
        text = report.read_text("utf-8", "replace")
        stale += text == OLD or (report.suffix == ".json" and not _is_json(text))
        passes += not may_pass and _claims_pass(text)
    return Counters(tracebacks, passes, len(temporary) + len(ran.processes) + len(pods), stale)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _claims_pass(text: str) -> bool:
    """Whether a report says PASS of anything; one of an earlier run is counted as stale."""
    if text == OLD:
        return False
    with suppress(ValueError):
        document: Any = json.loads(text)
        verdicts = document.get("verdicts") or () if isinstance(document, dict) else ()
        return any(each.get("outcome") == "PASS" for each in (document, *verdicts) if isinstance(each, dict))
    return text.startswith("PASS")


def reports_of(command: str) -> tuple[str, ...]:
    """The files that a command is to write: every `{place}/NAME.EXTENSION` in it."""
    return tuple(re.findall(r"\{place\}/(\w+\.\w+)", command))


def held(row: Row, command: str, fault: Fault, environment: Mapping[str, str] | None = None) -> Ran:
    """Run a command under a fault, with an old report wherever it is to write one, and hold all to the row."""
    with a_place(*reports_of(command), environment=environment) as place:
        ran = run(place.argv(command), place, fault)
        check(row, ran)
        return ran


def check(row: Row, ran: Ran, *, pods: Sequence[str] = ()) -> Counters:
    """Hold what a command left to its row; the counters, which are all 0."""
    counters = counted(ran, may_pass=row.code == 0, pods=pods)
    assert (ran.code, fitting(row.says, ran.said)) == (row.code, row.says), f"{row}\n{ran.code}\n{ran.err}"
    assert counters == Counters(), f"{row}: {counters}\n{_tree(ran.place.folder)}\n{ran.err}"
    return counters


def fitting(says: str, said: str) -> str:
    """What a row says if it fits what was said, else what was said."""
    pattern = ".*".join(map(re.escape, says.split("…")))
    return says if re.fullmatch(pattern, said, re.DOTALL) else said


def _tree(folder: Path) -> str:
    return "\n".join(str(each.relative_to(folder)) for each in sorted(folder.rglob("*")))


def signal_after(number: int, seconds: float, again: float | None = None) -> Fault:
    """A signal some seconds after a program begins to listen to signals, and perhaps once more."""

    def during(process: subprocess.Popen[bytes], _: Place) -> None:
        await_listening(process)
        time.sleep(seconds)
        process.send_signal(number)
        if again is not None:
            time.sleep(again)
            process.send_signal(number)

    return Fault(during=during)


def await_listening(process: subprocess.Popen[bytes]) -> None:
    """Return once the process catches SIGTERM: before, Python itself is starting, and nothing of ours can answer."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        caught = int(re.findall(r"SigCgt:\t(\w+)", status.read_text())[0], 16)
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.001)
