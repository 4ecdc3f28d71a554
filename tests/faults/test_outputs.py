"""What a user finds where standard output, standard error, a report's place or the machine fail."""

from __future__ import annotations

import pytest
from faults.harness import OLD, Fault, Place, a_place, check, rows, run

COMMANDS = {
    "verify": "verify --replay {root}/sample_logs/istio-apis",
    "verify, with a report": "verify --replay {root}/sample_logs/istio-apis -o json={place}/report.json",
    "audit": "audit {root}/sample_logs/istio-apis --since 2020-01-01T00:00:00Z",
    "audit, with a report": "audit {root}/sample_logs/istio-apis --since 2020-01-01T00:00:00Z -o json={place}/report.json",
    "analyze, with a report": "analyze --mesh {root}/sample_logs/istio-apis/mesh.json -o json={place}/report.json",
    "parse": "parse {root}/sample_logs/istio-apis -q",
    "parse --unparsed": "parse {root}/sample_logs/istio-apis -o csv --unparsed {place}/unparsed.jsonl",
    "policy infer": "policy infer --mesh {root}/sample_logs/istio-apis/mesh.json",
    "policy check": "policy check {root}/egressaudit_lab/scenarios/whole-mesh/policy.yaml",
    "policy schema": "policy schema",
    "explain": "explain {root}/sample_logs/istio-apis",
    "generate": "generate --host docs.redhat.com --port 443 --mode ambient --gateway egress/waypoint",
    "lab list": "lab list",
    "causes": "causes",
    "controls": "controls",
}

FAULTS = {
    "stdout closed": Fault('exec "$@" >&-'),
    "stdout full": Fault('exec "$@" >/dev/full'),
    "stdout's reader gone": Fault('mkfifo p; true <p & exec 3>p; wait; exec "$@" >&3 3>&-'),
    "stderr closed": Fault('exec "$@" 2>&-'),
    "stderr full": Fault('exec "$@" 2>/dev/full'),
}
import os, sys
if __name__ == "__main__":
    for f, fault in FAULTS.items():
        for c, command in COMMANDS.items():
            with a_place("report.json", "unparsed.jsonl") as place:
                ran = run(place.argv(command), place, fault)
                print(f"{f:25} | {c:25} | {ran.code:3} | {ran.said}", flush=True)
                from faults.harness import counted, Counters
                n = counted(ran, may_pass=ran.code == 0)
                if n != Counters(): print(n, list(place.folder.rglob("*")))
