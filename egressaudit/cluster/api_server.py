"""An API server as a kubeconfig describes it, whoever read the kubeconfig.

In: what `plain_kubeconfig` or `official_client` found. Out: e.g. `ApiServer("https://api.example.com:6443", ...)`, from
which `access` makes TLS ready, opens sockets and pools connections.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

LOG_IN = "Log in again (for OpenShift: `oc login`), or choose another context with --context."


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Where an API server is, how its TLS is checked, and the credentials for it."""

    host: str
    """Its URL, without a last slash."""
    auth: Callable[[], Sequence[tuple[str, str]]]
    """The headers that say who asks, renewed where the kubeconfig says how."""
    verify_ssl: bool = True
    ssl_ca_cert: str | None = None
    ca_cert_data: str | bytes | None = None
    cert_file: str | None = None
    key_file: str | None = None
    assert_hostname: bool | None = None
    tls_server_name: str | None = None
    proxy: str | None = None
    """The proxy on the way to it."""


@dataclass(frozen=True, slots=True)
class ServerContext:
    """A context of a kubeconfig: its name, its namespace, and the server that it leads to."""

    name: str
    namespace: str
    server: ApiServer


class BadKubeconfig(ValueError):
    """`str()` is what is wrong with a kubeconfig, in words of our own: nothing of what is written in it."""
