"""What may lead out of a Service that selects pods: objects that add endpoints to it, or let the sender choose.

In: the objects of a snapshot. Out: the hosts that such objects name.
Example: a ServiceEntry with the host `cart.shop.svc.cluster.local` adds its endpoints to the Service shop/cart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from egressaudit.mesh.apis import CORE, GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Objects
from egressaudit.mesh.services.services import full_name
from egressaudit.mesh.untyped import rows, table, text, texts, words

_NETWORK = "topology.istio.io/network"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Hosts as configuration names them: whole, or `*.suffix`, or `*` for all."""

    whole: frozenset[str]
    suffixes: frozenset[str]

    @classmethod
    def of(cls, hosts: Iterable[str]) -> Hosts:
        """These hosts; letter case and a last dot aside."""
        known = {each.rstrip(".").lower() for each in hosts}
        return cls(frozenset(known), frozenset(each[1:] for each in known if each.startswith("*")))

    def cover(self, host: str) -> bool:
        """Whether one of them is this host, its `name.namespace.svc` or `name.namespace`, or a pattern of it."""
        short = host.removesuffix(".cluster.local")
        forms = (host, short, short.removesuffix(".svc"))
        return any(form in self.whole or any(form.endswith(suffix) for suffix in self.suffixes) for form in forms)


def entry_hosts(objects: Objects) -> Iterator[str]:
    """A ServiceEntry of a Service's host adds its endpoints to it, in whatever namespace it stands."""
    for each in objects.all(ISTIO, "ServiceEntry"):
        yield from words(each.spec.get("hosts"))


def unbalanced_hosts(objects: Objects) -> Iterator[str]:
    """Load balancing PASSTHROUGH makes any cluster go where the sender dialed (pilot/pkg/networking/core)."""
    for each in objects.all(ISTIO, "DestinationRule"):
        policies = [table(each.spec.get("trafficPolicy"))]
        policies += [table(subset.get("trafficPolicy")) for subset in rows(each.spec.get("subsets"))]
        policies += [port for policy in policies for port in rows(policy.get("portLevelSettings"))]
        if any(table(policy.get("loadBalancer")).get("simple") in ("PASSTHROUGH", 3) for policy in policies):
            host = text(each.spec.get("host"))
            yield host if host.startswith("*") else full_name(host, each.namespace)


def other_networks(objects: Objects) -> bool:
    """Whether there are gateways to other networks: pods that are said to be there are reached through those instead.

    Which pods are where, and which addresses such a gateway has, is also up to labels (pilot/pkg/serviceregistry/kube/
    controller/network.go).
    """
    found = (*objects.all(CORE, "Service"), *objects.all(GATEWAY_API, "Gateway"))
    return any(_NETWORK in each.labels for each in found)


def entry_labels(objects: Objects) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Labels by which a Service's selector takes what is no pod (pilot/pkg/serviceregistry/serviceentry/controller.go).

    Whether the entry's own labels or those of its spec go first is not the same in every Istio. Endpoints within a
    ServiceEntry were taken by older ones.
    """
    for each in objects.all(ISTIO, "WorkloadEntry"):
        said = texts(each.spec.get("labels"))
        yield each.namespace, {**said, **each.labels}
        yield each.namespace, {**each.labels, **said}
    for each in objects.all(ISTIO, "ServiceEntry"):
        for endpoint in rows(each.spec.get("endpoints")):
            yield each.namespace, texts(endpoint.get("labels"))


def named_addresses(objects: Objects) -> Iterator[str]:
    """Addresses that objects name: of nodes, of entries and of what they stand for."""
    for pod in objects.all(CORE, "Pod"):
        yield text(pod.status.get("hostIP"))
        yield from (text(each.get("ip")) for each in rows(pod.status.get("hostIPs")))
    for each in objects.all(ISTIO, "WorkloadEntry"):
        yield text(each.spec.get("address"))
    for each in objects.all(ISTIO, "ServiceEntry"):
        yield from words(each.spec.get("addresses"))
        yield from (text(endpoint.get("address")) for endpoint in rows(each.spec.get("endpoints")))
        yield from (text(given.get("value")) for given in rows(each.status.get("addresses")))
