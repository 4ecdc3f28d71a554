"""What a user finds where standard output, standard error, the place of a report, or the machine fails."""

from __future__ import annotations

import pytest

from faults.harness import Fault, Row, held, rows

_SAMPLE = "{root}/sample_logs/istio-apis"
_LOG = f"{_SAMPLE}/curl/curl-897m9bj25f-x4bjx/istio-proxy.log"
_WINDOW = "--since 2020-01-01T00:00:00Z"
_POLICY = "{root}/egressaudit_lab/scenarios/whole-mesh/policy.yaml"
COMMANDS = {
    "verify": f"verify --replay {_SAMPLE}",
    "verify -o": f"verify --replay {_SAMPLE} -o json={{place}}/report.json -o junit={{place}}/report.xml",
    "verify -o json": f"verify --replay {_SAMPLE} -o json",
    "audit": f"audit {_SAMPLE} {_WINDOW}",
    "audit -o": f"audit {_SAMPLE} {_WINDOW} -o json={{place}}/report.json -o csv={{place}}/report.csv",
    "analyze": f"analyze --mesh {_SAMPLE}/mesh.json",
    "analyze -o": f"analyze --mesh {_SAMPLE}/mesh.json -o json={{place}}/report.json",
    "parse": f"parse {_LOG}",
    "parse --unparsed": f"parse {_LOG} -o csv --unparsed {{place}}/unparsed.jsonl",
    "policy infer": f"policy infer --mesh {_SAMPLE}/mesh.json",
    "policy check": f"policy check {_POLICY}",
    "policy schema": "policy schema",
    "policy init": "policy init",
    "explain": f"explain {_SAMPLE}",
    "generate": "generate --host docs.redhat.com --port 443 --mode ambient --gateway egress/waypoint",
    "lab list": "lab list",
    "causes": "causes",
    "controls": "controls",
    "help": "--help",
}

FAULTS = {
    "stdout closed": Fault('exec "$@" >&-'),
    "stdout full": Fault('exec "$@" >/dev/full'),
    "its reader gone": Fault('mkfifo pipe; true <pipe & exec 3>pipe; wait; rm pipe; exec "$@" >&3 3>&-'),
    "stderr closed": Fault('exec "$@" 2>&-'),
    "stderr full": Fault('exec "$@" 2>/dev/full'),
    "both closed": Fault('exec "$@" >&- 2>&-'),
    "all closed": Fault('exec "$@" <&- >&- 2>&-'),
}

ROWS = rows("""
    stdout closed   | verify           | 1 | error: cannot write to standard output: it is closed
    stdout closed   | verify -o        | 0 | error: cannot write to standard output: it is closed; written: DIR/report.json, DIR/report.xml
    stdout closed   | audit            | 1 | error: cannot write to standard output: it is closed
    stdout closed   | audit -o         | 0 | error: cannot write to standard output: it is closed; written: DIR/report.json, DIR/report.csv
    stdout closed   | analyze -o       | 0 | error: cannot write to standard output: it is closed; written: DIR/report.json
    stdout closed   | parse            | 1 | read … 1 access … / error: cannot write to standard output: it is closed
    stdout closed   | policy infer     | 1 | error: cannot write to standard output: it is closed
    stdout closed   | policy check     | 1 | error: cannot write to standard output: it is closed
    stdout closed   | policy schema    | 1 | error: cannot write to standard output: it is closed
    stdout closed   | policy init      | 1 | error: cannot write to standard output: it is closed
    stdout closed   | explain          | 1 | error: cannot write to standard output: it is closed
    stdout closed   | generate         | 1 | error: cannot write to standard output: it is closed
    stdout closed   | lab list         | 1 | error: cannot write to standard output: it is closed
    stdout closed   | causes           | 1 | error: cannot write to standard output: it is closed
    stdout closed   | controls         | 1 | error: cannot write to standard output: it is closed
    stdout closed   | help             | 1 | error: cannot write to standard output: it is closed
    stdout full     | verify -o json   | 1 | error: cannot write to standard output: No space left on device
    stdout full     | verify -o        | 0 | error: cannot write to standard output: No space left on device; written: DIR/report.json, DIR/report.xml
    stdout full     | audit            | 1 | error: cannot write to standard output: No space left on device
    stdout full     | analyze          | 1 | error: cannot write to standard output: No space left on device
    stdout full     | parse --unparsed | 1 | error: cannot write to standard output: No space left on device
    stdout full     | policy infer     | 1 | error: cannot write to standard output: No space left on device
    stdout full     | explain          | 1 | error: cannot write to standard output: No space left on device
    stdout full     | generate         | 1 | error: cannot write to standard output: No space left on device
    its reader gone | verify           | 1 | error: cannot write to standard output: its reader is gone
    its reader gone | verify -o        | 0 | error: cannot write to standard output: its reader is gone; written: DIR/report.json, DIR/report.xml
    its reader gone | audit -o         | 0 | error: cannot write to standard output: its reader is gone; written: DIR/report.json, DIR/report.csv
    its reader gone | parse            | 1 | read … 1 access … / error: cannot write to standard output: its reader is gone
    its reader gone | parse --unparsed | 1 | error: cannot write to standard output: its reader is gone
    its reader gone | generate         | 1 | error: cannot write to standard output: its reader is gone
    its reader gone | help             | 1 | error: cannot write to standard output: its reader is gone
    stderr closed   | verify -o        | 0 |
    stderr closed   | parse            | 0 |
    stderr full     | audit -o         | 0 |
    stderr full     | parse            | 0 |
    both closed     | verify -o        | 0 |
    both closed     | verify           | 1 |
    all closed      | audit -o         | 0 |
    all closed      | parse            | 1 |
    """)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_a_broken_stream_does(row: Row) -> None:
    held(row, COMMANDS[row.command], FAULTS[row.fault])
