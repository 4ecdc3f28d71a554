"""The way to one API server: its address, our credentials, and sockets to it, also through a proxy.

In: an `Identity`. Out: `ClusterAccess` for https://api.example.com:6443 with credentials; a pool, or single sockets.

No error and no attribute that is shown has a password of a URL in it; `without_secrets` takes ours out of answers.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3

from egressaudit.cluster.api_server import LOG_IN
from egressaudit.cluster.bounded_connection import BOUNDED
from egressaudit.cluster.kubeconfig import Identity, fits_header, load_identity
from egressaudit.cluster.trouble import ProxyRefused, trouble_of
from egressaudit.errors import ClusterError, Unauthorized, Unreachable

CONNECT_TIMEOUT = 10.0
"""Seconds."""
_HEAD = 16384


class ClusterAccess:
    """One API server, and the credentials for it."""

    def __init__(self, identity: Identity) -> None:
        self._server = identity.context.server
        self._tls = identity.tls
        self._fixed = identity.headers
        self._lock = threading.Lock()
        self.namespace = identity.context.namespace
        self.context = identity.context.name
        self.server = _shown(self._server.host)
        """The URL of the API server: without credentials, which are never sent from there, and without a last slash."""
        self._proxy = self._proxy_url()

    @classmethod
    def load(cls, **chosen: Any) -> ClusterAccess:
        """As `load_identity`; ClusterError for an address that is none."""
        return cls(load_identity(**chosen))

    def headers(self) -> list[tuple[str, str]]:
        """Authorization (renewed where the kubeconfig says how) and impersonation; groups are one header each."""
        with self._lock:
            try:
                own = [(name, value.strip()) for name, value in self._server.auth()]
            except ClusterError:
                raise
            except Exception as error:  # a credentials plugin may fail in any way
                raise Unauthorized(f"no credentials for {self.server}: their renewal failed", hint=LOG_IN) from error
        if not all(fits_header(value) for _, value in own):
            raise Unauthorized(
                f"the credentials for {self.server} have characters that a header cannot have, such as newlines",
                hint=f"Look at the token of the kubeconfig's user, or at its file. {LOG_IN}",
            )
        return [*own, *self._fixed]

    def wire_headers(self) -> list[tuple[str, str]]:
        """The same for `http.client`, which writes Latin-1: on the wire it is UTF-8, as kubectl sends it."""
        return [(name, value.encode().decode("latin-1")) for name, value in self.headers()]

    def without_secrets(self, body: bytes) -> bytes:
        """An answer without our own token or password, if the server sends them back."""
        with contextlib.suppress(ClusterError):
            for name, value in self.headers():
                secret = value.partition(" ")[2].encode()
                if name.lower() == "authorization" and secret:
                    body = body.replace(secret, b"[redacted]")
        return body

    def pool(self, connections: int) -> urllib3.PoolManager:
        """Pooled connections for single requests."""
        options: dict[str, Any] = {"ssl_context": self._tls, "maxsize": connections, "retries": False}
        if self._server.assert_hostname is not None:
            options["assert_hostname"] = self._server.assert_hostname
        if self._server.tls_server_name:
            options["server_hostname"] = self._server.tls_server_name
        pool: urllib3.PoolManager
        if self._proxy and self._proxy.startswith("socks"):
            from urllib3.contrib.socks import SOCKSProxyManager

            return SOCKSProxyManager(self._proxy, **options)
        if self._proxy:
            via = urlsplit(self._proxy)
            headers = {"Proxy-Authorization": word} if (word := _basic(via.username, via.password)) else None
            pool = urllib3.ProxyManager(_shown(self._proxy), proxy_headers=headers, **options)
        else:
            pool = urllib3.PoolManager(**options)
        pool.pool_classes_by_scheme = BOUNDED
        return pool

    def open_socket(self, timeout: float = CONNECT_TIMEOUT) -> socket.socket:
        """A connected socket to the API server, TLS done; also through an HTTP proxy. Unreachable if it fails.

        Streams have sockets of their own, apart from the pool of `rest`, because a blocking read can be ended from
        another thread only by shutting its socket down.
        """
        url = urlsplit(self.server)
        host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
        raw: socket.socket | None = None
        try:
            raw = self._dial(host, port, timeout)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if url.scheme != "https":
                return raw
            return self._tls.wrap_socket(raw, server_hostname=self._server.tls_server_name or host)
        except (OSError, ValueError) as error:
            if raw is not None:
                raw.close()
            raise unreachable(self.server, error) from error

    def _dial(self, host: str, port: int, timeout: float) -> socket.socket:
        if not self._proxy:
            return socket.create_connection((host, port), timeout=timeout)
        via = urlsplit(self._proxy)
        if via.scheme != "http":
            raise ClusterError(
                "logs and exec work only through an http:// proxy, and the kubeconfig or the environment names another",
                hint="Name an http:// proxy (proxy-url, HTTPS_PROXY), or this server in NO_PROXY.",
            )
        sock = socket.create_connection((via.hostname or "", via.port or 80), timeout=timeout)
        try:
            to = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            _tunnel(sock, to, _basic(via.username, via.password), time.monotonic() + timeout)
            sock.settimeout(timeout)
        except BaseException:
            sock.close()
            raise
        return sock

    def _proxy_url(self) -> str:
        """The proxy's URL, '' for none; ClusterError if it, or the server's, is no URL. Never shown."""
        proxy = str(self._server.proxy or "")
        for what, url in (("server", self.server), ("proxy", proxy)):
            try:
                parts = urlsplit(url)
                valid = (not url and what == "proxy") or (bool(parts.hostname) and parts.port != 0)
            except ValueError:
                valid = False
            if not valid or (what == "server" and parts.scheme not in ("http", "https")):
                raise ClusterError(
                    f"the URL of the {what} is invalid",
                    hint="The kubeconfig's `server` must be an http:// or https:// URL, and so must `proxy-url`.",
                )
        return proxy


def _shown(url: str) -> str:
    """A URL without user, password, query and last slash."""
    plain = url.partition("?")[0].partition("#")[0].rstrip("/")
    scheme, separator, rest = plain.partition("://")
    if not separator:
        scheme, rest = "https" if plain else "", plain
    place, slash, path = rest.partition("/")
    return f"{scheme}://{place.rpartition('@')[2]}{slash}{path}" if rest else ""


def _basic(user: str | None, password: str | None) -> str:
    if not user:
        return ""
    secret = f"{unquote(user)}:{unquote(password or '')}".encode()
    return f"Basic {base64.b64encode(secret).decode()}"


def _tunnel(sock: socket.socket, to: str, auth: str, deadline: float) -> None:
    """HTTP CONNECT (RFC 9110, 9.3.6). Read byte by byte, because what follows the head belongs to the tunnel."""
    also = f"Proxy-Authorization: {auth}\r\n" if auth else ""
    sock.sendall(f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{also}\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        byte = sock.recv(1)
        if not byte or len(head) > _HEAD:
            raise ProxyRefused(0)
        head += byte
    status = head.split(b" ", 2)
    if len(status) < 2 or status[1] != b"200":
        code = status[1][:3] if len(status) > 1 else b""
        raise ProxyRefused(int(code) if code.isdigit() else 0)


def unauthorized(server: str, said: str) -> Unauthorized:
    """HTTP 401, with what to do about it."""
    return Unauthorized(
        f"the API server {server} rejected the credentials: they are missing, wrong or expired ({said})",
        hint=LOG_IN,
    )


def unreachable(server: str, error: BaseException) -> Unreachable:
    """No connection, with what was tried and why it failed."""
    trouble = trouble_of(error)
    return Unreachable(
        f"the API server {server} cannot be reached: {trouble.why}", hint=trouble.hint, lasting=trouble.lasting
    )
