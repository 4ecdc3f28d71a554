"""Envoy's response flags (%RESPONSE_FLAGS%): all that its core has, in the order of its source.

In: `UF,URX`. Out: their rows. Example: `flag_meanings("UH")[0].says` is "no endpoint of the cluster was healthy, or it
has none". Extensions can add flags, which no table has.
"""

from __future__ import annotations

from egressaudit.hops.meanings.meaning import Meaning, Proves

_SOURCE = "envoyproxy/envoy envoy/stream_info/stream_info.h, CoreResponseFlag"


def _flag(word: str, name: str, proves: Proves, says: str) -> Meaning:
    return Meaning(word, says, proves, f"{_SOURCE}::{name}", _LONG.get(name, name))


_LONG = {"OverloadManager": "OverloadManagerTerminated", "DropOverLoad": "DropOverload"}
"""Flags that %RESPONSE_FLAGS_LONG% spells otherwise than the source (source/common/stream_info/utility.h)."""

RESPONSE_FLAGS = (
    _flag("LH", "FailedLocalHealthCheck", Proves.NOTHING_SENT, "the service behind this proxy failed its health check"),
    _flag(
        "UH",
        "NoHealthyUpstream",
        Proves.NOTHING_SENT,
        "no endpoint of the cluster was healthy, or it has none",
    ),
    _flag(
        "UT",
        "UpstreamRequestTimeout",
        Proves.ENDING,
        "there was no answer within the route's timeout (504), whether or not a connection stood by then",
    ),
    _flag("LR", "LocalReset", Proves.ENDING, "the proxy itself reset the stream"),
    _flag("UR", "UpstreamRemoteReset", Proves.CONNECTED, "the upstream reset the stream"),
    _flag(
        "UF",
        "UpstreamConnectionFailure",
        Proves.NOT_CONNECTED,
        "the connection to the upstream failed: it was refused, it timed out, or the TLS handshake failed",
    ),
    _flag("UC", "UpstreamConnectionTermination", Proves.CONNECTED, "the upstream closed the connection"),
    _flag(
        "UO",
        "UpstreamOverflow",
        Proves.NOT_CONNECTED,
        "a circuit breaker was open: the cluster has as many connections or requests as it may "
        "(DestinationRule connectionPool)",
    ),
    _flag(
        "NR",
        "NoRouteFound",
        Proves.NOTHING_SENT,
        "the proxy has no route for this host and path, or no filter chain for this connection",
    ),
    _flag("DI", "DelayInjected", Proves.ENDING, "a fault rule delayed the request (VirtualService fault.delay)"),
    _flag("FI", "FaultInjected", Proves.NOTHING_SENT, "a fault rule aborted the request (VirtualService fault.abort)"),
    _flag("RL", "RateLimited", Proves.NOTHING_SENT, "a rate limit refused the request (429)"),
    _flag(
        "UAEX",
        "UnauthorizedExternalService",
        Proves.NOTHING_SENT,
        "the external authorization service refused the request",
    ),
    _flag(
        "RLSE",
        "RateLimitServiceError",
        Proves.NOTHING_SENT,
        "the rate limit service could not be asked, and the proxy is configured to refuse then",
    ),
    _flag(
        "DC",
        "DownstreamConnectionTermination",
        Proves.ENDING,
        "the client closed its connection before the exchange was complete",
    ),
    _flag(
        "URX",
        "UpstreamRetryLimitExceeded",
        Proves.ENDING,
        "every attempt that the retries allow failed; the line shows only the last one",
    ),
    _flag("SI", "StreamIdleTimeout", Proves.ENDING, "nothing moved on the stream for longer than the idle timeout"),
    _flag(
        "IH",
        "InvalidEnvoyRequestHeaders",
        Proves.NOTHING_SENT,
        "an x-envoy-* header of the request has an invalid value, and the proxy is strict about them (400)",
    ),
    _flag("DPE", "DownstreamProtocolError", Proves.ENDING, "the client broke the HTTP protocol"),
    _flag(
        "UMSDR",
        "UpstreamMaxStreamDurationReached",
        Proves.ENDING,
        "the request to the upstream lasted longer than the maximum stream duration",
    ),
    _flag("RFCF", "ResponseFromCacheFilter", Proves.NOTHING_SENT, "the proxy answered from its cache"),
    _flag(
        "NFCF",
        "NoFilterConfigFound",
        Proves.NOTHING_SENT,
        "the configuration of a filter had not arrived (an EnvoyFilter or WasmPlugin with ECDS)",
    ),
    _flag(
        "DT",
        "DurationTimeout",
        Proves.ENDING,
        "the request or connection lasted longer than the maximum connection duration",
    ),
    _flag("UPE", "UpstreamProtocolError", Proves.CONNECTED, "the upstream broke the HTTP protocol in its answer"),
    _flag(
        "NC",
        "NoClusterFound",
        Proves.NOTHING_SENT,
        "the route leads to a cluster that this proxy doesn't have: a host, port or subset that no visible Service, "
        "ServiceEntry or DestinationRule defines",
    ),
    _flag("OM", "OverloadManager", Proves.ENDING, "the proxy ran out of memory or connections, and ended the stream"),
    _flag("DF", "DnsResolutionFailed", Proves.NOTHING_SENT, "the proxy could not resolve the upstream's name"),
    _flag(
        "DO", "DropOverLoad", Proves.NOTHING_SENT, "the control plane told the proxy to drop a share of the requests"
    ),
    _flag("DR", "DownstreamRemoteReset", Proves.ENDING, "the client reset the stream"),
    _flag(
        "UDO",
        "UnconditionalDropOverload",
        Proves.NOTHING_SENT,
        "the control plane told the proxy to drop every request to this cluster",
    ),
)
"""Every flag of Envoy's core, by its short form."""

_BY_WORD = {each.word: each for each in RESPONSE_FLAGS}


def flag_meanings(flags: str) -> tuple[tuple[str, Meaning | None], ...]:
    """Each flag of a value with its row; None for a flag that an extension added."""
    return tuple((flag, _BY_WORD.get(flag)) for flag in flags.split(",") if flag)
