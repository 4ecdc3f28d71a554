"""Commands that are run in a container, and logs that are read and followed."""

from __future__ import annotations

import threading
import time

import pytest
import yaml
from support.clients import CURL, LOG, cluster_of, soon
from support.lab_fakes import pod, running_lab

from egressaudit.cluster.logs import LONGEST_LINE, LogStream
from egressaudit.collect.follow.follower import Follower
from egressaudit.errors import ExecFailed, Forbidden
from egressaudit.model import LogSource, ObjectRef
from egressaudit_lab.world import Fault


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


# ---------------------------------------------------------------- exec


def test_output_errors_and_exit_code_come_back_apart_and_whole() -> None:
    with running_lab() as lab:
        lab.apply(pod("curl-1"))
        cluster = cluster_of(lab)
        done = cluster.exec(CURL, "curl", sh(r"printf 'a\377b\n'; printf 'oops\n' >&2; exit 7"), soon())
        assert (done.stdout, done.stderr, done.returncode) == ("a\udcffb\n", "oops\n", 7)
        done = cluster.exec(CURL, "curl", sh("head -c 300000 /dev/zero | tr '\\0' x"), soon())
        assert (len(done.stdout), done.returncode) == (300000, 0)
        done = cluster.exec(CURL, "curl", ["printf", "%s|", "a b", "*", "ü&c=d"], soon())
        assert done.stdout == "a b|*|ü&c=d|"


def test_a_stream_that_is_cut_keeps_what_came_and_has_no_exit_code() -> None:
    with running_lab(Fault("*", "pods/exec", cut_after_bytes=4)) as lab:
        lab.apply(pod("curl-1"))
        done = cluster_of(lab).exec(CURL, "curl", sh("printf 0123456789"), soon())
        assert (done.stdout, done.returncode) == ("0123", None)


def test_a_command_that_does_not_end_is_left_at_the_deadline() -> None:
    with running_lab() as lab:
        lab.apply(pod("curl-1"))
        began = time.monotonic()
        done = cluster_of(lab).exec(CURL, "curl", sh("echo begun; exec sleep 30"), soon(0.7))
        assert (done.stdout, done.returncode) == ("begun\n", None)
        assert time.monotonic() - began < 10


def test_what_cannot_be_started_is_said_with_what_to_do() -> None:
    with running_lab() as lab:
        lab.apply(pod("curl-1"))
        cluster = cluster_of(lab)
        with pytest.raises(ExecFailed, match="cannot start no-such-curl in container curl of pod") as caught:
            cluster.exec(CURL, "curl", ["no-such-curl"], soon())
        assert "--image" in caught.value.hint
        with pytest.raises(ExecFailed, match="container sidecar is not valid for pod curl-1"):
            cluster.exec(CURL, "sidecar", ["true"], soon())
        with pytest.raises(ExecFailed, match='"gone" not found'):
            cluster.exec(ObjectRef("curl", "gone"), "curl", ["true"], soon())
        with pytest.raises(ExecFailed, match="executable file not found"):
            cluster.exec(CURL, "curl", sh("echo 'exec: \"curl\": executable file not found' >&2; exit 127"), soon())


@pytest.mark.parametrize("verb", ["get", "create"])
def test_exec_that_is_forbidden_asks_for_both_verbs(verb: str) -> None:
    with running_lab(Fault(verb, "pods/exec", status=403)) as lab:
        lab.apply(pod("curl-1"))
        with pytest.raises(Forbidden, match="get and create pods/exec curl-1 in namespace curl") as caught:
            cluster_of(lab).exec(CURL, "curl", ["true"], soon())
        role = yaml.safe_load(caught.value.hint.partition("\n")[2])
        assert role["kind"] == "Role"
        assert role["metadata"]["namespace"] == "curl"
        assert role["rules"] == [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get", "create"]}]


def test_an_upgrade_that_was_put_off_is_tried_again() -> None:
    with running_lab(Fault("get", "pods/exec", status=503, times=1)) as lab:
        lab.apply(pod("curl-1"))
        assert cluster_of(lab).exec(CURL, "curl", ["echo", "hello"], soon()).stdout == "hello\n"


# ---------------------------------------------------------------- logs


def test_a_log_is_read_from_its_last_lines_with_stamps() -> None:
    with running_lab() as lab:
        lab.apply(pod("curl-1"))
        lab.log("curl-1", "curl", b"one", b"", b"three \xff")
        lines = list(cluster_of(lab).logs(LOG, tail=2))
        assert [line.partition(b" ")[2] for line in lines] == [b"", b"three \xff"]


def test_following_ends_at_once_when_it_is_closed_from_another_thread() -> None:
    with running_lab() as lab:
        lab.apply(pod("curl-1"), pod("curl-2"))
        lab.log("curl-1", "curl", b"one")
        cluster = cluster_of(lab)
        for source in (LOG, LogSource("curl", "curl-2", "curl")):  # the second is empty: not even headers come
            stream = cluster.follow(source, tail=10)
            timer = threading.Timer(0.3, stream.close)
            timer.start()
            began = time.monotonic()
            assert len(list(stream)) == (1 if source == LOG else 0)
            assert 0.2 < time.monotonic() - began < 10
            timer.join()
        stream = cluster.follow(LOG)
        stream.close()
        assert list(stream) == []


def test_logs_are_followed_through_cuts_without_loss() -> None:
    with running_lab(Fault("*", "pods/log", name="curl-1", cut_after_lines=3, times=2)) as lab:
        lab.apply(pod("curl-1"), pod("curl-2"))
        other = LogSource("curl", "curl-2", "curl")
        lab.log("curl-1", "curl", b"0")
        with Follower(cluster_of(lab), [LOG, other]) as follower:
            assert follower.wait_ready(5)
            for n in range(1, 8):
                lab.log("curl-1", "curl", b"%d" % n)
            lab.log("curl-2", "curl", b"x" * 1024 * 1024)
            until = soon()
            while len(follower.lines) < 9 and time.monotonic() < until:
                follower.take(0.2)
            assert [line.text for line in follower.lines if line.source == LOG] == [str(n) for n in range(8)]
            assert [len(line.text) for line in follower.lines if line.source == other] == [1024 * 1024]
            assert f"log stream of {LOG} was cut and resumed" in follower.notes
            assert follower.failed == frozenset()


def test_logs_that_are_forbidden_are_raised_with_the_role() -> None:
    with running_lab(Fault("get", "pods/log", status=403)) as lab:
        lab.apply(pod("curl-1"))
        said = "get pods/log curl-1 in namespace curl"
        with Follower(cluster_of(lab), [LOG]) as follower, pytest.raises(Forbidden, match=said) as caught:
            follower.wait_ready(5)
        assert "resources: [pods/log]" in caught.value.hint


def test_a_line_of_any_chunks_is_whole_and_one_that_is_too_long_is_counted() -> None:
    with running_lab() as lab:
        stream: LogStream = cluster_of(lab).logs(LOG)
    half = b"y" * (LONGEST_LINE // 2 + 1)
    chunks = [b"a", b"b\nc", b"", b"d\n", b"\n", half, half, b"z\ne", b"\nno end"]
    assert list(stream._lines(chunks)) == [b"ab", b"cd", b"", b"e"]
    assert stream.too_long == 1
