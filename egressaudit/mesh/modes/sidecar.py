"""Sidecar mode: an Envoy in the pod itself, to which iptables redirect what its containers send.

In: a pod that the injector marked. Out: what goes around its sidecar, by the pod's own annotations and flags.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from egressaudit.addresses import ip_of
from egressaudit.mesh.apis import Resource
from egressaudit.mesh.marks import INJECT, INTERCEPTION_MODE, SIDECAR_STATUS, SIDECAR_TRAFFIC
from egressaudit.mesh.modes.redirection import around_sidecar, as_proxy, before_sidecar
from egressaudit.model import DataplaneMode, Pod, Reporter

if TYPE_CHECKING:
    from egressaudit.mesh.objects import Obj

NAME = DataplaneMode.SIDECAR
REPORTER = Reporter.SIDECAR
RESOURCES: tuple[Resource, ...] = ()
ANNOTATIONS: tuple[str, ...] = (
    INJECT,
    INTERCEPTION_MODE,
    SIDECAR_STATUS,
    f"{SIDECAR_TRAFFIC}excludeInterfaces",
    f"{SIDECAR_TRAFFIC}excludeOutboundIPRanges",
    f"{SIDECAR_TRAFFIC}excludeOutboundPorts",
    f"{SIDECAR_TRAFFIC}includeOutboundIPRanges",
    f"{SIDECAR_TRAFFIC}includeOutboundPorts",
)

EXCLUDED = "excluded"
PROXY_USER = "proxy-user"
INIT_CONTAINER = "init-container"


def mode_of(pod: Obj, namespace: Mapping[str, str], role: Reporter | None) -> DataplaneMode | None:
    """SIDECAR for a pod with the injector's mark; NONE where nothing proves its proxy: ztunnel leaves it alone too."""
    del namespace  # What a namespace asks for is done by the injector, and the injector leaves its mark.
    if SIDECAR_STATUS not in pod.annotations:
        return None
    return NAME if role is REPORTER else DataplaneMode.NONE


def captor(pod: Pod, pods: Iterable[Pod]) -> Pod | None:
    """The pod itself."""
    del pods
    return pod


def uncaptured(pod: Pod, port: int, address: str | None) -> str:
    """Why what the pod sends to a port and address goes around its sidecar; '' if it does not, or may not."""
    return _around_sidecar(pod.annotations, port, address)


def blind_spots(pod: Pod, obj: Obj, nodes: Mapping[Reporter, frozenset[str]]) -> Iterator[tuple[str, str]]:
    """What containers of the pod send around its sidecar."""
    del nodes
    for clause in around_sidecar(obj.spec, pod.annotations, pod.labels, pod.addresses):
        yield EXCLUDED, clause
    if names := as_proxy(obj.spec):
        yield PROXY_USER, f"what {', '.join(names)} sends goes around its sidecar: it runs as the proxy's user or group"
    if names := before_sidecar(pod.containers, pod.init_containers):
        yield (
            INIT_CONTAINER,
            f"what init containers {', '.join(names)} send is not logged: its sidecar starts later",
        )


def _around_sidecar(annotations: Mapping[str, str], port: int, address: str | None) -> str:
    """The rules in the order of the sidecar's iptables (istio/istio tools/istio-iptables/pkg/capture/run.go)."""
    if annotations.get(INTERCEPTION_MODE) == "NONE":
        return f"the pod's {INTERCEPTION_MODE} is NONE: nothing is redirected to its sidecar"
    ports = _listed(annotations, "excludeOutboundPorts")
    if str(port) in ports:
        return (
            f"the pod excludes port {port} from its sidecar ({SIDECAR_TRAFFIC}excludeOutboundPorts: {','.join(ports)})"
        )
    excluded = _listed(annotations, "excludeOutboundIPRanges")
    if (network := _containing(excluded, address)) is not None:
        return f"the pod excludes {network} from its sidecar ({SIDECAR_TRAFFIC}excludeOutboundIPRanges)"
    included_ports = _listed(annotations, "includeOutboundPorts")
    if (
        str(port) in included_ports
        or "*" in included_ports
        or f"{SIDECAR_TRAFFIC}includeOutboundIPRanges" not in annotations
    ):
        return ""
    included = _listed(annotations, "includeOutboundIPRanges")
    if not included:
        return f"the pod redirects no addresses to its sidecar ({SIDECAR_TRAFFIC}includeOutboundIPRanges is empty)"
    if "*" in included or not _all_known(included, address) or _containing(included, address) is not None:
        return ""
    ranges = ",".join(included)
    return f"the pod redirects only {ranges} to its sidecar ({SIDECAR_TRAFFIC}includeOutboundIPRanges)"


def _listed(annotations: Mapping[str, str], key: str) -> tuple[str, ...]:
    value = annotations.get(SIDECAR_TRAFFIC + key, "")
    return tuple(each.strip() for each in value.split(",") if each.strip())


def _address(address: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(ip_of(address) or (address or "").strip("[]"))
    except ValueError:
        return None


def _containing(ranges: tuple[str, ...], address: str | None) -> str | None:
    """The first of these ranges that has the address; None if none has, or the address is not known."""
    known = _address(address)
    if known is None:
        return None
    for each in ranges:
        try:
            if known in ipaddress.ip_network(each, strict=False):
                return each
        except ValueError:
            continue
    return None


def _all_known(ranges: tuple[str, ...], address: str | None) -> bool:
    """Whether the address and every range can be read, so that `in none of them` is certain."""
    try:
        for each in ranges:
            ipaddress.ip_network(each, strict=False)
    except ValueError:
        return False
    return _address(address) is not None
