"""Objects that several modes write: the ServiceEntry of a host, and the head of every object.

In: a host and its ports. Out: objects as `kubectl` reads them.
Example: `head(ISTIO_API, "ServiceEntry", "shop", "docs-redhat-com")` has `apiVersion`, `kind` and `metadata`.
"""

from __future__ import annotations

from typing import Any

from egressaudit.errors import UsageError
from egressaudit.manifests.documents import Manifest
from egressaudit.manifests.wanted import Wanted

ISTIO_API = "networking.istio.io/v1"
GATEWAY_API = "gateway.networking.k8s.io/v1"

Object = dict[str, Any]


def head(api: str, kind: str, namespace: str, name: str, **metadata: Any) -> Object:
    """The head of an object; `metadata` are its labels and annotations."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace, **metadata}}


def refuse_wildcards(wanted: Wanted, mode: str) -> None:
    """UsageError for a wildcard in a mode with an egress gateway.

    istio/api networking/v1alpha3 service_entry.proto, DYNAMIC_DNS; a gateway gets no filter that reads the
    name (istio/istio pilot/pkg/networking/core/networkfilter.go buildCompleteNetworkFilters).
    """
    if wanted.wildcards:
        why = "Istio looks up the names behind a wildcard at sidecars and waypoints, not at egress gateways"
        raise UsageError(
            f"--mode {mode} can't carry {wanted.wildcards[0]}: {why}",
            hint="Name each host, or use --mode ambient, where a waypoint does it.",
        )


def service_entry(wanted: Wanted, host: str, *what: str, labels: dict[str, str] | None = None) -> Manifest:
    """What makes a host known to the mesh; `what` it does besides.

    The proxy that sends to it looks it up by DNS. A wildcard has no address of its own: DYNAMIC_DNS looks up the name
    that a client asks for (istio/istio pilot/pkg/networking/core/cluster.go buildOutboundClusters).
    """
    named = {"labels": labels} if labels else {}
    said = [f"Makes {host} known to the mesh, with its ports and what they carry.", *what]
    if wanted.of_family("tcp"):
        said.append(
            "A TCP connection has no host name: proxies tell this host from others on the same port by its address "
            "only. Istio allocates one for it, which clients get if the mesh captures DNS; otherwise set "
            "spec.addresses, or the host takes every TCP connection to this port."
        )
    ports = [{"number": each.number, "name": each.name, "protocol": each.protocol.istio} for each in wanted.ports]
    spec = {
        "hosts": [host],
        "ports": ports,
        "location": "MESH_EXTERNAL",
        "resolution": "DYNAMIC_DNS" if host in wanted.wildcards else "DNS",
    }
    made = head(ISTIO_API, "ServiceEntry", wanted.namespace, wanted.name_of(host), **named)
    return Manifest(made | {"spec": spec}, tuple(said))
