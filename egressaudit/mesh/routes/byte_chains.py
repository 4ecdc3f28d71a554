"""The filter chains that istiod makes for a service's TLS and TCP ports, by `tls` and `tcp` rules or without any.

In: a service, the port of a listener, the rules of its host. Out: `FilterChain`s. Example: a `tls` rule for the SNI
docs.example.com is a chain of that name, to the rule's destinations.

istio/istio pilot/pkg/networking/core/tls.go, networkfilter.go (buildOutboundNetworkFilters).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from egressaudit.mesh.routes.clusters import ProxyClusters
from egressaudit.mesh.routes.filter_chains import FilterChain
from egressaudit.mesh.routes.http_rules import RuleTarget, shared_out
from egressaudit.mesh.routes.protocols import is_tls
from egressaudit.mesh.routes.registered import DYNAMIC_DNS, NO_ADDRESS, Registered, RegisteredPort
from egressaudit.mesh.routes.virtual_hosts import Viewer, other_names
from egressaudit.mesh.routes.virtual_services import VirtualService
from egressaudit.mesh.untyped import number, picks, rows, table, text, texts, words
from egressaudit.model import Act, Choice, RuleRef


@dataclass(frozen=True, slots=True)
class ServiceChains:
    """What chains for bytes are made of."""

    service: Registered
    port: RegisteredPort
    """The listener's: of the service, or of the Sidecar."""
    wildcard: bool
    """Whether the listener is for all addresses."""
    ranges: tuple[str, ...]
    rules: tuple[VirtualService, ...]
    viewer: Viewer
    clusters: ProxyClusters

    def chains(self) -> list[FilterChain]:
        """The chains of the service."""
        return list(self._by_sni() if is_tls(self.port.protocol) else self._by_address())

    # ------------------------------------------------------------ TLS

    def _by_sni(self) -> Iterator[FilterChain]:
        handled: set[tuple[str, str]] = set()
        # istiod keeps the subnets of one match for those after it.
        subnets = self.ranges
        for rules, index, rule, match in self._matches("tls"):
            said, sni = words(match.get("destinationSubnets")), words(match.get("sniHosts"))
            if said and self.port.number:
                subnets = said
            key = (",".join(sni), ",".join(said))
            if key not in handled:
                handled.add(key)
                yield self._chain(rules.ref("tls", index), rule, sni, subnets, doubtful=_dropped(match))
        if not handled:
            yield FilterChain(self._own_sni(), self.ranges, choose=self._own, host=self.service.host)

    def _own_sni(self) -> tuple[str, ...]:
        """The service's own host, where an address does not tell which service it is."""
        address = self.viewer.addresses(self.service)[0]
        shared = "/" in address or (address == NO_ADDRESS and self.wildcard)
        resolved = self.service.host.startswith("*") and self.service.resolution == DYNAMIC_DNS
        if not (self.ranges or shared or resolved):
            return ()
        found = [self.service.host]
        for each in self.service.aliases:
            found += [each, *other_names(each, self.viewer.client.namespace)]
        return tuple(found)

    # ------------------------------------------------------------ other bytes

    def _by_address(self) -> Iterator[FilterChain]:
        same = False
        for rules in self.rules:
            for index, rule in rules.rules("tcp"):
                if not rows(rule.get("route")):
                    continue
                ref, subnets = rules.ref("tcp", index), list[str]()
                matches = rows(rule.get("match"))
                for match in matches:
                    if not self._for_client(match):
                        continue
                    said = words(match.get("destinationSubnets"))
                    if not said or not self.port.number:
                        yield self._chain(ref, rule, (), self.ranges, doubtful=_dropped(match))
                        return
                    subnets += said
                if not matches:
                    yield self._chain(ref, rule, (), self.ranges)
                    return
                if subnets:
                    yield self._chain(ref, rule, (), tuple(subnets))
                    same = same or sorted(subnets) == sorted(self.ranges)
        if not same:
            yield FilterChain((), self.ranges, choose=self._own, host=self.service.host)

    # ------------------------------------------------------------ both

    def _matches(self, kind: str) -> Iterator[tuple[VirtualService, int, Mapping[str, Any], Mapping[str, Any]]]:
        for rules in self.rules:
            for index, rule in rules.rules(kind):
                if rows(rule.get("route")):
                    for match in rows(rule.get("match")):
                        if self._for_client(match):
                            yield rules, index, rule, match

    def _for_client(self, match: Mapping[str, Any]) -> bool:
        """matchTLS, matchTCP: unlike in `http` rules, the source counts beside gateways."""
        client, named = self.viewer.client, words(match.get("gateways"))
        return (
            (not named or not client.gateways.isdisjoint(named))
            and picks(texts(match.get("sourceLabels")), client.labels)
            and (number(match.get("port")) or self.port.number) == self.port.number
            and text(match.get("sourceNamespace")) in ("", client.namespace)
        )

    def _chain(
        self,
        ref: RuleRef,
        rule: Mapping[str, Any],
        sni: tuple[str, ...],
        subnets: tuple[str, ...],
        *,
        doubtful: bool = False,
    ) -> FilterChain:
        choose = partial(self._sends, ref, rule, doubtful=doubtful)
        return FilterChain(sni, subnets, choose=choose, host=self.service.host)

    def _sends(self, ref: RuleRef, rule: Mapping[str, Any], *, doubtful: bool) -> tuple[Choice, ...]:
        targets = [
            (self._target(table(each.get("destination"))), max(0, number(each.get("weight")) or 0))
            for each in rows(rule.get("route"))
        ]
        tunnel = self.clusters.tunnel([target for target, _ in targets])
        when = ("destinationSubnets not kept",) if doubtful else ()
        found = tuple(shared_out(Choice(Act.SEND, rule=ref, when=when, tunnel=tunnel), targets))
        return found + (self._own() if doubtful else ())

    def _target(self, to: Mapping[str, Any]) -> RuleTarget:
        return self.clusters.target(to, self.clusters.services.get(text(to.get("host"))), self.port.number)

    def _own(self) -> tuple[Choice, ...]:
        ports = self.service.ports
        port = ports[0].number if len(ports) == 1 else self.port.number
        target = self.clusters.cluster(self.service.host, port)
        return tuple(shared_out(Choice(Act.SEND, tunnel=self.clusters.tunnel([target])), [(target, 100)]))


def _dropped(match: Mapping[str, Any]) -> bool:
    """Whether the subnets of a match are only known to be there: a snapshot of an older egressaudit has no more."""
    return isinstance(match.get("destinationSubnets"), Mapping)
