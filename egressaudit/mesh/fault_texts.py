"""Every fault of the mesh configuration that can explain a bypass: one function each, with its slug and its sentence.

In: the objects, the host, the namespace. Out: a `model.Fault`, e.g. `mesh_gateway_missing(vs)`: `VirtualService
egress/docs does not list the `mesh` gateway, so sidecars do not follow its rules`. Whoever finds a fault calls it here.
"""
# ruff: noqa: D103  the sentence says what each of them is

from __future__ import annotations

from collections.abc import Iterable

from egressaudit.model import Fault, ObjectRef

Named = object
"""Anything that names itself as `Kind namespace/name`: an `Obj`."""


# ---------------------------------------------------------------- the host and its ServiceEntries


def host_not_registered(host: str) -> Fault:
    return Fault.of("host-not-registered", f"no ServiceEntry has {host}, so the mesh does not know it")


def port_not_claimed(host: str, ports: str) -> Fault:
    return Fault.of("port-not-claimed", f"{host} is claimed on {ports} only")


def port_not_registered(entry: Named, port: int, having: str) -> Fault:
    return Fault.of("port-not-registered", f"{entry} has no port {port}, only {having}", entry, field="spec.ports")


def protocol_differs(entry: Named, port: int, declared: str, scheme: str) -> Fault:
    message = f"{entry} declares port {port} as {declared}, which does not carry {scheme}"
    return Fault.of("protocol-differs", message, entry, field="spec.ports")


# ---------------------------------------------------------------- what is visible


def not_exported(obj: Named, namespace: str) -> Fault:
    return Fault.of("not-exported", f"{obj} is not exported to namespace {namespace}", obj, field="spec.exportTo")


def not_exported_to_gateway(obj: Named, namespace: str) -> Fault:
    message = f"{obj} is not exported to namespace {namespace}, where the gateway is"
    return Fault.of("not-exported-to-gateway", message, obj, field="spec.exportTo")


def not_imported(sidecar: Named, host: str, obj: Named, listed: Iterable[str]) -> Fault:
    return Fault.of(
        "not-imported",
        f"{sidecar} does not import {host} of {obj} ({', '.join(listed)})",
        sidecar,
        obj,
        field="spec.egress",
    )


def condition_false(obj: Named, condition: str, reason: str) -> Fault:
    return Fault.of("condition-false", f"{obj} is not {condition}: {reason}".rstrip(": ."), obj)


# ---------------------------------------------------------------- from the mesh to a gateway


def mesh_gateway_missing(vs: Named) -> Fault:
    message = f"{vs} does not list the `mesh` gateway, so sidecars do not follow its rules"
    return Fault.of("mesh-gateway-missing", message, vs, field="spec.gateways")


def rival_rule(other: Named, host: str, vs: Named) -> Fault:
    message = f"{other} has {host} for the mesh too; Istio follows only one of it and {vs}"
    return Fault.of("rival-rule", message, other, vs, field="spec.hosts")


def rule_shadowed(number: int, vs: Named, host: str, field: str = "") -> Fault:
    message = f"rule {number} of {vs} takes {host} before the rule that sends it to the gateway"
    return Fault.of("rule-shadowed", message, vs, field=field)


def rule_blind(vs: Named, kind: str, host: str, scheme: str, field: str = "") -> Fault:
    return Fault.of("rule-blind", f"{vs} has an {kind} rule for {host}, which does not see {scheme}", vs, field=field)


def route_blind(route: Named, scheme: str) -> Fault:
    return Fault.of("rule-blind", f"{route} does not see {scheme}", route)


def match_conditional(vs: Named, host: str, conditions: Iterable[str], field: str = "") -> Fault:
    message = f"{vs} sends {host} to the gateway only where {', '.join(conditions)} match"
    return Fault.of("conditional", message, vs, field=field)


def route_conditional(route: Named, host: str) -> Fault:
    return Fault.of(
        "conditional", f"{route} sends {host} to the gateway only for some requests", route, field="spec.rules"
    )


def sni_hosts_missing(vs: Named, host: str, field: str = "") -> Fault:
    return Fault.of("sni-hosts-missing", f"{vs} has no sniHosts for {host} in its tls rule", vs, field=field)


