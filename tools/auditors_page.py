"""Write docs/auditors.md: ten questions of an auditor, each answered from one bundle by one command, run on a sample.

The answers are what the commands write now. Only what differs from run to run is replaced: `python
tools/auditors_page.py` writes the page, `--check` says whether it is stale.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from egressaudit.cli import run
from egressaudit.errors import ExitCode

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docs" / "auditors.md"
SAMPLE = ROOT / "sample_logs" / "whole-mesh"
OF_THE_RUN = (
    (r"(by egressaudit \S+), 20\S+Z", r"\1, 2026-11-28T18:00:00Z"),
    (r"(  run +)[0-9a-f-]{36} of 20\S+Z", r"\g<1>5b1f0c9e-2f1c-4f0e-9d55-3f1b6f0a7c11 of 2026-11-28T18:00:00Z"),
)
"""What differs from run to run, and what the page has instead."""
WAIVER = "  waivers: [{rule: redhat-docs, from: legacy/*, reason: CHG-1234, expires: 2027-01-31}]\n"
EARLIER = "2026-11-23T08:05:21.530Z"
"""Where the window of the earlier report ends: before the violation."""
MOST = 40
"""Lines of an answer that the page shows."""

HEAD = """\
# For auditors

Ten questions that auditors ask about the traffic that leaves a mesh. One command answers each of them from one file,
the [evidence bundle](bundle.md). You need the bundle and egressaudit. You need no cluster and no logs, and you don't
have to trust the team that you audit. The team makes the bundle with

    egressaudit audit -A --since 24h --policy egress-policy.yaml --bundle audit.tar.zst --sign-key key.pem

Get the public key through another channel than the bundle. Also ask who approved the policy: a bundle says what was
allowed, not who allowed it.

The answers below are from a sample: one minute of a mesh with three workloads, one of which breaks the policy.
`tools/auditors_page.py` writes the answers, and a test runs each command again.
"""

TAIL = """
## What none of these answers shows

- That the proxies wrote these logs. Anyone who could change the logs before the audit could change the result;
  [trust.md](trust.md) says who that is.
- Anything about traffic that no proxy of the mesh logs. Question 2 lists what is known about such traffic.
- That a control of a framework is fully satisfied. [control-mapping.md](control-mapping.md) says what of each control
  is covered, and what isn't.
