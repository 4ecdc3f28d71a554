"""Why a connection failed, in words of our own: never the text of an exception, which may quote what was sent.

In: an exception of a socket, of TLS, of an HTTP or WebSocket library. Out: a `ConnectionTrouble` from a small table.
Example: `ConnectionRefusedError` is "the connection was refused", and trying again does not help.
"""

from __future__ import annotations

import errno
import http.client
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import urllib3.exceptions as pool
import websocket

_HINT = "Check that the cluster is up and that this machine can reach it, or choose another cluster with --context."
_OF_CERTIFICATE = "The kubeconfig's certificate-authority does not match this server; it may belong to another cluster."
_OF_CLOCK = "Compare this machine's clock with the server's; if both are right, the certificate must be renewed."
_OF_PROXY = "The proxy is that of the kubeconfig (proxy-url) or of HTTPS_PROXY; NO_PROXY names hosts that need none."
_OF_TLS = "The kubeconfig's server may have the wrong port, or something between here and there may intercept TLS."


@dataclass(frozen=True, slots=True)
class ConnectionTrouble:
    """What went wrong; `lasting` where another attempt would end the same way."""

    why: str
    lasting: bool = False
    hint: str = _HINT


class ProxyRefused(OSError):
    """The proxy answered CONNECT with this status, 0 where it did not answer in HTTP."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


_CERTIFICATE = {
    9: ConnectionTrouble("its certificate is not valid yet", hint=_OF_CLOCK),
    10: ConnectionTrouble("its certificate has expired", hint=_OF_CLOCK),
    62: ConnectionTrouble("its certificate is for another name", hint=_OF_CERTIFICATE),
    64: ConnectionTrouble("its certificate is for another address", hint=_OF_CERTIFICATE),
}
"""By OpenSSL's verification error (openssl include/openssl/x509_vfy.h, X509_V_ERR_*)."""
_NOT_TRUSTED = ConnectionTrouble("its certificate is not trusted", hint=_OF_CERTIFICATE)

_TLS = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS at this port",
    "HTTP_REQUEST": "it does not speak TLS at this port",
    "UNSUPPORTED_PROTOCOL": "it has no version of TLS in common with this machine",
    "NO_PROTOCOLS_AVAILABLE": "it has no version of TLS in common with this machine",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a client certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not trust the client certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it rejected the client certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the client certificate has expired",
}
"""By OpenSSL's reason."""

_ERRNO = {
    errno.ENETUNREACH: "there is no route to its network",
    errno.EHOSTUNREACH: "there is no route to it",
    errno.EMFILE: "this process has too many open files",
    errno.ENFILE: "this machine has too many open files",
    errno.EACCES: "this machine does not allow the connection",
    errno.EPERM: "this machine does not allow the connection",
}

_OF_TIME = f"{_HINT} If it is only slow, use a longer --request-timeout."
_SLOW = ConnectionTrouble("it did not answer in time", hint=_OF_TIME)
_CUT = ConnectionTrouble("the connection was cut")
_SILENT = ConnectionTrouble("it closed the connection without an answer")
_NOT_HTTP = ConnectionTrouble("its answer is not HTTP", hint=_OF_TLS)
_NOT_WEBSOCKET = ConnectionTrouble(
    "its answer is not a WebSocket", hint="A proxy between here and the API server may block WebSockets."
)

_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], ConnectionTrouble], ...] = (
    ((ssl.SSLEOFError, ssl.SSLZeroReturnError), ConnectionTrouble("it ended the TLS handshake", hint=_OF_TLS)),
    (ConnectionRefusedError, ConnectionTrouble("the connection was refused", lasting=True)),
    ((http.client.RemoteDisconnected,), _SILENT),
    ((ConnectionError, http.client.IncompleteRead, pool.IncompleteRead), _CUT),
    (websocket.WebSocketConnectionClosedException, _CUT),
    ((TimeoutError, pool.TimeoutError, websocket.WebSocketTimeoutException), _SLOW),
    ((UnicodeError, pool.LocationParseError), ConnectionTrouble("the server's address is not valid", lasting=True)),
    (pool.ProxyError, ConnectionTrouble("the proxy did not open a connection to it", hint=_OF_PROXY)),
    ((http.client.HTTPException, pool.InvalidHeader, pool.InvalidChunkLength, pool.ProtocolError), _NOT_HTTP),
    (websocket.WebSocketException, _NOT_WEBSOCKET),
)
"""By type; the first that fits."""


def trouble_of(error: BaseException) -> ConnectionTrouble:
    """What an exception means: of those that it was raised from, the innermost that the tables know."""
    known = [each for each in map(_one, _within(error)) if each is not None]
    return known[-1] if known else ConnectionTrouble(f"the connection failed ({type(error).__name__})")


def _within(error: BaseException) -> Iterator[BaseException]:
    """The exception, and what libraries wrapped in it, outermost first."""
    seen: set[int] = set()
    inner: object = error
    while isinstance(inner, BaseException) and id(inner) not in seen:
        seen.add(id(inner))
        yield inner
        first = inner.args[-1] if inner.args and isinstance(inner.args[-1], BaseException) else None
        inner = getattr(inner, "reason", None) or inner.__cause__ or first
        if isinstance(inner, str):  # OpenSSL's reason is a word
            return


def _one(error: BaseException) -> ConnectionTrouble | None:
    if isinstance(error, ProxyRefused):
        said = f"answered {error.status}" if error.status else "did not answer in HTTP"
        wants = " (it wants credentials)" if error.status == http.client.PROXY_AUTHENTICATION_REQUIRED else ""
        return ConnectionTrouble(f"the proxy {said}{wants} and opened no connection to it", hint=_OF_PROXY)
    if isinstance(error, ssl.SSLCertVerificationError):
        found = _CERTIFICATE.get(error.verify_code, _NOT_TRUSTED)
        return ConnectionTrouble(found.why, lasting=True, hint=found.hint)
    if isinstance(error, socket.gaierror):
        later = error.errno == socket.EAI_AGAIN
        return ConnectionTrouble(
            "its name cannot be looked up now" if later else "its name is not known", lasting=not later
        )
    for kind, trouble in _KINDS:
        if isinstance(error, kind):
            return trouble
    if isinstance(error, ssl.SSLError):
        return ConnectionTrouble(_TLS.get(str(error.reason), "the TLS handshake failed"), hint=_OF_TLS)
    if isinstance(error, OSError) and error.errno:
        return ConnectionTrouble(_ERRNO.get(error.errno) or os.strerror(error.errno).lower())
    return None
