"""Which DestinationRule a proxy has for a service, and what it says of one leg: subsets, TLS, a tunnel.

In: the DestinationRules of a snapshot, a proxy's namespace and labels, a service. Out: `Destinations`. Example: of a
rule in the client's namespace and one in the service's, the client's is the one, also if only the other has the subset.

istio/istio pilot/pkg/model/push_context.go (setDestinationRules, destinationRule), destination_rule.go
(mergeDestinationRule), sidecar.go (SidecarScope.DestinationRule). BackendTLSPolicies are such rules for istiod. Not
known: the TLS that istiod chooses for each endpoint where no rule says (auto mTLS).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.routes.ages import Age, created, in_order
from egressaudit.mesh.routes.backend_tls import INTERNAL_NAME, backend_tls, beneath
from egressaudit.mesh.routes.exports import EVERYBODY, OWN
from egressaudit.mesh.routes.host_table import HostTable
from egressaudit.mesh.routes.names import full_host
from egressaudit.mesh.routes.registered import Registered
from egressaudit.mesh.untyped import number, picks, rows, table, text, texts, words
from egressaudit.mesh.world import World
from egressaudit.model import Tls

_MODES = {"DISABLE": Tls.NONE, "SIMPLE": Tls.TLS, "MUTUAL": Tls.TLS, "ISTIO_MUTUAL": Tls.MUTUAL}


@dataclass(frozen=True, slots=True)
class Leg:
    """How a proxy sends to a cluster."""

    tls: Tls | None = None
    """None where no rule says: istiod decides for each endpoint."""
    sni: str = ""
    tunnel: str = ""
    """`host:port` that is asked of the proxy behind the cluster by CONNECT or POST; '' without a tunnel."""
    kept: bool = True
    """No where a rule says something that a snapshot of an older egressaudit did not keep."""


@dataclass(slots=True)
class MergedRule:
    """The DestinationRules of one host in one namespace that count as one."""

    namespace: str
    export_to: frozenset[str]
    selector: Mapping[str, str] | None
    """The labels of the proxies that it is for; None if it is for all."""
    subsets: dict[str, tuple[Obj, Mapping[str, Any]]] = field(default_factory=dict)
    policy: tuple[Obj, Mapping[str, Any]] | None = None
    origins: list[Obj] = field(default_factory=list)

    @classmethod
    def of(cls, rule: Obj, export_to: frozenset[str], selector: Mapping[str, str] | None) -> MergedRule:
        """One rule, not merged yet."""
        made = cls(rule.namespace, export_to, selector)
        made.merge(rule)
        return made

    def merge(self, rule: Obj) -> None:
        """One more rule: the first subset of a name counts, and the first policy.

        What a BackendTLSPolicy says counts where no other rule of the host says anything, whichever is older.
        """
        self.origins.append(rule)
        for each in rows(rule.spec.get("subsets")):
            self.subsets.setdefault(text(each.get("name")), (rule, each))
        if rule.spec.get("trafficPolicy") is None:
            return
        said, first, known = table(rule.spec.get("trafficPolicy")), self.origins[0], self.policy
        if known is None:
            self.policy = (rule, said)
        elif first.group != rule.group:
            user, backend = (known[1], said) if first.group == ISTIO else (said, known[1])
            self.policy = (rule if first.group != ISTIO else known[0], beneath(user, backend))

    def visible(self, namespace: str) -> bool:
        """Whether it is exported to a namespace."""
        return not self.export_to or not self.export_to.isdisjoint((EVERYBODY, namespace))

    def subset_labels(self, name: str) -> Mapping[str, str] | None:
        """The labels of a subset; None if there is no such subset."""
        found = self.subsets.get(name)
        return None if found is None else texts(found[1].get("labels"))

    def leg(self, port: int, subset: str = "") -> Leg:
        """How it sends to a port (util.go MergeSubsetTrafficPolicy): the subset's own policy goes first."""
        policy = self.policy[1] if self.policy else {}
        tls = table(_of_port(policy, port).get("tls"))
        tunnel = table(policy.get("tunnel"))
        if subset in self.subsets:
            own = table(self.subsets[subset][1].get("trafficPolicy"))
            of_port = _of_port(own, port)
            if of_port.get("tls") is not None or of_port is not own:
                tls = table(of_port.get("tls"))
            tunnel = table(own.get("tunnel"))
        mode = _MODES.get(text(tls.get("mode")), Tls.NONE) if tls else None
        host, to = text(tunnel.get("targetHost")), number(tunnel.get("targetPort"))
        kept = mode is not None or not any(map(_dropped, self._policies(subset)))
        return Leg(mode, text(tls.get("sni")), f"{host}:{to}" if host and to else "", kept)

    def _policies(self, subset: str) -> Iterator[object]:
        if self.policy is not None:
            yield self.policy[1]
        if subset in self.subsets:
            yield self.subsets[subset][1].get("trafficPolicy")


