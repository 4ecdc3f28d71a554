"""What a user sees if standard output, standard error, the place of a report, or the machine fails."""

from __future__ import annotations

import json

import pytest
from support.lab_fakes import Lab

from faults.harness import Fault, Row, a_place, held, rows, run

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
    "lab run": "lab run -- true",
    "causes": "causes",
    "controls": "controls",
    "help": "--help",
    "verify -o, relative": f"verify --replay {_SAMPLE} -o json=report.json",
    "policy init FILE": "policy init {place}/policy.yaml",
    "policy init, relative": "policy init policy.yaml",
    "verify -o /dev/full": f"verify --replay {_SAMPLE} -o json=/dev/full",
    "verify -o /dev/null": f"verify --replay {_SAMPLE} -o json=/dev/null",
    "verify -o /dev/stdout": f"verify --replay {_SAMPLE} -o json=/dev/stdout",
    "verify -o a pipe": f"verify --replay {_SAMPLE} -o json={{place}}/pipe",
    "verify, no such format": f"verify --replay {_SAMPLE} -o xml -o json={{place}}/report.json",
    "verify, no such option": f"verify --nonsense --replay {_SAMPLE} -o json={{place}}/report.json",
    "audit, a live option": f"audit {_SAMPLE} --previous -o json={{place}}/report.json",
    "audit, no such folder": "audit {place}/none -o json={place}/report.json -o csv={place}/report.csv",
    "analyze, no such file": "analyze --mesh {place}/none -o json={place}/report.json",
}

