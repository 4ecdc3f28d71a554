"""The parts that Istio's Envoy configurations are made of: access logs, HTTP managers, clusters, listeners.

Settings are those of istiod where they show in a log line; each names its source in istio/istio.

In: names, addresses and ports. Out: parts of a configuration. Example: `socket_address("127.1.2.10", 15001)` is
`{"socket_address": {"address": "127.1.2.10", "port_value": 15001}}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Config = dict[str, Any]
"""A part of an Envoy configuration, as JSON has it."""

_TYPE = "type.googleapis.com/envoy"

# pilot/pkg/model/telemetry_logging.go, EnvoyTextLogFormat, from 1.23 on.
TEXT_FORMAT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% '
    '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% '
    "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
)

# The same file, EnvoyJSONLogFormatIstio.
JSON_FORMAT = {
    "start_time": "%START_TIME%",
    "route_name": "%ROUTE_NAME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
}


@dataclass(frozen=True, slots=True)
class AccessLog:
    """How a proxy logs: not at all, or in Istio's TEXT or JSON format, to standard output."""

    enabled: bool = True
    encoding: str = "TEXT"

    def always(self) -> list[Config]:
        """For requests and connections that were routed."""
        return self._to_stdout({})

    def only_flag(self, flag: str) -> list[Config]:
        """Listeners log NR alone (pilot/pkg/networking/core/accesslog.go, addAccessLogFilter)."""
        return self._to_stdout({"filter": {"response_flag_filter": {"flags": [flag]}}})

    def only_errors(self) -> list[Config]:
        """A waypoint's CONNECT is logged from status 400 on (accesslog.go, since 1.25)."""
        value = {"default_value": 400, "runtime_key": "lab.never_set"}
        return self._to_stdout({"filter": {"status_code_filter": {"comparison": {"op": "GE", "value": value}}}})

    def _to_stdout(self, filtered: Config) -> list[Config]:
        if not self.enabled:
            return []
        text = {"text_format_source": {"inline_string": TEXT_FORMAT}}
        written = text if self.encoding == "TEXT" else {"json_format": JSON_FORMAT}
        config = typed("extensions.access_loggers.file.v3.FileAccessLog", path="/dev/stdout", log_format=written)
        return [{"name": "envoy.access_loggers.file", "typed_config": config, **filtered}]


def typed(name: str, **values: Any) -> Config:
    """A message with its type, `name` without the leading `envoy.`."""
    return {"@type": f"{_TYPE}.{name}", **values}


def socket_address(address: str, port: int) -> Config:
    """An address to listen on or to connect to."""
    return {"socket_address": {"address": address, "port_value": port}}


def cluster(name: str, endpoints: Sequence[tuple[str, int]], source: str, *, http2: bool = False) -> Config:
    """A cluster under the name istiod gives it, with connections from `source`, the pod's own address."""
    made = _cluster(name, source) | {
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket_address(*each)}} for each in endpoints]}],
        },
    }
    if http2:
        name = "extensions.upstreams.http.v3.HttpProtocolOptions"
        options = typed(name, explicit_http_config={"http2_protocol_options": {}})
        made["typed_extension_protocol_options"] = {f"envoy.{name}": options}
    return made


def passthrough_cluster(source: str) -> Config:
    """PassthroughCluster: to where the connection was going (core/cluster_builder.go)."""
    return _cluster("PassthroughCluster", source) | {"type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"}


def blackhole_cluster() -> Config:
    """BlackHoleCluster: no endpoint, so every connection ends with UH (buildBlackHoleCluster)."""
    name = "BlackHoleCluster"
    return {"name": name, "type": "STATIC", "connect_timeout": "10s", "load_assignment": {"cluster_name": name}}


def _cluster(name: str, source: str) -> Config:
    return {
        "name": name,
        # util.go DelimitedStatsPrefix: %UPSTREAM_CLUSTER% prints this, %UPSTREAM_CLUSTER_RAW% does not.
        "alt_stat_name": f"{name};",
        "connect_timeout": "10s",
        "upstream_bind_config": {"source_address": {"address": source, "port_value": 0}},
    }