def other_source_labels(vs: Named, source: ObjectRef, field: str = "") -> Fault:
    return Fault.of("other-source-labels", f"{vs} takes only sources with other labels than {source}", vs, field=field)


def other_source_namespace(vs: Named, namespace: str, field: str = "") -> Fault:
    return Fault.of("other-source-namespace", f"{vs} takes only sources of namespace {namespace}", vs, field=field)


def route_of_other_namespace(route: Named, namespace: str) -> Fault:
    return Fault.of(
        "other-source-namespace",
        f"{route} holds only for sources of namespace {namespace}",
        route,
        field="spec.parentRefs",
    )


def matched_port_missing(vs: Named, ports: str, host: str, field: str = "") -> Fault:
    message = f"{vs} matches {ports} in the mesh, which no ServiceEntry of {host} has"
    return Fault.of("matched-port-missing", message, vs, field=field)


def destination_missing(vs: Named, host: str, destination: str, field: str = "") -> Fault:
    message = f"{vs} sends {host} to {destination or 'no host'}, which is no Service of the mesh"
    return Fault.of("destination-missing", message, vs, field=field)


def backend_missing(route: Named, host: str, service: str) -> Fault:
    message = f"{route} sends {host} to Service {service}, which does not exist"
    return Fault.of("destination-missing", message, route, f"Service {service}", field="spec.rules")


def subset_undefined(vs: Named, subset: str, host: str, namespace: str, field: str = "") -> Fault:
    message = f"{vs} names subset {subset} of {host}, which no DestinationRule defines for namespace {namespace}"
    return Fault.of("subset-undefined", message, vs, field=field)


def service_port_missing(service: Named, port: int, having: str) -> Fault:
    return Fault.of("service-port-missing", f"{service} has no port {port}, only {having}", service, field="spec.ports")


def weight_around_gateway(vs: Named, weight: int, host: str, destination: str, field: str = "") -> Fault:
    message = f"{vs} sends {weight}% of {host} to {destination}, not to the gateway"
    return Fault.of("sent-around-gateway", message, vs, field=field)


def part_around_gateway(route: Named, host: str, destination: str) -> Fault:
    message = f"{route} sends part of {host} to {destination}, not to the gateway"
    return Fault.of("sent-around-gateway", message, route, field="spec.rules")


def not_sent_to_gateway(gateway: Named, host: str, port: int) -> Fault:
    message = f"no rule of the mesh sends {host} to the gateway on port {port}"
    return Fault.of("not-sent-to-gateway", message, gateway)


# ---------------------------------------------------------------- from a gateway to the host


def gateway_missing(vs: Named, gateway: str) -> Fault:
    return Fault.of(
        "gateway-missing",
        f"{vs} names Gateway {gateway}, which does not exist",
        vs,
        f"Gateway {gateway}",
        field="spec.gateways",
    )


def parent_missing(route: Named, parent: str) -> Fault:
    return Fault.of(
        "parent-missing",
        f"{route} has as its parent {parent}, which does not exist",
        route,
        parent,
        field="spec.parentRefs",
    )


def gateway_not_listed(vs: Named, gateway: str) -> Fault:
    message = f"{vs} has a rule for Gateway {gateway}, which its `gateways` do not list"
    return Fault.of("gateway-not-listed", message, vs, f"Gateway {gateway}", field="spec.gateways")


def gateway_selects_others(gateway: Named, service: Named) -> Fault:
    return Fault.of(
        "gateway-selects-others",
        f"{gateway} does not select the proxies of {service}",
        gateway,
        service,
        field="spec.selector",
    )


def server_missing(gateway: Named, host: str, namespace: str) -> Fault:
    return Fault.of(
        "server-missing", f"{gateway} has no server for {host} of namespace {namespace}", gateway, field="spec.servers"
    )


def listener_missing(gateway: Named, host: str) -> Fault:
    return Fault.of("server-missing", f"{gateway} has no listener for {host}", gateway, field="spec.listeners")


def served_on_other_port(vs: Named, asked: str, gateway: Named, host: str, serving: str, field: str = "") -> Fault:
    message = f"{vs} matches {asked} at {gateway}, which serves {host} on {serving}"
    return Fault.of("served-on-other-port", message, vs, gateway, field=field)