def _dropped(policy: object) -> bool:
    """Whether a policy says more than is known: an empty one is no policy, and a port has a number."""
    if not isinstance(policy, Mapping):
        return False
    ports = (number(table(each.get("port")).get("number")) for each in rows(policy.get("portLevelSettings")))
    return not policy or None in ports


Table = HostTable[MergedRule]


@dataclass(frozen=True, slots=True)
class Destinations:
    """The DestinationRules of a snapshot, by the namespace in which a proxy looks."""

    root: str
    own: Mapping[str, Table]
    """What the proxies of a namespace find in it."""
    exported: Mapping[str, Table]
    """What others find in it."""
    private_root: Table
    """What the proxies of the root namespace find there first: the rest is for everybody."""

    @classmethod
    def of(cls, world: World) -> Destinations:
        """The rules of a world, merged in istiod's order: those with a selector first, then the oldest."""
        objects = world.objects
        default = words(objects.config.get("defaultDestinationRuleExportTo")) or (EVERYBODY,)
        own: dict[str, Table] = {}
        exported: dict[str, Table] = {}
        private: Table = HostTable()
        listed = (*objects.all(ISTIO, "DestinationRule"), *backend_tls(objects))
        for rule in in_order(world, listed, _age):
            said = rule.spec.get("workloadSelector")
            selector = None if said is None else texts(table(said).get("matchLabels"))
            export_to = frozenset({OWN}) if selector is not None else frozenset(words(rule.spec.get("exportTo")))
            one = MergedRule.of(rule, export_to, selector)
            if not export_to or not export_to.isdisjoint((EVERYBODY, OWN, rule.namespace)):
                _add(own.setdefault(rule.namespace, HostTable()), rule, one)
            # istiod reads `.` of the mesh's default, and nothing else of it.
            alone = len(export_to) == 1 and not export_to.isdisjoint((OWN, rule.namespace))
            if not alone and (export_to or OWN not in default):
                _add(exported.setdefault(rule.namespace, HostTable()), rule, one)
            elif rule.namespace == objects.root:
                _add(private, rule, one)
        return cls(objects.root, own, exported, private)

    def of_service(self, namespace: str, labels: Mapping[str, str] | None, service: Registered) -> MergedRule | None:
        """The rule that a proxy has for a service: the client's namespace, the service's, the root; the first.

        Without labels it is the one for calls that come in: a rule with a selector is for those that go out.
        """
        found = None
        for each in self._listed(namespace, service):
            if each.selector is None:
                found = each
            elif labels is not None and each.namespace == namespace and picks(each.selector, labels):
                return each
        return found

    def _listed(self, namespace: str, service: Registered) -> list[MergedRule]:
        near = self.private_root if namespace == self.root else self.own.get(namespace)
        if near is not None and (own := near.best(service.host)):
            return own
        for where in (service.namespace, self.root):
            if (known := self.exported.get(where)) is not None:
                found = [each for each in known.best(service.host) if each.visible(namespace)]
                if found:
                    return found
        return []


def _add(known: Table, rule: Obj, new: MergedRule) -> None:
    """A rule beside those of the same host (mergeDestinationRule): merged with some, and for itself where it must be.

    It is merged where both are exported alike, or to all that the other is exported to and more.
    """
    host = full_host(text(rule.spec.get("host")), rule.namespace)
    separate = True
    same = known.wild if host.startswith("*") else known.exact
    for each in same.get(host, []):
        equal = new.export_to == each.export_to
        separate = not equal
        if not equal and not (each.export_to and new.export_to >= each.export_to):
            continue
        if new.selector is not None and each.selector is not None and new.selector != each.selector:
            separate = True
            continue
        if (new.selector is None) == (each.selector is None):
            separate = False
        each.merge(rule)
    if separate:
        known.add(host, MergedRule.of(rule, new.export_to, new.selector))


def _age(rule: Obj) -> Age:
    name = rule.annotations.get(INTERNAL_NAME, rule.name)
    return rule.spec.get("workloadSelector") is None, created(rule), name, rule.namespace


def _of_port(policy: Mapping[str, Any], port: int) -> Mapping[str, Any]:
    """A port's own policy in place of the host's (util.go GetPortLevelTrafficPolicy)."""
    return next(_settings(policy, port), policy)


def _settings(policy: Mapping[str, Any], port: int) -> Iterator[Mapping[str, Any]]:
    for each in rows(policy.get("portLevelSettings")):
        if number(table(each.get("port")).get("number")) == port:
            yield each
