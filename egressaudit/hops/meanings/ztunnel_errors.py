"""ztunnel's errors: what the `error` of its access line says.

In: `http status: 503 Service Unavailable`. Out: its row. Example: `error_meaning("unknown waypoint: no healthy
upstream")` says that the waypoint of the destination could not be found.
"""

from __future__ import annotations

from egressaudit.hops.meanings.meaning import Meaning, Proves, meaning_of

_SOURCE = "istio/ztunnel src/proxy.rs, enum Error"
_NOT, _FAILED, _MADE, _END = Proves.NOTHING_SENT, Proves.NOT_CONNECTED, Proves.CONNECTED, Proves.ENDING


def _error(word: str, variant: str, proves: Proves, says: str) -> Meaning:
    return Meaning(word, says, proves, f"{_SOURCE}::{variant}", variant)


ZTUNNEL_ERRORS = (
    _error("failed to bind to address", "Bind", _NOT, "ztunnel could not open its own listener"),
    _error("io error: ", "Io", _END, "reading or writing failed; the rest says how"),
    _error("while closing connection: ", "ShutdownError", _MADE, "the connection ended badly as it was closed"),
    _error(
        "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008",
        "MaybeHBONENetworkPolicyError",
        _FAILED,
        "nothing answered at port 15008 of the destination: a NetworkPolicy or firewall drops it, or the pod is gone",
    ),
    _error(
        "destination disconnected before all data was written",
        "BackendDisconnected",
        _MADE,
        "the destination closed the connection before it had read everything",
    ),
    _error("receive: ", "ReceiveError", _MADE, "reading from the destination failed; the rest says how"),
    _error(
        "client disconnected before all data was written",
        "ClientDisconnected",
        _MADE,
        "the client closed the connection before it had read everything",
    ),
    _error("send: ", "SendError", _MADE, "sending to the destination failed; the rest says how"),
    _error("connection failed: ", "ConnectionFailed", _FAILED, "the connection could not be made; the rest says why"),
    _error("connection tracking failed", "ConnectionTrackingFailed", _NOT, "ztunnel could not keep track of it"),
    _error(
        "connection closed due to policy change",
        "AuthorizationPolicyLateRejection",
        _MADE,
        "a new AuthorizationPolicy refuses a connection that stood",
    ),
    _error(
        "connection closed: peer certificate revoked by CRL",
        "CertificateRevoked",
        _END,
        "the peer's certificate has been revoked",
    ),
    _error(
        "connection closed due to policy rejection: ",
        "AuthorizationPolicyRejection",
        _NOT,
        "an AuthorizationPolicy refused the connection; the rest names it, or says that no allow policy matched",
    ),
    _error("pool draining", "WorkloadHBONEPoolDraining", _NOT, "ztunnel was shutting down"),
    _error(
        "http2 handshake failed: ",
        "Http2Handshake",
        _FAILED,
        "the destination's port 15008 didn't speak HTTP/2 (HBONE)",
    ),
    _error("h2 failed: ", "H2", _END, "the tunnel (HTTP/2) broke; the rest says how"),
    _error(
        "http status: ",
        "HttpStatus",
        _FAILED,
        "the waypoint or the destination's ztunnel refused to open the tunnel (CONNECT) with this status: 401 and 403 "
        "are a policy's, 503 says that it could not send it on",
    ),
    _error("expected method CONNECT, got ", "NonConnectMethod", _NOT, "a request on port 15008 wasn't a CONNECT"),
    _error("invalid CONNECT address ", "ConnectAddress", _NOT, "a CONNECT named an address that isn't one"),
    _error(
        "tls error: ",
        "Tls",
        _FAILED,
        "mutual TLS with the destination failed: another trust domain, an unexpected identity, an expired certificate "
        "or a port that isn't HBONE",
    ),
    _error("identity error: ", "Identity", _NOT, "ztunnel has no certificate for this workload"),
    _error(
        "failed to fetch information about local workload: ",
        "UnknownSourceWorkload",
        _NOT,
        "istiod hasn't told ztunnel about the sending pod",
    ),
    _error(
        "unknown waypoint: ",
        "UnknownWaypoint",
        _NOT,
        "the destination is bound to a waypoint that ztunnel can't find, or that has no ready pod",
    ),
    _error("unknown network gateway: ", "UnknownNetworkGateway", _NOT, "the gateway of the other network isn't known"),
    _error("no service or workload for hostname: ", "NoHostname", _NOT, "nothing has the host that the tunnel names"),
    _error("no endpoints for workload: ", "NoWorkloadEndpoints", _NOT, "the workload has no address"),
    _error("no valid authority pseudo header: ", "NoValidAuthority", _NOT, "a CONNECT named no valid destination"),
    _error("no valid service port in authority header: ", "NoValidServicePort", _NOT, "the Service has no such port"),
    _error("no valid target port for workload: ", "NoValidTargetPort", _NOT, "the workload has no such port"),
    _error(
        "no valid routing destination for workload: ", "NoValidDestination", _NOT, "the workload has no usable address"
    ),
    _error(
        "no healthy upstream: ",
        "NoHealthyUpstream",
        _NOT,
        "the host that was dialed has no ready endpoint (a ServiceEntry whose name didn't resolve, or no pod)",
    ),
    _error("no ip addresses were resolved for workload: ", "NoResolvedAddresses", _NOT, "the name didn't resolve"),
    _error("ip addresses were resolved for workload ", "EmptyResolvedAddresses", _NOT, "the name has no address"),
    _error("requested service ", "NoPortForServices", _NOT, "the Service or ServiceEntry has no such port or address"),
    _error("no service for target address: ", "NoService", _NOT, "no Service has the address that was dialed"),
    _error("attempted recursive call to ourselves", "SelfCall", _NOT, "the pod dialed ztunnel itself"),
    _error("no gateway address: ", "NoGatewayAddress", _NOT, "the gateway or waypoint has no address"),
    _error("unsupported feature: ", "UnsupportedFeature", _NOT, "the configuration asks for what ztunnel can't do"),
    _error("ip mismatch: ", "IPMismatch", _NOT, "the tunnel ends at another pod than the one that it names"),
    _error("connection failed to drain within the timeout", "DrainTimeOut", _MADE, "ztunnel was shutting down"),
    _error("connection closed due to connection drain", "ClosedFromDrain", _MADE, "the pod or ztunnel was ending"),
    _error("dns: ", "Dns", _NOT, "resolving the name failed; the rest says how"),
    _error("dns lookup: ", "DnsLookup", _NOT, "resolving the name failed; the rest says how"),
    _error("dns response had no valid IP addresses", "DnsEmpty", _NOT, "the name has no address"),
    _error("unknown source: ", "UnknownSource (before 1.22)", _NOT, "istiod hasn't told ztunnel about the sending pod"),
)
"""How the errors begin, in the order of the source."""


def error_meaning(value: str) -> Meaning | None:
    """The row of an error; None if no row has it (an error of a library, which ztunnel writes as it is)."""
    return meaning_of(value, ZTUNNEL_ERRORS)