def forwarded_on_other_port(gateway: Named, host: str, ports: str, rule: Named, port: int | None) -> Fault:
    message = f"{gateway} forwards {host} on {ports}, but {rule} sends it to port {port}"
    return Fault.of("forwarded-on-other-port", message, gateway, rule)


def not_forwarded(host: str, service: Named, rule: Named) -> Fault:
    message = f"no rule forwards {host} at a Gateway of {service}, where {rule} sends it"
    return Fault.of("not-forwarded", message, service, rule)


def routes_not_allowed(gateway: Named, namespace: str) -> Fault:
    message = f"{gateway} allows no routes of namespace {namespace} (allowedRoutes)"
    return Fault.of("namespace-not-allowed", message, gateway, field="spec.listeners")


# ---------------------------------------------------------------- waypoints


def waypoints_differ(host: str, waypoints: str, entries: Iterable[Named]) -> Fault:
    return Fault.of(
        "waypoints-differ",
        f"ServiceEntries ask for different waypoints for {host}: {waypoints}",
        *entries,
        field="metadata.labels",
    )


def waypoint_missing(entry: Named, waypoint: ObjectRef) -> Fault:
    message = f"{entry} asks for waypoint {waypoint}, which does not exist"
    return Fault.of("waypoint-missing", message, entry, f"Gateway {waypoint}", field="metadata.labels")


def waypoint_class_differs(gateway: Named, having: str, wanted: str) -> Fault:
    return Fault.of(
        "waypoint-class-differs",
        f"{gateway} is of class {having}, not {wanted}",
        gateway,
        field="spec.gatewayClassName",
    )


def waypoint_for_others(gateway: Named, label: str, serves: str) -> Fault:
    message = f"{gateway} is labelled {label}: {serves}, so it does not serve ServiceEntries"
    return Fault.of("waypoint-for-others", message, gateway, field="metadata.labels")


def namespace_not_allowed(gateway: Named, namespace: str) -> Fault:
    message = f"{gateway} allows nothing of namespace {namespace} (allowedRoutes)"
    return Fault.of("namespace-not-allowed", message, gateway, field="spec.listeners")


def waypoint_not_bound(entry: Named, reason: str) -> Fault:
    return Fault.of("waypoint-not-bound", f"{entry} is not bound to its waypoint: {reason}", entry)


def sidecar_skips_waypoint(pod: ObjectRef) -> Fault:
    return Fault.of(
        "sidecar-skips-waypoint", f"pod {pod} has a sidecar, and sidecars do not use waypoints", f"Pod {pod}"
    )


def ambient_skips_routes(pod: ObjectRef) -> Fault:
    message = f"pod {pod} is in ambient mode: ztunnel alone does not follow routing rules"
    return Fault.of("ambient-skips-routes", message, f"Pod {pod}")


# ---------------------------------------------------------------- the source itself


def not_captured(pod: ObjectRef, reason: str) -> Fault:
    """`reason` is a clause, e.g. of `mesh.uncaptured`."""
    return Fault.of("not-captured", f"what pod {pod} sends is not captured: {reason}", f"Pod {pod}")


# ---------------------------------------------------------------- the gateway or waypoint itself


def patched(envoy_filter: str, what: str, proxy: str) -> Fault:
    """`what` says what it touches, e.g. `the access log`."""
    message = f"{envoy_filter} patches {proxy}: {what}"
    return Fault.of("patched", message, envoy_filter, field="spec.configPatches")


def no_ready_pod(proxy: ObjectRef) -> Fault:
    return Fault.of("no-ready-pod", f"{proxy} has no ready pod", proxy)


def use_denied(policy: Named, proxy: ObjectRef) -> Fault:
    return Fault.of("use-denied", f"{policy} lets nobody use {proxy}", policy, field="spec.rules")


def use_limited(policy: Named, action: str, proxy: ObjectRef) -> Fault:
    return Fault.of("use-limited", f"{policy} ({action}) limits who may use {proxy}", policy, field="spec.rules")


def not_logged(kind: str, reason: str, proxy: ObjectRef) -> Fault:
    """`kind` is that of the blind spot, e.g. `logging-off`."""
    return Fault.of(kind, reason, proxy)
