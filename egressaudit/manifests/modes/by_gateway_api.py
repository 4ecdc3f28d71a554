"""Gateway API: a ServiceEntry, a Gateway, and two routes for each host and port: to the gateway, and on to the host.

In: what is wanted. Out: manifests as Red Hat's documentation writes them: the first route has the ServiceEntry as its
parent, the second has the Gateway and a backend of kind Hostname. Example: port 443/tls makes two TLSRoutes.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.errors import UsageError
from egressaudit.manifests.changes import Change
from egressaudit.manifests.documents import Manifest
from egressaudit.manifests.objects_of_istio import GATEWAY_API, Object, head, refuse_wildcards, service_entry
from egressaudit.manifests.site import Site
from egressaudit.manifests.wanted import ExternalPort, Protocol, Wanted
from egressaudit.model import ObjectRef

_ROUTES = {"http": "HTTPRoute", "tls": "TLSRoute", "tcp": "TCPRoute"}
_NEWER = "gateway.networking.k8s.io/v1alpha2"
"""TLSRoute and TCPRoute became v1 late; releases of Istio that want v1 take them from new CRDs only."""
_SINCE = {"TLSRoute": "1.5", "TCPRoute": "1.6"}
"""The first release of Gateway API whose kind Istio 1.31 reads (istio/istio pkg/config/schema/gatewayapi
minimumversions.go); older releases read v1alpha2, and only with a flag (pkg/config/schema/collections/extras.go)."""


def manifests(wanted: Wanted, site: Site) -> tuple[Manifest | Change, ...]:
    """The Gateway, and the objects of all hosts. UsageError for wildcards, and for TCP hosts that share a port."""
    refuse_wildcards(wanted, "gateway-api")
    if wanted.of_family("tcp") and len(wanted.hosts) > 1:
        raise UsageError(
            "several TCP hosts can't share a port of a Gateway: bytes have no host name",
            hint="Write one host at a time, each on a port or at a Gateway of its own.",
        )
    found: list[Manifest | Change] = [_gateway(wanted, site)]
    for host in wanted.hosts:
        entry = site.entry_unless_there(host, service_entry(wanted, host))
        parent = site.entry_of(host) or ObjectRef(wanted.namespace, wanted.name_of(host))
        found += [*entry, *_routes(wanted, site, host, parent)]
    if wanted.namespace != wanted.gateway.namespace:
        found.append(_grant(wanted, site))
    return tuple(found)


def _gateway(wanted: Wanted, site: Site) -> Manifest | Change:
    listeners = [_listener(wanted, host, port) for host in wanted.hosts for port in wanted.ports]
    if site.there:
        operations = [{"op": "add", "path": "/spec/listeners/-", "value": each} for each in listeners]
        return Change(GATEWAY_API, "Gateway", wanted.gateway, operations, "It needs a listener for each host and port.")
    named = {"annotations": {"networking.istio.io/service-type": "ClusterIP"}}
    made = head(GATEWAY_API, "Gateway", wanted.gateway.namespace, wanted.gateway.name, **named)
    said = "The gateway. Istio makes a Deployment and a Service of it, with a port for each listener."
    return Manifest(made | {"spec": {"gatewayClassName": site.gateway_class, "listeners": listeners}}, (said,))


def _listener(wanted: Wanted, host: str, port: ExternalPort) -> Object:
    protocol = "HTTP" if port.protocol.family == "http" else port.protocol.istio
    named = {} if port.protocol is Protocol.TCP else {"hostname": host}
    passing = {"tls": {"mode": "Passthrough"}} if port.protocol is Protocol.TLS else {}
    return {
        "name": section_name(wanted, host, port),
        **named,
        "port": port.number,
        "protocol": protocol,
        **passing,
        "allowedRoutes": {"namespaces": {"from": "Same"}},
    }


def section_name(wanted: Wanted, host: str, port: ExternalPort) -> str:
    """The name of a host's listener: `docs-redhat-com-443`."""
    return f"{wanted.name_of(host)}-{port.number}"


def _routes(wanted: Wanted, site: Site, host: str, entry: ObjectRef) -> Iterator[Manifest]:
    for port in wanted.ports:
        kind = _ROUTES[port.protocol.family]
        api = GATEWAY_API if kind == "HTTPRoute" else site.route_apis.get(kind, _NEWER)
        named = {} if kind == "TCPRoute" else {"hostnames": [host]}
        section = section_name(wanted, host, port)
        here = {} if entry.namespace == wanted.gateway.namespace else {"namespace": wanted.gateway.namespace}
        parent = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": entry.name, "port": port.number}
        service = {"name": site.service.name, **here, "port": port.number}
        yield Manifest(
            head(api, kind, entry.namespace, f"{section}-to-gateway")
            # An HTTPRoute of a ServiceEntry is for its hosts; a TLSRoute has to name them.
            | {"spec": {"parentRefs": [parent], **(named if kind == "TLSRoute" else {}), "rules": [_rule(service)]}},
            (
                f"Sends {host}:{port.number} from the sidecars to the gateway's Service.",
                f"It holds for sidecars in all namespaces, because it is in the ServiceEntry's: {entry.namespace}.",
                *_needed(kind),
            ),
        )
        outside = {"group": "networking.istio.io", "kind": "Hostname", "name": host, "port": port.number}
        parent = {"name": wanted.gateway.name, "sectionName": section}
        yield Manifest(
            head(api, kind, wanted.gateway.namespace, f"{section}-from-gateway")
            | {"spec": {"parentRefs": [parent], **named, "rules": [_rule(outside)]}},
            (f"Sends {host}:{port.number} on from the gateway to the host.",),
        )


def _needed(kind: str) -> tuple[str, ...]:
    if kind not in _SINCE:
        return ()
    new = f"From Istio 1.31 on, {kind} has to be of Gateway API {_SINCE[kind]} or newer: `apiVersion: {GATEWAY_API}`."
    return (new, f"Older releases read {kind} only with PILOT_ENABLE_ALPHA_GATEWAY_API=true.")


def _rule(backend: Object) -> Object:
    return {"backendRefs": [backend]}


def _grant(wanted: Wanted, site: Site) -> Manifest:
    kinds = list(dict.fromkeys(_ROUTES[each.protocol.family] for each in wanted.ports))
    origin = [{"group": "gateway.networking.k8s.io", "kind": kind, "namespace": wanted.namespace} for kind in kinds]
    made = head(
        "gateway.networking.k8s.io/v1beta1",
        "ReferenceGrant",
        wanted.gateway.namespace,
        f"egress-from-{wanted.namespace}",
    )
    return Manifest(
        made | {"spec": {"from": origin, "to": [{"group": "", "kind": "Service", "name": site.service.name}]}},
        (f"Lets routes of namespace {wanted.namespace} send to the gateway's Service, which is in another namespace.",),
    )
