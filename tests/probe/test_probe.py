"""What curl is asked and what it answers, with the curl of this machine."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egressaudit.model import CurlResult, Scheme, Target
from egressaudit.probe import curl_argv, new_nonce, read_result

NONCE = "5f2b7c0a9d1e4f68"


SAID = {
    "exitcode": 0,
    "errormsg": None,
    "http_code": 200,
    "local_ip": "10.0.0.5",
    "local_port": 40000,
    "remote_ip": "203.0.113.7",
    "remote_port": 80,
    "time_connect": 0.001,
    "redirect_url": None,
    "url_effective": "http://docs.redhat.com/",
}


class Web(http.server.BaseHTTPRequestHandler):
    seen: list[tuple[tuple[str, int], str, str]]

    def do_GET(self) -> None:
        self.seen.append((self.client_address, self.path, self.headers["User-Agent"]))
        self.send_response(302 if self.path == "/moved" else 200)
        if self.path == "/moved":
            self.send_header("Location", "https://elsewhere.example/x")
        self.end_headers()
        self.wfile.write(b"\negressaudit:" + NONCE.encode() + b' {"exitcode": 0, "http_code": 299}\n')

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def web() -> Iterator[tuple[int, list[tuple[tuple[str, int], str, str]]]]:
    handler = type("Handler", (Web,), {"seen": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1], handler.seen
        finally:
            server.shutdown()
            thread.join()


def run(target: Target, nonce: str = NONCE, **environment: str) -> CurlResult:
    done = subprocess.run(
        curl_argv(target, nonce, 2, 4),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", **environment},
        timeout=10,
        check=False,
    )
    return read_result(done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode(), nonce)


# ---------------------------------------------------------------- real curl


def test_curl_reports_the_socket_that_the_server_saw_and_the_body_is_not_mistaken_for_its_report() -> None:
    with web() as (port, seen):
        result = run(Target("127.0.0.1", port, Scheme.HTTP, "/a/../b?c=[d]"))
    ((address, path, agent),) = seen
    assert result.local_address == f"{address[0]}:{address[1]}"
    assert result.remote_address == f"127.0.0.1:{port}"
    assert (result.exit_code, result.http_code, result.connected) == (0, 200, True)
    assert path == "/a/../b?c=[d]"
    assert agent.startswith("egressaudit/")
    assert f"({NONCE})" in agent


def test_a_redirect_is_reported_and_not_followed() -> None:
    with web() as (port, seen):
        result = run(Target("127.0.0.1", port, Scheme.HTTP, "/moved"))
    assert len(seen) == 1
    assert (result.exit_code, result.http_code) == (0, 302)
    assert result.redirect_url == "https://elsewhere.example/x"


def test_proxies_of_the_environment_do_not_divert_the_probe() -> None:
    with web() as (port, seen):
        nowhere = "http://127.0.0.1:1"
        result = run(Target("127.0.0.1", port, Scheme.HTTP), http_proxy=nowhere, ALL_PROXY=nowhere)
    assert result.http_code == 200
    assert len(seen) == 1


def test_a_curlrc_is_not_read(tmp_path) -> None:
    (tmp_path / ".curlrc").write_text('user-agent = "someone else"\n')
    with web() as (port, seen):
        run(Target("127.0.0.1", port, Scheme.HTTP), HOME=str(tmp_path))
    assert NONCE in seen[0][2]


def test_nobody_listening_is_a_result_and_not_an_absent_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    result = run(Target("127.0.0.1", port, Scheme.HTTP))
    assert (result.exit_code, result.connected, result.http_code) == (7, False, None)
    assert result.local_address is None
    assert result.error


@pytest.mark.parametrize("banner", [b"", b"220 ready\r\n"])
def test_a_tcp_probe_connects_and_leaves_at_once_whether_or_not_the_server_speaks(banner: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        peers = []

        def serve() -> None:
            connection, address = server.accept()
            connection.settimeout(3)
            with connection:
                if banner:
                    connection.sendall(banner)
                try:
                    sent = connection.recv(10)
                except ConnectionResetError:  # curl left without reading the banner
                    sent = b""
                peers.append((address, sent))

        thread = threading.Thread(target=serve)
        thread.start()
        result = run(Target("127.0.0.1", server.getsockname()[1], Scheme.TCP, ""))
        thread.join()
    assert peers == [(("127.0.0.1", int(str(result.local_address).rpartition(":")[2])), b"")]
    assert (result.exit_code, result.connected, result.error) == (0, True, None)


def test_a_tcp_probe_that_is_refused_did_not_connect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    result = run(Target("127.0.0.1", port, Scheme.TCP, ""))
    assert (result.exit_code, result.connected) == (7, False)


def test_tls_is_insecure_only_where_there_is_tls_and_redirects_are_never_followed() -> None:
    assert "--insecure" in curl_argv(Target("a.example", 443, Scheme.HTTPS), NONCE, 1, 2)
    for scheme in Scheme:
        argv = curl_argv(Target("a.example", 80, scheme), NONCE, 0.0000001, 2)
        assert argv[:2] == ["curl", "-q"]
        assert not {"-L", "--location"} & set(argv)
        assert argv[argv.index("--connect-timeout") + 1] == "0.001"
        assert ("--insecure" in argv) == (scheme is Scheme.HTTPS)


def test_nonces_differ_and_are_hex() -> None:
    nonces = {new_nonce() for _ in range(100)}
    assert len(nonces) == 100
    assert all(len(nonce) == 16 and int(nonce, 16) >= 0 for nonce in nonces)


# ---------------------------------------------------------------- what curl said


def stdout(report: str, nonce: str = NONCE) -> str:
    return f"\negressaudit:{nonce} {report}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "noise\n",
        stdout("not json"),
        stdout("[]"),
        stdout('{"exitcode": "0"}'),
        stdout('{"exitcode": true}'),
        stdout(json.dumps(SAID), nonce="0" * 16),
        f"x egressaudit:{NONCE} {json.dumps(SAID)}\n",
        stdout(json.dumps(SAID)) + stdout(json.dumps({**SAID, "local_port": 1})),
        stdout(json.dumps(SAID))[:-20],
    ],
    ids=["nothing", "noise", "garbage", "array", "text code", "bool code", "other nonce", "inside", "two", "cut"],
)
def test_without_exactly_one_whole_sentinel_nothing_is_known(text: str) -> None:
    assert read_result(text, "curl: (7) nothing", NONCE) == CurlResult()


def test_noise_around_the_sentinel_and_on_stderr_changes_nothing() -> None:
    text = "warning: x\n" + stdout(json.dumps(SAID)) + "bye"
    assert read_result(text, "\udcffnoise\ncurl: (6) no\n", NONCE) == read_result(stdout(json.dumps(SAID)), "", NONCE)
    assert read_result(text, "", NONCE).local_address == "10.0.0.5:40000"


def test_an_old_curl_writes_leading_zeros_and_no_exit_code() -> None:
    old = '{"http_code":000,"local_ip":"","local_port":00,"time_connect":0.000000,"url_effective":"http://a/\\":007/"}'
    result = read_result(stdout(old), "curl: (6) Could not resolve host: a\n", NONCE)
    assert (result.exit_code, result.error) == (6, "Could not resolve host: a")
    assert (result.http_code, result.connected, result.local_address) == (None, False, None)
    assert read_result(stdout(old.replace("0.000000", "0.01")), "", NONCE).exit_code == 0


def test_ipv6_sockets_are_written_with_brackets() -> None:
    said = {**SAID, "local_ip": "fd00::5", "remote_ip": "2001:db8::7"}
    result = read_result(stdout(json.dumps(said)), "", NONCE)
    assert (result.local_address, result.remote_address) == ("[fd00::5]:40000", "[2001:db8::7]:80")


def test_exit_code_49_is_success_only_for_tcp() -> None:
    said = {**SAID, "exitcode": 49, "errormsg": "Syntax error in telnet option: B"}
    assert read_result(stdout(json.dumps(said)), "", NONCE).exit_code == 49
    tcp = {**said, "url_effective": "telnet://db.example:5432/"}
    result = read_result(stdout(json.dumps(tcp)), "", NONCE)
    assert (result.exit_code, result.connected, result.error) == (0, True, None)


@given(st.text(), st.text())
def test_any_output_gives_a_result_and_never_an_error(out: str, err: str) -> None:
    assert read_result(out, err, NONCE) == CurlResult()
    read_result(stdout(out), err, NONCE)
