"""Which outbound traffic of a pod is redirected to its sidecar, and which is not.

In: a pod with a sidecar. Out: `Redirection`, e.g. with `excluded_ports="5432"`.

The rules are those of istio/istio tools/istio-iptables/pkg/capture/run.go. istio-init gets them as flags; Istio's CNI
plugin reads them from annotations, into which the injector writes the mesh's settings (files/injection-template.yaml).
Flags show what was really done; annotations can be changed later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh.marks import INIT, INJECT, INTERCEPTION_MODE, SIDECAR_TRAFFIC
from egressaudit.mesh.untyped import number, rows, table, text, words
from egressaudit.model import PROXY_CONTAINER

REDIRECTION_FLAGS = ("-c", "-g", "-i", "-m", "-o", "-q", "-u", "-x")
"""Of istio-iptables (tools/istio-iptables/pkg/cmd/root.go, files/injection-template.yaml): excluded interfaces,
proxy's group, included ranges, mode, excluded ports, included ports, proxy's user, excluded ranges."""

SWITCHES = (
    "DISABLE_ENVOY",
    "ISTIO_AGENT_DUAL_STACK",
    "ISTIO_DUAL_STACK",
    "ISTIO_META_DNS_CAPTURE",
    "ISTIO_META_INTERCEPTION_MODE",
    "ISTIO_META_UNPRIVILEGED_POD",
    "ISTIO_OUTBOUND_OWNER_GROUPS",
    "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE",
)
"""Environment of Istio's own containers that says whose traffic is redirected, and whether there is a proxy at all,
and whether the proxy answers DNS or may bind low ports
(tools/istio-iptables/pkg/constants/constants.go, cni/pkg/plugin/plugin.go, files/grpc-agent.yaml)."""
ISTIO_INITS = frozenset({PROXY_CONTAINER, INIT, "istio-validation", "enable-core-dump"})
"""The init containers that injection adds."""

_EVERYTHING = "*"
_FALSE = frozenset({"0", "f", "F", "false", "False", "FALSE"})
_TRUE = frozenset({"1", "t", "T", "true", "True", "TRUE"})
"""What Go's strconv.ParseBool takes for either."""
_PROXY_ID = 1337
"""The proxy's user and group unless the platform chooses others (OpenShift takes them from the namespace's range)."""


@dataclass(frozen=True, slots=True)
class Redirection:
    """What is redirected. Lists are comma-separated as they were given; '' is an empty list."""

    by: str
    """Where the settings come from: `istio-init` or `annotations`."""
    mode: str = ""
    included_ranges: str = _EVERYTHING
    included_ports: str = ""
    excluded_ranges: str = ""
    excluded_ports: str = ""
    excluded_interfaces: str = ""


def redirection(spec: Mapping[str, Any], annotations: Mapping[str, str]) -> Redirection:
    """The redirection of a pod with a sidecar."""
    if flags := _flags(spec):
        return Redirection(
            by=INIT,
            # Injection leaves istio-init out where the mode is NONE.
            mode=flags.get("-m", ""),
            # Without the flag nothing is redirected (pkg/cmd/root.go), but the injector always gives it.
            included_ranges=flags.get("-i", ""),
            included_ports=flags.get("-q", ""),
            excluded_ranges=flags.get("-x", ""),
            excluded_ports=flags.get("-o", ""),
            excluded_interfaces=flags.get("-c", ""),
        )
    return Redirection(
        by="annotations",
        mode=annotations.get(INTERCEPTION_MODE, ""),
        included_ranges=annotations.get(f"{SIDECAR_TRAFFIC}includeOutboundIPRanges", _EVERYTHING),
        included_ports=annotations.get(f"{SIDECAR_TRAFFIC}includeOutboundPorts", ""),
        excluded_ranges=annotations.get(f"{SIDECAR_TRAFFIC}excludeOutboundIPRanges", ""),
        excluded_ports=annotations.get(f"{SIDECAR_TRAFFIC}excludeOutboundPorts", ""),
        excluded_interfaces=annotations.get(f"{SIDECAR_TRAFFIC}excludeInterfaces", ""),
    )


def around_sidecar(
    spec: Mapping[str, Any], annotations: Mapping[str, str], labels: Mapping[str, str], addresses: tuple[str, ...]
) -> tuple[str, ...]:
    """What a pod sends around its sidecar, one clause each, without a full stop; empty if there is nothing."""
    own, init = _environment(spec, PROXY_CONTAINER), _environment(spec, INIT)
    if own.get("DISABLE_ENVOY") in _TRUE:
        return (
            f"nothing is redirected to its sidecar: DISABLE_ENVOY makes {PROXY_CONTAINER} an agent without a proxy",
        )
    if own.get("ISTIO_META_INTERCEPTION_MODE") == "NONE":
        return ("nothing is redirected to its sidecar: interceptionMode is NONE (ISTIO_META_INTERCEPTION_MODE)",)
    # Istio's CNI plugin ignores such a pod, whoever added the sidecar; istio-init does not check
    # (cni/pkg/plugin/plugin.go, doAddRun). The label beats the annotation.
    inject = labels.get(INJECT, annotations.get(INJECT, ""))
    if inject in _FALSE and INIT not in (each.get("name") for each in rows(spec.get("initContainers"))):
        return (f"nothing is redirected to its sidecar: {INJECT} is {inject!r}, and it has no {INIT}",)
    return (
        *exclusions(redirection(spec, annotations)),
        *_of_groups(init),
        *_of_families(addresses, own | init),
    )


