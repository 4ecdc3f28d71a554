"""How a request or connection ends, and what the proxies on its way log of that.

`test_envoy_model.py` holds what is said here of the proxy at which it ended to lines of a real Envoy.
"""

from __future__ import annotations

from dataclasses import dataclass

LEFT, NOT_LEFT, REFUSED = "left", "not-left", "refused"


@dataclass(frozen=True, slots=True)
class Ending:
    """The line of the proxy at which it ended, and of those before it.

    `host` and `own`: whether that proxy had chosen an address, and had a socket of its own to there. `before` is what the
    proxies before it say: `same` where the client or a reset ended it for all, else they only saw an answer.
    """

    name: str
    code: int
    flags: str = "-"
    details: str = "via_upstream"
    termination: str = "-"
    failure: str = "-"
    host: bool = True
    own: bool = True
    cluster: bool = True
    received: bool = True
    """Whether bytes of the request were read."""
    answered: bool = True
    """Whether bytes were sent back."""
    served: bool = True
    """Whether the upstream began to answer: only then is there a service time."""
    fate: str = LEFT
    same: bool = False
    weight: int = 1
    open: bool = False
    """Whether its line leaves open that an earlier attempt was connected: what was tried the wrong way stays undecided."""
    where: str = "any"
    """`proxy`: only at a gateway or waypoint; `any`: at the source's sidecar too."""


_RESET = "upstream_reset_before_response_started"

_REFUSED_CONNECT = "delayed_connect_error:_Connection_refused"

HTTP = (
    Ending("ok", 200, weight=24),
    Ending("redirect", 301, weight=2),
    Ending("not-found", 404, weight=2),
    Ending("upstream-500", 500),
    Ending("retried", 200, weight=2),
    Ending("retries-used-up", 503, "URX"),
    Ending("upgrade", 101, "UC", "upstream_reset_after_response_started{connection_termination}", served=False, same=True),
    Ending("reset-before-answer", 503, "UC", _RESET + "{connection_termination}", served=False),
    Ending("timeout", 504, "UT", "response_timeout", served=False),
    Ending("client-left", 0, "DC", "downstream_remote_disconnect", answered=False, served=False, same=True),
    Ending("client-left-in-answer", 200, "DC", "downstream_remote_disconnect", same=True),
    Ending("delayed", 200, "DI", weight=1),
    Ending(
        "connect-refused", 503, "URX,UF", f"{_RESET}{{remote_connection_failure|{_REFUSED_CONNECT}}}",
        failure=_REFUSED_CONNECT, own=False, served=False, fate=NOT_LEFT, open=True, weight=2,
    ),
    Ending("no-healthy-upstream", 503, "UH", "no_healthy_upstream", host=False, own=False, served=False, fate=NOT_LEFT),
    Ending("no-route", 404, "NR", "route_not_found", host=False, own=False, cluster=False, answered=False, served=False, fate=NOT_LEFT, where="proxy"),
    Ending("no-cluster", 503, "NC", "cluster_not_found", host=False, own=False, cluster=False, answered=False, served=False, fate=NOT_LEFT),
    Ending("rbac", 403, details="rbac_access_denied_matched_policy[none]", host=False, own=False, served=False, fate=REFUSED, weight=2, where="proxy"),
    # The service time is of the service that refused it.
    Ending("ext-authz", 403, "UAEX", "ext_authz_denied", host=False, own=False, fate=REFUSED, where="proxy"),
    Ending("jwt", 401, details="jwt_authn_access_denied{Jwt_is_missing}", host=False, own=False, served=False, fate=REFUSED, where="proxy"),
    Ending("rate-limited", 429, "RL", "local_rate_limited", host=False, own=False, served=False, fate=REFUSED, where="proxy"),
    Ending("fault-abort", 503, "FI", "fault_filter_abort", host=False, own=False, served=False, fate=REFUSED),
    Ending("direct-response", 403, details="direct_response", host=False, own=False, cluster=False, answered=False, served=False, fate=REFUSED, where="proxy"),
)  # fmt: skip
"""Requests."""

TCP = (
    Ending("ok", 0, details="-", weight=16),
    Ending("reset", 0, "UR", "-", weight=2),
    Ending("max-duration", 0, "DT", "-"),
    Ending(
        "connect-refused", 0, "UF,URX", "-", failure=_REFUSED_CONNECT, own=False, received=False, answered=False,
        fate=NOT_LEFT, weight=2,
    ),
    Ending("no-healthy-upstream", 0, "UH", "-", host=False, own=False, received=False, answered=False, fate=NOT_LEFT),
    Ending("no-cluster", 0, "NC", "-", host=False, own=False, cluster=False, received=False, answered=False, fate=NOT_LEFT, where="proxy"),
    Ending("no-filter-chain", 0, "NR", "filter_chain_not_found", host=False, own=False, cluster=False, received=False, answered=False, fate=NOT_LEFT, where="proxy"),
    # Envoy connects at once, and RBAC refuses the first bytes: a connection left, and nothing that the client sent.
    Ending("rbac", 0, details="-", termination="rbac_access_denied_matched_policy[none]", answered=False, where="proxy"),
)  # fmt: skip
"""Connections: bytes, and TLS that is passed on."""

BY_NAME = {("http", each.name): each for each in HTTP} | {("tcp", each.name): each for each in TCP}


def endings(scheme: str, at_source: bool) -> tuple[Ending, ...]:
    """Those that can be at the proxy where a flow of this scheme leaves."""
    every = HTTP if scheme == "http" else TCP
    return tuple(each for each in every if not (at_source and each.where == "proxy"))
