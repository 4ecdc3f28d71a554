"""The virtual hosts of a sidecar at one port: by which rules, or by the default route of which service, a host goes.

In: an egress listener, a port, who asks. Out: `VirtualHosts`. Example: at port 80 `docs.example.com` has the rules of
VirtualService egress/docs; `cart`, `cart.shop` and the IP of that Service have its default route.

istio/istio pilot/pkg/networking/core/httproute.go (BuildSidecarOutboundVirtualHosts), route/route.go
(BuildSidecarVirtualHostWrapper). Listeners of the protocol HTTP_PROXY are read as if each port were the listener's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from egressaudit.mesh.routes.hostnames import overlaps
from egressaudit.mesh.routes.http_rules import Client, HttpRule, rules_for
from egressaudit.mesh.routes.names import DOMAIN, is_ip
from egressaudit.mesh.routes.protocols import may_be_http
from egressaudit.mesh.routes.registered import ALIAS, NO_ADDRESS, PASSTHROUGH, Registered
from egressaudit.mesh.routes.sidecar_scope import EgressListener
from egressaudit.mesh.routes.virtual_services import VirtualService


@dataclass(frozen=True, slots=True, eq=False)
class VirtualHost:
    """What a proxy does with the requests for some domains."""

    rules: tuple[HttpRule, ...] = ()
    service: Registered | None = None
    """Whose default route it has, where no rules are for it."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """The proxy for which virtual hosts and listeners are made."""

    client: Client
    captures_dns: bool = False
    v4: bool = True
    v6: bool = False

    def addresses(self, service: Registered) -> tuple[str, ...]:
        """The addresses by which it knows a service."""
        return service.seen_by(captures_dns=self.captures_dns, v4=self.v4, v6=self.v6)


@dataclass(slots=True)
class VirtualHosts:
    """The virtual hosts of one port."""

    services: dict[str, Registered] = field(default_factory=dict)
    """What rules find for the hosts that they send to."""
    exact: dict[str, VirtualHost] = field(default_factory=dict)
    wild: dict[str, VirtualHost] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    contested: dict[str, VirtualHost] = field(default_factory=dict)
    """What a domain may have instead: where two services want it, istiod's choice is that of its map."""
    local: set[str] = field(default_factory=set)
    """Domains of services, which the proxies of their namespace may also call by their first part alone."""

    def find(self, host: str, namespace: str) -> VirtualHost | None:
        """The one for a host, as Envoy finds it: the name itself, else the longest ending; None if there is none."""
        host = host.lower()
        full = f"{host}.{namespace}.{DOMAIN}"
        if (own := self.exact.get(host)) is not None:
            return own
        if full in self.local:
            return self.exact.get(full)
        # Names of pods behind a headless Service.
        for start in range(1, len(host) + 1):
            if (found := self.wild.get(f"*{host[start:]}")) is not None:
                return found
            if (longer := f"*{full[start:]}") in self.local and start < len(host):
                return self.wild.get(longer)
        return None

    def of_domain(self, domain: str) -> VirtualHost | None:
        """The one that has this very domain, also a wildcard; None if none has."""
        return self.exact.get(domain.lower()) or self.wild.get(domain.lower())

    def add(self, name: str, domains: list[str], made: VirtualHost, others: tuple[str, ...] = ()) -> None:
        """One more, for the domains that no other has yet; `others` are names that a known host may own."""
        if name in self.names:
            return
        self.names.add(name)
        for each in domains:
            domain = each.lower()
            if each in others and each in self.known:
                continue
            first = (self.wild if domain.startswith("*") else self.exact).setdefault(domain, made)
            if first is not made and first.service is not None and made.service is not None:
                self.contested.setdefault(domain, made)


def virtual_hosts(listener: EgressListener, port: int, viewer: Viewer) -> VirtualHosts:
    """The virtual hosts of a listener at a port."""
    found = VirtualHosts()
    for each in listener.services:
        own = each.port(port)
        if own is not None:
            host = each.host.lower()
            found.services[host] = replace(each, host=host, ports=(own,))
    wrapped = list(_of_rules(listener, port, viewer, found))
    covered = {each.host for _, services, _ in wrapped for each in services}
    alone = [
        each
        for host, each in sorted(found.services.items())
        if host not in covered and each.resolution != ALIAS and may_be_http(each.ports[0].protocol)
    ]
    found.known = covered | {each.host for each in alone}
    for hosts, services, made in wrapped:
        for name in hosts:
            found.add(name, [name], made)
        for each in services:
            _add_service(found, each, viewer, made)
    for each in alone:
        _add_service(found, each, viewer, VirtualHost(service=each))
    return found


def _of_rules(
    listener: EgressListener, port: int, viewer: Viewer, found: VirtualHosts
) -> Iterator[tuple[list[str], list[Registered], VirtualHost]]:
    for rules in listener.rules:
        # istiod has rules for hosts that nobody registered at port 80 alone.
        if port != 80 and not _about(rules, found.services):
            continue
        own = rules_for(rules, viewer.client, port)
        if not own:
            continue
        hosts, services = _separated(rules, found.services, listener)
        near = rules.namespace == viewer.client.namespace
        if rules.of_gateway_api and not any(near or each.namespace == rules.namespace for each in services):
            continue
        fitting = [each for each in services if may_be_http(each.ports[0].protocol)]
        if fitting or port == 80:
            yield hosts, fitting, VirtualHost(own)


def _about(rules: VirtualService, services: dict[str, Registered]) -> bool:
    """Whether a host of the rules is that of a service (httproute.go selectVirtualServices)."""
    for each in rules.hosts:
        host = each.lower()
        if host in services:
            return True
        wild = host.startswith("*")
        if any((wild or other.startswith("*")) and overlaps(host, other) for other in services):
            return True
    return False


def _separated(
    rules: VirtualService, services: dict[str, Registered], listener: EgressListener
) -> tuple[list[str], list[Registered]]:
    """The hosts of rules that are no services, and the services that they are for (separateVSHostsAndServices)."""
    others, found = [], []
    for each in rules.hosts:
        host = each.lower()
        if not host.startswith("*"):
            if host in services:
                found.append(services[host])
            else:
                others.append(host)
    for each in rules.hosts:
        host = each.lower()
        if not host.startswith("*"):
            continue
        matching = [] if rules.of_gateway_api else [other for other in services if overlaps(other, host)]
        found += [services[other] for other in matching if listener.by_host.best(other)[:1] == [rules]]
        if not matching:
            others.append(host)
    return others, found


def _add_service(found: VirtualHosts, service: Registered, viewer: Viewer, made: VirtualHost) -> None:
    domains, others = [], []
    for host in (service.host, *service.aliases):
        # Not the name alone, which is for one namespace: `find` knows that.
        more = other_names(host, "")
        domains += [host, *more]
        others += more
    if service.resolution == PASSTHROUGH and service.kubernetes:
        domains += [f"*.{each}" for each in domains]
    found.local.update(each for each in domains if each.endswith(DOMAIN))
    domains += [each for each in viewer.addresses(service) if each != NO_ADDRESS]
    found.add(service.host, domains, made, tuple(others))


def other_names(host: str, namespace: str) -> list[str]:
    """The other names by which a proxy of a namespace may ask for a host (GenerateAltVirtualHosts)."""
    found = [] if is_ip(host) else [f"{host}."]
    if not host.endswith(f".{DOMAIN}"):
        return found
    before = host[: host.index(".svc.")]
    name, dot, where = before.partition(".")
    if not dot:
        return found
    return [*found, *([name] if where == namespace else []), before, f"{before}.svc"]
