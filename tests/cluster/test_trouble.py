"""What an exception of a connection means, in words of our own: none of its own text is ever in them."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl

import pytest
import urllib3.exceptions as pool
import websocket

from egressaudit.cluster.trouble import ProxyRefused, trouble_of

SECRET = "Bearer pr1vate"


def raised_from(outer: BaseException, inner: BaseException) -> BaseException:
    outer.__cause__ = inner
    return outer


def certificate(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(SECRET)
    error.verify_code = code
    return error


def handshake(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, SECRET)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "why", "lasting"),
    [
        (socket.gaierror(socket.EAI_NONAME, SECRET), "its name is not known", True),
        (socket.gaierror(socket.EAI_AGAIN, SECRET), "its name cannot be looked up now", False),
        (ConnectionRefusedError(errno.ECONNREFUSED, SECRET), "the connection was refused", True),
        (ConnectionResetError(errno.ECONNRESET, SECRET), "the connection was cut", False),
        (BrokenPipeError(SECRET), "the connection was cut", False),
        (TimeoutError(SECRET), "it did not answer in time", False),
        (pool.ReadTimeoutError(None, SECRET, SECRET), "it did not answer in time", False),  # type: ignore[arg-type]
        (OSError(errno.EHOSTUNREACH, SECRET), "there is no route to it", False),
        (OSError(errno.EMFILE, SECRET), "this process has too many open files", False),
        (OSError(errno.ENOBUFS, SECRET), "no buffer space available", False),
        (certificate(10), "its certificate has expired", True),
        (certificate(9), "its certificate is not valid yet", True),
        (certificate(62), "its certificate is for another name", True),
        (certificate(64), "its certificate is for another address", True),
        (certificate(19), "its certificate is not trusted", True),
        (handshake("WRONG_VERSION_NUMBER"), "it does not speak TLS at this port", False),
        (handshake("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "it wants a client certificate", False),
        (handshake(SECRET), "the TLS handshake failed", False),
        (ssl.SSLEOFError(8, SECRET), "it ended the TLS handshake", False),
        (http.client.BadStatusLine(SECRET), "its answer is not HTTP", False),
        (http.client.RemoteDisconnected(SECRET), "it closed the connection without an answer", False),
        (http.client.IncompleteRead(SECRET.encode()), "the connection was cut", False),
        (websocket.WebSocketException(SECRET), "its answer is not a WebSocket", False),
        (websocket.WebSocketConnectionClosedException(SECRET), "the connection was cut", False),
        (ProxyRefused(407), "the proxy answered 407 (it wants credentials) and opened no connection to it", False),
        (ProxyRefused(0), "the proxy did not answer in HTTP and opened no connection to it", False),
        (ValueError(f"Invalid header value b'{SECRET}'"), "the connection failed (ValueError)", False),
        # What a library wraps says more than what it is wrapped in.
        (pool.ProtocolError(SECRET, ConnectionResetError(SECRET)), "the connection was cut", False),
        (pool.MaxRetryError(None, SECRET, certificate(10)), "its certificate has expired", True),  # type: ignore[arg-type]
        (raised_from(pool.SSLError(SECRET), certificate(20)), "its certificate is not trusted", True),
        (raised_from(RuntimeError(SECRET), socket.gaierror(-2, SECRET)), "its name is not known", True),
    ],
    ids=repr,
)
def test_what_an_exception_means(error: BaseException, why: str, *, lasting: bool) -> None:
    found = trouble_of(error)
    assert (found.why, found.lasting) == (why, lasting)
    assert found.hint
    assert "pr1vate" not in found.why + found.hint


def test_exceptions_that_were_raised_from_one_another_have_an_end() -> None:
    one, two = ValueError(), OSError()
    one.__cause__, two.__cause__ = two, one
    assert trouble_of(one).why == "the connection failed (ValueError)"