def _of_groups(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The groups whose processes are not redirected. Istio's CNI plugin does not know them, only istio-init does."""
    included = _listed(environment.get("ISTIO_OUTBOUND_OWNER_GROUPS", _EVERYTHING))
    if _EVERYTHING not in included:
        return (f"only processes of group {', '.join(included)} go through its sidecar: ISTIO_OUTBOUND_OWNER_GROUPS",)
    if excluded := _listed(environment.get("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "")):
        what = f"processes of group {', '.join(excluded)} go around its sidecar"
        return (f"{what}: ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE",)
    return ()


def _of_families(addresses: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, ...]:
    """IPv6 has rules only if the first address is one, or with dual stack on (istio-iptables getLocalIP)."""
    both = len({":" in each for each in addresses}) == 2
    on = any(environment.get(name) in _TRUE for name in ("ISTIO_DUAL_STACK", "ISTIO_AGENT_DUAL_STACK"))
    if not both or on or ":" in addresses[0]:
        return ()
    return ("connections over IPv6 go around its sidecar: the pod has IPv4 first, and ISTIO_DUAL_STACK is not set",)


def exclusions(found: Redirection) -> tuple[str, ...]:
    """What ports, ranges and interfaces are not redirected, one clause each, without a full stop."""
    by = f" ({found.by})"
    if found.mode == "NONE":
        return (f"nothing is redirected to its sidecar: interceptionMode is NONE{by}",)
    clauses = []
    if ports := _listed(found.excluded_ports):
        clauses.append(f"connections to port {', '.join(ports)} go around its sidecar: excludeOutboundPorts{by}")
    if ranges := _listed(found.excluded_ranges):
        clauses.append(f"connections to {', '.join(ranges)} go around its sidecar: excludeOutboundIPRanges{by}")
    if interfaces := _listed(found.excluded_interfaces):
        clauses.append(f"connections through {', '.join(interfaces)} go around its sidecar: excludeInterfaces{by}")
    # A wildcard counts only alone; within a list it is not a network, and is dropped (run.go, separateV4V6).
    if found.included_ranges.strip() != _EVERYTHING and _EVERYTHING not in _listed(found.included_ports):
        networks = [each for each in _listed(found.included_ranges) if each != _EVERYTHING]
        only = [", ".join(networks)] if networks else []
        only += [f"port {', '.join(ports)}"] if (ports := _listed(found.included_ports)) else []
        what = f"only connections to {' and to '.join(only)} go" if only else "no connection goes"
        clauses.append(f"{what} through its sidecar: includeOutboundIPRanges{by}")
    return tuple(clauses)


def as_proxy(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """The containers beside a sidecar that run as the proxy's user or group: what they send is never redirected."""
    flags = _flags(spec)
    proxy = next((_user(each, {}) for each in _containers(spec) if each.get("name") == PROXY_CONTAINER), (None, None))
    # A proxy that runs as root (TPROXY) is still recognised by Istio's own user id.
    users = ({*_numbers(flags.get("-u", "")), proxy[0]} - {None, 0}) or {_PROXY_ID}
    # Without a group of its own istio-iptables takes the user's number (pkg/cmd/root.go).
    groups = ({*_numbers(flags.get("-g", flags.get("-u", ""))), proxy[1]} - {None, 0}) or {_PROXY_ID}
    whole = table(spec.get("securityContext"))
    found = []
    for each in _containers(spec):
        user, group = _user(each, whole)
        if text(each.get("name")) not in ISTIO_INITS and (user in users or group in groups):
            found.append(text(each.get("name")))
    return tuple(found)


def before_sidecar(containers: tuple[str, ...], init_containers: tuple[str, ...]) -> tuple[str, ...]:
    """The init containers that run before the sidecar does: all of them where it is an ordinary container."""
    earlier = init_containers
    if PROXY_CONTAINER not in containers and PROXY_CONTAINER in init_containers:
        earlier = init_containers[: init_containers.index(PROXY_CONTAINER)]
    return tuple(each for each in earlier if each not in ISTIO_INITS)


def beside_proxy(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """The containers of a gateway, waypoint or ztunnel that are not the proxy: nothing captures what they send."""
    names = (text(each.get("name")) for each in _containers(spec))
    return tuple(each for each in names if each not in ISTIO_INITS)


def _containers(spec: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """All containers, those that `kubectl debug` adds to a running pod too."""
    parts = ("initContainers", "containers", "ephemeralContainers")
    return tuple(each for part in parts for each in rows(spec.get(part)))


def _environment(spec: Mapping[str, Any], container: str) -> dict[str, str]:
    for each in _containers(spec):
        if each.get("name") == container:
            return {text(entry.get("name")): text(entry.get("value")) for entry in rows(each.get("env"))}
    return {}


def _user(container: Mapping[str, Any], pod: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """User and group; a container's own setting beats its pod's."""
    own = table(container.get("securityContext"))
    user, group = number(own.get("runAsUser")), number(own.get("runAsGroup"))
    return (
        number(pod.get("runAsUser")) if user is None else user,
        number(pod.get("runAsGroup")) if group is None else group,
    )


def _flags(spec: Mapping[str, Any]) -> dict[str, str]:
    for each in rows(spec.get("initContainers")):
        if each.get("name") == INIT:
            args = words(each.get("args"))
            return dict(zip(args[::2], args[1::2], strict=False))
    return {}


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part for each in value.split(",") if (part := each.strip()))


def _numbers(value: str) -> tuple[int, ...]:
    return tuple(int(each) for each in _listed(value) if each.isascii() and each.isdecimal())
