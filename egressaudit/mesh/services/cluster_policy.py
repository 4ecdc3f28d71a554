"""What DestinationRules make of a cluster: one that goes where the sender dialed, and which endpoints a subset has.

Which rule a proxy has depends on its namespace, the Service's and the root, and several rules of one host are merged
(istio/istio pilot/pkg/model/push_context.go destinationRule, destination_rule.go mergeDestinationRule). Whose proxy
asks is not known here, so every rule that covers the host counts, and the worst of them decides.

In: the DestinationRules of a host, and the port and subset of a cluster. Out: whether they leave the choice to the
sender, and whether an endpoint may be in the subset.
Example: a rule has `trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}` and nothing else. Then all clusters of its
host go where the sender dials.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from egressaudit.mesh.apis import ISTIO, ISTIO_VERSIONS, Resource
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.services.cluster_endpoints import ClusterEndpoint, full_host, grouped
from egressaudit.mesh.shapes import KEEP, Shape
from egressaudit.mesh.untyped import number, picks, rows, table, text, texts

_PASSTHROUGH = ("PASSTHROUGH", 3)
_ADDED = ("topology.", "kubernetes.io/hostname")
"""Labels that istiod itself adds to endpoints (pilot/pkg/serviceregistry/util/label AugmentLabels)."""

# Whether a cluster picks endpoints at all, or goes where the sender dialed; on which port, where a port has its own.
_BALANCER = {"loadBalancer": {"simple": KEEP}}
# And how the proxy sends: on which TLS, through which tunnel.
_LEG = {**_BALANCER, "tls": {"mode": KEEP, "sni": KEEP}}
_TUNNEL = {"targetHost": KEEP, "targetPort": KEEP, "protocol": KEEP}
_TRAFFIC = {**_LEG, "tunnel": _TUNNEL, "portLevelSettings": {"port": {"number": KEEP}, **_LEG}}
_RULE = {
    "spec": {
        "host": KEEP,
        "exportTo": KEEP,
        "workloadSelector": {"matchLabels": KEEP},
        "trafficPolicy": _TRAFFIC,
        "subsets": {"name": KEEP, "labels": KEEP, "trafficPolicy": _TRAFFIC},
    },
}
RESOURCES = (
    Resource(
        ISTIO,
        ISTIO_VERSIONS,
        "destinationrules",
        "DestinationRule",
        keep=Shape(_RULE, created=True),
        without="one may send a cluster where the sender dials, through a tunnel, or on other TLS",
    ),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The DestinationRules of a snapshot, by host."""

    whole: Mapping[str, tuple[Obj, ...]]
    wild: Mapping[str, tuple[Obj, ...]]
    """Those of wildcards, by the suffix that they cover."""

    @classmethod
    def of(cls, objects: Objects) -> Rules:
        """The rules of a snapshot; a name without dots is a Service of the rule's own namespace."""
        named = [
            (full_host(text(each.spec.get("host")), each.namespace), each)
            for each in objects.all(ISTIO, "DestinationRule")
        ]
        whole = ((host, each) for host, each in named if not host.startswith("*"))
        wild = ((host[1:], each) for host, each in named if host.startswith("*"))
        return cls(grouped(whole), grouped(wild))

    def covering(self, host: str) -> tuple[Obj, ...]:
        """Every rule that may be in force for a host: of itself, of a shorter name of its Service, or of a wildcard."""
        short = host.removesuffix(".cluster.local")
        forms = dict.fromkeys((host, short, short.removesuffix(".svc")))
        found = [each for form in forms for each in self.whole.get(form, ())]
        bare = [form.removeprefix("*") for form in forms]
        # By each end of the name, of which there are a few dozen; a mesh may have thousands of wildcards.
        ends = dict.fromkeys(form[start:] for form in bare for start in range(len(form) + 1))
        found += [each for end in ends for each in self.wild.get(end, ())]
        return tuple(found)


def passes_on(rule: Obj, port: int | None, subset: str) -> bool:
    """Whether load balancing PASSTHROUGH makes a cluster go where the sender dialed.

    pilot/pkg/networking/core/cluster_builder.go (applyDestinationRule, buildSubsetCluster): a port's own policy takes
    the place of the host's; the host's makes its subsets so too, whatever they say, and a subset's own makes it so
    whatever its port says.
    """
    policy = table(rule.spec.get("trafficPolicy"))
    if any(_is_passthrough(each) for each in _of_port(policy, port)):
        return True
    replaced = port is not None and any(_number(each) == port for each in _of_port(policy, port))
    if _is_passthrough(policy) and not replaced:
        return True
    policies = [table(each.get("trafficPolicy")) for each in _subsets(rule, subset)]
    return any(_is_passthrough(part) for own in policies for part in (own, *_of_port(own, port)))


def defines(rule: Obj, subset: str) -> bool:
    """Whether a rule has a subset of that name."""
    return bool(_subsets(rule, subset))


def in_subset(rules: tuple[Obj, ...], subset: str, endpoint: ClusterEndpoint) -> bool:
    """Whether an endpoint may be in a subset by any of the rules that define it; yes where its labels are not known."""
    if not subset or endpoint.labels is None:
        return True
    wanted = [texts(each.get("labels")) for rule in rules for each in _subsets(rule, subset)]
    told = [{key: each for key, each in some.items() if not key.startswith(_ADDED)} for some in wanted]
    return any(picks(some, labels) for some in told for labels in endpoint.labels)


def _subsets(rule: Obj, subset: str) -> list[Mapping[str, object]]:
    return [each for each in rows(rule.spec.get("subsets")) if subset and each.get("name") == subset]


def _of_port(policy: Mapping[str, object], port: int | None) -> Iterator[Mapping[str, object]]:
    for each in rows(policy.get("portLevelSettings")):
        # A snapshot of an older egressaudit has no numbers here.
        if port is None or _number(each) in (None, port):
            yield each


def _number(setting: Mapping[str, object]) -> int | None:
    return number(table(setting.get("port")).get("number"))


def _is_passthrough(policy: Mapping[str, object]) -> bool:
    return table(policy.get("loadBalancer")).get("simple") in _PASSTHROUGH
