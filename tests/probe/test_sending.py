"""Many probes at once, with the curl of this machine: each has its own socket, mark and answer."""

from __future__ import annotations

import http.server
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from egressaudit.cluster import Completed
from egressaudit.errors import ExecFailed
from egressaudit.model import ObjectRef, Probe, Scheme, Target
from egressaudit.probe.sending import MOST_BYTES, MOST_EXECS, MOST_IN_ONE, Request, Sender, Unsent, batched

CURL, SHOP = ObjectRef("curl", "curl-1"), ObjectRef("shop", "cart-1")


class Pods:
    """A cluster whose containers are this machine; `said` may change what a command is and gives back."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.running = self.most = 0
        self._lock = threading.Lock()

    def exec(self, ref: ObjectRef, _container: str, argv: Sequence[str], _deadline: float) -> Completed:
        if ref == SHOP:
            raise ExecFailed("cannot start curl in container app of pod shop/cart-1")
        with self._lock:
            self.commands.append(list(argv))
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            done = subprocess.run(argv, capture_output=True, timeout=20, check=False)
        finally:
            with self._lock:
                self.running -= 1
        return self.said(argv, Completed(done.stdout.decode(), done.stderr.decode(), done.returncode))

    def said(self, _argv: Sequence[str], done: Completed) -> Completed:
        return done


class OldCurl(Pods):
    """A curl before 7.75: its reports have no exit code."""

    def said(self, _argv: Sequence[str], done: Completed) -> Completed:
        return Completed(done.stdout.replace('"exitcode":', '"none":'), done.stderr, done.returncode)


class NoParallel(Pods):
    """A curl that does not know an option."""

    def said(self, argv: Sequence[str], done: Completed) -> Completed:
        return Completed("", "curl: option --parallel: is unknown", 2) if "--parallel" in argv else done


class _Web(http.server.BaseHTTPRequestHandler):
    """Answers with a body that looks like curl's report; /hops/N redirects to /hops/N-1, /slow takes a second."""

    seen: list[tuple[str, str, str]]

    def do_GET(self) -> None:
        client = f"{self.client_address[0]}:{self.client_address[1]}"
        self.seen.append((self.headers["Host"], client, self.headers["User-Agent"]))
        left = int(self.path.removeprefix("/hops/")) if self.path.startswith("/hops/") else 0
        time.sleep(1.0 if self.path == "/slow" else 0.0)
        self.send_response(302 if left else 200)
        if left:
            self.send_header("Location", f"/hops/{left - 1}")
        body = b'\negressaudit:0000000000000000 {"exitcode": 0, "http_code": 299}\n'
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def web() -> Iterator[tuple[int, list[tuple[str, str, str]]]]:
    """A server at every address 127.0.0.x, its port, and what it saw: host, client, User-Agent."""
    handler = type("Handler", (_Web,), {"seen": [], "protocol_version": "HTTP/1.1"})
    with http.server.ThreadingHTTPServer(("", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1], handler.seen
        finally:
            server.shutdown()
            thread.join()


def request(host: str, port: int, path: str = "/", pod: ObjectRef = CURL, *options: str) -> Request:
    return Request(target=Target(host, port, Scheme.HTTP, path), pod=pod, container="curl", options=options)


def send(pods: Pods, requests: Sequence[Request], max_redirects: int = 0) -> list[Probe | Unsent]:
    return list(Sender(pods, 2.0, time.monotonic() + 12).send(requests, max_redirects))  # type: ignore[arg-type]


def test_each_probe_of_one_command_has_the_socket_and_the_mark_that_the_server_saw() -> None:
    pods = Pods()
    with web() as (port, seen):
        requests = [request(f"127.0.0.{n}", port) for n in range(1, 9)]
        sent = send(pods, requests)
    assert len(pods.commands) == 1
    by_host = {host.partition(":")[0]: (client, agent) for host, client, agent in seen}
    assert {each.nonce for each in sent} == {each.nonce for each in requests}
    for probe in sent:
        client, agent = by_host[probe.target.host]
        assert probe.nonce in agent
        assert probe.result.local_address == client
        assert (probe.result.exit_code, probe.result.http_code) == (0, 200)
    assert len({probe.result.local_address for probe in sent}) == 8


@pytest.mark.parametrize("pods", [Pods(), OldCurl(), NoParallel()], ids=lambda each: type(each).__name__)
def test_what_fails_is_told_of_the_one_that_failed(pods: Pods) -> None:
    with web() as (port, _seen):
        refused = request("127.0.0.1", 1)
        tcp = Request(target=Target("127.0.0.3", port, Scheme.TCP, ""), pod=CURL, container="curl")
        sent = {each.nonce: each for each in send(pods, [refused, request("127.0.0.2", port), tcp])}
    results = {nonce: each.result for nonce, each in sent.items()}
    assert results[refused.nonce].exit_code == 7
    assert results[refused.nonce].local_address is None
    assert (results[tcp.nonce].exit_code, results[tcp.nonce].connected) == (0, True)
    assert sorted(each.exit_code for each in results.values()) == [0, 0, 7]
    assert len(pods.commands) == (1 if type(pods) is Pods else 4)


def test_two_requests_to_one_host_and_port_never_share_a_connection() -> None:
    pods = Pods()
    with web() as (port, _seen):
        sent = send(pods, [request("127.0.0.1", port, "/a"), request("127.0.0.1", port, "/b")])
    assert len(pods.commands) == 2
    assert len({each.result.local_address for each in sent}) == 2


def test_each_redirect_is_a_probe_of_its_own_that_names_the_one_before_it() -> None:
    with web() as (port, _seen):
        first = [
            request("127.0.0.1", port, "/hops/2"),
            request("127.0.0.2", port, "/hops/9"),
            request("127.0.0.3", port),
        ]
        sent = send(Pods(), first, 3)
    chains = []
    for each in first:
        chain, nonce = [], each.nonce
        while nonce is not None:
            chain += [probe.target.path for probe in sent if probe.nonce == nonce]
            nonce = next((probe.nonce for probe in sent if probe.redirected_from == nonce), None)
        chains.append(chain)
    assert chains == [["/hops/2", "/hops/1", "/hops/0"], ["/hops/9", "/hops/8", "/hops/7", "/hops/6"], ["/"]]
    assert len({each.result.local_address for each in sent}) == len(sent) == 8


def test_a_slow_host_does_not_make_the_time_of_the_others_longer() -> None:
    with web() as (port, _seen):
        slow, quick = request("127.0.0.1", port, "/slow"), request("127.0.0.2", port)
        sent = {each.nonce: each for each in send(Pods(), [slow, quick])}
    took = {nonce: (each.ended - each.started).total_seconds() for nonce, each in sent.items()}  # type: ignore[union-attr]
    assert took[slow.nonce] >= 1.0
    assert took[slow.nonce] - took[quick.nonce] >= 0.9


def test_a_command_that_cannot_run_is_told_and_the_others_go_on() -> None:
    with web() as (port, _seen):
        sent = send(Pods(), [request("127.0.0.1", port, "/", SHOP), request("127.0.0.1", port)])
    [unsent] = [each for each in sent if isinstance(each, Unsent)]
    assert unsent.request.pod == SHOP
    assert "cannot start curl" in unsent.error.message
    assert [each.result.http_code for each in sent if isinstance(each, Probe)] == [200]


def test_an_error_of_ours_ends_the_whole_run() -> None:
    class Broken(Pods):
        def said(self, _argv: Sequence[str], _done: Completed) -> Completed:
            raise ZeroDivisionError

    with web() as (port, _seen), pytest.raises(ZeroDivisionError):
        send(Broken(), [request("127.0.0.1", port)])


def test_options_are_those_of_one_request_alone() -> None:
    with web() as (port, seen):
        at = ("--resolve", f"a.example:{port}:127.0.0.7", "--header", "Host: b.example")
        send(Pods(), [request("a.example", port, "/", CURL, *at), request("127.0.0.2", port)])
    assert sorted(host for host, _, _ in seen) == [f"127.0.0.2:{port}", "b.example"]


def test_commands_are_few_small_and_not_all_at_once() -> None:
    requests = [request(f"host-{n}.example.com", 443) for n in range(200)]
    batches = batched(requests)
    assert [each for batch in batches for each in batch] == requests
    assert max(map(len, batches)) <= MOST_IN_ONE
    assert len(batches) <= 200 / 8
    pods = Pods()
    with web() as (port, _seen):
        sent = send(pods, [request(f"127.0.{n // 250}.{n % 250 + 1}", port) for n in range(72)])
    assert len(sent) == 72
    assert 1 < pods.most <= MOST_EXECS
    assert max(sum(len(each) + 8 for each in argv) for argv in pods.commands) <= MOST_BYTES


class Faulty(Pods):
    """A cluster with a bug of the kind that also means that a list is empty."""

    def exec(self, ref: ObjectRef, container: str, argv: Sequence[str], deadline: float) -> Completed:
        if ref == SHOP:
            raise IndexError("pop from an empty deque")
        return super().exec(ref, container, argv, deadline)


def test_no_bug_of_a_command_drops_its_probes_without_a_word() -> None:
    with pytest.raises(IndexError):
        list(
            Sender(Faulty(), 1.0, time.monotonic() + 10).send(
                [Request(target=Target("a.example", 80, Scheme.HTTP), pod=SHOP, container="app")]
            )
        )  # type: ignore[arg-type]
