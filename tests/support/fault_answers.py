"""How an API server answers a request wrongly: each is an `Answer` of `support.fault_api`.

In: what is wrong, e.g. `status(503)`. Out: a function that answers one exchange so.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from support.fault_api import Answer, Exchange, frame, upgrade

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


def status(code: int, message: str = "the server says no", **headers: str) -> Answer:
    """A `v1.Status`."""
    return lambda exchange: exchange.json({"kind": "Status", "message": message}, code, **headers)


def body(data: bytes, code: int = 200, kind: str = "application/json", **headers: str) -> Answer:
    """These bytes."""
    return lambda exchange: exchange.text(data, code, kind, **headers)


def raw(*pieces: bytes, pause: float = 0.0) -> Answer:
    """Bytes that need not be HTTP."""
    return lambda exchange: exchange.raw(*pieces, pause=pause)


def never(exchange: Exchange) -> None:
    """No answer."""
    exchange.hang()


def dribbling(piece: bytes = b" ", head: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n") -> Answer:
    """Some bytes at once, and then a byte at a time."""
    return lambda exchange: exchange.raw(head, *[piece] * 1000, pause=0.05)


def after(seconds: float) -> Answer:
    """The right answer, but late."""

    def late(exchange: Exchange) -> None:
        time.sleep(seconds)
        exchange.server.api.healthy(exchange)

    return late


def endless(items: list[object], tokens: Callable[[int], str]) -> Answer:
    """Pages that always announce another."""
    count = iter(range(10**9))
    return lambda exchange: exchange.json({"items": items, "metadata": {"continue": tokens(next(count))}})


def upgraded(*messages: bytes, accept: str | None = None, silent: bool = False) -> Answer:
    """A WebSocket with these bytes, and then its end, or nothing more."""

    def answer(exchange: Exchange) -> None:
        upgrade(exchange, accept)
        exchange.raw(*messages)
        if silent:
            exchange.hang()

    return answer


def flood(piece: bytes, *, websocket: bool = False) -> Answer:
    """The same bytes again and again, as fast as they are taken."""

    def answer(exchange: Exchange) -> None:
        if websocket:
            upgrade(exchange)
        else:
            exchange.raw(OK)
        try:
            while not exchange.server.api.over.is_set():
                exchange.wfile.write(frame(piece) if websocket else piece)
        except OSError:
            return

    return answer
