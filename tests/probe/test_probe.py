"""What curl is asked and what it answers, with the curl of this machine; hosts, redirects, the probe pod."""

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

from egressaudit.errors import UsageError
from egressaudit.model import CurlResult, Scheme, Target
from egressaudit.probe import DEFAULT_IMAGE, curl_argv, new_nonce, parse_host, pod_ready, probe_pod, read_result
from egressaudit.probe import redirect_target as redirected

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


# ---------------------------------------------------------------- redirects


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://docs.redhat.com/", "https://docs.redhat.com/"),
        ("https://docs.redhat.com:8443/a?b=c#d", "https://docs.redhat.com:8443/a?b=c"),
        ("http://user:secret@docs.redhat.com/", "http://docs.redhat.com/"),
        ("/en", "http://docs.redhat.com:8080/en"),
        ("en/x", "http://docs.redhat.com:8080/a/en/x"),
        ("//other.example/y", "http://other.example/y"),
        ("http://[2001:db8::1]/", "http://[2001:db8::1]/"),
        ("HTTPS://Docs.RedHat.com", "https://docs.redhat.com/"),
        ("https://docs.redhat.com?x", "https://docs.redhat.com/?x"),
        ('https://docs.redhat.com/"quoted"', "https://docs.redhat.com/%22quoted%22"),
        ("ftp://docs.redhat.com/", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("https://*.example/", None),
        ("https://a b/", None),
        ("https://a.example/\r\nX: y", None),
        ("http://docs.redhat.com:99999/", None),
        ("http://[::1", None),
        ("https://a.example/" + "x" * 9000, None),
        (None, None),
    ],
)
def test_a_location_becomes_a_target(location: str | None, url: str | None) -> None:
    target = Target("docs.redhat.com", 8080, Scheme.HTTP, "/a/b")
    result = CurlResult(exit_code=0, http_code=301, redirect_url=location)
    found = redirected(result, target)
    assert (found and found.url) == url


def test_only_a_redirecting_answer_redirects() -> None:
    target = Target("docs.redhat.com", 80, Scheme.HTTP)
    assert redirected(CurlResult(http_code=200, redirect_url="http://a.example/"), target) is None
    tcp = Target("a.example", 80, Scheme.TCP, "")
    assert redirected(CurlResult(http_code=301, redirect_url="http://a.example/"), tcp) is None


@given(st.text())
def test_any_location_is_a_target_or_none(location: str) -> None:
    found = redirected(CurlResult(http_code=302, redirect_url=location), Target("a.example", 80, Scheme.HTTP))
    assert found is None or (found.scheme in (Scheme.HTTP, Scheme.HTTPS) and found.path.isprintable())


# ---------------------------------------------------------------- hosts


