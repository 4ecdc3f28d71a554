"""What one line says about why its flow went no further: who refused it, and how a connection failed.

In: a `Hop`. Out: e.g. `Trouble.REFUSED` for `503 UF ... delayed_connect_error:_Connection_refused`. Flags and details
are Envoy's own words (envoyproxy/envoy docs/root/configuration/advanced/substitution_formatter.rst), errors are
ztunnel's (istio/ztunnel src/proxy.rs, enum Error): no sender writes them.
"""

from __future__ import annotations

from enum import StrEnum

from egressaudit.model import Hop, Reporter

_QUICK_MS = 1000
"""A connection that is refused fails within milliseconds; Istio's default connectTimeout is 10 s."""


class Trouble(StrEnum):
    """How a connection to an upstream failed."""

    NONE = ""
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    OTHER = "other"


def flags(hop: Hop) -> tuple[str, ...]:
    """Envoy's response flags, in their order."""
    return tuple(each for each in (hop.text("response_flags") or "").split(",") if each)


def details(hop: Hop) -> str:
    """Envoy's response code details, '' without any."""
    return hop.text("response_code_details") or ""


def error(hop: Hop) -> str:
    """A ztunnel's error, '' without one."""
    return hop.text("error") or ""


def said(hop: Hop) -> str:
    """Everything that a line says about its end, in lower case."""
    columns = ("response_code_details", "connection_termination_details", "upstream_transport_failure_reason", "error")
    return " ".join(hop.text(each) or "" for each in columns).lower()


def trouble(hop: Hop) -> Trouble:
    """How the connection to the upstream failed; NONE if it did not, or if none was tried."""
    if hop.reporter is Reporter.ZTUNNEL:
        return _of_ztunnel(hop)
    if "UF" not in flags(hop):
        return Trouble.NONE
    words = said(hop)
    if "tls_error" in words or "tls error" in words:
        return Trouble.TLS
    if "connection_refused" in words or "connect_error:_111" in words:
        return Trouble.REFUSED
    if "timeout" in words or "timed_out" in words:
        return Trouble.TIMEOUT
    # Envoy gives no reason for a connect timeout; of an error of the system it says which (tcp_proxy.cc, router.cc).
    took = hop.get("duration")
    silent = "connect_error" not in words
    return Trouble.TIMEOUT if silent and isinstance(took, int) and took >= _QUICK_MS else Trouble.OTHER


def _of_ztunnel(hop: Hop) -> Trouble:
    words = error(hop).lower()
    if (
        words.startswith(("tls error", "http2 handshake failed", "http handshake failed"))
        or "peer certificate" in words
    ):
        return Trouble.TLS
    if "timed out" in words or "deadline has elapsed" in words:
        return Trouble.TIMEOUT
    if "refused" in words:
        return Trouble.REFUSED
    return Trouble.OTHER if words else Trouble.NONE


def by_policy(hop: Hop) -> bool:
    """Whether an AuthorizationPolicy refused it."""
    return "rbac_access_denied" in said(hop) or error(hop).startswith("connection closed due to policy rejection")


def quoted(hop: Hop) -> str:
    """What is decisive of a line, for a person: `the sidecar's line says 503 UF, ...delayed_connect_error...`."""
    parts = [str(hop.get("response_code")) if hop.get("response_code") else "", hop.text("response_flags") or ""]
    parts += [details(hop), hop.text("connection_termination_details") or "", error(hop)]
    reason = hop.text("upstream_transport_failure_reason") or ""
    words = [each for each in (*parts, "" if reason in details(hop) else reason) if each]
    who = "ztunnel" if hop.reporter is Reporter.ZTUNNEL else f"the {hop.reporter.noun}"
    return f"{who}'s line says {' '.join(words) or 'nothing of why'}"
