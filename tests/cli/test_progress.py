"""What is shown while a person waits: one line on standard error, which leaves nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.terminal import Shown, on_terminal
from support.tools import SAMPLES

from egressaudit.cli.progress import amount_words, steps_shown
from egressaudit.run_step import RunStep

AUDIT = ("audit", "whole-mesh", "--policy", "whole-mesh/policy.yaml")
LONG_RUN = """
import os, signal, sys, time
import click
from egressaudit.cli.progress import steps_shown
from egressaudit.run_step import RunStep
from egressaudit.signals import SIGNALS
SIGNALS.listen()
SIGNALS.release()
try:
    with steps_shown(quiet=False) as say:
        say("following \\x1b[2J" + "a long name " * 20)
        print("a warning", file=sys.stderr)
        click.echo("and one of ours", err=True)
        for done in range(5):
            say(RunStep("collecting logs", done, 5))
            time.sleep(0.3)
        say(RunStep("collecting logs", 5, 5))
        say("joining hops")
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
except KeyboardInterrupt:
    print("ended")
"""


def run(*arguments: str, **environment: str) -> Shown:
    return on_terminal([sys.executable, "-m", "egressaudit", *arguments], environment)


def test_one_line_for_all_logs_of_an_audit_and_nothing_of_it_stays() -> None:
    loud, quiet = run(*AUDIT), run(*AUDIT, "-q")
    assert "reading logs" in loud.written
    assert "writing reports" in loud.written
    assert "/istio-proxy.log" not in loud.written
    # Without the compiled module one line stays, which says so. Each run has an identifier of its own.
    beside = ("reading line by line", "module (", "  run ")
    kept = [each for each in loud.lines if not each.startswith(beside)]
    assert kept == [each for each in quiet.lines if not each.startswith(beside)]
    assert (loud.code, loud.cursor) == (10, True)
    assert "\x1b[?25l" not in loud.written
    assert "writing reports" not in quiet.written


def test_a_report_in_a_pipe_is_not_mixed_with_it() -> None:
    report = run("audit", "whole-mesh", "-o", "text=/dev/stderr", "-o", "json")
    assert report.written.count("COVERAGE") == 1
    done = subprocess.run(
        [sys.executable, "-m", "egressaudit", *AUDIT, "-q"], check=False, capture_output=True, text=True, cwd=SAMPLES
    )
    assert (done.returncode, done.stderr) == (10, "")
    assert "\x1b" not in done.stdout


def test_an_interrupted_run_leaves_the_terminal_as_it_was() -> None:
    shown = on_terminal([sys.executable, "-c", LONG_RUN])
    assert "3 of 5" in shown.written
    # A step that nobody can measure has no bar, also after one that is done.
    last = shown.written.rpartition("joining hops")[2]
    assert shown.written.count("━") > 0
    assert "━" not in last
    assert "0:00:01" in shown.written
    assert shown.lines == ["a warning", "and one of ours", "ended"]
    assert (shown.code, shown.cursor) == (0, True)
    assert "\x1b[2J" not in shown.written


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "dumb", "FORCE_COLOR": "1"}])
def test_a_terminal_that_cannot_move_its_cursor_gets_none(environment: dict[str, str]) -> None:
    assert "reading logs" not in run(*AUDIT, **environment).written


def test_nothing_is_said_where_nobody_sees_it(capsys: pytest.CaptureFixture[str]) -> None:
    with steps_shown(quiet=False) as say:
        say("joining hops")
        say(RunStep("collecting logs", 3, 211))
    assert capsys.readouterr() == ("", "")


def test_how_far_a_step_is() -> None:
    step = RunStep("collecting logs", 3, 211)
    assert (str(step), amount_words(step)) == ("collecting logs: 3 of 211", "3 of 211")
    assert amount_words(RunStep("reading logs", 6_100_000, 12_345_678, size=True, logs=45)) == "6.1/12.3 MB, 45 logs"
    assert amount_words(RunStep("reading logs", 6_100_000, None, size=True, logs=45)) == "6.1 MB, 45 logs"
