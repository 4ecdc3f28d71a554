"""Istio APIs: ServiceEntry, Gateway, DestinationRule and VirtualService for each host, at an egress gateway.

In: what is wanted, the gateway's labels. Out: manifests as Red Hat's and Istio's documentation writes them, with mTLS
between sidecar and gateway, so that the gateway knows the identity of the source.
Example: for docs.redhat.com on port 443/tls the VirtualService has two `tls` rules: mesh to gateway, gateway to host.
"""

from __future__ import annotations

from typing import Any

from egressaudit.errors import UsageError
from egressaudit.manifests.documents import Manifest
from egressaudit.manifests.objects_of_istio import ISTIO_API, Object, head, refuse_wildcards, service_entry
from egressaudit.manifests.site import Site
from egressaudit.manifests.wanted import ExternalPort, Wanted

_NO_NAMES = ("tls", "tcp")


def manifests(wanted: Wanted, site: Site) -> tuple[Manifest, ...]:
    """The objects of all hosts, each host's together. UsageError for wildcards, and for TCP hosts that share a port."""
    refuse_wildcards(wanted, "istio-apis")
    if wanted.plaintext and wanted.of_family("tcp") and len(wanted.hosts) > 1:
        raise UsageError(
            "several TCP hosts can't share a port of the gateway without mTLS, which carries their names",
            hint="Leave out --plaintext, or write one host at a time, each on a port of its own.",
        )
    return tuple(
        each
        for host in wanted.hosts
        for each in (
            *site.entry_unless_there(host, service_entry(wanted, host)),
            _gateway(wanted, site, host),
            _destination_rule(wanted, site, host),
            _virtual_service(wanted, site, host),
        )
    )


def mutual(wanted: Wanted, site: Site, port: ExternalPort) -> bool:
    """Whether sidecars wrap this port in mTLS for the gateway. TLS of the client passes as it is: it has a name."""
    return port.protocol.family != "tls" and not wanted.plaintext and port.number not in site.plaintext_ports


def _gateway(wanted: Wanted, site: Site, host: str) -> Manifest:
    made = head(ISTIO_API, "Gateway", wanted.gateway.namespace, wanted.name_of(host))
    servers = [_server(host, port, mutual=mutual(wanted, site, port)) for port in wanted.ports]
    numbers = _listed(wanted.ports)
    return Manifest(
        made | {"spec": {"selector": dict(site.selector), "servers": servers}},
        (
            f"Lets the gateway proxies take {host} on {numbers}: all pods with the labels of `selector`.",
            f"Service {site.service} must have {numbers}: a server's number is the Service's `port`.",
        ),
    )


def _server(host: str, port: ExternalPort, *, mutual: bool) -> Object:
    protocol, tls = port.protocol.istio, {}
    if port.protocol.family == "tls":
        tls = {"tls": {"mode": "PASSTHROUGH"}}
    elif mutual:
        # The server's protocol is that of the leg from the sidecar: HTTP or bytes within mTLS.
        protocol = "HTTPS" if port.protocol.family == "http" else "TLS"
        tls = {"tls": {"mode": "ISTIO_MUTUAL"}}
    return {"port": {"number": port.number, "name": port.name, "protocol": protocol}, "hosts": [host], **tls}


def _destination_rule(wanted: Wanted, site: Site, host: str) -> Manifest:
    name = wanted.name_of(host)
    wrapped = [port for port in wanted.ports if mutual(wanted, site, port)]
    subset: Object = {"name": name}
    said = [f"Names {host} as a subset of the gateway's Service, for the rules of the VirtualService below."]
    if wrapped:
        tls = {"mode": "ISTIO_MUTUAL", "sni": host}
        settings = [{"port": {"number": port.number}, "tls": tls} for port in wrapped]
        subset["trafficPolicy"] = {"portLevelSettings": settings}
        said.append(
            f"On {_listed(tuple(wrapped))}, sidecars send to the gateway with mTLS: the gateway knows the identity of "
            "the source, and chooses its server by `sni`."
        )
    made = head(ISTIO_API, "DestinationRule", wanted.gateway.namespace, name)
    return Manifest(made | {"spec": {"host": site.service_host, "subsets": [subset]}}, tuple(said))


def _virtual_service(wanted: Wanted, site: Site, host: str) -> Manifest:
    name = wanted.name_of(host)
    at_gateway = f"{wanted.gateway.namespace}/{name}"
    rules: dict[str, list[Object]] = {}
    for port in wanted.ports:
        there = {"host": site.service_host, "subset": name, "port": {"number": port.number}}
        outside = {"host": host, "port": {"number": port.number}}
        family = port.protocol.family
        rules.setdefault(family, []).append(_rule("mesh", port, host, family, there))
        # What the gateway takes out of mTLS is bytes: its rule is a tcp rule.
        rules.setdefault(family, []).append(_rule(at_gateway, port, host, family, outside))
    made = head(ISTIO_API, "VirtualService", wanted.namespace, name)
    families = {family: rules[family] for family in ("http", *_NO_NAMES) if family in rules}
    return Manifest(
        made | {"spec": {"hosts": [host], "gateways": ["mesh", at_gateway], **families}},
        (
            f"Sends {host} from the sidecars (`mesh`) to the gateway, and from the gateway to the host.",
            "It holds for sidecars in all namespaces; `exportTo` would limit that.",
        ),
    )


def _rule(gateway: str, port: ExternalPort, host: str, family: str, destination: Object) -> Object:
    match: dict[str, Any] = {"gateways": [gateway], "port": port.number}
    if family == "tls":
        match["sniHosts"] = [host]
    return {"match": [match], "route": [{"destination": destination}]}


def _listed(ports: tuple[ExternalPort, ...]) -> str:
    numbers = ", ".join(str(each.number) for each in ports)
    return f"port {numbers}" if len(ports) == 1 else f"ports {numbers}"
