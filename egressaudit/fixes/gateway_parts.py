"""The parts of a way through an egress gateway by Istio's APIs, as changes of the objects that are there.

In: a rule that sends a host to a gateway's Service, and a port. Out: changes: of the Service, of the Gateway's servers,
of the VirtualService's rules; and a DestinationRule with a subset of its own.
Example: a Gateway without a server for port 443 gets one with `tls.mode: PASSTHROUGH` for TLS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from egressaudit.fixes.wrong import Wrong, change
from egressaudit.manifests import Change, ExternalPort, Manifest, pointer
from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.services.services import full_name, service_named, service_ports
from egressaudit.mesh.steering.istio_rules import MESH, RouteRule, gateways_of
from egressaudit.mesh.untyped import covers, number, rows, table, text, words

Server = dict[str, Any]
_PRIVILEGED, _SHIFT = 1024, 8000


def gateway_service(wrong: Wrong, rule: RouteRule) -> Obj | None:
    """The gateway's Service that a rule sends to."""
    for each in rule.destinations:
        if wrong.leads_to_gateway(rule, each.host):
            return service_named(wrong.objects, each.host, rule.service.namespace)
    return None


def istio_gateways(wrong: Wrong, service: Obj) -> tuple[Obj, ...]:
    """The Istio Gateways to which a VirtualService is bound."""
    refs = (each.partition("/") for each in gateways_of(service) if each != MESH)
    found = (wrong.objects.one(ISTIO, "Gateway", namespace, name) for namespace, _, name in refs)
    return tuple(each for each in found if each is not None)


# ---------------------------------------------------------------- the gateway's Service


def service_port(service: Obj, port: ExternalPort) -> Change | None:
    """The change that gives the gateway's Service a port; None if it has it."""
    if port.number in service_ports(service):
        return None
    # Pods of gateways may not be allowed to listen below 1024: Istio's chart maps 80 to 8080.
    target = port.number + _SHIFT if port.number < _PRIVILEGED else port.number
    value = {"name": port.name, "port": port.number, "targetPort": target, "protocol": "TCP"}
    said = f"Adds port {port.number}, which leads to the gateway's port {target}."
    return change(service, [{"op": "add", "path": "/spec/ports/-", "value": value}], said)


# ---------------------------------------------------------------- the Gateway's servers


def server(host: str, port: ExternalPort, *, mutual: bool) -> Server:
    """A server as `generate` writes it."""
    protocol, tls = port.protocol.istio, {}
    if port.protocol.family == "tls":
        tls = {"tls": {"mode": "PASSTHROUGH"}}
    elif mutual:
        protocol = "HTTPS" if port.protocol.family == "http" else "TLS"
        tls = {"tls": {"mode": "ISTIO_MUTUAL"}}
    return {"port": {"number": port.number, "name": port.name, "protocol": protocol}, "hosts": [host], **tls}


def server_change(gateway: Obj, host: str, port: ExternalPort, *, mutual: bool) -> Change | None:
    """The change that makes a Gateway serve a host on a port; None if it does."""
    wanted = server(host, port, mutual=mutual)
    there = next(((n, each) for n, each in enumerate(rows(gateway.spec.get("servers"))) if _on(each, port)), None)
    if there is None:
        said = f"Serves {host} on port {port.number}."
        return change(gateway, [{"op": "add", "path": "/spec/servers/-", "value": wanted}], said)
    n, having = there
    base = pointer("spec", "servers", n)
    operations: list[dict[str, Any]] = [{"op": "test", "path": f"{base}/port/number", "value": port.number}]
    if not _same_kind(having, wanted):
        protocol = wanted["port"]["protocol"]
        operations.append({"op": "replace", "path": f"{base}/port/protocol", "value": protocol})
        operations += _tls(base, having, wanted)
    if not any(covers(each.rpartition("/")[2], host) for each in words(having.get("hosts"))):
        operations.append({"op": "add", "path": f"{base}/hosts/-", "value": host})
    if len(operations) == 1:
        return None
    mode = table(wanted.get("tls")).get("mode", "none")
    said = f"Serves {host} on port {port.number} as {wanted['port']['protocol']} with TLS {mode}."
    return change(gateway, operations, said)


def _on(having: Mapping[str, Any], port: ExternalPort) -> bool:
    return number(table(having.get("port")).get("number")) == port.number


