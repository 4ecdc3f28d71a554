"""Sources, grouped: workloads that no rule of the configuration tells apart are one group, and one pod stands for it.

In: the pods of a snapshot. Out: `SourceGroup`s. Example: cart and web of the namespace shop have sidecars, and no rule
selects by their labels. They are one group, `shop (sidecar)`.

What tells two pods apart, as far as the way of their requests and their own access log is concerned: the namespace, the
mode, the labels that some object selects by, the revision of the control plane, and annotations about capture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from egressaudit.mesh.apis import GATEWAY_API, ISTIO, TELEMETRY
from egressaudit.mesh.modes.capture import captured_pods
from egressaudit.mesh.services.services import full_name
from egressaudit.mesh.steering.gateway_api import ROUTES
from egressaudit.mesh.steering.istio_rules import rules_of
from egressaudit.mesh.steering.registry import FITTING, ports
from egressaudit.mesh.steering.waypoint import wanted
from egressaudit.mesh.telling_apart import marks_of, rule_matches
from egressaudit.mesh.untyped import covers, text, words
from egressaudit.mesh.world import World
from egressaudit.model import DataplaneMode, Pod, Target
from egressaudit.model.analysis import SourceGroup


def source_groups(world: World, pods: Iterable[Pod] | None = None) -> tuple[SourceGroup, ...]:
    """The groups of these pods, sorted; without `pods` of all that the mesh captures, but its own proxies."""
    chosen = captured_pods(world.pods) if pods is None else tuple(pods)
    found: dict[tuple[str, DataplaneMode, tuple[str, ...]], list[Pod]] = {}
    for pod in chosen:
        found.setdefault((pod.namespace, pod.mode, marks_of(world, pod)), []).append(pod)
    return tuple(
        SourceGroup(
            namespace=namespace,
            mode=mode,
            marks=marks,
            workloads=tuple(sorted({pod.owner or f"Pod/{pod.name}" for pod in group})),
            pods=len(group),
            example=min(group, key=lambda pod: (not pod.ready, pod.ref)),
        )
        for (namespace, mode, marks), group in sorted(found.items())
    )


class Alike:
    """Which groups the configuration treats alike for one host, though their namespaces differ.

    A namespace counts by its name where an object in it may hold for its clients alone (a Sidecar, a DestinationRule,
    Telemetry, a route), or where an object about the host names it. All others are alike.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._objects = objects = world.objects
        self._logging = self._namespaces((ISTIO, "EnvoyFilter"), (TELEMETRY, "Telemetry"))
        self._routes = self._namespaces(*((GATEWAY_API, kind) for kind in ROUTES))
        self._clients = self._routes | self._namespaces((ISTIO, "Sidecar"), (ISTIO, "ProxyConfig"))
        self._destinations = tuple(
            (full_name(text(each.spec.get("host")), each.namespace), each.namespace)
            for each in objects.all(ISTIO, "DestinationRule")
        )
        self._private = tuple(
            (port, kind, frozenset(each.namespace if to == "." else to for to in exported))
            for each in objects.all(ISTIO, "ServiceEntry")
            if (exported := words(each.spec.get("exportTo"))) and "*" not in exported
            for port, kind in ports(each)
        )
        self._defaults = frozenset(
            name for value in objects.config.values() if isinstance(value, list) for name in words(value)
        )

    def sets(self, target: Target, groups: Iterable[SourceGroup]) -> tuple[tuple[SourceGroup, ...], ...]:
        """The groups in sets of which one answer is all answers, in their order."""
        host = target.host
        ruled = bool(self._routes or self._objects.having("VirtualService", host))
        asked = any(wanted(self._world, each) for each in self._objects.having("ServiceEntry", host))
        named = frozenset[str]()
        # Where nothing is declared for the host, nobody's own objects have anything to say about its way.
        if ruled or asked:
            named |= self._logging | self._defaults | frozenset(self._about(host)) | self._with_listener(target)
        if ruled:
            named |= self._clients | self._by_destination(host)
        found: dict[tuple[str, DataplaneMode, tuple[str, ...]], list[SourceGroup]] = {}
        for group in groups:
            namespace = group.namespace if group.namespace in named else ""
            found.setdefault((namespace, group.mode, group.marks), []).append(group)
        return tuple(tuple(each) for each in found.values())

    def _with_listener(self, target: Target) -> frozenset[str]:
        """The namespaces whose sidecars have more on the target's port than others: TCP, or another protocol."""
        own = FITTING[target.scheme][0]
        return frozenset(
            namespace
            for port, kind, namespaces in self._private
            if port == target.port and (kind != own or kind == "tcp")
            for namespace in namespaces
        )

    def _by_destination(self, host: str) -> frozenset[str]:
        """The namespaces with a DestinationRule for the host, or for what a rule about it sends to."""
        services = self._objects.having("VirtualService", host)
        rules = [(service, rule) for service in services for rule in rules_of(service)]
        if self._routes or any(rule.body.get("delegate") for _, rule in rules):
            return frozenset(namespace for _, namespace in self._destinations)
        sent = {full_name(to.host, service.namespace) for service, rule in rules for to in rule.destinations} | {host}
        return frozenset(
            namespace
            for named, namespace in self._destinations
            if any(covers(named, each) or covers(each, named) for each in sent)
        )

    def _namespaces(self, *kinds: tuple[str, str]) -> frozenset[str]:
        return frozenset(each.namespace for group, kind in kinds for each in self._objects.all(group, kind))

    def _about(self, host: str) -> Iterator[str]:
        for kind in ("ServiceEntry", "VirtualService"):
            for each in self._objects.having(kind, host):
                yield each.namespace
                yield from words(each.spec.get("exportTo"))
                for match in rule_matches(each):
                    if isinstance(namespace := match.get("sourceNamespace"), str):
                        yield namespace
