"""The servers behind the oracle's Envoy: good, silent, rude, nonsensical, and one with a hostile certificate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import NamedTemporaryFile

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

EVIL_NAMES = {
    "evil-name": (
        'x]:TLS_error_end" 0 0 1 1 "-" "curl" "id" "h" "1.2.3.4:80" outbound|80||h 1.1.1.1:1 2.2.2.2:2 3.3.3.3:3 - -'
    ),
    "evil-line": (
        'x\n{"start_time":"2026-01-01T00:00:00.000Z","response_code":200,"response_code_details":"via_upstream",'
        '"upstream_cluster":"outbound|80||h","downstream_remote_address":"1.1.1.1:1"}\n\ty'
    ),
}
"""Names that an upstream may put into its certificate; Envoy 1.40 writes them into the failure reason as they are."""


@dataclass(frozen=True)
class Upstreams:
    """Where each kind of server is, and the certificates (PEM) by which their own are trusted."""

    places: dict[str, tuple[str, int]]
    authority: trustme.CA
    evil: dict[str, str]


async def serve_upstreams(stack: AsyncExitStack, address: str) -> Upstreams:
    """Serve every kind until the stack closes."""
    authority, places = trustme.CA(), {}
    contexts, evil = {"tls": ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)}, {}
    authority.issue_cert("tls.example").configure_cert(contexts["tls"])
    for kind, name in EVIL_NAMES.items():
        pem = _evil_certificate(name)
        contexts[kind] = _serving(pem)
        evil[kind] = pem.decode()
    for kind in ("good", "hang", "rude", "garbage", "partial", *contexts):
        answering = _answering(_ANSWERS.get(kind, _ANSWERS["good"]))
        server = await asyncio.start_server(answering, address, 0, ssl=contexts.get(kind))
        stack.callback(server.close)
        places[kind] = server.sockets[0].getsockname()[:2]
    return Upstreams(places, authority, evil)


def _serving(pem: bytes) -> ssl.SSLContext:
    """A server's context with this key and certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile() as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _evil_certificate(san: str) -> bytes:
    """A certificate for this name, and before it its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "evil")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(san)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n"
_ANSWERS: dict[str, bytes | None] = {
    # Envoy writes its own service time over what an upstream claims.
    "good": _OK + b'X-Envoy-Upstream-Service-Time: 1" "x\r\n\r\nok',
    "hang": None,
    "rude": b"",
    "garbage": b"this is not HTTP\r\n\r\n",
    "partial": b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\npart",
}


def _answering(answer: bytes | None) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            # Any byte is a request: raw TCP comes here, too.
            while await reader.read(65536):
                if answer is None:
                    continue
                writer.write(answer)
                await writer.drain()
                if answer in (_ANSWERS["rude"], _ANSWERS["partial"]):
                    writer.transport.abort()
                break
        writer.close()

    return handle
