"""Which EnvoyFilters leave a verdict open: those of the istio.io documents and of public repositories, shortened."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from egressaudit.mesh import Mesh, trim
from egressaudit.mesh.envoyfilter_shape import kept_patches
from egressaudit.mesh.logging.envoyfilters import touched
from egressaudit.model import LogSource

HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

STATS = """
applyTo: HTTP_FILTER
match: {context: SIDECAR_OUTBOUND, proxy: {proxyVersion: '^1\\.20.*'}}
patch:
  operation: INSERT_BEFORE
  value:
    name: istio.stats
    typed_config:
      "@type": type.googleapis.com/udpa.type.v1.TypedStruct
      type_url: type.googleapis.com/stats.PluginConfig
      value: {metrics: [{name: requests_total, tags_to_remove: [request_protocol]}]}
"""
WASM_STATS = """
applyTo: HTTP_FILTER
patch:
  operation: INSERT_BEFORE
  value:
    name: istio.stats
    typed_config:
      "@type": type.googleapis.com/udpa.type.v1.TypedStruct
      type_url: type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
      value:
        config:
          root_id: stats_outbound
          vm_config: {runtime: envoy.wasm.runtime.null, code: {local: {inline_string: %s}}}
"""
EXCHANGE = """
applyTo: NETWORK_FILTER
patch:
  operation: INSERT_BEFORE
  value:
    name: istio.metadata_exchange
    typed_config:
      "@type": type.googleapis.com/udpa.type.v1.TypedStruct
      type_url: type.googleapis.com/envoy.tcp.metadataexchange.config.MetadataExchange
      value: {protocol: istio-peer-exchange}
"""
MERGED = """
applyTo: NETWORK_FILTER
match: {listener: {filterChain: {filter: {name: envoy.filters.network.http_connection_manager}}}}
patch: {operation: MERGE, value: {typed_config: {"@type": %s, %s}}}
"""
RATE_LIMIT = """
applyTo: HTTP_FILTER
patch:
  operation: INSERT_BEFORE
  value:
    name: envoy.filters.http.local_ratelimit
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
      stat_prefix: http_local_rate_limiter
"""
LUA = """
applyTo: HTTP_FILTER
patch:
  operation: INSERT_BEFORE
  value:
    name: envoy.filters.http.lua
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
      inlineCode: 'function envoy_on_request(handle) handle:httpCall("out", {}, "", 100) end'
