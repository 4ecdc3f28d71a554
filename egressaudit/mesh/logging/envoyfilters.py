"""Which EnvoyFilters touch the access log of a proxy, or the way that its traffic takes. Pure.

In: an EnvoyFilter and a proxy. Out: e.g. "it patches the access log"; '' if it touches nothing that a verdict rests on.

An EnvoyFilter can patch any Envoy configuration that istiod generates (istio.io, reference, EnvoyFilter), so nothing
that we read from the mesh is certain where one applies. Most only add metrics, limits or headers. Those are listed by
name, field by field, and everything else counts: a new field of Envoy's is never assumed to be harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh.apis import GATEWAY_API, ISTIO
from egressaudit.mesh.envoyfilter_shape import snake
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.untyped import picks, rows, table, text, texts
from egressaudit.model import Pod, Reporter

_LOGS = frozenset({"access_log", "access_log_options", "access_log_flush_interval", "upstream_log", "access_log_path"})
_MIRRORS = frozenset({"request_mirror_policies", "request_mirror_policy"})

_ENDS = ("name", "@type", "type_url")
_HARMLESS_FILTERS = (
    "stats",  # istio.stats, and Wasm's of Istio before 1.20 ("envoy.wasm.stats")
    "metadata_exchange",
    "peer_metadata",
    "grpc_stats",
    "local_ratelimit",
    "ratelimit",
    "buffer",
    "compressor",
    "decompressor",
    "gzip",
    "cors",
    "csrf",
    "grpc_web",
    "connection_limit",
    "bandwidth_limit",
    "admission_control",
    "adaptive_concurrency",
    "alpn",
)
"""The last part of a filter's name. None of them chooses a route, a cluster or an address, or sends a request on."""

# Fields that change limits, times, metrics or headers, of what each kind of patch merges into.
_CONNECTION = frozenset(
    [
        "common_http_protocol_options",
        "http_protocol_options",
        "http2_protocol_options",
        "http3_protocol_options",
        "stream_idle_timeout",
        "request_timeout",
        "request_headers_timeout",
        "drain_timeout",
        "delayed_close_timeout",
        "max_request_headers_kb",
        "server_name",
        "server_header_transformation",
        "use_remote_address",
        "xff_num_trusted_hops",
        "forward_client_cert_details",
        "set_current_client_cert_details",
        "normalize_path",
        "merge_slashes",
        "path_with_escaped_slashes_action",
        "preserve_external_request_id",
        "always_set_request_id_in_response",
        "generate_request_id",
        "tracing",
        "stat_prefix",
        "proxy_100_continue",
        "via",
        "add_user_agent",
        "skip_xff_append",
        "idle_timeout",
        "max_connect_attempts",
        "max_downstream_connection_duration",
    ]
)
_CLUSTER = frozenset(
    [
        "name",
        "connect_timeout",
        "circuit_breakers",
        "outlier_detection",
        "per_connection_buffer_limit_bytes",
        "upstream_connection_options",
        "common_http_protocol_options",
        "http_protocol_options",
        "http2_protocol_options",
        "max_requests_per_connection",
        "dns_refresh_rate",
        "respect_dns_ttl",
        "dns_failure_refresh_rate",
        "track_cluster_stats",
        "track_timeout_budgets",
        "alt_stat_name",
        "preconnect_policy",
    ]
)
_LISTENER = frozenset(
    [
        "name",
        "per_connection_buffer_limit_bytes",
        "tcp_backlog_size",
        "tcp_fast_open_queue_length",
        "connection_balance_config",
        "stat_prefix",
        "socket_options",
    ]
)
_ROUTE = frozenset(
    [
        "name",
        "request_headers_to_add",
        "request_headers_to_remove",
        "response_headers_to_add",
        "response_headers_to_remove",
        "include_request_attempt_count",
        "include_attempt_count_in_response",
        "max_direct_response_body_size_bytes",
        "stat_prefix",
        "rate_limits",
        "timeout",
        "idle_timeout",
        "max_stream_duration",
        "route",
    ]
)
_BOOTSTRAP = frozenset(
    [
        "stats_config",
        "stats_flush_interval",
        "stats_sinks",
        "overload_manager",
        "watchdogs",
        "watchdog",
    ]
)
_ROUTER = frozenset({"dynamic_stats", "start_child_span", "respect_expected_rq_timeout", "suppress_envoy_headers"})

_MERGED: Mapping[str, frozenset[str]] = {
    "CLUSTER": _CLUSTER,
    "LISTENER": _LISTENER,
    "ROUTE_CONFIGURATION": _ROUTE,
    "VIRTUAL_HOST": _ROUTE,
    "HTTP_ROUTE": _ROUTE,
    "BOOTSTRAP": _BOOTSTRAP,
}
_ADDING = ("ADD", "INSERT_AFTER", "INSERT_BEFORE", "INSERT_FIRST", "MERGE")
_OWN_CONFIG = ("http_connection_manager", "tcp_proxy")


@dataclass(frozen=True, slots=True)
class Touch:
    """An EnvoyFilter that applies to a proxy; `what` says what it touches, '' if nothing that a verdict rests on."""

    filter: str
    what: str


