"""Write the recordings in docs/terminal.md, made of the sample logs, or check that none is stale (`--check`).

A command runs under a pseudo-terminal of 24 rows and 80 columns, or with pipes, as in CI. What then stands on the
screen is the recording: nothing in it depends on the machine or the time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "terminal.md"
SAMPLES = ROOT / "sample_logs"
ROWS, COLUMNS = 24, 80
_OF_THE_USER = frozenset({"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM"})
_RUN = re.compile(r"(run:? +)[0-9a-f]{8}-[0-9a-f-]{27} of [0-9-]{10}T[0-9:]{8}Z")
"""What differs between two runs on the same input; a recording has one that never was."""
_NO_RUN = r"\g<1>00000000-0000-4000-8000-000000000000 of 2026-11-23T08:06:00Z"
_SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])|\x1b.|[\x00-\x08\x0b\x0c\x0e-\x1a]")


@dataclass(frozen=True)
class Recording:
    """A command as a reader types it, and how it is run."""

    name: str
    typed: str
    run: str
    """The same on the sample logs, which is what a shell runs."""
    terminal: bool
    """Whether it is run on a terminal; else it is piped."""


RECORDINGS = (
    Recording(
        "smoke-test",
        """egressaudit verify --host docs.redhat.com --host httpbin.org --from deploy/curl -n curl \\
    --from shop/checkout-22n4d7wv9l-7wjg2 --from payments/ledger-wswjfgz6wn-qrfwg -o junit=egress.xml; echo $?""",
        "egressaudit verify --replay many-hosts -o junit=$TMP/egress.xml; echo $?",
        terminal=False,
    ),
    Recording(
        "junit",
        """grep -oE '<testcase[^>]*>|<failure message="[^"]*' egress.xml""",
        """grep -oE '<testcase[^>]*>|<failure message="[^"]*' $TMP/egress.xml""",
        terminal=False,
    ),
    Recording(
        "scheduled",
        "egressaudit audit -A --since 1h --policy policy.yaml -q -o markdown=audit.md; echo $?",
        "egressaudit audit whole-mesh --policy whole-mesh/policy.yaml -q -o markdown=$TMP/audit.md; echo $?",
        terminal=True,
    ),
    Recording(
        "first-screen",
        "egressaudit audit -A --since 1h --policy policy.yaml -q | head -11",
        "egressaudit audit whole-mesh --policy whole-mesh/policy.yaml -q | head -11",
        terminal=False,
    ),
    Recording(
        "incident",
        "egressaudit verify --host docs.redhat.com --from deploy/curl -n curl",
        "egressaudit verify --replay rbac-denied",
        terminal=True,
    ),
    Recording(
        "evidence",
        "egressaudit verify --host docs.redhat.com --from deploy/curl -n curl -v",
        "egressaudit verify --replay rbac-denied -v",
        terminal=True,
    ),
)


@dataclass
class Shown:
    """What a terminal shows: `lines` has all of it, with what has scrolled away; `screen` the last 24 rows."""

    written: str = ""
    """Everything as it was written."""
    code: int = 0
    lines: list[str] = field(default_factory=lambda: [""])
    row: int = 0
    column: int = 0
    cursor: bool = True
    """Whether the cursor can be seen."""

    @property
    def screen(self) -> list[str]:
        """The rows that can be seen."""
        return self.lines[-ROWS:]

    def write(self, text: str, columns: int = COLUMNS) -> None:
        """Take what a program writes; of the control sequences, those that rich uses."""
        self.written += text
        at = 0
        while at < len(text):
            if found := _SEQUENCE.match(text, at):
                if found[3]:
                    self._control(found[1], found[2], found[3])
                at = found.end()
                continue
            self._put(text[at], columns)
            at += 1

    def _put(self, character: str, columns: int) -> None:
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self._down()
        else:
            if self.column == columns:
                self._down()
                self.column = 0
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
            self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")

    def _control(self, private: str, number: str, letter: str) -> None:
        if private:
            self.cursor = self.cursor if number != "25" else letter == "h"
        elif letter == "A":
            self.row = max(0, len(self.lines) - ROWS, self.row - int(number or 1))
        elif letter == "K":
            if number not in {"", "0", "2"}:
                raise ValueError(f"a terminal sequence that nothing here knows: {number}{letter}")
            self.lines[self.row] = "" if number == "2" else self.lines[self.row][: self.column]
        elif letter != "m":
            raise ValueError(f"a terminal sequence that nothing here knows: {private}{number}{letter}")


def on_terminal(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, cwd: Path = SAMPLES, columns: int = COLUMNS
) -> Shown:
    """Run a command on a terminal of 24 rows; `environment` is added to that of this process, less what it sets."""
    shown = Shown()
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=_environment(environment or {}), close_fds=True
    ) as running:
        os.close(slave)
        shown.write(_read(master), columns)
        shown.code = running.wait()
    os.close(master)
    if shown.lines[-1] == "":
        shown.lines.pop()
    return shown


def _read(terminal: int) -> str:
    parts = []
    with contextlib.suppress(OSError):
        # Linux says EIO once no process has the other end open.
        while part := os.read(terminal, 65536):
            parts.append(part)
    return b"".join(parts).decode()


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OF_THE_USER}
    return {**kept, "TERM": "xterm", **more}


def recorded(recording: Recording, temporary: str) -> str:
    """The command as it is typed, and what then can be read."""
    egressaudit = f'egressaudit() {{ {sys.executable} -m egressaudit "$@"; }}'
    command = ["bash", "-c", f"{egressaudit}; {recording.run}"]
    environment = {"TMP": temporary}
    if recording.terminal:
        shown = on_terminal(command, environment)
        rows = [each.rstrip() for each in shown.lines]
        gone = len(rows) - (ROWS - 2)
        rows = rows if gone <= 0 else [f"[{gone} rows have scrolled away]", *rows[gone:]]
    else:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=SAMPLES, env=_environment(environment)
        )
        if done.stderr:
            raise SystemExit(f"{recording.name}: {done.stderr}")
        rows = done.stdout.splitlines()
    return _RUN.sub(_NO_RUN, "\n".join((f"$ {recording.typed}", *rows, "")))


def wanted() -> str:
    """The page with every recording as it is now."""
    page = PAGE.read_text("utf-8")
    with tempfile.TemporaryDirectory() as temporary:
        for each in RECORDINGS:
            before, marker, after = page.partition(f"<!-- recording {each.name} -->\n```\n")
            _, fence, rest = after.partition("```\n")
            if not (marker and fence):
                raise SystemExit(f"{PAGE.name} has no place for the recording {each.name}")
            page = f"{before}{marker}{recorded(each, temporary)}{fence}{rest}"
    return page


def main() -> int:
    """Write or check; 1 where a recording is not what the sample logs give."""
    page = wanted()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page, "utf-8")
        print(f"{len(RECORDINGS)} recordings written")
        return 0
    stale = page != PAGE.read_text("utf-8")
    if stale:
        print("stale: docs/terminal.md; run `make reports` and look at the difference", file=sys.stderr)
    print(f"{len(RECORDINGS)} recordings checked")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
