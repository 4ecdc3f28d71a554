"""Envoy's %UPSTREAM_TRANSPORT_FAILURE_REASON%: why the connection to the upstream could not be made.

In: `delayed_connect_error:_Connection_refused`. Out: its row. Example: a value with `WRONG_VERSION_NUMBER` is the row
about TLS that was sent to a port that speaks plaintext.
"""

from __future__ import annotations

from egressaudit.hops.meanings.meaning import Meaning, Proves

_TLS = "google/boringssl ssl/ssl_lib.cc and crypto/err/ssl.errordata; envoyproxy/envoy source/common/tls/ssl_socket.cc"
_TCP = "envoyproxy/envoy source/common/network/connection_impl.cc, onWriteReady"

TRANSPORT_FAILURES = (
    Meaning(
        "Connection_refused",
        "nothing listens on that port of the upstream",
        Proves.NOT_CONNECTED,
        _TCP,
        "delayed_connect_error",
    ),
    Meaning(
        "_111", "nothing listens on that port of the upstream (errno 111)", Proves.NOT_CONNECTED, _TCP, "connect error"
    ),
    Meaning(
        "_113", "there is no route to the upstream's address (errno 113)", Proves.NOT_CONNECTED, _TCP, "connect error"
    ),
    Meaning("_110", "the upstream didn't answer in time (errno 110)", Proves.NOT_CONNECTED, _TCP, "connect error"),
    Meaning(
        "WRONG_VERSION_NUMBER",
        "the proxy spoke TLS and the upstream answered in plaintext: TLS is originated to a plaintext port, or twice",
        Proves.NOT_CONNECTED,
        _TLS,
        "TLS error",
    ),
    Meaning(
        "CERTIFICATE_VERIFY_FAILED",
        "the proxy doesn't accept the upstream's certificate: unknown CA, wrong name or expired",
        Proves.NOT_CONNECTED,
        _TLS,
        "TLS error",
    ),
    Meaning(
        "TLSV1_ALERT_UNKNOWN_CA",
        "the upstream doesn't accept the proxy's certificate: it doesn't know the CA",
        Proves.NOT_CONNECTED,
        _TLS,
        "TLS error",
    ),
    Meaning(
        "CERTIFICATE_REQUIRED",
        "the upstream wants a client certificate, and the proxy sent none",
        Proves.NOT_CONNECTED,
        _TLS,
        "TLS error",
    ),
    Meaning(
        "HANDSHAKE_FAILURE",
        "the upstream refused the TLS handshake: no common version, cipher or server name",
        Proves.NOT_CONNECTED,
        _TLS,
        "TLS error",
    ),
    Meaning(
        "UNRECOGNIZED_NAME",
        "the upstream doesn't know the server name (SNI) that the proxy sent",
        Proves.NOT_CONNECTED,
        _TLS,
        "TLS error",
    ),
)
"""Words that a reason contains. The rest of it is the library's own text."""


def failure_meaning(value: str) -> Meaning | None:
    """The row of the first word that the value contains; None if it contains none."""
    return next((each for each in TRANSPORT_FAILURES if each.word in value), None)
