"""The configurations of the three kinds of Envoy: sidecar, egress gateway, waypoint. Pure functions of the scenario.

In: a `Behaviour` and a pod. Out: a bootstrap document for `envoy -c`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from egressaudit_lab.proxies import envoy_parts as parts
from egressaudit_lab.proxies.envoy_parts import AccessLog, Config
from egressaudit_lab.scenario import Proxy, Route, Sidecars, Tunnel

ADMIN_PORT = 15000

Endpoints = Callable[[Route], Sequence[tuple[str, int]]]
"""Where a route leads."""


@dataclass(frozen=True, slots=True)
class Destination:
    """An external host's port: where it really is, and where a captured pod's connections to it are taken.

    In a cluster iptables hands every connection to one port of the proxy, and the kernel remembers where it was
    going. Without root there is a listener for each destination instead, that knows it.
    """

    host: str
    port: int
    address: str
    real_port: int
    capture_port: int
    udp: bool = False
    """Whether it takes UDP, which the mesh does not capture."""


def sidecar(
    address: str,
    admin_port: int,
    sidecars: Sidecars,
    destinations: Sequence[Destination],
    endpoints: Endpoints,
    log: AccessLog,
) -> Config:
    """A source's proxy: HTTP by authority, TLS by SNI, everything else to PassthroughCluster or BlackHoleCluster."""
    listeners = [_captured(address, each, sidecars, log) for each in destinations]
    listeners.append(_virtual_outbound(address, sidecars, log))
    clusters = [_cluster(each, endpoints, address) for each in sidecars.routes]
    clusters += [parts.passthrough_cluster(address), parts.blackhole_cluster()]
    return parts.bootstrap(f"sidecar~{address}", (address, admin_port), listeners, clusters)


def _virtual_outbound(address: str, sidecars: Sidecars, log: AccessLog) -> Config:
    """Where connections to any other port would end (listener_builder.go). Nothing is captured, so nothing binds it."""
    unknown = "PassthroughCluster" if sidecars.unknown == "allow" else "BlackHoleCluster"
    chains: list[Config] = [{"name": "virtualOutbound-catchall-tcp", "filters": [parts.tcp_proxy(unknown, log)]}]
    return parts.listener("virtualOutbound", address, 15001, chains, log, bind_to_port=False)


def _captured(address: str, destination: Destination, sidecars: Sidecars, log: AccessLog) -> Config:
    here = [each for each in sidecars.routes if each.port == destination.port]
    origin = parts.original_destination(destination.address, destination.real_port)
    allowed = sidecars.unknown == "allow"
    unknown = parts.tcp_proxy("PassthroughCluster" if allowed else "BlackHoleCluster", log)
    more: Config = {"default_filter_chain": {"filters": [origin, unknown]}}
    chains: list[Config] = []
    if tls := [each for each in here if each.protocol == "tls"]:
        chains += _by_sni(tls, log)
        more["listener_filters"] = [parts.tls_inspector()]
    elif destination.port in sidecars.http_ports:
        hosts = [parts.routed(each.host, each.port, each.cluster, each.name) for each in here]
        hosts.append(parts.allow_any() if allowed else parts.block_all())
        manager = parts.http_manager(f"{destination.port}", hosts, log, edge=False)
        more = {}
        chains.append({"filters": [origin, manager]})
    name = f"{destination.address}_{destination.port}"
    return parts.listener(name, address, destination.capture_port, chains, log, **more)


def gateway(
    address: str, admin_port: int, listen: Callable[[int], int], proxy: Proxy, endpoints: Endpoints, log: AccessLog
) -> Config:
    """An egress gateway. It listens on 8000 above the server's port, as the gateway charts' targetPort has it.

    `listen` gives the port that is used for a wanted one.
    """
    listeners = []
    for port in sorted({each.port for each in proxy.routes}):
        here = [each for each in proxy.routes if each.port == port]
        where = (f"0.0.0.0_{port + 8000}", address, listen(port + 8000))
        if tls := [each for each in here if each.protocol == "tls"]:
            inspect = [parts.tls_inspector()]
            listeners.append(parts.listener(*where, _by_sni(tls, log), log, listener_filters=inspect))
        else:
            hosts = [parts.routed(each.host, each.port, each.cluster, each.name) for each in here]
            manager = parts.http_manager(f"http.{port + 8000}", hosts, log, edge=True, filters=_rbac(proxy))
            listeners.append(parts.listener(*where, [{"filters": [manager]}], log))
    clusters = [_cluster(each, endpoints, address) for each in proxy.routes]
    return parts.bootstrap(f"router~{address}", (address, admin_port), listeners, clusters)


