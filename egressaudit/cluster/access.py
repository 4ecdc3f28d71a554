"""Who we are and where the cluster is: from a kubeconfig or the pod's own account; and sockets to it.

In: `~/.kube/config`. Out: `ClusterAccess` for https://api.example.com:6443 with credentials.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from urllib3.util import create_urllib3_context

from egressaudit import __version__
from egressaudit.cluster.api_server import ApiServer, ServerContext
from egressaudit.cluster.plain_kubeconfig import plain_context
from egressaudit.errors import ClusterError, Unauthorized, Unreachable

_CONNECT_TIMEOUT = 10.0


class ClusterAccess:
    """One API server, and the credentials for it."""

    def __init__(
        self, api_server: ApiServer, namespace: str, headers: tuple[tuple[str, str], ...], context: str = ""
    ) -> None:
        self.api_server = api_server
        self.namespace = namespace
        self.context = context
        self._fixed = headers
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    @property
    def server(self) -> str:
        """The URL of the API server, without a last slash."""
        return self.api_server.host

    def headers(self) -> list[tuple[str, str]]:
        """Authorization (renewed where the kubeconfig says how) and impersonation; groups are one header each."""
        with self._lock:
            try:
                own = self.api_server.auth()
            except Exception as error:  # a credentials plugin may fail in any way
                raise Unauthorized(f"no credentials for {self.server}: {error}", hint=_LOG_IN) from error
        return [*own, *self._fixed]

    def open_socket(self, timeout: float = _CONNECT_TIMEOUT) -> socket.socket:
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
            return self._tls().wrap_socket(raw, server_hostname=self.api_server.tls_server_name or host)
        except (OSError, ValueError) as error:
            if raw is not None:
                raw.close()
            raise unreachable(self.server, error) from error

    def _tls(self) -> ssl.SSLContext:
        """As urllib3 makes it for `rest`, so that both accept the same servers."""
        with self._lock:
            if self._context is None:
                given = self.api_server
                context = create_urllib3_context(cert_reqs=None if given.verify_ssl else ssl.CERT_NONE)
                if given.verify_ssl:
                    context.check_hostname = given.assert_hostname is not False
                    if given.ssl_ca_cert or given.ca_cert_data:
                        context.load_verify_locations(cafile=given.ssl_ca_cert, cadata=given.ca_cert_data)
                    else:
                        context.load_default_certs()
                if given.cert_file:
                    context.load_cert_chain(given.cert_file, given.key_file)
                self._context = context
            return self._context

    def _dial(self, host: str, port: int, timeout: float) -> socket.socket:
        proxy = self.api_server.proxy
        if not proxy:
            return socket.create_connection((host, port), timeout=timeout)
        via = urlsplit(proxy)
        if via.scheme != "http":
            raise ValueError(f"logs and exec only work through an http proxy, not through {via.scheme!r}")
        sock = socket.create_connection((via.hostname or "", via.port or 80), timeout=timeout)
        try:
            _tunnel(sock, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", via.username, via.password)
        except BaseException:
            sock.close()
            raise
        return sock


def _tunnel(sock: socket.socket, to: str, user: str | None, password: str | None) -> None:
    """HTTP CONNECT (RFC 9110, 9.3.6). Read byte by byte, because what follows the head belongs to the tunnel."""
    auth = ""
    if user:
        secret = f"{unquote(user)}:{unquote(password or '')}".encode()
        auth = f"Proxy-Authorization: Basic {base64.b64encode(secret).decode()}\r\n"
    sock.sendall(f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{auth}\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte or len(head) > 16384:
            raise OSError("the proxy closed the connection")
        head += byte
    status = head.split(b" ", 2)
    if len(status) < 2 or status[1] != b"200":
        raise OSError(f"the proxy answered {head.splitlines()[0].decode('latin-1')}")


def load_access(
    *, kubeconfig: str | None, context: str | None, as_user: str | None, as_groups: tuple[str, ...]
) -> ClusterAccess:
    """Access by kubeconfig (`--kubeconfig`, else KUBECONFIG, else ~/.kube/config), else by the pod's own account.

    KUBECONFIG may name several files; ClusterError if none can be used, Unauthorized if a credentials plugin
    fails.
    """
    if as_groups and not as_user:
        raise ClusterError("--as-group needs --as", hint="Kubernetes impersonates groups only together with a user.")
    files = kubeconfig or os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    present = [file for file in files.split(os.pathsep) if file and Path(file).expanduser().exists()]
    if not present and (kubeconfig or context is not None or "KUBERNETES_SERVICE_HOST" not in os.environ):
        raise ClusterError(
            f"no kubeconfig found at {files}, and not running inside a pod",
            hint="Name a kubeconfig with --kubeconfig or KUBECONFIG, or log in to the cluster first.",
        )
    try:
        found = _context_of(present, context)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        why = " ".join(str(error).split())
        raise ClusterError(
            f"the kubeconfig cannot be used ({', '.join(present) or files}): {why}",
            hint="`kubectl config get-contexts` lists the contexts; choose one with --context.",
        ) from error
    headers = [("User-Agent", f"egressaudit/{__version__}"), ("Accept", "application/json")]
    if as_user:
        headers += [("Impersonate-User", as_user), *(("Impersonate-Group", group) for group in as_groups)]
    return ClusterAccess(found.server, found.namespace, tuple(headers), found.name)


def _context_of(files: list[str], context: str | None) -> ServerContext:
    """The context of these kubeconfigs, or of the pod's own account where there are none."""
    if len(files) == 1 and (plain := plain_context(Path(files[0]).expanduser(), context)) is not None:
        return plain
    # Import here: the official client takes longer to import than all else, and most kubeconfigs are plain.
    from egressaudit.cluster.official_client import official_context, pods_own_context

    return official_context(os.pathsep.join(files), context) if files else pods_own_context()


_LOG_IN = "Log in again (for OpenShift: `oc login`), or choose another context with --context."


def unauthorized(server: str, said: str) -> Unauthorized:
    """HTTP 401, with what to do about it."""
    return Unauthorized(
        f"the API server {server} rejected the credentials: they are missing, wrong or expired ({said})",
        hint=_LOG_IN,
    )


def unreachable(server: str, error: BaseException) -> Unreachable:
    """No connection, with what was tried."""
    why = " ".join(str(error).split()) or type(error).__name__
    hint = "Check that the cluster is up and that this machine can reach it, or choose another cluster with --context."
    if "CERTIFICATE_VERIFY_FAILED" in why:
        hint = "The kubeconfig's certificate-authority does not match this server; it may belong to another cluster."
    return Unreachable(f"the API server {server} cannot be reached: {why}", hint=hint)
