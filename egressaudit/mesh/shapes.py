"""Which parts of an object `trim` keeps: where clusters lead, how often a request is tried, and what the ranges are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KEEP = True
"""Keep the value as it is; a mapping instead keeps those keys alone, through lists too."""

# Whether a cluster picks endpoints at all, or goes where the sender dialed; on which port, where a port has its own.
_BALANCER = {"loadBalancer": {"simple": KEEP}}
TRAFFIC = {**_BALANCER, "portLevelSettings": {"port": {"number": KEEP}, **_BALANCER}}
"""A traffic policy of a DestinationRule."""

ENDPOINT = {"address": KEEP, "labels": KEEP, "ports": KEEP}
"""An endpoint of a ServiceEntry, and what a WorkloadEntry says."""

_TRIES = {"attempts": KEEP}
HTTP_RULE = {
    "retries": _TRIES,
    "delegate": {"name": KEEP, "namespace": KEEP},
    "mirror": KEEP,
    "mirrors": {"destination": KEEP, "percentage": KEEP},
    "mirrorPercentage": KEEP,
    "mirrorPercent": KEEP,
    "mirror_percent": KEEP,
}
"""Of a VirtualService's HTTP rule: copies of requests, and further tries."""

# Header filters stand beside mirrors, and their values may be tokens: nothing but the mirror is kept.
_MIRROR = {"backendRef": {"group": KEEP, "kind": KEEP, "namespace": KEEP, "name": KEEP, "port": KEEP}}
FILTERS = {"filters": {"type": KEEP, "requestMirror": {**_MIRROR, "percent": KEEP, "fraction": KEEP}}}
"""Of a Gateway API route's rule or backend: copies of requests."""
ROUTE_RULE = {**FILTERS, "retry": _TRIES}
"""Of a Gateway API route's rule: copies of requests, and further tries."""

RANGES: Mapping[str, Mapping[str, Any]] = {
    "Node": {
        "spec": {"podCIDR": KEEP, "podCIDRs": KEEP},
        "status": {"addresses": {"type": KEEP, "address": KEEP}},
    },
    "ServiceCIDR": {"spec": {"cidrs": KEEP}},
    "Network": {
        "spec": {"clusterNetwork": {"cidr": KEEP}, "serviceNetwork": KEEP},
        "status": {"clusterNetwork": {"cidr": KEEP}, "serviceNetwork": KEEP},
    },
}
"""Kinds that say which addresses are the cluster's own; of these no label is kept either."""