FAULTS = {
    "stdout closed": Fault('exec "$@" >&-'),
    "stdout full": Fault('exec "$@" >/dev/full'),
    "reader gone": Fault('mkfifo pipe; true <pipe & exec 3>pipe; wait; rm pipe; exec "$@" >&3 3>&-'),
    "stderr closed": Fault('exec "$@" 2>&-'),
    "stderr full": Fault('exec "$@" 2>/dev/full'),
    "both closed": Fault('exec "$@" >&- 2>&-'),
    "all closed": Fault('exec "$@" <&- >&- 2>&-'),
    "disk full": Fault('ulimit -f 4; exec "$@"'),
    "working directory deleted": Fault('mkdir gone; cd gone; rmdir ../gone; exec "$@"'),
    "not enough memory": Fault('ulimit -v 35000; exec "$@"'),
    "not enough memory for DuckDB": Fault('ulimit -v 300000; exec "$@"'),
    "TMPDIR cannot be used": Fault(environment={"TMPDIR": "/proc"}),
    "read as a pipe": Fault('mkfifo pipe; cat pipe >got & "$@"; code=$?; wait; rm pipe; exit $code'),
    "too few open files": Fault('ulimit -n 6; exec "$@"'),
    "wrong options": Fault(),
    "right options": Fault(),
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
    reader gone | verify           | 1 | error: cannot write to standard output: its reader is gone
    reader gone | verify -o        | 0 | error: cannot write to standard output: its reader is gone; written: DIR/report.json, DIR/report.xml
    reader gone | audit -o         | 0 | error: cannot write to standard output: its reader is gone; written: DIR/report.json, DIR/report.csv
    reader gone | parse            | 1 | read … 1 access … / error: cannot write to standard output: its reader is gone
    reader gone | parse --unparsed | 1 | error: cannot write to standard output: its reader is gone
    reader gone | generate         | 1 | error: cannot write to standard output: its reader is gone
    reader gone | help             | 1 | error: cannot write to standard output: its reader is gone
    stderr closed   | verify -o        | 0 |
    stderr closed   | parse            | 0 |
    stderr full     | audit -o         | 0 |
    stderr full     | parse            | 0 |
    both closed     | verify -o        | 0 |
    both closed     | verify           | 1 |
    all closed      | audit -o         | 0 |
    all closed      | parse            | 1 |

    disk full              | verify -o              | 1 | error: cannot write the report to DIR/report.json: File too large
    disk full              | audit -o               | 1 | error: cannot write the report to DIR/report.json: File too large
    disk full              | analyze -o             | 1 | error: cannot write the report to DIR/report.json: File too large
    working directory deleted | verify -o              | 0 |
    working directory deleted | verify -o, relative    | 1 | no audit was performed: the working directory no longer exists / Change to one that does.
    working directory deleted | audit -o               | 0 |
    working directory deleted | parse                  | 0 | read …
    working directory deleted | policy init, relative  | 1 | error: cannot write policy.yaml: No such file or directory
    not enough memory           | verify -o              | 1 | no audit was performed: …
    not enough memory for DuckDB | audit -o              | 1 | …
    TMPDIR cannot be used  | audit -o               | 0 |
    read as a pipe         | verify -o a pipe       | 0 |
    disk full              | verify -o /dev/null    | 0 |
    disk full              | verify -o /dev/full    | 1 | error: cannot write the report to /dev/full: No space left on device
    disk full              | verify -o /dev/stdout  | 0 |
    wrong options          | verify, no such format | 2 | Usage: … Error: Invalid value for '-o' / '--output': …
    wrong options          | verify, no such option | 2 | Usage: … Error: No such option …
    wrong options          | audit, a live option   | 2 | error: --previous works only on a live cluster / Leave out the paths, or the option.
    wrong options          | audit, no such folder  | 2 | error: DIR/none does not exist / …
    wrong options          | analyze, no such file  | 1 | no audit was performed: DIR/none is missing / …
    """)


LIVE = {
    "snapshot": "snapshot",
    "snapshot -o": "snapshot -o {place}/mesh.json",
    "cleanup": "cleanup -A",
    "analyze -o": "analyze -o json={place}/report.json",
    "verify -o": "verify --host docs.redhat.com --expect direct --from curl/curl --timeout 1s -o json={place}/report.json",
    "verify --save-logs": "verify --host docs.redhat.com --expect direct --from curl/curl --timeout 1s "
    "--save-logs {place}/evidence -o json={place}/report.json",
    "verify --fix": "verify --host docs.redhat.com --expect direct --from curl/curl --timeout 1s --fix {place}/fix.yaml",
    "verify --fix, no such pod": "verify --host docs.redhat.com --expect direct --from curl/none --fix {place}/fix.yaml",
    "audit --save-logs": "audit -A --since 1m --save-logs {place}/evidence -o json={place}/report.json",
    "audit -o": "audit -A --since 1m -o json={place}/report.json",
}

LIVE_ROWS = rows("""
    stdout closed      | snapshot           | 1 | error: cannot write to standard output: it is closed
    stdout closed      | snapshot -o        | 0 | 5 objects, 1 pods
    stdout closed      | cleanup            | 1 | error: cannot write to standard output: it is closed
    reader gone    | analyze -o         | 3 | error: cannot write to standard output: its reader is gone; written: DIR/report.json
    stdout full        | verify -o          | 3 | error: cannot write to standard output: No space left on device; written: DIR/report.json
    disk full          | snapshot -o        | 1 | error: cannot write the snapshot to DIR/mesh.json: File too large
    disk full          | verify --save-logs | 1 | error: cannot write DIR/evidence: File too large
    disk full          | audit --save-logs  | 1 | no audit was performed: cannot write the logs to DIR/evidence: File too large / …
    right options         | verify --fix       | 3 | wrote a fix for EC01, not applied. Review it with: kubectl diff -f DIR/fix.yaml
    wrong options      | verify --fix, no such pod | 2 | error: found no pod for --from curl/none / …
    too few open files | audit -o           | 1 | no audit was performed: …
    """)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_a_user_finds(row: Row) -> None:
    held(row, COMMANDS[row.command], FAULTS[row.fault])


def test_a_report_to_dev_stdout_is_the_only_thing_there() -> None:
    with a_place() as place:
        ran = run(place.argv(COMMANDS["verify -o /dev/stdout"]), place)
    assert json.loads(ran.out)["verdicts"][0]["outcome"] == "PASS"


@pytest.mark.parametrize("row", LIVE_ROWS, ids=str)
def test_what_a_user_of_a_cluster_finds(row: Row, lab: Lab) -> None:
    held(row, LIVE[row.command], FAULTS[row.fault], {"KUBECONFIG": str(lab.kubeconfig)})