def _same_kind(having: Mapping[str, Any], wanted: Server) -> bool:
    def kind(each: Mapping[str, Any]) -> tuple[str, str]:
        return text(table(each.get("port")).get("protocol")).upper(), text(table(each.get("tls")).get("mode"))

    alike = {("HTTPS", "PASSTHROUGH"): ("TLS", "PASSTHROUGH")}
    return alike.get(kind(having), kind(having)) == kind(wanted)


def _tls(base: str, having: Mapping[str, Any], wanted: Server) -> Iterator[dict[str, Any]]:
    if "tls" in wanted:
        yield {"op": "add", "path": f"{base}/tls", "value": wanted["tls"]}
    elif having.get("tls") is not None:
        yield {"op": "remove", "path": f"{base}/tls"}


def takes_mutual(gateway: Obj, port: ExternalPort) -> bool:
    """Whether a Gateway takes this port with mTLS of the mesh, where a client's own TLS would not need it."""
    modes = {text(table(each.get("tls")).get("mode")) for each in rows(gateway.spec.get("servers")) if _on(each, port)}
    return modes == {"ISTIO_MUTUAL"} and port.protocol.family != "tls"


def others_of(gateway: Obj, host: str, port: ExternalPort) -> tuple[str, ...]:
    """The other hosts that a Gateway serves on a port."""
    served = (words(each.get("hosts")) for each in rows(gateway.spec.get("servers")) if _on(each, port))
    return tuple(each for hosts in served for each in hosts if each.rpartition("/")[2] != host)


# ---------------------------------------------------------------- the VirtualService's rules


def rules(host: str, port: ExternalPort, to: Mapping[str, Any], gateway: str) -> list[dict[str, Any]]:
    """The two rules of a host and port: from the mesh to `to`, and from the gateway to the host."""
    outside = {"host": host, "port": {"number": port.number}}
    sni = {"sniHosts": [host]} if port.protocol.family == "tls" else {}

    def rule(at: str, destination: Mapping[str, Any]) -> dict[str, Any]:
        return {"match": [{"gateways": [at], "port": port.number, **sni}], "route": [{"destination": destination}]}

    return [rule(MESH, to), rule(gateway, outside)]


def rules_change(service: Obj, port: ExternalPort, new: list[dict[str, Any]], what: str) -> Change:
    """The change that puts rules before those of their kind that a VirtualService has."""
    kind = port.protocol.family
    if rows(service.spec.get(kind)):
        operations = [{"op": "add", "path": pointer("spec", kind, n), "value": each} for n, each in enumerate(new)]
        return change(service, operations, what)
    return change(service, [{"op": "add", "path": pointer("spec", kind), "value": new}], what)


# ---------------------------------------------------------------- DestinationRules


def is_mutual(wrong: Wrong, service: Obj, subset: str, port: int) -> bool | None:
    """Whether sidecars wrap what they send to the gateway in mTLS; None if the snapshot does not say."""
    host = full_name(service.name, service.namespace)
    for rule in wrong.objects.all(ISTIO, "DestinationRule"):
        if full_name(text(rule.spec.get("host")), rule.namespace) != host:
            continue
        named = [each for each in rows(rule.spec.get("subsets")) if text(each.get("name")) == subset]
        for policy in (*(table(each.get("trafficPolicy")) for each in named), table(rule.spec.get("trafficPolicy"))):
            ports = {
                number(table(each.get("port")).get("number")): each for each in rows(policy.get("portLevelSettings"))
            }
            for each in (ports.get(port), policy):
                if mode := text(table(table(each).get("tls")).get("mode")):
                    return mode == "ISTIO_MUTUAL"
    return None


def own_subset(service: Obj, name: str, host: str, port: ExternalPort, *, mutual: bool) -> Manifest:
    """A DestinationRule with a subset for one host and port: it changes nothing for other hosts.

    Istio merges the DestinationRules of one host and namespace (istio/istio pilot/pkg/model/destination_rule.go).
    """
    tls = {"mode": "ISTIO_MUTUAL", "sni": host} if mutual else {"mode": "DISABLE"}
    settings = [{"port": {"number": port.number}, "tls": tls}]
    how = (
        "Sidecars send with mTLS: the gateway knows the identity of the source."
        if mutual
        else "DISABLE adds no TLS: the client's own passes as it is."
    )
    return Manifest(
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "DestinationRule",
            "metadata": {"name": name, "namespace": service.namespace},
            "spec": {
                "host": f"{service.name}.{service.namespace}.svc.cluster.local",
                "subsets": [{"name": name, "trafficPolicy": {"portLevelSettings": settings}}],
            },
        },
        (f"A subset of the gateway's Service for {host}:{port.number}, beside those that there are.", how),
    )
