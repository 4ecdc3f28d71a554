"""Write docs/auditors.md: ten questions of an auditor, each answered from one bundle by one command, run on a sample.

The answers are what the commands write now. Only what differs from run to run is replaced: `python
tools/auditors_page.py` writes the page, `--check` says whether it is stale.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docs" / "auditors.md"
SAMPLE = ROOT / "sample_logs" / "whole-mesh"
MOST = 30
"""Lines of an answer that the page shows."""

HEAD = """\
# For auditors

Ten questions that an auditor asks about traffic that leaves a mesh, each answered by one command from one file: the
[evidence bundle](bundle.md). You need the bundle and egressaudit; no cluster, no logs, and no word of those you audit.
They make it with

    egressaudit audit -A --since 24h --policy egress-policy.yaml --bundle audit.tar.zst --sign-key key.pem

Ask for the public key on another way than the bundle, and for the policy's approval: a bundle says what was allowed,
and not by whom.

The answers below are those of a sample, a mesh of three workloads in one minute, of which one breaks the policy.
`tools/auditors_page.py` writes them, and a test runs each command again.
"""

TAIL = """
## What no answer here says

- That the proxies wrote these logs. Whoever could change them before the audit could change what it found;
  [trust.md](trust.md) says who that is.
- Anything about traffic that no proxy of the mesh logs. Question 2 names what is known of it.
- That a control of a framework is satisfied as a whole. [control-mapping.md](control-mapping.md) says of each what is
  covered and what isn't.
- Anything before the window's start or after its end. Ask for a bundle of each day, or for a sample of days that you
  choose.
"""


@dataclass(frozen=True)
class Question:
    """A question, what to know of the answer, and the command that gives it."""

    title: str
    typed: str
    note: str
    run: str = ""
    """What a shell runs, if that is not what is typed."""


QUESTIONS = (
    Question(
        "Is this what was found, and has anything been changed since?",
        "egressaudit bundle verify audit.tar.zst",
        "Every line of every log is checked against a root that the manifest has, and the evidence is judged again: it "
        "must give the same report, byte for byte. This sample isn't signed. With `--key key.pub` you learn who made "
        "the bundle. The independent checker in [bundle.md](bundle.md) needs nothing of egressaudit.",
    ),
    Question(
        "How complete is the evidence, and what can it not tell?",
        "egressaudit bundle report audit.tar.zst --only EA3",
        "First comes coverage: which logs there should be, and how much of the time they cover. EA3 are the findings "
        "about evidence. Below them stands who could have changed it, and what the report says nothing about.",
    ),
    Question(
        "Which logs is it made of?",
        "egressaudit bundle show audit.tar.zst",
        "Each log with the root of the tree over its lines. Whoever keeps the original logs can compare them.",
    ),
    Question(
        "Did anything leave that was not to, or not the way it was to?",
        "egressaudit bundle report audit.tar.zst --only EA1 --evidence 1 -o text | sed -n '/^FINDINGS/,/^WAIVED/p'",
        "EA1 are the findings about ways. The exit code says it too: 0 PASS, 10 a violation, 3 not proven.",
    ),
    Question(
        "Show me the line that proves it.",
        "egressaudit bundle prove audit.tar.zst shop/checkout-22n4d7wv9l-7wjg2/istio-proxy:4",
        "The line as the proxy wrote it, and its proof: hashes that lead from this line to the root that question 3 "
        "shows. Choose lines of your own, also of flows that passed.",
    ),
)


def page() -> str:
    """The whole page, with answers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        return HEAD + "".join(map("".join, (_section(n, each, folder) for n, each in enumerate(QUESTIONS, 1)))) + TAIL


def prepare(folder: Path) -> None:
    """The bundle, and an earlier report, for the commands to run on."""
    audit = f"egressaudit audit {SAMPLE} --policy {SAMPLE}/policy.yaml -q"
    ran(f"{audit} --bundle audit.tar.zst; {audit} --until 2026-11-23T08:05:21.530Z -o json=earlier.json", folder)


def ran(command: str, folder: Path) -> str:
    """What a command writes to standard output."""
    shell = f'egressaudit() {{ {sys.executable} -m egressaudit "$@"; }}\n{command}'
    done = subprocess.run(
        ["bash", "-c", shell],
        cwd=folder,
        env={**os.environ, "COLUMNS": "120", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if "Traceback" in done.stderr or "error: " in done.stderr:
        raise SystemExit(f"{command}\n{done.stderr}")
    return done.stdout


def answer(question: Question, folder: Path) -> list[str]:
    """The lines of its answer, with what differs from run to run replaced; the middle is left out of a long one."""
    text = ran(question.run or question.typed, folder).replace(str(ROOT), "...")
    lines = re.sub(r"(by egressaudit \S+), 20\S+Z", r"\1, 2026-11-28T18:00:00Z", text).splitlines()
    if len(lines) <= MOST:
        return lines
    return [*lines[: MOST - 1], f"... and {len(lines) - MOST + 1} more lines"]


def _section(number: int, question: Question, folder: Path) -> Iterator[str]:
    yield f"\n## {number}. {question.title}\n\n{question.note}\n\n```\n$ {question.typed}\n"
    yield "".join(f"{line}\n" for line in answer(question, folder))
    yield "```\n"


def main() -> int:
    """Write or check; 1 where the page is not what the commands write."""
    wanted = page()
    if "--check" not in sys.argv:
        FILE.write_text(wanted, encoding="utf-8")
        return 0
    stale = not FILE.exists() or FILE.read_text("utf-8") != wanted
    if stale:
        print("docs/auditors.md is stale: python tools/auditors_page.py", file=sys.stderr)
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
