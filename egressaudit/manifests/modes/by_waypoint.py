"""Ambient mode: a ServiceEntry for each host, labelled for a waypoint, and the waypoint.

In: what is wanted. Out: manifests as Red Hat's documentation writes them. Example: docs.redhat.com on 443/tls is one
ServiceEntry with the label `istio.io/use-waypoint`, and one Gateway of class istio-waypoint.
"""

from __future__ import annotations

from egressaudit.errors import UsageError
from egressaudit.manifests.documents import Manifest
from egressaudit.manifests.objects_of_istio import GATEWAY_API, Object, head, service_entry
from egressaudit.manifests.site import Site
from egressaudit.manifests.wanted import Protocol, Wanted

_WITH_NAMES = (Protocol.HTTP, Protocol.TLS)
"""What carries the host that is asked for: istio/istio pilot/pkg/networking/core/cluster_waypoint.go."""

USE_WAYPOINT = "istio.io/use-waypoint"
USE_WAYPOINT_NAMESPACE = "istio.io/use-waypoint-namespace"


def manifests(wanted: Wanted, site: Site) -> tuple[Manifest, ...]:
    """The waypoint unless it is there, and the ServiceEntries. UsageError for wildcards on TCP ports."""
    if wanted.wildcards and (wrong := [each for each in wanted.ports if each.protocol not in _WITH_NAMES]):
        carried = f"{wanted.wildcards[0]} on port {wrong[0].number}/{wrong[0].protocol}"
        raise UsageError(
            f"--mode ambient can't carry {carried}: a waypoint finds the host behind a wildcard by the Host header of "
            "http, or the server name of tls",
            hint="Name each host, or write the port as http or tls if that is what clients speak.",
        )
    labels = {USE_WAYPOINT: wanted.gateway.name}
    if wanted.namespace != wanted.gateway.namespace:
        labels[USE_WAYPOINT_NAMESPACE] = wanted.gateway.namespace
    said = [f"The label sends it through waypoint {wanted.gateway}. Sources with a sidecar don't use waypoints."]
    entries = tuple(
        service_entry(wanted, host, *said, *_of_wildcard(wanted, host), labels=labels) for host in wanted.hosts
    )
    return (*(() if site.there else (_waypoint(wanted),)), *entries)


def _of_wildcard(wanted: Wanted, host: str) -> tuple[str, ...]:
    """istio/istio pilot/pkg/serviceregistry/ambient/services.go, and core/cluster_waypoint.go for the flag of TLS."""
    if host not in wanted.wildcards:
        return ()
    said = f"DYNAMIC_DNS looks up the name that the client asks for: whoever may send to {host} chooses the name."
    if not wanted.of_family("tls"):
        return (said,)
    flag = "For TLS, istiod needs ENABLE_WILDCARD_HOST_SERVICE_ENTRIES_FOR_TLS=true; without it, traffic is dropped."
    return (said, flag)


def _waypoint(wanted: Wanted) -> Manifest:
    listener: Object = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    said = ["The waypoint. Istio makes a Deployment and a Service of it."]
    if wanted.namespace != wanted.gateway.namespace:
        listener["allowedRoutes"] = {
            "namespaces": {
                "from": "Selector",
                "selector": {"matchLabels": {"kubernetes.io/metadata.name": wanted.namespace}},
            }
        }
        said.append(f"`allowedRoutes` lets ServiceEntries of namespace {wanted.namespace} use it.")
    labels = {"istio.io/waypoint-for": "service"}
    made = head(GATEWAY_API, "Gateway", wanted.gateway.namespace, wanted.gateway.name, labels=labels)
    return Manifest(made | {"spec": {"gatewayClassName": "istio-waypoint", "listeners": [listener]}}, tuple(said))
