"""Pooled connections whose answers come within a time, however slowly their bytes come, and within a size.

A timeout of a socket begins anew with each byte. So a timer shuts the socket down once the time for the whole answer
is over: the read that waits then ends at once.

In: `urllib3`'s classes of connections. Out: the same, for `PoolManager.pool_classes_by_scheme`.
Example: a server that sends one byte of its headers a second is given up after ten seconds.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

_PIECE = 1024 * 1024


def shut(sock: socket.socket) -> None:
    """Wake a thread that reads from it: the kernel's end of it, not OpenSSL's, which is not thread-safe."""
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


@contextmanager
def shut_after(sock: socket.socket | None, seconds: float) -> Iterator[None]:
    """Shut the socket down if the block takes longer; TimeoutError then, whatever its reads made of that."""
    if sock is None:
        yield
        return
    over = threading.Event()

    def end() -> None:
        over.set()
        shut(sock)

    timer = threading.Timer(max(0.0, seconds), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:
        if over.is_set():
            raise TimeoutError from None  # what its reads made of the end of the socket is no reason
        raise
    finally:
        timer.cancel()
    if over.is_set():
        raise TimeoutError


class Pace:
    """Shuts a socket down once fewer than `least` bytes came within `seconds`; with `least` infinite, after them.

    `came` is told of bytes. Nothing is watched where `seconds` is None.
    """

    def __init__(self, sock: socket.socket, seconds: float | None, least: float) -> None:
        self.stuck = False
        self._sock, self._seconds, self._least = sock, seconds, least
        self._bytes = self._before = 0
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        self._arm()
        return self

    def __exit__(self, *_: object) -> None:
        self._seconds = None
        if self._timer is not None:
            self._timer.cancel()

    def came(self, size: int) -> None:
        """So many bytes more."""
        self._bytes += size

    def _arm(self) -> None:
        if self._seconds is not None:
            self._timer = threading.Timer(self._seconds, self._look)
            self._timer.daemon = True
            self._timer.start()

    def _look(self) -> None:
        if self._bytes - self._before < self._least:
            self.stuck = True
            shut(self._sock)
            return
        self._before = self._bytes
        self._arm()


class _Http(HTTPConnection):
    """Keeps the socket of the answer, which a connection forgets where the server closes it, and bounds its head."""

    answering: socket.socket | None = None

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        """The head of the answer, within the read timeout."""
        self.answering = self.sock
        with shut_after(self.sock, self.timeout or 0.0):
            return super().getresponse()


class _Https(HTTPSConnection):
    """The same with TLS."""

    answering: socket.socket | None = None

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        """The head of the answer, within the read timeout."""
        self.answering = self.sock
        with shut_after(self.sock, self.timeout or 0.0):
            return super().getresponse()


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


BOUNDED = {"http": _HttpPool, "https": _HttpsPool}


def whole_body(answer: urllib3.BaseHTTPResponse, seconds: float, most: int) -> bytes | None:
    """The body, as it was sent; None if it is larger. TimeoutError, or what urllib3 raises if it breaks off."""
    pieces: list[bytes] = []
    left = most
    try:
        with shut_after(getattr(answer.connection, "answering", None), seconds):
            while left >= 0 and (piece := answer.read(_PIECE, decode_content=False)):
                pieces.append(piece)
                left -= len(piece)
    except BaseException:
        answer.close()
        raise
    if left < 0:
        answer.close()
        return None
    answer.release_conn()
    return b"".join(pieces)