"""
CASES = (
    ("metrics", STATS, ""),
    ("metrics as Wasm that is compiled in", WASM_STATS % "envoy.wasm.stats", ""),
    (
        "somebody's Wasm that calls itself metrics",
        WASM_STATS % "AGFzbQEAAAA=",
        "INSERT_BEFORE of HTTP_FILTER istio.stats",
    ),
    ("metadata exchange", EXCHANGE, ""),
    ("a local rate limit", RATE_LIMIT, ""),
    ("times", MERGED % (HCM, "stream_idle_timeout: 5s, common_http_protocol_options: {idle_timeout: 5s}"), ""),
    ("the access log", MERGED % (HCM, "access_log: []"), "the access log"),
    ("the access log, as JSON writes it", MERGED % (HCM, "accessLog: []"), "the access log"),
    (
        "routes within the connection manager",
        MERGED % (HCM, "route_config: {}"),
        "MERGE of NETWORK_FILTER a filter (route_config)",
    ),
    (
        "a field that nobody knows",
        MERGED % (HCM, "brand_new: {}"),
        "MERGE of NETWORK_FILTER a filter (brand_new)",
    ),
    ("Lua", LUA, "INSERT_BEFORE of HTTP_FILTER envoy.filters.http.lua"),
    (
        "a filter that is removed",
        "{applyTo: HTTP_FILTER, patch: {operation: REMOVE, value: {name: istio.stats}}}",
        "REMOVE of HTTP_FILTER istio.stats",
    ),
    (
        "a mirror",
        "{applyTo: HTTP_ROUTE, patch: {operation: MERGE, value: {route: {request_mirror_policies: [{cluster: out}]}}}}",
        "mirrored requests",
    ),
    ("a route's time", "{applyTo: HTTP_ROUTE, patch: {operation: MERGE, value: {route: {timeout: 5s}}}}", ""),
    (
        "a route's cluster",
        "{applyTo: HTTP_ROUTE, patch: {operation: MERGE, value: {route: {cluster: out}}}}",
        "MERGE of HTTP_ROUTE (cluster)",
    ),
    ("a cluster's time", "{applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: 5s}}}", ""),
    (
        "a cluster's endpoints",
        "{applyTo: CLUSTER, patch: {operation: MERGE, value: {load_assignment: {}}}}",
        "MERGE of CLUSTER (load_assignment)",
    ),
    ("a new cluster", "{applyTo: CLUSTER, patch: {operation: ADD, value: {name: out}}}", "ADD of CLUSTER"),
    (
        "PROXY protocol",
        "{applyTo: LISTENER, patch: {operation: MERGE, value: {listener_filters: [{name: p}]}}}",
        "MERGE of LISTENER (listener_filters)",
    ),
    ("nothing that anybody could read", "{applyTo: {a: 1}, patch: [x]}", "INVALID of something unnamed"),
)


@pytest.mark.parametrize(("patch", "what"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_what_a_patch_touches_and_what_is_kept_of_it(patch: str, what: str) -> None:
    document = yaml.safe_load(patch)
    assert touched(document) == what
    once = kept_patches({"configPatches": [document]})
    assert touched(once["configPatches"][0]) == what
    assert kept_patches(once) == once


def envoy_filter(namespace: str, patch: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"namespace": namespace, "name": "f"},
        "spec": {"configPatches": [yaml.safe_load(patch)], **spec},
    }


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "namespace": "shop",
        "name": "cart-1",
        "labels": {"app": "cart"},
        "annotations": {"sidecar.istio.io/status": "{}"},
    },
    "spec": {"containers": [{"name": "cart"}, {"name": "istio-proxy"}]},
    "status": {"podIPs": [{"ip": "10.0.0.2"}]},
}
GATEWAY_ONLY = "{applyTo: CLUSTER, match: {context: GATEWAY}, patch: {operation: ADD, value: {name: out}}}"
INBOUND = "{applyTo: CLUSTER, match: {context: SIDECAR_INBOUND}, patch: {operation: ADD, value: {name: out}}}"
APPLIES = (
    ("its own namespace", envoy_filter("shop", LUA), 1),
    ("another namespace", envoy_filter("other", LUA), 0),
    ("the root namespace", envoy_filter("istio-system", LUA), 1),
    ("its labels", envoy_filter("shop", LUA, workloadSelector={"labels": {"app": "cart"}}), 1),
    ("other labels", envoy_filter("shop", LUA, workloadSelector={"labels": {"app": "till"}}), 0),
    ("gateways only", envoy_filter("shop", GATEWAY_ONLY), 0),
    ("inbound listeners, which can lead out", envoy_filter("shop", INBOUND), 1),
    (
        "a Gateway by name",
        envoy_filter(
            "shop", LUA, targetRefs=[{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "cart-1"}]
        ),
        0,
    ),
)


@pytest.mark.parametrize(("obj", "applies"), [row[1:] for row in APPLIES], ids=[row[0] for row in APPLIES])
def test_which_proxies_a_filter_applies_to(obj: dict[str, Any], applies: int) -> None:
    found = Mesh.of([POD, obj]).envoy_filters(LogSource("shop", "cart-1", "istio-proxy"))
    assert [each.filter for each in found if each.what] == ([f"EnvoyFilter {obj['metadata']['namespace']}/f"] * applies)


def test_no_value_that_may_be_a_secret_is_kept() -> None:
    patch = """
applyTo: HTTP_ROUTE
patch:
  operation: MERGE
  value:
    request_headers_to_add: [{header: {key: authorization, value: Bearer s3cr3t}}]
    inline_string: s3cr3t
"""
    kept = json.dumps([trim(envoy_filter("shop", patch)), trim(envoy_filter("shop", LUA))])
    assert "s3cr3t" not in kept
    assert "httpCall" not in kept
    assert "request_headers_to_add" in kept


def test_a_filter_deeper_than_any_is_not_taken_for_harmless() -> None:
    value: dict[str, Any] = {"access_log": []}
    for _ in range(200):
        value = {"typed_config": value}
    kept = kept_patches({"configPatches": [{"applyTo": "CLUSTER", "patch": {"operation": "MERGE", "value": value}}]})
    assert touched(kept["configPatches"][0]) == "MERGE of CLUSTER (typed_config)"
