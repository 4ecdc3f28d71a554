"""Many runs of `verify` beside other traffic, while things go wrong at random: `python tools/noisy_runs.py --runs 200`.

The lab's scenario `noisy` is up, with hundreds of requests a second through the same gateway. Each run draws what goes
wrong: an API server that refuses, logs and commands that are cut, a signal, SIGKILL, or nothing. In half of the runs
the right way is expected (PASS), in the other half `--expect direct` (FAIL), so that a wrong verdict of either kind
shows. Nine runs in ten are processes of their own; the tenth is three calls in one process, whose threads and
descriptors are counted after the first and after the last. Prints what the runs ended with, and fails on a wrong
verdict and on anything that is left behind:

    | pods left | 0 |
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.lab_thread import RunningLab, running_lab

from egressaudit.cli import run
from egressaudit.cluster import Cluster
from egressaudit_lab.scenario import load_scenario
from egressaudit_lab.world import Fault

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL)
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGQUIT: 131, signal.SIGKILL: -9}
MARK = "app.kubernetes.io/managed-by=egressaudit"
IN_PROCESS = 10
LISTED = ("pods", "services", "serviceentries", "*")


@dataclass(slots=True)
class Tally:
    """What became of all runs."""

    ended: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)


def faults(rng: random.Random) -> tuple[Fault, ...]:
    """What goes wrong with the API server in one run."""
    times = rng.choice((1, 2, 5, -1))
    drawn = (
        Fault(
            "list",
            rng.choice(LISTED),
            status=rng.choice((403, 429, 500, 503)),
            times=times,
        ),
        Fault("get", "pods/log", status=rng.choice((403, 500, 503)), times=times),
        Fault("get", "pods/log", cut_after_lines=rng.randrange(0, 400), times=times),
        Fault("get", "pods/exec", status=rng.choice((403, 500, 503)), times=times),
        Fault("get", "pods/exec", cut_after_bytes=rng.randrange(0, 900), times=times),
        Fault("create", "pods", status=rng.choice((403, 500, 503)), times=times),
        Fault("watch", "pods", status=rng.choice((403, 500)), times=times),
        Fault("delete", "pods", status=rng.choice((403, 503)), times=1),
    )
    return () if rng.random() < 0.3 else tuple(rng.sample(drawn, rng.choice((1, 1, 2))))


def command(lab: RunningLab, rng: random.Random, folder: Path, *, right: bool) -> list[str]:
    """One command line."""
    source = ["--from", "deploy/curl"] if rng.random() < 0.5 else []
    expected = [] if right else ["--expect", "direct"]
    ends = ["--timeout", "15s", "--no-ask-proxies", "-q", "-o", f"json={folder / 'report.json'}"]
    asked = ["verify", "--host", "docs.redhat.com", "-n", "curl", "--kubeconfig", str(lab.kubeconfig)]
    return [*asked, *source, *expected, *ends]


def judged(code: int, folder: Path, *, right: bool, sent: int | None) -> str:
    """What is wrong with how a run ended; '' if nothing is."""
    # Before Python has reached our first line a signal ends it by itself, which a shell shows as the same code.
    allowed = {0 if right else 10, 3, 1} | ({CODES[signal.Signals(sent)], -sent} if sent else set())
    if code not in allowed:
        return f"exit code {code}, and {sorted(allowed)} may be"
    file = folder / "report.json"
    if not file.exists():
        return "" if code < 0 else "no report"
    try:
        outcome = json.loads(file.read_text()).get("outcome")
    except ValueError:
        return "a report that is no JSON"
    if outcome == ("FAIL" if right else "PASS"):
        return f"the report says {outcome}"
    return f"the report says {outcome}, and the exit code is {code}" if outcome == "PASS" and code != 0 else ""


def in_own_process(argv: list[str], folder: Path, rng: random.Random) -> tuple[int, int | None]:
    """The exit code of a process, and the signal that it was sent."""
    environment = os.environ | {"TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "egressaudit", *argv],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )
    sent = None
    if rng.random() < 0.4:
        with_signal = rng.choice(SIGNALS)
        try:
            process.wait(rng.uniform(0.0, 3.0))
        except subprocess.TimeoutExpired:
            process.send_signal(with_signal)
            sent = int(with_signal)
    return process.wait(60), sent


def called(argv: list[str]) -> int:
    """The exit code of a call in this process, with its output to nowhere."""
    with redirect_stdout(io.TextIOWrapper(io.BytesIO())), redirect_stderr(io.StringIO()):
        return run(argv)


def left_behind(lab: RunningLab, folder: Path) -> Iterator[str]:
    """What is there that was not there before."""
    cluster = Cluster.connect(kubeconfig=str(lab.kubeconfig))
    until = time.monotonic() + 5
    while pods := [each["metadata"]["name"] for each in cluster.pods(MARK, None)]:
        if time.monotonic() > until:
            break
        time.sleep(0.1)
    yield from ("pod" for _ in pods)
    yield from ("file" for each in folder.rglob("*") if each.name not in ("report.json", "tmp"))


def several_in_one(argv: list[str], folder: Path) -> tuple[int, str]:
    """The exit code of the last of several calls in one process, and its counts: JSON of `counted_calls`."""
    command = [sys.executable, __file__, "--calls", json.dumps(argv)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    code, counts = done.stdout.split(" ", 1) if done.returncode == 0 else ("-1", "{}")
    return int(code), counts


def counted_calls(argv: list[str]) -> str:
    """Three calls here: the last one's exit code, and the threads and descriptors since the first."""
    counts = []
    for _ in range(3):
        code = called(argv)
        gc.collect()
        counts.append((threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))))
    (threads, descriptors), (later, more) = counts[0], counts[-1]
    return f"{code} {json.dumps({'thread': later - threads, 'descriptor': more - descriptors})}"


