"""What `verify`, `audit` and `cleanup` say and do if an exec, a log or the removal of a pod is answered wrongly."""

from __future__ import annotations

import struct

import pytest
from support.fault_answers import OK, body, dribbling, flood, never, raw, status, upgraded
from support.fault_api import ApiFault, fault_api, frame

from faults.cluster_runs import COMMANDS, EXEC, LOG, QUICK, REMOVE, SERVER, USUAL, Made, held, run_here
from faults.harness import Row, a_place, check, rows

EXECS: dict[str, Made] = {
    "no answer": lambda: never,
    "a byte of a header at a time": lambda: dribbling(b"X", b"HTTP/1.1 101 S\r\nA: "),
    "a wrong accept key": lambda: upgraded(accept="d3Jvbmc="),
    "200, not 101": lambda: body(b"{}"),
    "a redirect": lambda: status(302, "", Location="https://elsewhere.example/"),
    "an invalid cookie": lambda: raw(b"HTTP/1.1 101 S\r\nSet-Cookie: a b=;;,\xff\r\n\r\n"),
    "an endless header": lambda: flood(b"X" * 65536),
    "401": lambda: status(401, "Unauthorized"),
    "403": lambda: status(403, 'User "jane" cannot create resource "pods/exec"'),
    "404": lambda: status(404, "container not found"),
    "503": lambda: status(503, "error dialing backend: Bearer pr1vate"),
    "a body of 100 GB announced": lambda: raw(b"HTTP/1.1 400 No\r\nContent-Length: 99999999999\r\n\r\nx"),
    "cut in a frame": lambda: upgraded(b"\x82\x7f"),
    "a frame of 2^62 bytes": lambda: upgraded(b"\x82\x7f" + struct.pack("!Q", 2**62) + b"x" * 1000),
    "not frames": lambda: upgraded(b"\xff" * 50),
    "endless output": lambda: flood(b"\x01" + b"x" * 60_000, websocket=True),
    "nothing after the upgrade": lambda: upgraded(silent=True),
    "a status that is not JSON": lambda: upgraded(frame(b"\x03Bearer pr1vate"), b"\x88\x00"),
    "a status that is a list": lambda: upgraded(frame(b"\x03[1]"), b"\x88\x00"),
    "causes that are numbers": lambda: upgraded(
        frame(b'\x03{"reason": "NonZeroExitCode", "details": {"causes": [7]}}'), b"\x88\x00"
    ),
}

_NO_UPGRADE = (
    "no audit was performed: cannot upgrade the connection for running a command in pod curl/curl-897m9bj25f-x4bjx:"
)
_NOEXEC = "no audit was performed: cannot run a command in container curl of pod curl/curl-897m9bj25f-x4bjx:"

EXEC_ROWS = rows(f"""
    no answer                    | verify | 1 | {_NO_UPGRADE} it did not answer in time / …
    a byte of a header at a time | verify | 1 | {_NO_UPGRADE} it did not answer in time / …
    a wrong accept key           | verify | 1 | {_NO_UPGRADE} its answer is not a WebSocket / … block WebSockets.
    200, not 101                 | verify | 1 | {_NO_UPGRADE} its answer is not a WebSocket / …
    a redirect                   | verify | 1 | {_NO_UPGRADE} its answer is not a WebSocket / …
    an invalid cookie        | verify | 1 | {_NO_UPGRADE} … / …
    an endless header      | verify | 1 | {_NO_UPGRADE} … / …
    401                          | verify | 1 | … rejected the credentials: they are missing, wrong or expired (Unauthorized) / …
    403                          | verify | 1 | … not allowed to get and create pods/exec … cannot create resource "pods/exec" / …
    404                          | verify | 1 | {_NOEXEC} container not found / Check that the pod runs …
    503                          | verify | 1 | {_NOEXEC} error dialing backend: Bearer [redacted] / …
    a body of 100 GB announced   | verify | 1 | {_NO_UPGRADE} the connection was cut / …
    cut in a frame               | verify | 3 |
    a frame of 2^62 bytes        | verify | 3 |
    not frames                   | verify | 3 |
    endless output        | verify | 3 |
    nothing after the upgrade    | verify | 3 |
    a status that is not JSON    | verify | 3 |
    a status that is a list      | verify | 3 |
    causes that are numbers      | verify | 3 |
""", "exec: ")  # fmt: skip


@pytest.mark.parametrize("row", EXEC_ROWS, ids=str)
def test_an_exec_that_is_answered_wrongly(row: Row, capfd: pytest.CaptureFixture[str]) -> None:
    held(row, ApiFault(EXEC, EXECS[row.fault.removeprefix("exec: ")]()), capfd)


