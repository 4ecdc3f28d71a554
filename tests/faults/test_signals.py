"""What a user sees if a signal ends a run: early, in the middle, twice; and if signals are ignored."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest
from support.lab_fakes import Lab

from faults.harness import (
    Counters,
    Fault,
    Place,
    Row,
    a_place,
    check,
    counted,
    held,
    reports_of,
    rows,
    run,
    signal_after,
)
from faults.test_outputs import COMMANDS


def a_pipe(place: Place) -> None:
    os.mkfifo(place.folder / "pipe")


FAULTS = {
    "SIGINT at once": signal_after(signal.SIGINT, 0),
    "SIGTERM at once": signal_after(signal.SIGTERM, 0),
    "SIGHUP at once": signal_after(signal.SIGHUP, 0),
    "SIGQUIT at once": signal_after(signal.SIGQUIT, 0),
    "SIGINT after 0.1 s": signal_after(signal.SIGINT, 0.1),
    "SIGINT after 0.2 s": signal_after(signal.SIGINT, 0.2),
    "SIGTERM twice": signal_after(signal.SIGTERM, 0.15, again=0.01),
    "SIGINT twice": signal_after(signal.SIGINT, 0.05, again=0.05),
    "SIGTERM while nobody reads": Fault(prepare=a_pipe, during=signal_after(signal.SIGTERM, 2.5).during),
    "SIGHUP under nohup": Fault("trap '' HUP; exec \"$@\"", during=signal_after(signal.SIGHUP, 0.1).during),
    "SIGINT in the background": Fault("trap '' INT; exec \"$@\"", during=signal_after(signal.SIGINT, 0.1).during),
}

ROWS = rows("""
    SIGINT at once           | verify -o    | 130 | no audit was performed: interrupted by SIGINT
    SIGINT at once           | audit -o     | 130 | no audit was performed: interrupted by SIGINT
    SIGINT at once           | parse        | 130 | no audit was performed: interrupted by SIGINT
    SIGINT at once           | help         | 130 | no audit was performed: interrupted by SIGINT
    SIGTERM at once          | verify -o    | 143 | no audit was performed: interrupted by SIGTERM
    SIGTERM at once          | lab run      | 143 | no audit was performed: interrupted by SIGTERM
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
    SIGTERM while nobody reads | verify -o a pipe | 143 | no audit was performed: interrupted by SIGTERM
    SIGHUP under nohup       | verify -o    | 0   |
    SIGINT in the background | audit -o     | 0   |
    """)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_a_signal_does(row: Row) -> None:
    held(row, COMMANDS[row.command], FAULTS[row.fault])


LIVE = {
    "verify": "verify --host docs.redhat.com -n curl --image slow --allow-uncaptured -o json={place}/report.json",
    "audit": "audit -A --since 1m -o json={place}/report.json",
    "audit --save-logs": "audit -A --since 1m --save-logs {place}/evidence",
    "snapshot": "snapshot -o {place}/mesh.json",
}
"""Against a cluster whose pods of this image never become ready."""


def once(there: Callable[[Place], bool], number: int, again: bool = False) -> Fault:
    """A signal once something is there, and perhaps a second one at once."""

    def during(process: subprocess.Popen[bytes], place: Place) -> None:
        while process.poll() is None and not there(place):
            time.sleep(0.01)
        process.send_signal(number)
        if again:
            time.sleep(0.02)
            process.send_signal(number)

    return Fault(during=during)


def collecting(place: Place) -> bool:
    return any(place.temporary.glob("egressaudit-*"))


def saving(place: Place) -> bool:
    return (place.folder / "evidence" / "collection.json").exists()


LIVE_ROWS = rows("""
    SIGINT while waiting for a pod   | verify            | 130 | no audit was performed: interrupted by SIGINT
    SIGTERM while waiting for a pod  | verify            | 143 | no audit was performed: interrupted by SIGTERM
    SIGHUP while waiting for a pod   | verify            | 129 | no audit was performed: interrupted by SIGHUP
    SIGQUIT while waiting for a pod  | verify            | 131 | no audit was performed: interrupted by SIGQUIT
    twice while waiting for a pod    | verify            | 130 | no audit was performed: interrupted by SIGINT
    SIGHUP while collecting logs | audit             | 129 | no audit was performed: interrupted by SIGHUP
    SIGTERM while saving logs    | audit --save-logs | 143 | no audit was performed: interrupted by SIGTERM
    SIGTERM at once                 | snapshot          | 143 | no audit was performed: interrupted by SIGTERM
    SIGINT after 0.2 s              | snapshot          | 130 | no audit was performed: interrupted by SIGINT
    SIGKILL after 0.2 s             | snapshot          | -9  |
    SIGKILL after 0.1 s             | snapshot          | -9  |
    SIGKILL after 0.05 s            | snapshot          | -9  |
    """)


def probe_pods(lab: Lab) -> list[str]:
    """Those of our own that are still there."""
    return [name for name, each in lab.dataplane.pods.items() if name.startswith("egressaudit") and not each.stopped]


@pytest.mark.parametrize("row", LIVE_ROWS, ids=str)
def test_what_a_signal_does_to_a_cluster(row: Row, lab: Lab) -> None:
    def awaited(_: Place) -> bool:
        return bool(probe_pods(lab))

    faults = {
        "SIGINT while waiting for a pod": once(awaited, signal.SIGINT),
        "SIGTERM while waiting for a pod": once(awaited, signal.SIGTERM),
        "SIGHUP while waiting for a pod": once(awaited, signal.SIGHUP),
        "SIGQUIT while waiting for a pod": once(awaited, signal.SIGQUIT),
        "twice while waiting for a pod": once(awaited, signal.SIGINT, again=True),
        "SIGHUP while collecting logs": once(collecting, signal.SIGHUP),
        "SIGTERM while saving logs": once(saving, signal.SIGTERM),
        "SIGKILL after 0.2 s": signal_after(signal.SIGKILL, 0.2),
        "SIGKILL after 0.1 s": signal_after(signal.SIGKILL, 0.1),
        "SIGKILL after 0.05 s": signal_after(signal.SIGKILL, 0.05),
    }
    command = LIVE[row.command]
    # Killed before it began, no run can say that the report there is an old one.
    old = reports_of(command) if row.code > 0 else ()
    with a_place(*old, environment={"KUBECONFIG": str(lab.kubeconfig)}) as place:
        ran = run(place.argv(command), place, (FAULTS | faults)[row.fault])
        check(row, ran, pods=probe_pods(lab))


def test_a_killed_run_leaves_no_report_of_another_and_a_pod_that_can_be_removed(lab: Lab) -> None:
    with a_place("report.json", environment={"KUBECONFIG": str(lab.kubeconfig)}) as place:
        ran = run(place.argv(LIVE["verify"]), place, once(lambda _: bool(probe_pods(lab)), signal.SIGKILL))
        assert ran.code == -signal.SIGKILL
        assert counted(ran, may_pass=False, pods=probe_pods(lab)) == Counters(leftovers=1)
        assert not (place.folder / "report.json").exists()
        assert run(place.argv("cleanup -A"), place).code == 0
        assert probe_pods(lab) == []