@pytest.mark.parametrize(
    ("text", "options", "target"),
    [
        ("docs.redhat.com", {}, Target("docs.redhat.com", 80, Scheme.HTTP)),
        ("Docs.RedHat.COM.", {}, Target("docs.redhat.com", 80, Scheme.HTTP)),
        ("docs.redhat.com:8080", {}, Target("docs.redhat.com", 8080, Scheme.HTTP)),
        ("docs.redhat.com", {"scheme": Scheme.HTTPS}, Target("docs.redhat.com", 443, Scheme.HTTPS)),
        ("docs.redhat.com", {"port": 443}, Target("docs.redhat.com", 443, Scheme.HTTPS)),
        ("docs.redhat.com:443", {"scheme": Scheme.HTTP}, Target("docs.redhat.com", 443, Scheme.HTTP)),
        ("docs.redhat.com", {"port": 81, "path": "/a b"}, Target("docs.redhat.com", 81, Scheme.HTTP, "/a%20b")),
        ("https://httpbin.org/get?a=1#top", {}, Target("httpbin.org", 443, Scheme.HTTPS, "/get?a=1")),
        ("https://httpbin.org:8443", {}, Target("httpbin.org", 8443, Scheme.HTTPS)),
        ("https://httpbin.org/a", {"path": "/b"}, Target("httpbin.org", 443, Scheme.HTTPS, "/b")),
        ("203.0.113.7", {}, Target("203.0.113.7", 80, Scheme.HTTP)),
        ("2001:DB8::7", {}, Target("2001:db8::7", 80, Scheme.HTTP)),
        ("[2001:db8::7]:8080", {}, Target("2001:db8::7", 8080, Scheme.HTTP)),
        ("db.example:5432", {"scheme": Scheme.TCP}, Target("db.example", 5432, Scheme.TCP, "")),
        ("tcp://db.example:5432", {}, Target("db.example", 5432, Scheme.TCP, "")),
        ("my_service.example", {}, Target("my_service.example", 80, Scheme.HTTP)),
        ("bücher.example", {}, Target("xn--bcher-kva.example", 80, Scheme.HTTP)),
        ("localhost", {}, Target("localhost", 80, Scheme.HTTP)),
    ],
)
def test_a_host_is_understood(text: str, options: dict[str, object], target: Target) -> None:
    assert parse_host(text, **options) == target  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("", {}, "empty"),
        ("docs redhat", {}, "spaces"),
        (" docs.redhat.com", {}, "spaces"),
        ("a.example\n", {}, "control"),
        ("*.redhat.com", {}, "wildcard"),
        ("docs.redhat.com/path", {}, "neither a host nor a URL"),
        ("ftp://docs.redhat.com", {}, "'ftp'"),
        ("http://me:pw@docs.redhat.com", {}, "credentials"),
        ("docs.redhat.com:", {}, "port"),
        ("docs.redhat.com:0", {}, "port"),
        ("docs.redhat.com:70000", {}, "ort"),
        ("docs.redhat.com:http", {}, "ort"),
        ("a..example", {}, "part of a DNS name"),
        ("-a.example", {}, "part of a DNS name"),
        ("a" * 64 + ".example", {}, "63"),
        (".".join(["a" * 60] * 5), {}, "253"),
        ("10.1", {}, "IPv4"),
        ("999.1.1.1", {}, "IPv4"),
        ("0x7f000001", {}, "IPv4"),
        ("fe80::1%eth0", {}, "--host"),
        ("$(id)", {}, "part of a DNS name"),
        ("https://a.example:8443", {"port": 443}, "contradict"),
        ("https://a.example", {"scheme": Scheme.HTTP}, "contradict"),
        ("a.example", {"scheme": Scheme.TCP}, "port"),
        ("tcp://a.example:1/x", {}, "path"),
        ("a.example", {"path": "x"}, "begin with /"),
    ],
)
def test_a_host_that_cannot_be_is_refused_with_the_reason(text: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_host(text, **options)  # type: ignore[arg-type]
    assert says in f"{caught.value.message} {caught.value.hint}"
    assert "\n" not in caught.value.message


@given(st.text(max_size=80))
def test_any_host_is_a_target_or_a_usage_error(text: str) -> None:
    try:
        target = parse_host(text)
    except UsageError:
        return
    assert target.host.isascii()
    assert " " not in target.url


# ---------------------------------------------------------------- the pod


def test_the_probe_pod_meets_the_restricted_profile_and_ends_by_itself() -> None:
    manifest = probe_pod("shop", DEFAULT_IMAGE, "ab12cd34", 90)
    spec = manifest["spec"]
    (container,) = spec["containers"]
    assert manifest["metadata"]["name"] == "egressaudit-probe-ab12cd34"
    assert manifest["metadata"]["labels"]["egressaudit.io/run-id"] == "ab12cd34"
    assert manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "egressaudit"
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert set(container["resources"]) == {"requests", "limits"}
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert (spec["activeDeadlineSeconds"], spec["restartPolicy"]) == (90, "Never")
    assert "latest" not in DEFAULT_IMAGE


def status(curl: str, *, proxy_ready: bool | None = None, native: bool = False) -> dict[str, object]:
    proxy = {"name": "istio-proxy", "ready": proxy_ready, "state": {"running": {}}}
    key = "initContainer" if native else "container"
    pod: dict[str, dict[str, list[dict[str, object]]]] = {
        "spec": {"containers": [{"name": "curl"}]},
        "status": {"containerStatuses": [{"name": "curl", "ready": True, "state": {curl: {}}}]},
    }
    if proxy_ready is not None:
        pod["spec"].setdefault(f"{key}s", []).append({"name": "istio-proxy"})
        pod["status"].setdefault(f"{key}Statuses", []).append(proxy)
    return dict(pod)


@pytest.mark.parametrize(
    ("pod", "ready"),
    [
        ({}, "container curl is not running"),
        (status("waiting"), "container curl is not running"),
        (status("running"), True),
        (status("running", proxy_ready=False), "container istio-proxy is not ready"),
        (status("running", proxy_ready=True), True),
        (status("running", proxy_ready=False, native=True), "container istio-proxy is not ready"),
        (status("running", proxy_ready=True, native=True), True),
        ({"status": {"phase": "Failed", "reason": "DeadlineExceeded"}}, "it ended: DeadlineExceeded"),
    ],
)
def test_a_pod_is_ready_when_curl_runs_and_the_proxy_is_ready(pod: dict[str, object], ready: object) -> None:
    assert pod_ready(pod) == ready