- Anything before the start or after the end of the window. Ask for a bundle of each day, or of days that you choose.
"""


@dataclass(frozen=True)
class Question:
    """A question, what to know of the answer, and the command that gives it."""

    title: str
    typed: str
    note: str


REPORT = "egressaudit bundle report audit.tar.zst"
QUESTIONS = (
    Question(
        "Is this the original result, or was anything changed since?",
        "egressaudit bundle verify audit.tar.zst",
        "Every line of every log is checked against a root in the manifest. Then the evidence is judged again, and "
        "must give the same report, byte for byte. If so, the exit code is 0. This sample isn't signed; with "
        "`--key key.pub` you learn who made a bundle. If you don't want to rely on egressaudit for this, "
        "[another program](bundle.md#a-second-reader) checks everything but the judging, and shares no code with it.",
    ),
    Question(
        "What was examined, and what can the evidence not show?",
        f"{REPORT} | sed -n '/^COVERAGE/,/^FLOWS/p; /^TRUSTED/,$p'",
        "First the window, the policy with its digest, the expected logs, and how much of the time they cover. Then "
        "what no proxy captures, who could have changed the evidence, and what the report doesn't cover. Findings "
        "about the evidence have codes that start with EA3: `--only EA3`.",
    ),
    Question(
        "Which logs was it made from?",
        "egressaudit bundle show audit.tar.zst",
        "Each log with the root of the tree over its lines. Anyone who has the original logs can compare them.",
    ),
    Question(
        "Did anything leave that shouldn't have, or by the wrong way?",
        f"{REPORT} --only EA1 --evidence 1 | sed -n '/^FINDINGS/,/^WAIVED/p'",
        "Findings about the way that traffic left have codes that start with EA1; [controls.md](controls.md) explains "
        "each. The exit code also answers this: 10 is a violation, 3 is not proven, and 0 is PASS.",
    ),
    Question(
        "Show me the line that proves it.",
        "egressaudit bundle prove audit.tar.zst shop/checkout-22n4d7wv9l-7wjg2/istio-proxy:4",
        "The line from the log, and its proof: hashes that lead from this line to the root that question 3 shows. You "
        "can choose any line, also of flows that passed.",
    ),
    Question(
        "Which external systems did each workload reach, and which way?",
        f"{REPORT} | sed -n '/^FLOWS/,/^$/p'",
        "All flows, passed or not. `-o csv` and `-o parquet` have it as a table, with the first and last time.",
    ),
    Question(
        "How many requests can I draw a sample from?",
        'egressaudit query "select source, access as requests, first, last from logs order by source" audit.tar.zst',
        "Every access line of every log: each proxy on the way writes one for a request. [query.md](query.md) has the "
        "tables. `select * from hops using sample 25 rows` draws lines; question 5 shows how to prove each of them.",
    ),
    Question(
        "Which exceptions were granted, and are they needed?",
        f"{REPORT} --only EA4 | sed -n '/^FINDINGS/,/^CHANGES/p' | sed '/^COVERAGE/,$d'",
        "Waived violations have a list of their own, with reason and last day. A waiver that has expired is EA403, one "
        "that excused nothing is EA404. The policy itself is a member of the bundle: `tar --zstd -xOf audit.tar.zst "
        "policy.yaml`.",
    ),
    Question(
        "What does it mean for the controls that we assess?",
        f'{REPORT} -o oscal | sed -n \'/"findings": /,$p\' | grep -oE \'"(target-id|state|remarks)": "[^-].*\'',
        "[OSCAL](oscal.md) has a finding for each control that an audit can decide a part of, and for those that rules "
        "of the policy name. `egressaudit controls --framework nist-800-53 SC-7` says what is covered.",
    ),
    Question(
        "What is new since the last audit?",
        f"{REPORT} --baseline earlier.json | sed -n '/^CHANGES/,/^$/p'",
        "`earlier.json` is `report.json` from the earlier bundle, or any report of `-o json`. What is absent counts as "
        "gone only if the evidence would have shown it ([history.md](history.md)).",
    ),
)


def page() -> str:
    """The whole page, with answers."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        prepare()
        sections = (_section(number, each) for number, each in enumerate(QUESTIONS, 1))
        return HEAD + "".join(map("".join, sections)) + TAIL


def prepare() -> None:
    """The bundle, and an earlier report, for the commands to run on, in the current folder."""
    policy = (SAMPLE / "policy.yaml").read_text("utf-8") + WAIVER
    Path("policy.yaml").write_text(policy, encoding="utf-8")
    audit = f"egressaudit audit {shlex.quote(str(SAMPLE))} --policy policy.yaml -q"
    ran(f"{audit} --bundle audit.tar.zst")
    ran(f"{audit} --until {EARLIER} -o json=earlier.json")


def ran(typed: str) -> str:
    """What a command writes to standard output, here and now; what it is piped into is a shell's."""
    command, _, filters = typed.partition(" | ")
    out, trouble = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(trouble):
        code = run(shlex.split(command)[1:])
    if code not in (ExitCode.PASS, ExitCode.INCONCLUSIVE, ExitCode.VIOLATION):
        raise SystemExit(f"{command}\n{trouble.getvalue()}")
    if not filters:
        return out.getvalue()
    return subprocess.run(
        ["bash", "-c", filters], input=out.getvalue(), capture_output=True, text=True, check=True
    ).stdout


def answer(question: Question) -> list[str]:
    """The lines of its answer, with what differs from run to run replaced; the middle is left out of a long one."""
    text = ran(question.typed)
    for differs, fixed in OF_THE_RUN:
        text = re.sub(differs, fixed, text)
    # No spaces at the ends of lines, and no empty lines around the answer.
    lines = re.sub(r" +$", "", text, flags=re.MULTILINE).strip("\n").split("\n")
    if len(lines) <= MOST:
        return lines
    return [*lines[: MOST - 1], f"... and {len(lines) - MOST + 1} more lines"]


def _section(number: int, question: Question) -> Iterator[str]:
    note = textwrap.fill(question.note, 120, break_long_words=False, break_on_hyphens=False)
    yield f"\n## {number}. {question.title}\n\n{note}\n\n```\n$ {question.typed}\n"
    yield "".join(f"{line}\n" for line in answer(question))
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
