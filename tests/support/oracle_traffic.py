"""Exchanges of every kind with the oracle's Envoy, made from one seed: hostile bytes wherever a client may write."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

from support.forged import HEAD, LINE, TAIL
from support.oracle_envoy import HOSTS, HTTP, SNI, TCP

Header = tuple[bytes, bytes]

PIECES = (
    b'"', b" ", b'" "', b"-", b"x", b'"-"', b"\t", b"\x80", b"\xff\xfe", "é\u2028".encode(), b"\xc3", b"\\", b"\\303",
    b"\\u0022", b"{", b"}", b"%22", b"a,b", b"0 0 1 1", b' -" 0 - "', b"[::1]:80", b"null", b"/../",
    HEAD.encode(), TAIL.encode(), LINE.encode(), (HEAD + "curl" + TAIL).encode(),
    b'"1.2.3.4:80" outbound|80||docs.redhat.com 1.1.1.1:1 2.2.2.2:2 3.3.3.3:3 - ', b"PassthroughCluster",
)  # fmt: skip
CONTROLS = (b"\x01", b"\x7f", b"\x00", b"\x85")
METHODS = (
    b"GET",
    b"POST",
    b"HEAD",
    b"OPTIONS",
    b"CONNECT",
    b"PRI",
    b"get",
    b"M-SEARCH",
    b'G"ET',
    b"GE T",
    b"\xff",
    b"",
)
ENDINGS = (*["read"] * 12, "abort", "half", "reset")


@dataclass(frozen=True)
class Exchange:
    """What to send to which listener, and how to leave."""

    listener: str
    kind: str
    method: bytes = b"GET"
    path: bytes = b"/"
    authority: bytes = b"good.example"
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    version: bytes = b"1.1"
    sni: bytes = b"good.example"
    ending: str = "read"


def exchanges(seed: int, count: int) -> list[Exchange]:
    """The same exchanges for the same seed."""
    rng = random.Random(seed)
    makers: tuple[Callable[[random.Random], Exchange], ...] = (*[_http] * 10, _tcp, _tls, _nonsense)
    return [rng.choice(makers)(rng) for _ in range(count)]


def _hostile(rng: random.Random) -> bytes:
    pieces = CONTROLS if rng.random() < 0.03 else PIECES
    return b"".join(rng.choice(pieces) for _ in range(rng.randint(0, 4)))


def _http(rng: random.Random) -> Exchange:
    usual = {
        b"user-agent": b"curl/8.11.0",
        b"x-forwarded-for": b"10.0.0.1,10.0.0.2",
        b"x-request-id": b"%032x" % rng.getrandbits(128),
        b"x-envoy-original-path": b"/original",
        b"x-envoy-fault-abort-request": b"418",
        b"x-envoy-fault-delay-request": b"20",
        b"x-envoy-upstream-rq-timeout-ms": b"30",
    }
    chances = (0.9, 0.3, 0.3, 0.1, 0.05, 0.05, 0.05)
    headers = {
        name: value for (name, value), chance in zip(usual.items(), chances, strict=True) if rng.random() < chance
    }
    # One hostile field among usual ones is the likeliest forgery to be overlooked.
    bad = rng.sample(
        (b"user-agent", b"x-forwarded-for", b"x-request-id", b"x-envoy-original-path"), rng.choice((0, 1, 1, 2))
    )
    # A blank at either end is no part of a value: HTTP/1 drops it, HTTP/2 refuses it.
    headers |= {name: _hostile(rng).strip(b" \t") for name in bad}
    path = rng.choice((*[b"/get?a=b"] * 10, b"/denied", b"http://good.example/", b"*", b""))
    if rng.random() < 0.15:
        path = b"/" + _hostile(rng)
    authority = rng.choice((*HOSTS, *["good"] * 8)).encode() + b".example"
    if rng.random() < 0.15:
        authority = rng.choice(
            (b"nowhere.example", b"", b"[::1]:80", b'a"b', b"a b", b"good.example:80", _hostile(rng))
        )
    kind = rng.choice(("http1", "http1", "http2"))
    return Exchange(
        listener=rng.choice(HTTP),
        kind=kind,
        method=rng.choice(METHODS) if rng.random() < 0.1 else b"GET",
        path=path,
        authority=authority,
        headers=tuple(headers.items()),
        body=rng.choice((b"", b"body" * 20)),
        version=rng.choice((*[b"1.1"] * 20, b"1.0", b"0.9", b"3.0")),
        sni=rng.choice((b"good.example", b"other.example")),
        ending=rng.choice(ENDINGS),
    )


def _tcp(rng: random.Random) -> Exchange:
    return Exchange(
        rng.choice(TCP), "bytes", body=rng.choice((b"", b"hello", LINE.encode())), ending=rng.choice(ENDINGS)
    )


def _tls(rng: random.Random) -> Exchange:
    sni = rng.choice((b"good.example", b"good.example", b"refused.example", b"empty.example", b"unknown.example"))
    if rng.random() < 0.4:
        sni = (_hostile(rng) or b'a"b')[:200]
    return Exchange(rng.choice((SNI, SNI, "encrypted")), "hello", sni=sni, ending=rng.choice(ENDINGS))


def _nonsense(rng: random.Random) -> Exchange:
    body = rng.choice((b"", b"\x16\x03\x01", b"GET", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", _hostile(rng)))
    return Exchange(rng.choice((*HTTP, SNI)), "bytes", body=body, ending=rng.choice(ENDINGS))


# ---------------------------------------------------------------- sending


async def send_all(made: list[Exchange], places: dict[str, tuple[str, int]]) -> None:
    """Send all of them, some at a time. What comes back is of no interest: the logs are."""
    some = asyncio.Semaphore(24)

    async def send(exchange: Exchange) -> None:
        async with some:
            with suppress(OSError, TimeoutError, ProtocolError, ssl.SSLError):
                await asyncio.wait_for(_send(exchange, places[exchange.listener]), 1.0)

    await asyncio.gather(*(send(each) for each in made))


async def _send(exchange: Exchange, place: tuple[str, int]) -> None:
    encrypted = exchange.listener == "encrypted" and exchange.kind.startswith("http")
    context = _unverified(exchange.kind) if encrypted else None
    name = exchange.sni.decode() if encrypted else None
    reader, writer = await asyncio.open_connection(*place, ssl=context, server_hostname=name)
    try:
        if exchange.kind == "http2":
            await _http2(exchange, reader, writer)
            return
        data = {"http1": _http1_bytes, "hello": _client_hello}.get(exchange.kind, lambda each: each.body)(exchange)
        writer.write(data[: len(data) // 2] if exchange.ending == "half" else data)
        await writer.drain()
        if exchange.ending == "read":
            if exchange.kind == "bytes":
                writer.write_eof() if writer.can_write_eof() else None
            await asyncio.wait_for(reader.read(), 0.5)
    finally:
        if exchange.ending in ("abort", "reset"):
            writer.transport.abort()
        writer.close()


def _unverified(kind: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2" if kind == "http2" else "http/1.1"])
    return context


def _http1_bytes(exchange: Exchange) -> bytes:
    # One request per connection: a `half` one is then a connection of its own, too.
    headers = [(b"Host", exchange.authority), *exchange.headers, (b"Connection", b"close")]
    if exchange.body:
        headers.append((b"Content-Length", b"%d" % len(exchange.body)))
    lines = [
        b"%s %s HTTP/%s" % (exchange.method, exchange.path, exchange.version),
        *(b"%s: %s" % header for header in headers),
    ]
    return b"\r\n".join([*lines, b"", exchange.body])


def _client_hello(exchange: Exchange) -> bytes:
    """A TLS ClientHello whose SNI is any bytes: made with a name as long, which is then replaced."""
    stand_in = ".".join(["a" * 50] * 5)[: len(exchange.sni)].rstrip(".").ljust(len(exchange.sni), "a")
    outgoing = ssl.MemoryBIO()
    session = _unverified("hello").wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=stand_in)
    with suppress(ssl.SSLWantReadError):
        session.do_handshake()
    hello = outgoing.read()
    assert stand_in.encode() in hello
    return hello.replace(stand_in.encode(), exchange.sni)


async def _http2(exchange: Exchange, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # h2 would mend or refuse what hostile clients send.
    config = H2Configuration(
        client_side=True, header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False
    )
    connection = H2Connection(config)
    connection.initiate_connection()
    pseudo = [(b":method", exchange.method), (b":scheme", b"http"), (b":path", exchange.path)]
    connection.send_headers(
        1, [*pseudo, (b":authority", exchange.authority), *exchange.headers], end_stream=not exchange.body
    )
    if exchange.body and exchange.ending != "half":
        connection.send_data(1, exchange.body, end_stream=True)
    if exchange.ending == "reset":
        connection.reset_stream(1)
    writer.write(connection.data_to_send())
    await writer.drain()
    while exchange.ending in ("read", "half") and (data := await asyncio.wait_for(reader.read(65536), 0.5)):
        events = connection.receive_data(data)
        writer.write(connection.data_to_send())
        if any(isinstance(event, StreamEnded | StreamReset | ConnectionTerminated) for event in events):
            return
