"""What istiod's generator gives a proxy, as the static configuration of a real Envoy on loopback addresses.

Listeners, routes, clusters and endpoints are istiod's. What differs, because there is no pod network and no xDS:

- Addresses: each pod's and each external host's is a loopback address; ports below 1024 are moved up.
- Resources that istiod sends one by one (RDS, EDS) stand where they are named; names are looked up here, not by DNS.
- Certificates come from a CA of the test instead of istiod's SDS. They have the SPIFFE IDs of the pods' accounts.
- Capture: the virtual listener reads the original destination from a PROXY header instead of from iptables.
- Filters that only Istio's build of Envoy has are left out: they add metadata for metrics, and choose no way.

In: a dump of the oracle (`tools/istiod_oracle`). Out: the bootstrap of one Envoy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit_lab.proxies import envoy_parts as parts
from egressaudit_lab.proxies.envoy_parts import Config
from support.loop_identities import Identities

Dump = Mapping[str, Any]
_ISTIOS = ("io.istio", "/istio.", "metadataexchange")
"""Types of filters that only Istio's build of Envoy has (istio/proxy)."""
LOWEST = 1024
NAMES = "*"
"""Where other names lead than the external host's."""
MOVED = 10000


@dataclass(frozen=True)
class Network:
    """Where the addresses of a case really are."""

    places: Mapping[str, str]
    """The loopback address of each pod's IP, and of each external host."""

    def socket(self, address: str, port: int) -> tuple[str, int]:
        """Where something that listens on this address of the mesh really listens."""
        named = not address.replace(".", "").replace(":", "").isdigit() and NAMES in self.places
        return self.places.get(address, self.places[NAMES] if named else address), moved(port)


def moved(port: int) -> int:
    """A port that can be bound without being root."""
    return port + MOVED if port < LOWEST else port


@dataclass(frozen=True)
class Proxy:
    """One Envoy: its pod's IP in the mesh, and its account."""

    name: str
    ip: str
    account: str


def bootstrap(proxy: Proxy, dump: Dump, network: Network, ids: Identities, admin: tuple[str, int]) -> Config:
    """The whole static configuration of an Envoy that has what istiod gave this proxy."""
    made = _Translated(proxy, dump, network, ids)
    config = parts.bootstrap(proxy.name, admin, made.listeners(), made.clusters())
    internal = parts.typed("extensions.bootstrap.internal_listener.v3.InternalListener")
    config["bootstrap_extensions"] = [{"name": "envoy.bootstrap.internal_listener", "typed_config": internal}]
    return config


class _Translated:
    def __init__(self, proxy: Proxy, dump: Dump, network: Network, ids: Identities) -> None:
        self._address = network.places[proxy.ip]
        self._proxy = proxy
        self._dump = dump
        self._network = network
        self._ids = ids
        self._routes = {each["name"]: each for each in dump.get("routes") or ()}
        self._endpoints = {each["cluster_name"]: each for each in dump.get("endpoints") or ()}

    # ------------------------------------------------------------ listeners

    def listeners(self) -> list[Config]:
        """Those of outbound traffic: what comes from outside the mesh is not part of these tests."""
        wanted = (each for each in self._dump.get("listeners") or () if each["name"] != "virtualInbound")
        return [self._listener(each) for each in wanted]

    def _listener(self, listener: Config) -> Config:
        made: Config = self._walked(listener)
        if "address" in made and made.get("bind_to_port") is not False:
            at = made["address"]["socket_address"]
            address, port = self._network.socket(at["address"], at["port_value"])
            made["address"] = parts.socket_address(self._address if address == "0.0.0.0" else address, port)
        if made.get("use_original_dst"):
            proxied = parts.typed("extensions.filters.listener.proxy_protocol.v3.ProxyProtocol")
            filters = made.get("listener_filters") or []
            made["listener_filters"] = [
                {"name": "envoy.filters.listener.proxy_protocol", "typed_config": proxied},
                *filters,
            ]
        return made

    # ------------------------------------------------------------ clusters

    def clusters(self) -> list[Config]:
        """All of them; one that istiod would send endpoints for has these."""
        return [
            self._cluster(each)
            for each in self._dump.get("clusters") or ()
            if each["name"] != "InboundPassthroughCluster"
        ]

    def _cluster(self, cluster: Config) -> Config:
        made: Config = self._walked(cluster)
        if "eds_cluster_config" in made:
            eds = made.pop("eds_cluster_config")
            # Endpoints are not walked where they stand in the dump.
            found = self._endpoints.get(eds.get("service_name") or made["name"])
            made["type"] = "STATIC"
            made["load_assignment"] = self._walked(found or {"cluster_name": made["name"]})
        if made.get("type") in ("STRICT_DNS", "LOGICAL_DNS"):
            made = {key: value for key, value in made.items() if "dns" not in key}
            made["type"] = "STATIC"
        for address in _sockets(made.get("load_assignment")):
            place, port = self._network.socket(address["address"], address["port_value"])
            address["address"], address["port_value"] = place, port
        # Envoy's build has none of Istio's filters for metadata exchange.
        made.pop("filters", None)
        if not _is_internal(made):
            made["upstream_bind_config"] = {"source_address": {"address": self._address, "port_value": 0}}
        return made

    # ------------------------------------------------------------ everywhere

    def _walked(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._walked(each) for each in value if not _of_istios_build(each)]
        if not isinstance(value, dict):
            return "envoy.hashable_string" if value == "istio.hashable_string" else value
        if "rds" in value:
            named = value["rds"]["route_config_name"]
            # Istiod sends an empty answer for a route it does not have.
            routes = self._routes.get(named, {"name": named}) | {"validate_clusters": False}
            value = {key: each for key, each in value.items() if key != "rds"} | {"route_config": routes}
        made = {key: self._walked(each) for key, each in value.items() if key != "tracing"}
        return self._with_certificates(made)

    def _with_certificates(self, made: Config) -> Config:
        if made.pop("tls_certificate_sds_secret_configs", None):
            made["tls_certificates"] = [self._ids.certificate(self._proxy.account)]
        if combined := made.pop("combined_validation_context", None):
            made["validation_context"] = {
                **combined.get("default_validation_context", {}),
                "trusted_ca": {"inline_string": self._ids.authority},
            }
        return made


def _of_istios_build(value: object) -> bool:
    """Whether it is a filter that only Istio's build of Envoy has (istio/proxy)."""
    config = value.get("typed_config") if isinstance(value, dict) else None
    if not isinstance(config, dict):
        return False
    kinds = (str(config.get("@type")), str(config.get("type_url")))
    return any(mark in kind for kind in kinds for mark in _ISTIOS)


def _sockets(value: object) -> Iterable[Config]:
    if isinstance(value, dict):
        if "socket_address" in value:
            yield value["socket_address"]
        for each in value.values():
            yield from _sockets(each)
    elif isinstance(value, list):
        for each in value:
            yield from _sockets(each)


def _is_internal(cluster: Config) -> bool:
    return "envoy_internal_address" in str(cluster.get("load_assignment")) or cluster["name"] == "connect_originate"