def http_manager(
    name: str, virtual_hosts: list[Config], log: AccessLog, *, edge: bool, filters: Sequence[Config] = ()
) -> Config:
    """An HTTP connection manager as listener_builder.go's buildHTTPConnectionManager makes it.

    `edge` is useRemoteAddress: gateways have it (core/gateway.go), and so overwrite x-request-id since Envoy 1.33.
    """
    config = typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        route_config={
            "name": name,
            "virtual_hosts": virtual_hosts,
            "validate_clusters": False,
            # core/httproute.go and core/gateway.go.
            "ignore_port_in_host_matching": True,
        },
        http_filters=[*filters, router()],
        access_log=log.always(),
        use_remote_address=edge,
        normalize_path=True,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
        stream_idle_timeout="0s",
        server_name="istio-envoy",
        upgrade_configs=[{"upgrade_type": "websocket"}],
    )
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": config}


def router() -> Config:
    """The last HTTP filter."""
    return {"name": "envoy.filters.http.router", "typed_config": typed("extensions.filters.http.router.v3.Router")}


def routed(host: str, port: int, to_cluster: str, name: str) -> Config:
    """A virtual host for one authority, with and without port, and Istio's default retries (core/route/retry)."""
    retries = {
        "num_retries": 2,
        "retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": typed("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
            }
        ],
        "host_selection_retry_max_attempts": 5,
    }
    action = {"cluster": to_cluster, "timeout": "0s", "retry_policy": retries}
    route = {"match": {"prefix": "/"}, "route": action} | ({"name": name} if name else {})
    return {"name": f"{host}:{port}", "domains": [host, f"{host}:{port}"], "routes": [route]}


def allow_any() -> Config:
    """The virtual host for unknown hosts under ALLOW_ANY (core/httproute.go, buildCatchAllVirtualHost)."""
    action = {"cluster": "PassthroughCluster", "timeout": "0s"}
    return {
        "name": "allow_any",
        "domains": ["*"],
        "routes": [{"name": "allow_any", "match": {"prefix": "/"}, "route": action}],
    }


def block_all() -> Config:
    """The virtual host for unknown hosts under REGISTRY_ONLY: 502 (the same function)."""
    route = {"name": "block_all", "match": {"prefix": "/"}, "direct_response": {"status": 502}}
    return {"name": "block_all", "domains": ["*"], "routes": [route]}


def tcp_proxy(to_cluster: str, log: AccessLog) -> Config:
    """A TCP proxy to one cluster."""
    config = typed(
        "extensions.filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=to_cluster,
        cluster=to_cluster,
        access_log=log.always(),
    )
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": config}


def original_destination(address: str, port: int) -> Config:
    """A network filter that says where a connection was going, as SO_ORIGINAL_DST would after iptables."""
    config = typed(
        "extensions.filters.network.set_filter_state.v3.Config",
        on_new_connection=[state("envoy.network.transport_socket.original_dst_address", f"{address}:{port}")],
    )
    return {"name": "envoy.filters.network.set_filter_state", "typed_config": config}


def state(key: str, value: str, **more: str) -> Config:
    """One filter state object, its value a format string."""
    return {"object_key": key, "format_string": {"text_format_source": {"inline_string": value}}, **more}


def tls_inspector() -> Config:
    """Reads the SNI."""
    config = typed("extensions.filters.listener.tls_inspector.v3.TlsInspector")
    return {"name": "envoy.filters.listener.tls_inspector", "typed_config": config}


def listener(name: str, address: str, port: int, chains: list[Config], log: AccessLog, **more: Any) -> Config:
    """A listener with Istio's listener-level log."""
    return {
        "name": name,
        "address": socket_address(address, port),
        "filter_chains": chains,
        "access_log": log.only_flag("NR"),
        **more,
    }


def bootstrap(node: str, admin: tuple[str, int], listeners: list[Config], clusters: list[Config]) -> Config:
    """A whole static configuration; clusters of the same name are one."""
    unique = {each["name"]: each for each in clusters}
    return {
        "node": {"id": node, "cluster": node},
        "admin": {"address": socket_address(*admin)},
        "static_resources": {"listeners": listeners, "clusters": list(unique.values())},
        # Keeps a warning about an unlimited number of connections out of the log.
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": typed(
                        "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        max_active_downstream_connections=50000,
                    ),
                }
            ]
        },
    }
