"""What each command says and does if the API server answers wrongly, late, without an end, or not at all."""

from __future__ import annotations

import gzip
import struct
import time
from collections.abc import Callable

import pytest
from support.fault_answers import OK, after, body, dribbling, endless, flood, never, raw, status, upgraded
from support.fault_api import Answer, ApiFault, Object, fault_api, frame

from faults.cluster_runs import leaked, run_here
from faults.harness import Row, a_place, check, reports_of, rows

_QUICK = "--request-timeout 300ms"
"""For rows about time; all others have room on a busy machine."""
_USUAL = "--request-timeout 5s"
_PROBE = f"verify --host docs.redhat.com {_USUAL} -o json={{place}}/report.json"
COMMANDS = {
    "verify": f"{_PROBE} --from deploy/curl --timeout 3s -q",
    "verify, own pod": f"{_PROBE} --timeout 5s -q",
    "snapshot": f"snapshot {_USUAL} -o {{place}}/mesh.json",
    "audit": f"audit -A --until 5s {_USUAL} -o json={{place}}/report.json",
    "analyze": f"analyze {_USUAL} -o json={{place}}/report.json",
    "cleanup": f"cleanup -A {_USUAL}",
}
READING = ("verify", "snapshot", "audit", "analyze", "cleanup")
"""What every row of `each` is held for."""

_PODS = r"^GET /api/v1/pods(\?|$)"
_EXEC = r"/exec\?.*command=curl"
_LOG = r"^GET /api/v1/namespaces/[^/]+/pods/[^/]+/log"
_REMOVE = r"^DELETE /api/v1/namespaces/curl/pods/egressaudit-probe-"
_A_POD: Object = {"metadata": {"name": "a", "namespace": "b"}}
_RBAC = 'pods is forbidden: User "jane" cannot list resource "pods"'
_LATE = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"

Made = Callable[[], Answer]
"""A fresh answer for each row: some of them count."""

