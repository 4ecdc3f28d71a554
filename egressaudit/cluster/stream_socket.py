"""One long answer, read as it comes, on its own socket, which another thread may close at any time.

In: a GET, e.g. of a followed log. Out: chunks of bytes until the end, or until `close`.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode, urlsplit

from egressaudit.cluster.access import CONNECT_TIMEOUT, ClusterAccess
from egressaudit.cluster.bounded_connection import Pace, shut, shut_after
from egressaudit.cluster.refusals import Action, Refused, refusal, seconds
from egressaudit.cluster.trouble import trouble_of
from egressaudit.errors import ClusterError

_CHUNK = 65536
_LONGEST_REFUSAL = 65536
_FOR_A_REFUSAL = 5.0
"""Seconds for the words of a refusal, once its head is there."""


class StreamCut(ClusterError):
    """A stream that had begun broke off; what came before is whole lines. Only for use within `cluster`."""


class SocketStream:
    """The answer to one GET. `chunks` connects; `close` may be called at any time, by any thread, more than once."""

    def __init__(self, access: ClusterAccess, path: str, query: Mapping[str, str | int], action: Action) -> None:
        self._access = access
        self._target = f"{urlsplit(access.server).path}{path}?{urlencode(query)}"
        self._action = action
        self._lock = threading.Lock()
        self._closed = False
        self._socket: socket.socket | None = None
        self.asked: float | None = None
        """When the request was sent (`time.monotonic`); a kubelet answers only when there is something to say."""

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """End it; a read that waits returns at once."""
        with self._lock:
            self._closed = True
            if self._socket is not None:
                shut(self._socket)

    def chunks(self, read_timeout: float | None = None, least: float = 1) -> Iterator[bytes]:
        """The body as it arrives, to its orderly end; nothing more after `close`.

        Raises the refusal of the server, Unreachable if there is no connection, StreamCut if it breaks off,
        TimeoutError if nothing came for `read_timeout` seconds (None: wait forever), or fewer than `least` bytes in
        each of such times: with `least` infinite, it ends after `read_timeout` seconds.
        """
        try:
            yield from self._chunks(read_timeout, least)
        except TimeoutError:
            if not self._closed:
                raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            # ValueError: a read on an SSL socket that another thread has just shut down.
            if not self._closed:
                raise StreamCut(f"the stream of {self._action} was cut: {trouble_of(error).why}") from error
        except ClusterError:
            if not self._closed:
                raise

    def _chunks(self, read_timeout: float | None, least: float) -> Iterator[bytes]:
        # Connect with at most 10 s. Without a cap, a stream with no read timeout could hang in connect.
        sock = self._access.open_socket(min(CONNECT_TIMEOUT, read_timeout or CONNECT_TIMEOUT))
        try:
            with self._lock:
                if self._closed:
                    return
                self._socket = sock
            sock.settimeout(read_timeout)
            with Pace(sock, read_timeout, least) as pace:
                try:
                    yield from self._answer(sock, pace)
                except (OSError, http.client.HTTPException, ValueError):
                    if pace.stuck:
                        raise TimeoutError from None
                    raise
                if pace.stuck:
                    raise TimeoutError
        finally:
            with self._lock:
                self._socket = None
            sock.close()

    def _answer(self, sock: socket.socket, pace: Pace) -> Iterator[bytes]:
        server = urlsplit(self._access.server)
        connection = http.client.HTTPConnection(server.hostname or "", server.port)
        connection.sock = sock
        connection.putrequest("GET", self._target, skip_accept_encoding=True)
        for name, value in self._access.wire_headers():
            connection.putheader(name, value)
        connection.endheaders()
        self.asked = time.monotonic()
        with connection.getresponse() as response:
            if response.status != 200:
                with shut_after(sock, _FOR_A_REFUSAL):
                    body = self._access.without_secrets(response.read(_LONGEST_REFUSAL))
                failure = refusal(response.status, body, self._action, self._access.server)
                if isinstance(failure, Refused):
                    failure.retry_after = seconds(response.getheader("Retry-After"))
                raise failure
            while not self._closed and (chunk := response.read1(_CHUNK)):
                pace.came(len(chunk))
                yield chunk