def touches(objects: Objects, pod: Pod, reporter: Reporter, gateway: str) -> Iterator[Touch]:
    """Every EnvoyFilter that applies to the Envoy of a pod. `gateway` names the Gateway that it belongs to, else ''."""
    for each in objects.all(ISTIO, "EnvoyFilter"):
        if _applies(objects, each, pod, reporter, gateway):
            found = [
                what
                for patch in rows(each.spec.get("configPatches"))
                if _in_context(text(table(patch.get("match")).get("context")), reporter) and (what := touched(patch))
            ]
            yield Touch(str(each), ", ".join(dict.fromkeys(found)))


def touched(patch: Mapping[str, Any]) -> str:
    """What a patch changes that a verdict rests on; '' if nothing."""
    to, change = text(patch.get("applyTo")), table(patch.get("patch"))
    operation, value = text(change.get("operation")) or "INVALID", table(change.get("value"))
    fields = frozenset(_fields(value))
    if fields & _LOGS:
        return "the access log"
    if fields & _MIRRORS:
        return "mirrored requests"
    if to in ("HTTP_FILTER", "NETWORK_FILTER", "EXTENSION_CONFIG"):
        return _filter(to, operation, value)
    unknown = {snake(key) for key in value} - _MERGED.get(to, frozenset())
    unknown |= {snake(key) for key in table(value.get("route"))} - _ROUTE
    if operation == "MERGE" and to in _MERGED and not unknown:
        return ""
    named = f" ({', '.join(sorted(unknown))})" if operation == "MERGE" and unknown else ""
    return f"{operation} of {to or 'something unnamed'}{named}"


def _filter(to: str, operation: str, value: Mapping[str, Any]) -> str:
    name = text(value.get("name")) or "a filter"
    config = _config(value)
    kinds = [_last(text(part.get(key))) for part in (value, config) for key in _ENDS if text(part.get(key))]
    if operation == "MERGE" and any(kind in _OWN_CONFIG for kind in kinds):
        return _settings(to, name, config, _CONNECTION)
    if operation == "MERGE" and kinds and all(kind == "router" for kind in kinds):
        return _settings(to, name, config, _ROUTER)
    # Code that is compiled into the proxy; any other Wasm is custom code, whatever its name.
    if "wasm" in kinds:
        codes = list(_values(value, "inline_string"))
        harmless = bool(codes) and all(_last(code) in _HARMLESS_FILTERS for code in codes)
    else:
        known = [kind for kind in kinds if kind != "typed_struct"]
        harmless = bool(known) and all(kind in _HARMLESS_FILTERS for kind in known)
    return "" if harmless and operation in _ADDING else f"{operation} of {to} {name}"


def _settings(to: str, name: str, config: Mapping[str, Any], known: frozenset[str]) -> str:
    unknown = {snake(key) for key in config} - known - {"@type", "type_url"}
    return f"MERGE of {to} {name} ({', '.join(sorted(unknown))})" if unknown else ""


def _config(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A filter's own configuration, in a TypedStruct too."""
    config = table(value.get("typed_config", value.get("typedConfig")))
    inner = config.get("value")
    if not isinstance(inner, Mapping):
        return config
    kind = text(config.get("type_url", config.get("typeUrl")))
    return {**inner, "type_url": kind}


def _last(name: str) -> str:
    """`envoy.filters.http.local_ratelimit` is local_ratelimit, `...local_ratelimit.v3.LocalRateLimit` too."""
    parts = name.rpartition("/")[2].split(".")
    if len(parts) > 2 and parts[-2][:1] == "v" and parts[-2][1:2].isdigit():
        return parts[-3]
    last = snake(parts[-1]).lstrip("_")
    return parts[-2] if last in ("config", "plugin_config") and len(parts) > 1 else last


def _fields(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield snake(str(key))
            yield from _fields(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _fields(each)


def _values(value: object, wanted: str) -> Iterator[str]:
    """Every value of a field, '' for those that are not kept."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if snake(str(key)) == wanted:
                yield text(each)
            yield from _values(each, wanted)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _values(each, wanted)


def _in_context(context: str, reporter: Reporter) -> bool:
    """Whether a patch is for this kind of proxy; a sidecar's inbound listeners can lead out too."""
    sidecar = context.startswith("SIDECAR_")
    other = context in ("GATEWAY", "WAYPOINT")
    return not (other if reporter is Reporter.SIDECAR else sidecar)


def _applies(objects: Objects, obj: Obj, pod: Pod, reporter: Reporter, gateway: str) -> bool:
    refs = rows(obj.spec.get("targetRefs"))
    if refs:
        # Of a waypoint's GatewayClass, Services and ServiceEntries too: whose they are is not looked into.
        waypoints = reporter is Reporter.WAYPOINT and any(
            each.get("kind") in ("GatewayClass", "Service", "ServiceEntry") for each in refs
        )
        named = obj.namespace == pod.namespace and any(
            (each.get("group"), each.get("kind"), each.get("name")) == (GATEWAY_API, "Gateway", gateway)
            for each in refs
        )
        return waypoints or named
    if obj.namespace not in (pod.namespace, objects.root):
        return False
    return picks(texts(table(obj.spec.get("workloadSelector")).get("labels")), pod.labels)
