"""A probe: what was requested, and what curl reported.

Example: `Probe(Target("docs.example.com", 80, Scheme.HTTP), source=shop/cart-1, ...)` with its `CurlResult`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from egressaudit.model.proxies import ObjectRef


class Scheme(StrEnum):
    """What a probe speaks."""

    HTTP = "http"
    HTTPS = "https"
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class Target:
    """What a probe asks for. `path` is the request path with its query, for HTTP and HTTPS."""

    host: str
    port: int
    scheme: Scheme
    path: str = "/"

    @property
    def url(self) -> str:
        """The target as curl is given it; tcp uses curl's telnet scheme, which only connects."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.scheme is Scheme.TCP:
            return f"telnet://{host}:{self.port}"
        default = {Scheme.HTTP: 80, Scheme.HTTPS: 443}[self.scheme]
        port = "" if self.port == default else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    def __str__(self) -> str:
        """The target as a person reads it: `http://docs.redhat.com/`, `tcp://db.example.com:5432`."""
        return self.url.replace("telnet://", "tcp://", 1) if self.scheme is Scheme.TCP else self.url


@dataclass(frozen=True, slots=True)
class CurlResult:
    """What curl said of itself, in-band (`-w '%{json}'` behind a sentinel that holds the probe's nonce).

    All None if the sentinel never came: the exec stream was cut, or curl did not run to its end.
    """

    exit_code: int | None = None
    http_code: int | None = None
    local_address: str | None = None
    """curl's own socket, `ip:port`; `[v6]:port`."""
    remote_address: str | None = None
    connected: bool | None = None
    redirect_url: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """One curl from one pod to one target, and its result."""

    nonce: str
    target: Target
    source: ObjectRef
    container: str
    started: datetime
    ended: datetime
    result: CurlResult
    redirected_from: str | None = None
    """The nonce of the probe whose `Location` this one follows."""
