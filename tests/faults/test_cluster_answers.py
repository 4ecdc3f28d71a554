"""What each command says and does if the API server answers wrongly, late, endlessly, or not at all."""

from __future__ import annotations

import gzip
import time

import pytest
from support.fault_answers import OK, after, body, dribbling, endless, flood, never, raw, status
from support.fault_api import ApiFault, Object, fault_api

from faults.cluster_runs import COMMANDS, GONE, PODS, SAID, Made, held, leaked, run_here
from faults.harness import Row, a_place, check, for_each_command, rows

_A_POD: Object = {"metadata": {"name": "a", "namespace": "b"}}
_RBAC = 'pods is forbidden: User "jane" cannot list resource "pods"'
_LATE = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"

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
    "empty pages with a new token each time": lambda: endless([], str),
    "pages of one object with a new token each time": lambda: endless([_A_POD], str),
}

_LISTED = "no audit was performed: the answer to list pods in the whole cluster"

LIST_ROWS = rows(f"""
    no answer                                | each | 1 | {GONE} it did not answer in time / …--request-timeout.
    a byte at a time                         | each | 1 | {GONE} it did not answer in time / …
    a byte of a header at a time             | each | 1 | {GONE} it did not answer in time / …
    a byte of a chunk's size at a time       | each | 1 | {GONE} it did not answer in time / …
    closed at once                           | each | 1 | {GONE} it closed the connection without an answer / …
    cut in the middle                        | each | 1 | {GONE} the connection was cut / …
    not HTTP                                 | each | 1 | {GONE} its answer is not HTTP / …
    401                                      | each | 1 | … rejected the credentials: they are missing, wrong or expired (Unauthorized) / Log in again …
    403                                      | each | 1 | no audit was performed: not allowed to list pods in the whole cluster: {_RBAC} / A cluster administrator can allow it…
    410 again and again                      | each | 1 | {SAID} 410 to list pods in the whole cluster: the token has expired / …
    429 until tomorrow                       | each | 1 | {SAID} 429 to list pods in the whole cluster: too many requests / …
    429 until 10^400                         | each | 1 | {SAID} 429 to list pods in the whole cluster: too many requests / …
    500                                      | each | 1 | {SAID} 500 to list pods in the whole cluster: etcdserver: request timed out / …
    503, a page of HTML                      | each | 1 | {SAID} 503 to list pods in the whole cluster: a page of HTML, not an answer of Kubernetes / …
    a redirect                               | each | 1 | {SAID} 302 to list pods in the whole cluster: a redirect, which is not followed / …
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
    empty pages with a new token each time         | each | 1 | {_LISTED} does not end: 0 objects in 22 pages, and more are announced / …
    pages of one object with a new token each time | each | 1 | {_LISTED} does not end: 22 objects in 22 pages, and more are announced / …
""", "list: ")  # fmt: skip


@pytest.mark.parametrize("row", for_each_command(LIST_ROWS), ids=str)
def test_a_list_that_is_answered_wrongly(row: Row, capfd: pytest.CaptureFixture[str]) -> None:
    held(row, ApiFault(PODS, LISTS[row.fault.removeprefix("list: ")]()), capfd)


# ---------------------------------------------------------------- what passes

PASSING: dict[str, ApiFault] = {
    "410 once": ApiFault(PODS, status(410), times=1),
    "503 once": ApiFault(PODS, status(503), times=1),
    "closed once": ApiFault(PODS, raw(), times=1),
    "0.1 s late": ApiFault(PODS, after(0.1)),
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
    said = f"{GONE} it did not answer in time / The time limit of the run is over. … --timeout."
    check(Row("every list 0.6 s late", "verify", 1, said), ran)
    assert took < 3.0


def test_an_answer_without_an_end_is_given_up_by_its_size(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egressaudit.cluster.rest._LARGEST", 3_000_000)
    with a_place() as place, fault_api(ApiFault(PODS, flood(b" " * 100_000))) as api:
        ran = run_here(COMMANDS["snapshot"], place, api, capfd)
        assert leaked(ran) == []
    check(Row("no end", "snapshot", 1, f"{_LISTED} is larger than the limit / …"), ran)


def test_all_answers_together_have_a_size_too(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egressaudit.cluster.rest._MOST_BYTES", 5_000)
    with a_place() as place, fault_api() as api:
        ran = run_here(COMMANDS["snapshot"], place, api, capfd)
    check(Row("too much", "snapshot", 1, "no audit was performed: … is larger than the limit / …"), ran)


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
