"""Envoy's %RESPONSE_CODE_DETAILS%: who set the response code, and why.

In: `upstream_reset_before_response_started{connection_termination}`. Out: its row, and that of the reason in braces.
Example: `detail_meaning("via_upstream").says` is "the upstream answered; the code is its own".
"""

from __future__ import annotations

import re

from egressaudit.hops.meanings.meaning import Meaning, Proves, meaning_of

_CORE = "envoyproxy/envoy envoy/stream_info/stream_info.h, ResponseCodeDetailValues"
_CODEC = "envoyproxy/envoy docs/root/configuration/http/http_conn_man/response_code_details.rst"
_RESETS = "envoyproxy/envoy source/common/http/utility.cc, resetReasonToString"
_FILTERS = "envoyproxy/envoy source/extensions/filters/http"


def _core(word: str, proves: Proves, says: str) -> Meaning:
    return Meaning(word, says, proves, _CORE)


_NOT, _MADE, _END = Proves.NOTHING_SENT, Proves.CONNECTED, Proves.ENDING

CODE_DETAILS = (
    _core("via_upstream", _MADE, "the upstream answered; the code is its own"),
    _core("direct_response", _NOT, "the proxy answered by itself: a direct response or redirect of its route"),
    _core("route_not_found", _NOT, "the proxy has no route for this host and path"),
    _core("route_configuration_not_found", _NOT, "the proxy had no route table for this listener yet"),
    _core("cluster_not_found", _NOT, "the route leads to a cluster that the proxy doesn't have"),
    _core("filter_chain_not_found", _NOT, "no filter chain of the listener takes this connection (SNI, protocol)"),
    _core("no_healthy_upstream", _NOT, "no endpoint of the cluster was healthy, or the cluster has none"),
    _core("maintenance_mode", _NOT, "the cluster is in maintenance mode"),
    _core("drop_overload", _NOT, "the control plane told the proxy to drop a share of the requests"),
    _core("unconditional_drop_overload", _NOT, "the control plane told the proxy to drop every request"),
    _core("response_timeout", _END, "the upstream's answer took longer than the route's timeout"),
    _core("upstream_response_timeout", _END, "the upstream's answer took longer than the route's timeout"),
    _core("upstream_per_try_timeout", _END, "the last attempt took longer than the retry rule's perTryTimeout"),
    _core("upstream_per_try_idle_timeout", _END, "nothing moved during the last attempt for too long"),
    _core("upstream_max_stream_duration_reached", _END, "the request lasted longer than the maximum stream duration"),
    _core(
        "upstream_reset_before_response_started",
        _END,
        "the stream to the upstream was reset before an answer began; the reason is in braces",
    ),
    _core(
        "upstream_reset_after_response_started",
        _MADE,
        "the stream to the upstream was reset in the middle of its answer; the reason is in braces",
    ),
    _core("downstream_remote_disconnect", _END, "the client closed its connection"),
    _core("downstream_local_disconnect", _END, "the proxy closed the client's connection; in parentheses is why"),
    _core("duration_timeout", _END, "the client's connection lasted longer than it may"),
    _core("max_duration_timeout", _END, "the stream lasted longer than it may"),
    _core("stream_idle_timeout", _END, "nothing moved on the stream for longer than the idle timeout"),
    _core("request_overall_timeout", _END, "the request took too long to arrive"),
    _core("request_header_timeout", _NOT, "the headers of the request took too long to arrive"),
    _core("downstream_header_timeout", _NOT, "the headers of the request took too long to arrive"),
    _core("overload", _NOT, "the proxy was out of memory or connections"),
    _core("request_payload_too_large", _NOT, "the body of the request is larger than the proxy may buffer"),
    _core("response_payload_too_large", _MADE, "the body of the answer is larger than the proxy may buffer"),
    _core(
        "request_payload_exceeded_retry_buffer_limit",
        _END,
        "the body of the request is larger than the proxy may keep for a retry",
    ),
    _core("low_version", _NOT, "the request is HTTP/1.0 or older, which the proxy doesn't take"),
    _core("missing_host_header", _NOT, "the request has no Host"),
    _core("request_headers_failed_strict_check", _NOT, "an x-envoy-* header of the request has an invalid value"),
    _core("missing_path_rejected", _NOT, "the request has no path"),
    _core("invalid_path", _NOT, "the path of the request is invalid"),
    _core("absolute_path_rejected", _NOT, "the request has an absolute URL, which the route doesn't take"),
    _core("path_normalization_failed", _NOT, "the path of the request could not be normalized"),
    _core("upgrade_failed", _NOT, "the request asks for an upgrade that the proxy doesn't offer"),
    _core("websocket_handshake_unsuccessful", _MADE, "the upstream refused the WebSocket"),
    _core("admin_filter_response", _NOT, "the proxy's admin interface answered"),
    _core("internal_redirect", _MADE, "the proxy followed a redirect of the upstream by itself"),
    _core("filter_removed_required_request_headers", _NOT, "a filter removed headers that a request must have"),
    _core("filter_removed_required_response_headers", _MADE, "a filter removed headers that an answer must have"),
    _core("filter_removed_required_headers", _END, "a filter removed headers that must be there"),
    _core("filter_added_invalid_request_data", _NOT, "a filter is broken: it added data where it may not"),
    _core("filter_added_invalid_response_data", _MADE, "a filter is broken: it added data where it may not"),
    _core("rejecting_because_detection_failed", _NOT, "the proxy could not detect the client's address"),
    _core("early_connect_data", _NOT, "the client sent data before its CONNECT was answered"),
    Meaning(
        "rbac_access_denied_matched_policy[",
        "an AuthorizationPolicy refused the request; in brackets the policy and rule that matched, or `none` if allow "
        "policies exist and none of them matched",
        _NOT,
        f"{_FILTERS}/rbac/rbac_filter.cc",
    ),
    Meaning(
        "rbac_access_denied",
        "an AuthorizationPolicy refused the request",
        _NOT,
        f"{_FILTERS}/rbac/rbac_filter.cc",
    ),
    Meaning(
        "jwt_authn_access_denied",
        "a RequestAuthentication refused the token; the reason is in braces",
        _NOT,
        f"{_FILTERS}/jwt_authn/filter.cc",
    ),
    Meaning(
        "ext_authz_denied",
        "the external authorization service refused the request",
        _NOT,
        f"{_FILTERS}/ext_authz/ext_authz.h",
    ),
    Meaning(
        "ext_authz_error",
        "the external authorization service could not be asked, and the proxy is configured to refuse then",
        _NOT,
        f"{_FILTERS}/ext_authz/ext_authz.h",
    ),
    Meaning(
        "ext_authz_invalid",
        "the external authorization service's answer is invalid",
        _NOT,
        f"{_FILTERS}/ext_authz/ext_authz.h",
    ),
    Meaning("local_rate_limited", "a local rate limit refused the request", _NOT, f"{_FILTERS}/local_ratelimit"),
    Meaning("request_rate_limited", "the rate limit service refused the request", _NOT, f"{_FILTERS}/ratelimit"),
    Meaning(
        "rate_limiter_error",
        "the rate limit service could not be asked, and the proxy is configured to refuse then",
        _NOT,
        f"{_FILTERS}/ratelimit",
    ),
    Meaning(
        "fault_filter_abort", "a fault rule aborted the request (VirtualService fault.abort)", _NOT, f"{_FILTERS}/fault"
    ),
    Meaning(
        "dns_resolution_failure",
        "the proxy could not resolve the upstream's name",
        _NOT,
        f"{_FILTERS}/dynamic_forward_proxy",
    ),
    Meaning("http1.", "the HTTP/1 parser refused what it read; the rest says what it was", _END, _CODEC),
    Meaning("http2.", "the HTTP/2 codec refused what it read; the rest says what it was", _END, _CODEC),
    Meaning("http3.", "the HTTP/3 codec refused what it read; the rest says what it was", _END, _CODEC),
)
"""Values, or how they begin. Envoy writes `_` for each space."""

