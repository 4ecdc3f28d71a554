"""A call as a listener sees its bytes: address, port, and what the inspectors find in the first of them.

In: a `Call`. Out: an `Incoming`.
Example: HTTPS to docs.example.com has `tls=True`, `sni="docs.example.com"`, and offers h2 and http/1.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.model import Call, Scheme, Tls

_OF_MESH = {Scheme.HTTP: ("istio-http/1.1", "istio", "http/1.1")}
"""What a sidecar offers to a proxy of the mesh (istio/istio pilot/pkg/networking/util/util.go, ALPN constants)."""

_USUAL = {Scheme.HTTP: 80, Scheme.HTTPS: 443}


@dataclass(frozen=True, slots=True)
class Incoming:
    """What arrives."""

    call: Call
    address: str
    """'' if it is not known: then no listener or chain for one address is chosen."""
    port: int
    tls: bool
    """Whether the outermost layer is TLS."""
    sni: str
    alpn: tuple[str, ...]

    @property
    def authority(self) -> str:
        """The Host header, as a client writes it: with the port if it isn't the scheme's own."""
        if self.call.authority:
            return self.call.authority
        host = f"[{self.call.host}]" if ":" in self.call.host else self.call.host
        if self.port == _USUAL.get(self.call.scheme) or self.call.tls is Tls.MUTUAL:
            return host
        return f"{host}:{self.port}"

    @property
    def is_http(self) -> bool:
        """Whether the bytes within the outermost TLS are HTTP."""
        return self.call.scheme is Scheme.HTTP


def incoming(call: Call) -> Incoming:
    """The bytes of a call."""
    tls = call.scheme is Scheme.HTTPS or call.tls is not Tls.NONE
    return Incoming(
        call=call,
        address=call.address,
        port=call.port,
        tls=tls,
        sni=(call.sni or call.host).lower() if tls else "",
        alpn=_offered(call) if tls else (),
    )


def _offered(call: Call) -> tuple[str, ...]:
    if call.tls is Tls.MUTUAL:
        return _OF_MESH.get(call.scheme, ("istio",))
    return () if call.scheme is Scheme.TCP else ("h2", "http/1.1")
