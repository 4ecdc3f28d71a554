"""Envoy's %CONNECTION_TERMINATION_DETAILS%: why a filter or the transport ended a connection.

In: `rbac_access_denied_matched_policy[none]`. Out: its row. Example: `termination_meaning("transport socket timeout was
reached")` is the row about a TLS handshake that didn't end in time.
"""

from __future__ import annotations

from egressaudit.hops.meanings.meaning import Meaning, Proves, meaning_of

TERMINATION_DETAILS = (
    Meaning(
        "rbac_access_denied_matched_policy[",
        "an AuthorizationPolicy refused the connection; in brackets the policy and rule that matched, or `none` if "
        "allow policies exist and none of them matched",
        Proves.NOTHING_SENT,
        "envoyproxy/envoy source/extensions/filters/network/rbac/rbac_filter.cc",
    ),
    Meaning(
        "transport socket timeout was reached",
        "the TLS handshake with the client took too long",
        Proves.NOTHING_SENT,
        "envoyproxy/envoy source/common/network/connection_impl.cc, kTransportSocketConnectTimeoutTerminationDetails",
    ),
    Meaning(
        "ext_authz",
        "the external authorization service refused the connection",
        Proves.NOTHING_SENT,
        "envoyproxy/envoy source/extensions/filters/network/ext_authz/ext_authz.cc",
    ),
)
"""Values, or how they begin. Extensions can write any other text."""


def termination_meaning(value: str) -> Meaning | None:
    """The row of a value; None if no row has it."""
    return meaning_of(value, TERMINATION_DETAILS)
