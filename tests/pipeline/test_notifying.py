"""A summary is posted to a real HTTP server: what is tried again, what ends it, and that the URL is never told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from egressaudit.errors import UsageError
from egressaudit.pipeline import notifying
from egressaudit.pipeline.notifying import checked_url, posted

SECRET = "T000-B000-secret"


class Webhook:
    """Answers each request with the next status, the last one again and again."""

    def __init__(self, *statuses: int, headers: dict[str, str] | None = None, body: bytes = b"ok") -> None:
        self.requests: list[tuple[str, bytes, dict[str, str]]] = []
        self.statuses = list(statuses)
        self.headers = headers or {}
        self.body = body
        self.url = ""


@contextmanager
def serving(webhook: Webhook) -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            webhook.requests.append((self.path, body, dict(self.headers)))
            status = webhook.statuses.pop(0) if len(webhook.statuses) > 1 else webhook.statuses[0]
            self.send_response(status)
            for name, value in webhook.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(webhook.body)))
            self.end_headers()
            self.wfile.write(webhook.body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    webhook.url = f"http://127.0.0.1:{server.server_address[1]}/services/{SECRET}"
    try:
        yield webhook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_it_is_posted_as_json() -> None:
    with serving(Webhook(200)) as webhook:
        assert posted(webhook.url, b'{"text": "x"}') == ""
    [(path, body, headers)] = webhook.requests
    assert (path, body) == (f"/services/{SECRET}", b'{"text": "x"}')
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("egressaudit/")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(status: int) -> None:
    with serving(Webhook(status, status, 200)) as webhook:
        assert posted(webhook.url, b"{}") == ""
    assert len(webhook.requests) == 3


def test_it_is_not_tried_for_ever() -> None:
    with serving(Webhook(503)) as webhook:
        assert posted(webhook.url, b"{}") == "the webhook answered 503"
    assert len(webhook.requests) == notifying._ATTEMPTS


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_what_is_refused_is_not_tried_again(status: int) -> None:
    with serving(Webhook(status, body=f"no_service {SECRET}".encode())) as webhook:
        assert posted(webhook.url, b"{}") == f"the webhook answered {status}"
    assert len(webhook.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with serving(Webhook(200)) as elsewhere, serving(Webhook(status, headers={"Location": elsewhere.url})) as webhook:
        assert posted(webhook.url, b"{}") == f"the webhook answered {status} (a redirect, which is not followed)"
    assert elsewhere.requests == []


def test_a_server_that_asks_for_more_time_than_there_is_is_not_waited_for() -> None:
    began = time.monotonic()
    with serving(Webhook(429, headers={"Retry-After": "3600"})) as webhook:
        assert posted(webhook.url, b"{}") == "the webhook answered 429"
    assert (len(webhook.requests), time.monotonic() - began < 5) == (1, True)


def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    why = posted(f"http://127.0.0.1:{port}/{SECRET}", b"{}")
    assert why == "the webhook cannot be reached: the connection was refused"


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifying, "_TIMEOUT", 0.2)
    monkeypatch.setattr(notifying, "_PATIENCE", 1.0)
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        why = posted(f"http://127.0.0.1:{silent.getsockname()[1]}/{SECRET}", b"{}")
    assert why == "the webhook cannot be reached: it did not answer in time"
    assert time.monotonic() - began < 3


def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Webhook(200, body=b"x" * 3_000_000)) as webhook:
        assert posted(webhook.url, b"{}") == ""


def test_tls_that_is_not_trusted_is_refused() -> None:
    with serving(Webhook(200)) as webhook:
        why = posted(webhook.url.replace("http:", "https:"), b"{}")
    assert why.startswith("the webhook cannot be reached: ")
    assert SECRET not in why
    assert webhook.requests == []


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Webhook(200)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.partition("/services")[0].replace("//", "//user:pass@"))
        assert posted("http://hooks.example.com/x", b"{}") == ""
        [(path, _, headers)] = proxy.requests
        assert path == "http://hooks.example.com/x"
        assert "Basic dXNlcjpwYXNz" in headers.values()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with serving(Webhook(200)) as webhook:
            assert posted(webhook.url, b"{}") == ""
            assert len(webhook.requests) == 1
    assert len(proxy.requests) == 1


WRONG = (
    "",
    "hooks.example.com/T000-B000-secret",
    "ftp://hooks.example.com/T000-B000-secret",
    "file:///etc/T000-B000-secret",
    "https:///T000-B000-secret",
    "http://[::1/T000-B000-secret",
    "http://hooks.example.com:0/T000-B000-secret",
    "http://hooks.example.com:x/T000-B000-secret",
    "https://user:T000-B000-secret@hooks.example.com/",
    "https://hooks.example.com/T000-B000-secret x",
    "https://hooks.example.com/T000-B000-secret\r\nX: y",
    "https://hooks.example.com/T000-B000-secret\u202e",
)


@pytest.mark.parametrize("url", WRONG)
def test_what_is_no_url_of_a_webhook_is_an_error_that_does_not_quote_it(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_url(url)
    assert SECRET not in f"{caught.value.message} {caught.value.hint} {caught.value!r}"


def test_a_newline_from_a_file_is_no_part_of_the_url() -> None:
    assert checked_url(" https://hooks.example.com/x\n") == "https://hooks.example.com/x"