LISTS: dict[str, Made] = {
    "no answer": lambda: never,
    "a byte at a time": lambda: dribbling(b" ", _LATE),
    "a byte of a header at a time": lambda: dribbling(b"X", b"HTTP/1.1 200 OK\r\nA: "),
    "a byte of a chunk's size at a time": lambda: dribbling(b"0", OK[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"),
    "closed at once": raw,
    "cut in the middle": lambda: raw(_LATE, b'{"items": ['),
    "not HTTP": lambda: raw(b"\x00\x01 SSH-2.0\r\n\r\n"),
    "401": lambda: status(401, "Unauthorized"),
    "403": lambda: status(403, _RBAC),
    "410 again and again": lambda: status(410, "the token has expired"),
    "429 until tomorrow": lambda: status(429, "too many requests", Retry_After="86400"),
    "429 until 10^400": lambda: status(429, "too many requests", Retry_After="9" * 400),
    "500": lambda: status(500, "etcdserver: request timed out"),
    "503, a page of HTML": lambda: body(b"<html>\x1b[31mdown", 503, "text/html"),
    "a redirect": lambda: status(302, "", Location="https://elsewhere.example/?token=pr1vate"),
    "a login page": lambda: body(b"<html>log in", 200, "text/html"),
    "a list, not an object": lambda: body(b"[]"),
    "compressed": lambda: body(gzip.compress(b" " * 10_000_000), Content_Encoding="gzip"),
    "nested 100,000 deep": lambda: body(b'{"items": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "a number of 5,000 digits": lambda: body(b'{"items": [{"metadata": {"name": "a"}, "x": ' + b"9" * 5000 + b"}]}"),
    "NaN": lambda: body(b'{"items": [{"metadata": {"name": "a"}, "x": NaN}]}'),
    "items twice, the second a number": lambda: body(b'{"items": [], "items": 7}'),
    "an item null": lambda: body(b'{"items": [null]}'),
    "metadata null": lambda: body(b'{"items": [{"metadata": null}]}'),
    "a name that is a number": lambda: body(b'{"items": [{"metadata": {"name": 7}}]}'),
    "the same token again": lambda: endless([_A_POD], lambda _: "t"),
    "empty pages with ever new tokens": lambda: endless([], str),
    "pages of one object with ever new tokens": lambda: endless([_A_POD], str),
}

_SERVER = "the API server http://API"
_GONE = f"no audit was performed: {_SERVER} cannot be reached:"
_SAID = f"no audit was performed: {_SERVER} answered"
_LISTED = "no audit was performed: the answer to list pods in the whole cluster"

LIST_ROWS = rows(f"""
    no answer                                | each | 1 | {_GONE} it did not answer in time / …--request-timeout.
    a byte at a time                         | each | 1 | {_GONE} it did not answer in time / …
    a byte of a header at a time             | each | 1 | {_GONE} it did not answer in time / …
    a byte of a chunk's size at a time       | each | 1 | {_GONE} it did not answer in time / …
    closed at once                           | each | 1 | {_GONE} it closed the connection without an answer / …
    cut in the middle                        | each | 1 | {_GONE} the connection was cut / …
    not HTTP                                 | each | 1 | {_GONE} its answer is not HTTP / …
    401                                      | each | 1 | … rejected the credentials: they are missing, wrong or expired (Unauthorized) / Log in again …
    403                                      | each | 1 | no audit was performed: not allowed to list pods in the whole cluster: {_RBAC} / A cluster administrator can allow it…
    410 again and again                      | each | 1 | {_SAID} 410 to list pods in the whole cluster: the token has expired / …
    429 until tomorrow                       | each | 1 | {_SAID} 429 to list pods in the whole cluster: too many requests / …
    429 until 10^400                         | each | 1 | {_SAID} 429 to list pods in the whole cluster: too many requests / …
    500                                      | each | 1 | {_SAID} 500 to list pods in the whole cluster: etcdserver: request timed out / …
    503, a page of HTML                      | each | 1 | {_SAID} 503 to list pods in the whole cluster: a page of HTML, not an answer of Kubernetes / …
    a redirect                               | each | 1 | {_SAID} 302 to list pods in the whole cluster: a redirect, which is not followed / …
    a login page                             | each | 1 | {_LISTED} is not a JSON object / … behind a login page.
    a list, not an object                    | each | 1 | {_LISTED} is not a JSON object / …
    compressed                               | each | 1 | {_LISTED} is compressed, which was not asked for / …
    nested 100,000 deep                      | each | 1 | {_LISTED} is not a JSON object / …
    a number of 5,000 digits                 | each | 1 | {_LISTED} is not a JSON object / …
    NaN                                      | each | 1 | {_LISTED} is not a JSON object / …
    items twice, the second a number         | each | 1 | {_LISTED} is not a list of objects / …
    an item null                             | each | 1 | {_LISTED} holds something that is not an object with a name / …
    metadata null                            | each | 1 | {_LISTED} holds something that is not an object with a name / …
    a name that is a number                  | each | 1 | {_LISTED} holds something that is not an object with a name / …
    the same token again                     | each | 1 | {_LISTED} does not end: 2 objects in 2 pages, and more are announced / …
    empty pages with ever new tokens         | each | 1 | {_LISTED} does not end: 0 objects in 22 pages, and more are announced / …
    pages of one object with ever new tokens | each | 1 | {_LISTED} does not end: 22 objects in 22 pages, and more are announced / …
""")  # fmt: skip


_RETRIED = frozenset({
    "no answer", "a byte at a time", "a byte of a header at a time", "a byte of a chunk's size at a time",
    "closed at once", "cut in the middle", "not HTTP", "500", "503", "503, a page of HTML",
})  # fmt: skip
"""Faults that are tried again for three request timeouts."""


def held(row: Row, fault: ApiFault, capfd: pytest.CaptureFixture[str], *, seconds: float = 6.0) -> None:
    """Hold one row, and what holds for all of them: an end in time, no thread, no secret, no probe pod."""
    quick = row.fault in _RETRIED and fault.line in (_PODS, _REMOVE)
    command = COMMANDS[row.command].replace(_USUAL, _QUICK) if quick else COMMANDS[row.command]
    with a_place(*reports_of(command)) as place, fault_api(fault) as api:
        began = time.monotonic()
        ran = run_here(command, place, api, capfd)
        took = time.monotonic() - began
        check(row, ran, pods=[] if fault.line == _REMOVE else list(api.made))
        assert leaked(ran) == []
        assert took < seconds


def each_command(table: tuple[Row, ...]) -> list[Row]:
    return [Row(row.fault, command, row.code, row.says) for row in table for command in READING]


@pytest.mark.parametrize("row", each_command(LIST_ROWS), ids=str)
def test_a_list_that_is_answered_wrongly(row: Row, capfd: pytest.CaptureFixture[str]) -> None:
    held(row, ApiFault(_PODS, LISTS[row.fault]()), capfd)


# ---------------------------------------------------------------- what passes

PASSING: dict[str, ApiFault] = {
    "410 once": ApiFault(_PODS, status(410), times=1),
    "503 once": ApiFault(_PODS, status(503), times=1),
    "closed once": ApiFault(_PODS, raw(), times=1),
    "0.1 s late": ApiFault(_PODS, after(0.1)),
}


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("command", ["verify", "snapshot", "analyze", "cleanup"])
def test_what_passes_is_tried_again(fault: str, command: str, capfd: pytest.CaptureFixture[str]) -> None:
    each = PASSING[fault]
    with a_place() as place, fault_api(ApiFault(each.line, each.answer, each.times)) as api:
        ran = run_here(COMMANDS[command], place, api, capfd)
    assert (ran.code, ran.err.partition("objects")[0]) == (0, "18 " if command == "snapshot" else "")


def test_the_time_limit_of_a_run_holds_for_its_lists_too(capfd: pytest.CaptureFixture[str]) -> None:
    """Each answer comes within the time of one request, and all of them together do not."""
    slow = ApiFault(r"^GET /apis?/", after(0.6))
    with a_place() as place, fault_api(slow) as api:
        began = time.monotonic()
        command = COMMANDS["verify"].replace("--timeout 3s", "--timeout 1s")
        ran = run_here(command, place, api, capfd)
        took = time.monotonic() - began
        assert leaked(ran) == []
    said = f"{_GONE} it did not answer in time / The time limit of the run is over. … --timeout."
    check(Row("every list 0.6 s late", "verify", 1, said), ran)
    assert took < 3.0


def test_an_answer_without_an_end_is_given_up_by_its_size(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egressaudit.cluster.rest._LARGEST", 3_000_000)
    with a_place() as place, fault_api(ApiFault(_PODS, flood(b" " * 100_000))) as api:
        ran = run_here(COMMANDS["snapshot"], place, api, capfd)
        assert leaked(ran) == []
    check(Row("no end", "snapshot", 1, f"{_LISTED} is larger than what is read of a cluster / …"), ran)


def test_all_answers_together_have_a_size_too(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egressaudit.cluster.rest._MOST_BYTES", 5_000)
    with a_place() as place, fault_api() as api:
        ran = run_here(COMMANDS["snapshot"], place, api, capfd)
    check(Row("too much", "snapshot", 1, "no audit was performed: … is larger than what is read of a cluster / …"), ran)


# ---------------------------------------------------------------- exec

EXECS: dict[str, Made] = {
    "no answer": lambda: never,
    "a byte of a header at a time": lambda: dribbling(b"X", b"HTTP/1.1 101 S\r\nA: "),
    "a wrong accept key": lambda: upgraded(accept="d3Jvbmc="),
    "200, not 101": lambda: body(b"{}"),
    "a redirect": lambda: status(302, "", Location="https://elsewhere.example/"),
    "a cookie that is none": lambda: raw(b"HTTP/1.1 101 S\r\nSet-Cookie: a b=;;,\xff\r\n\r\n"),
    "a header without an end": lambda: flood(b"X" * 65536),
    "401": lambda: status(401, "Unauthorized"),
    "403": lambda: status(403, 'User "jane" cannot create resource "pods/exec"'),
    "404": lambda: status(404, "container not found"),
    "503": lambda: status(503, "error dialing backend: Bearer pr1vate"),
    "a body of 100 GB announced": lambda: raw(b"HTTP/1.1 400 No\r\nContent-Length: 99999999999\r\n\r\nx"),
    "cut in a frame": lambda: upgraded(b"\x82\x7f"),
    "a frame of 2^62 bytes": lambda: upgraded(b"\x82\x7f" + struct.pack("!Q", 2**62) + b"x" * 1000),
    "not frames": lambda: upgraded(b"\xff" * 50),
    "output without an end": lambda: flood(b"\x01" + b"x" * 60_000, websocket=True),
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
_NO_EXEC = "no audit was performed: cannot run a command in container curl of pod curl/curl-897m9bj25f-x4bjx:"

EXEC_ROWS = rows(f"""
    no answer                    | verify | 1 | {_NO_UPGRADE} it did not answer in time / …
    a byte of a header at a time | verify | 1 | {_NO_UPGRADE} it did not answer in time / …
    a wrong accept key           | verify | 1 | {_NO_UPGRADE} its answer is not a WebSocket / … block WebSockets.
    200, not 101                 | verify | 1 | {_NO_UPGRADE} its answer is not a WebSocket / …
    a redirect                   | verify | 1 | {_NO_UPGRADE} its answer is not a WebSocket / …
    a cookie that is none        | verify | 1 | {_NO_UPGRADE} … / …
    a header without an end      | verify | 1 | {_NO_UPGRADE} … / …
    401                          | verify | 1 | … rejected the credentials: they are missing, wrong or expired (Unauthorized) / …
    403                          | verify | 1 | … not allowed to get and create pods/exec … cannot create resource "pods/exec" / …
    404                          | verify | 1 | {_NO_EXEC} container not found / Check that the pod runs …
    503                          | verify | 1 | {_NO_EXEC} error dialing backend: Bearer [redacted] / …
    a body of 100 GB announced   | verify | 1 | {_NO_UPGRADE} the connection was cut / …
    cut in a frame               | verify | 3 |
    a frame of 2^62 bytes        | verify | 3 |
    not frames                   | verify | 3 |
    output without an end        | verify | 3 |
    nothing after the upgrade    | verify | 3 |
    a status that is not JSON    | verify | 3 |
    a status that is a list      | verify | 3 |
    causes that are numbers      | verify | 3 |
""")  # fmt: skip


@pytest.mark.parametrize("row", EXEC_ROWS, ids=str)
def test_an_exec_that_is_answered_wrongly(row: Row, capfd: pytest.CaptureFixture[str]) -> None:
    held(row, ApiFault(_EXEC, EXECS[row.fault]()), capfd)


# ---------------------------------------------------------------- logs

LOGS: dict[str, Made] = {
    "no answer": lambda: never,
    "closed at once": raw,
    "401": lambda: status(401, "Unauthorized"),
    "403": lambda: status(403, 'User "jane" cannot get resource "pods/log"'),
    "404": lambda: status(404, 'pods "x" not found'),
    "a line without an end": lambda: flood(b"x" * 1_000_000),
    "the kubelet's own words": lambda: raw(OK, b"failed to open log: Bearer pr1vate\n"),
}

LOG_ROWS = rows("""
    no answer               | verify | 3 |
    closed at once          | verify | 3 |
    401                     | verify | 1 | … rejected the credentials: they are missing, wrong or expired (Unauthorized) / …
    401                     | audit  | 1 | … rejected the credentials: they are missing, wrong or expired (Unauthorized) / …
    403                     | verify | 1 | no audit was performed: not allowed to get pods/log curl-897m9bj25f-x4bjx in namespace curl: … / …
    403                     | audit  | 1 | no audit was performed: not allowed to get pods/log in the whole cluster: … / …
    404                     | verify | 3 |
    404                     | audit  | 1 | no audit was performed: none of 2 logs could be read: … answered 404 … / …
    a line without an end   | verify | 3 |
    a line without an end   | audit  | 1 | no audit was performed: none of 2 logs could be read: it has a line of more than 256 MiB / …
    the kubelet's own words | verify | 3 |
    the kubelet's own words | audit  | 3 |
""")  # fmt: skip


@pytest.mark.parametrize("row", LOG_ROWS, ids=str)
def test_a_log_that_is_answered_wrongly(row: Row, capfd: pytest.CaptureFixture[str]) -> None:
    held(row, ApiFault(_LOG, LOGS[row.fault]()), capfd, seconds=10.0)


# ---------------------------------------------------------------- the probe pod

REMOVALS: dict[str, Made] = {
    "403": lambda: status(403, 'User "jane" cannot delete resource "pods"'),
    "503": lambda: status(503, "the server is shutting down"),
    "no answer": lambda: never,
    "404": lambda: status(404, "not found"),
}

_LEFT = "warning: could not remove probe pod curl/egressaudit-probe-…"
_HOW = "its processes end by themselves, and this removes it: egressaudit cleanup -n curl --run-id …"

REMOVAL_ROWS = rows(f"""
    403       | verify, own pod | 0 | {_LEFT}: not allowed to delete pods … cannot delete resource "pods"; {_HOW}
    503       | verify, own pod | 0 | {_LEFT}: {_SERVER} answered 503 to delete pods …: the server is shutting down; {_HOW}
    no answer | verify, own pod | 0 | {_LEFT}: {_SERVER} cannot be reached: it did not answer in time; {_HOW}
    404       | verify, own pod | 0 |
""")  # fmt: skip


@pytest.mark.parametrize("row", REMOVAL_ROWS, ids=str)
def test_a_probe_pod_that_is_not_removed_is_told_and_the_verdict_stands(
    row: Row, capfd: pytest.CaptureFixture[str]
) -> None:
    held(row, ApiFault(_REMOVE, REMOVALS[row.fault]()), capfd, seconds=8.0)


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
    faults = [ApiFault(_REMOVE, answers[answer])] if answer else []
    with a_place() as place, fault_api(*faults) as api:
        for number in (1, 2):
            name = f"egressaudit-probe-{number}"
            api.made[name] = {"metadata": {"name": name, "namespace": "curl", "uid": f"u{number}"}}
        ran = run_here(COMMANDS["cleanup"].replace(_USUAL, _QUICK), place, api, capfd)
        check(Row("left pods", "cleanup", code, err), ran, pods=[] if answer else list(api.made))
        assert ran.out == out


# ---------------------------------------------------------------- names

NAMES = (
    "-n curl/pods/../../x",
    "-n .. --from deploy/curl",
    "--from a/../../b",
    "--from ../b",
    "--from curl/pod?x=y",
    "-c a/b --from deploy/curl",
    "--image x\u00a0y",
    "--as jane\r\nX-Evil:1",
    "--as",
    "--as jane --as-group a\nb",
    "--as-group dev",
)


@pytest.mark.parametrize("options", NAMES)
def test_a_name_that_is_none_is_refused_before_anything_is_sent(
    options: str, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("\0", " ") for word in options.split(" ")]
    if words == ["--as"]:
        words.append("")
    with a_place() as place, fault_api() as api:
        ran = run_here("verify --host docs.redhat.com", place, api, capfd, words=words)
    assert (ran.code, api.asked) == (2, []), ran.err


@pytest.mark.parametrize("options", ["--run-id a,b", "--run-id ../x", "-n a/b"])
def test_cleanup_takes_no_name_that_is_none(options: str, capfd: pytest.CaptureFixture[str]) -> None:
    with a_place() as place, fault_api() as api:
        ran = run_here(f"cleanup {options}", place, api, capfd)
    assert (ran.code, api.asked) == (2, []), ran.err


def test_a_user_in_other_letters_is_sent_as_kubectl_sends_it(capfd: pytest.CaptureFixture[str]) -> None:
    with a_place() as place, fault_api() as api:
        ran = run_here(f"{COMMANDS['verify']} --as j\u00fcrgen\u2603", place, api, capfd)
    assert ran.code == 0, ran.err
    wanted = "j\u00fcrgen\u2603".encode().decode("latin-1")
    assert {head.get("impersonate-user") for head in api.heads} == {wanted}


ROWS = (*each_command(LIST_ROWS), *EXEC_ROWS, *LOG_ROWS, *REMOVAL_ROWS)