def one(lab: RunningLab, number: int, seed: int, tally: Tally) -> None:
    """One run."""
    rng = random.Random(f"{seed}/{number}")
    right = rng.random() < 0.5
    with tempfile.TemporaryDirectory() as name:
        folder, sent = Path(name), None
        argv = command(lab, rng, folder, right=right)
        wrong = faults(rng)
        refused = any(each.verb == "delete" for each in wrong)
        with lab.faulty(*wrong):
            if number % IN_PROCESS == 0:
                code, counts = several_in_one(argv, folder)
                tally.left.update({what: max(0, more) for what, more in json.loads(counts).items()})
            else:
                code, sent = in_own_process(argv, folder, rng)
        tally.ended[f"{code}"] += 1
        if said := judged(code, folder, right=right, sent=sent):
            tally.wrong.append(f"{seed}/{number}: {said}; {[str(each) for each in wrong]}")
        if sent == signal.SIGKILL or refused:
            # What nobody can remove any more, or the server does not remove, `cleanup` removes.
            called(["cleanup", "-n", "curl", "--kubeconfig", str(lab.kubeconfig)])
        tally.left.update(left_behind(lab, folder))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--calls", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.calls:
        print(counted_calls(json.loads(asked.calls)))
        return 0
    tally, begun = Tally(), time.monotonic()
    with running_lab(load_scenario("noisy")) as lab:
        for number in range(asked.first, asked.first + asked.runs):
            one(lab, number, asked.seed, tally)
    print("| what | how many |\n|---|---|")
    print(f"| runs | {asked.runs} |")
    for code, count in sorted(tally.ended.items(), key=lambda each: int(each[0])):
        print(f"| ended with {code} | {count} |")
    print(f"| wrong verdicts, codes or reports | {len(tally.wrong)} |")
    for what in ("pod", "file", "thread", "descriptor"):
        print(f"| {what}s left | {tally.left[what]} |")
    print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)
    for each in tally.wrong:
        print(each, file=sys.stderr)
    return 1 if tally.wrong or any(tally.left.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
