"""What a user finds where a signal ends a run: early, in the middle, twice; and where signals are to be ignored."""

from __future__ import annotations

import signal

import pytest

from faults.harness import Fault, Row, held, rows, signal_after
from faults.test_outputs import COMMANDS

FAULTS = {
    "SIGINT at once": signal_after(signal.SIGINT, 0),
    "SIGTERM at once": signal_after(signal.SIGTERM, 0),
    "SIGHUP at once": signal_after(signal.SIGHUP, 0),
    "SIGQUIT at once": signal_after(signal.SIGQUIT, 0),
    "SIGINT after 0.1 s": signal_after(signal.SIGINT, 0.1),
    "SIGINT after 0.2 s": signal_after(signal.SIGINT, 0.2),
    "SIGTERM twice": signal_after(signal.SIGTERM, 0.15, again=0.01),
    "SIGINT twice": signal_after(signal.SIGINT, 0.05, again=0.05),
    "SIGHUP under nohup": Fault("trap '' HUP; exec \"$@\"", during=signal_after(signal.SIGHUP, 0.1).during),
    "SIGINT in the background": Fault("trap '' INT; exec \"$@\"", during=signal_after(signal.SIGINT, 0.1).during),
}

ROWS = rows("""
    SIGINT at once           | verify -o    | 130 | no audit was performed: interrupted by SIGINT
    SIGINT at once           | audit -o     | 130 | no audit was performed: interrupted by SIGINT
    SIGINT at once           | parse        | 130 | no audit was performed: interrupted by SIGINT
    SIGINT at once           | help         | 130 | no audit was performed: interrupted by SIGINT
    SIGTERM at once          | verify -o    | 143 | no audit was performed: interrupted by SIGTERM
    SIGTERM at once          | policy infer | 143 | no audit was performed: interrupted by SIGTERM
    SIGHUP at once           | audit -o     | 129 | no audit was performed: interrupted by SIGHUP
    SIGHUP at once           | generate     | 129 | no audit was performed: interrupted by SIGHUP
    SIGQUIT at once          | analyze -o   | 131 | no audit was performed: interrupted by SIGQUIT
    SIGQUIT at once          | explain      | 131 | no audit was performed: interrupted by SIGQUIT
    SIGINT after 0.1 s       | verify -o    | 130 | no audit was performed: interrupted by SIGINT
    SIGINT after 0.1 s       | audit -o     | 130 | no audit was performed: interrupted by SIGINT
    SIGINT after 0.2 s       | analyze -o   | 130 | no audit was performed: interrupted by SIGINT
    SIGINT after 0.2 s       | audit -o     | 130 | no audit was performed: interrupted by SIGINT
    SIGTERM twice            | verify -o    | 143 | no audit was performed: interrupted by SIGTERM
    SIGTERM twice            | audit -o     | 143 | no audit was performed: interrupted by SIGTERM
    SIGINT twice             | parse        | 130 | no audit was performed: interrupted by SIGINT
    SIGINT twice             | audit        | 130 | no audit was performed: interrupted by SIGINT
    SIGHUP under nohup       | verify -o    | 0   |
    SIGINT in the background | audit -o     | 0   |
    """)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_a_signal_does(row: Row) -> None:
    held(row, COMMANDS[row.command], FAULTS[row.fault])