# ---------------------------------------------------------------- logs

LOGS: dict[str, Made] = {
    "no answer": lambda: never,
    "closed at once": raw,
    "401": lambda: status(401, "Unauthorized"),
    "403": lambda: status(403, 'User "jane" cannot get resource "pods/log"'),
    "404": lambda: status(404, 'pods "x" not found'),
    "an endless line": lambda: flood(b"x" * 1_000_000),
    "the kubelet's own words": lambda: raw(OK, b"failed to open log: Bearer pr1vate\n"),
}

LOG_ROWS = rows("""
    no answer               | verify | 3 |
    closed at once          | verify | 3 |
    401                     | verify | 1 | … rejected the credentials: they are missing, wrong or expired (Unauthorized) / …
    401                     | audit  | 1 | … rejected the credentials: they are missing, wrong or expired (Unauthorized) / …
    403                     | verify | 1 | no audit was performed: not allowed to get pods/log … in namespace …: … / …
    403                     | audit  | 1 | no audit was performed: not allowed to get pods/log in the whole cluster: … / …
    404                     | verify | 3 |
    404                     | audit  | 1 | no audit was performed: none of 2 logs could be read: … answered 404 … / …
    an endless line   | verify | 3 |
    an endless line   | audit  | 1 | no audit was performed: none of 2 logs could be read: it has a line of more than 256 MiB / …
    the kubelet's own words | verify | 3 |
    the kubelet's own words | audit  | 3 |
""", "log: ")  # fmt: skip


@pytest.mark.parametrize("row", LOG_ROWS, ids=str)
def test_a_log_that_is_answered_wrongly(row: Row, capfd: pytest.CaptureFixture[str]) -> None:
    held(row, ApiFault(LOG, LOGS[row.fault.removeprefix("log: ")]()), capfd, seconds=10.0)


# ---------------------------------------------------------------- the probe pod

REMOVALS: dict[str, Made] = {
    "403": lambda: status(403, 'User "jane" cannot delete resource "pods"'),
    "503": lambda: status(503, "the server is shutting down"),
    "no answer": lambda: never,
    "404": lambda: status(404, "not found"),
}

_LEFT = "warning: could not remove probe pod curl/egressaudit-probe-…"
_HOW = "its processes end by themselves, and this command removes it: egressaudit cleanup -n curl --run-id …"

REMOVAL_ROWS = rows(f"""
    403       | verify, own pod | 0 | {_LEFT}: not allowed to delete pods … cannot delete resource "pods"; {_HOW}
    503       | verify, own pod | 0 | {_LEFT}: {SERVER} answered 503 to delete pods …: the server is shutting down; {_HOW}
    no answer | verify, own pod | 0 | {_LEFT}: {SERVER} cannot be reached: it did not answer in time; {_HOW}
    404       | verify, own pod | 0 |
""", "removal: ")  # fmt: skip


@pytest.mark.parametrize("row", REMOVAL_ROWS, ids=str)
def test_a_probe_pod_that_is_not_removed_is_told_and_the_verdict_stands(
    row: Row, capfd: pytest.CaptureFixture[str]
) -> None:
    held(row, ApiFault(REMOVE, REMOVALS[row.fault.removeprefix("removal: ")]()), capfd, seconds=8.0)


@pytest.mark.parametrize(
    ("answer", "code", "out", "err"),
    [
        (None, 0, "removed pod curl/egressaudit-probe-1\nremoved pod curl/egressaudit-probe-2\n", ""),
        ("accepts", 1, "", "not removed: pod … the cluster accepted its removal, and still has it / not removed: …"),
        ("403", 1, "", "not removed: pod curl/egressaudit-probe-1: not allowed to delete pods … / not removed: …"),
        ("503", 1, "", "not removed: pod curl/egressaudit-probe-1: … answered 503 …"),
    ],
)
def test_cleanup_says_removed_only_of_what_is_gone(
    answer: str | None, code: int, out: str, err: str, capfd: pytest.CaptureFixture[str]
) -> None:
    answers = {"accepts": body(b"{}"), "403": REMOVALS["403"](), "503": REMOVALS["503"]()}
    faults = [ApiFault(REMOVE, answers[answer])] if answer else []
    with a_place() as place, fault_api(*faults) as api:
        for number in (1, 2):
            name = f"egressaudit-probe-{number}"
            api.made[name] = {"metadata": {"name": name, "namespace": "curl", "uid": f"u{number}"}}
        ran = run_here(COMMANDS["cleanup"].replace(USUAL, QUICK), place, api, capfd)
        check(Row("left pods", "cleanup", code, err), ran, pods=[] if answer else list(api.made))
        assert ran.out == out