def waypoint(
    address: str,
    admin_port: int,
    hbone_port: int,
    proxy: Proxy,
    tunnels: Sequence[Tunnel],
    endpoints: Endpoints,
    log: AccessLog,
    tls: Config,
) -> Config:
    """A waypoint: takes HBONE (HTTP/2 CONNECT over mutual TLS), and routes what is inside by its inner destination.

    The listeners and their names are those of istio/istio pilot/pkg/networking/core/listener_waypoint.go.
    """
    terminate = parts.listener(
        "connect_terminate",
        address,
        hbone_port,
        [{"filters": [_connect_manager(log)], "transport_socket": tls}],
        log,
    )
    vips = {(each.host, each.port): each.vip for each in tunnels}
    chains = []
    for route in proxy.routes:
        virtual_host = parts.routed(route.host, route.port, route.cluster, route.name or "default") | {"domains": ["*"]}
        manager = parts.http_manager(route.cluster, [virtual_host], log, edge=False, filters=_rbac(proxy))
        filters = [manager] if route.protocol == "http" else [parts.tcp_proxy(route.cluster, log)]
        match: Config = {"destination_port": route.port}
        if vip := vips.get((route.host, route.port)):
            match["prefix_ranges"] = [{"address_prefix": vip, "prefix_len": 32}]
        chains.append({"filter_chain_match": match, "filters": filters})
    origin = parts.typed("extensions.filters.listener.original_dst.v3.OriginalDst")
    internal = {
        "name": "main_internal",
        "internal_listener": {},
        "listener_filters": [{"name": "envoy.filters.listener.original_dst", "typed_config": origin}],
        "filter_chains": chains,
        "access_log": log.only_flag("NR"),
    }
    clusters = [_cluster(each, endpoints, address) for each in proxy.routes]
    clusters.append(_main_internal())
    made = parts.bootstrap(f"waypoint~{address}", (address, admin_port), [terminate, internal], clusters)
    listening = parts.typed("extensions.bootstrap.internal_listener.v3.InternalListener")
    made["bootstrap_extensions"] = [{"name": "envoy.bootstrap.internal_listener", "typed_config": listening}]
    return made


def mutual_tls(certificate: str, key: str, authority: str) -> Config:
    """The transport socket of connect_terminate: a client certificate is required. All in PEM."""
    context = parts.typed(
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        require_client_certificate=True,
        common_tls_context={
            "alpn_protocols": ["h2"],
            "tls_certificates": [
                {"certificate_chain": {"inline_string": certificate}, "private_key": {"inline_string": key}}
            ],
            "validation_context": {"trusted_ca": {"inline_string": authority}},
        },
    )
    return {"name": "tls", "typed_config": context}


def _cluster(route: Route, endpoints: Endpoints, source: str) -> Config:
    return parts.cluster(route.cluster, endpoints(route), source, http2=route.http2)


def _by_sni(routes: Sequence[Route], log: AccessLog) -> list[Config]:
    return [
        {"filter_chain_match": {"server_names": [each.host]}, "filters": [parts.tcp_proxy(each.cluster, log)]}
        for each in routes
    ]


def _rbac(proxy: Proxy) -> list[Config]:
    """The HTTP filter of an ALLOW policy on the source's namespace (pilot/pkg/security/authz/builder)."""
    if not proxy.allow_only:
        return []
    name = f"ns[{proxy.workload.partition('/')[0]}]-policy[{proxy.policy or 'policy'}]-rule[0]"
    regex = {"safe_regex": {"regex": f".*/ns/{proxy.allow_only}/.*"}}
    policy = {
        "permissions": [{"any": True}],
        "principals": [{"authenticated": {"principal_name": regex}}],
    }
    rules = {"action": "ALLOW", "policies": {name: policy}}
    config = parts.typed("extensions.filters.http.rbac.v3.RBAC", rules=rules)
    return [{"name": "envoy.filters.http.rbac", "typed_config": config}]


def _connect_manager(log: AccessLog) -> Config:
    """buildHCMConnectTerminateChain: every CONNECT goes to the inner listener, with its authority as destination."""
    connect: Config = {"upgrade_type": "CONNECT", "connect_config": {}}
    route = {
        "match": {"connect_matcher": {}},
        "route": {"cluster": "main_internal", "timeout": "0s", "upgrade_configs": [connect]},
    }
    destination = parts.typed(
        "extensions.filters.http.set_filter_state.v3.Config",
        on_request_headers=[
            parts.state(
                "envoy.filters.listener.original_dst.local_ip", "%REQ(:AUTHORITY)%", shared_with_upstream="ONCE"
            ),
            parts.state(
                "envoy.filters.listener.original_dst.remote_ip",
                "%DOWNSTREAM_REMOTE_ADDRESS%",
                shared_with_upstream="ONCE",
            ),
        ],
    )
    config = parts.typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="connect_terminate",
        route_config={"name": "default", "virtual_hosts": [{"name": "default", "domains": ["*"], "routes": [route]}]},
        http_filters=[{"name": "connect_authority", "typed_config": destination}, parts.router()],
        http2_protocol_options={"allow_connect": True, "max_concurrent_streams": 100},
        upgrade_configs=[{"upgrade_type": "CONNECT"}],
        use_remote_address=False,
        stream_idle_timeout="0s",
        access_log=log.only_errors(),
    )
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": config}


def _main_internal() -> Config:
    address = {"envoy_internal_address": {"server_listener_name": "main_internal"}}
    raw = {"name": "raw", "typed_config": parts.typed("extensions.transport_sockets.raw_buffer.v3.RawBuffer")}
    inner = parts.typed(
        "extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport", transport_socket=raw
    )
    return {
        "name": "main_internal",
        "type": "STATIC",
        "connect_timeout": "10s",
        "load_assignment": {
            "cluster_name": "main_internal",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "transport_socket": {"name": "internal_upstream", "typed_config": inner},
    }