RESET_REASONS = (
    Meaning("local_connection_failure", "the connection could not be made", Proves.NOT_CONNECTED, _RESETS),
    Meaning(
        "remote_connection_failure",
        "the upstream refused the connection, or the TLS handshake failed",
        Proves.NOT_CONNECTED,
        _RESETS,
    ),
    Meaning(
        "connection_failure", "the connection could not be made", Proves.NOT_CONNECTED, f"{_RESETS}, before Envoy 1.27"
    ),
    Meaning("connection_timeout", "the upstream didn't take the connection in time", Proves.NOT_CONNECTED, _RESETS),
    Meaning("connection_termination", "the upstream closed the connection", _MADE, _RESETS),
    Meaning("local_reset", "the proxy itself reset the stream", _END, _RESETS),
    Meaning("local_refused_stream_reset", "the proxy itself refused the stream", _END, _RESETS),
    Meaning("remote_reset", "the upstream reset the stream", _MADE, _RESETS),
    Meaning("remote_refused_stream_reset", "the upstream refused the stream", _MADE, _RESETS),
    Meaning("overflow", "a circuit breaker was open", Proves.NOT_CONNECTED, _RESETS),
    Meaning("remote_error_with_CONNECT_request", "the upstream refused the CONNECT", _MADE, _RESETS),
    Meaning("protocol_error", "the upstream broke the HTTP protocol", _MADE, _RESETS),
    Meaning("overload_manager_reset", "the proxy was out of memory or connections", _END, _RESETS),
    Meaning("HTTP/1_premature_upstream_half_close", "the upstream closed its side too early", _MADE, _RESETS),
)
"""The reasons in the braces of a reset."""

_BRACED = re.compile(r"[{(]([^|,})]*)")


def detail_meaning(value: str) -> Meaning | None:
    """The row of a value; None if no row has it."""
    return meaning_of(value, CODE_DETAILS)


def reset_meaning(value: str) -> Meaning | None:
    """The row of the reason in the braces of a reset; None if there is none, or no row has it."""
    if not value.startswith("upstream_reset_"):
        return None
    reason = _BRACED.search(value)
    return None if reason is None else meaning_of(reason[1], RESET_REASONS)
