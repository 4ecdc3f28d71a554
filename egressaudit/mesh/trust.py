"""Whom to believe: the proxies that a policy or the command line names, and which networks are outside the cluster.

Anybody who may create pods in a namespace can write their labels, annotations and names. What is named here was written
by whoever runs the audit. Example: `TrustedProxy("egress", "gw", "gw-account")`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from egressaudit.mesh.untyped import rows, table, text, words
from egressaudit.model import ObjectRef, Reporter

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

KINDS: Mapping[str, Reporter] = {
    "gateways": Reporter.EGRESS_GATEWAY,
    "waypoints": Reporter.WAYPOINT,
    "ztunnels": Reporter.ZTUNNEL,
}
"""The lists of a trust section, and the kind of proxy that each is about."""

_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "fc00::/7"),
    )
)
"""RFC 1918, RFC 6598, loopback, RFC 2544 and RFC 4193."""
_NOBODYS = tuple(
    map(
        ipaddress.ip_network,
        ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/96", "fe80::/10", "ff00::/8", "fd00:ec2::254/128"),
    )
)
"""Networks in which nothing is outside: this host, link-local with metadata services, multicast, reserved."""


@dataclass(frozen=True, slots=True, order=True)
class TrustedProxy:
    """A workload (or the Gateway that it belongs to) whose pods are believed to be proxies of the mesh.

    Empty parts are open: any name, any service account.
    """

    namespace: str
    name: str = ""
    service_account: str = ""

    def __str__(self) -> str:
        """As on the command line: `NS/NAME,sa=ACCOUNT`."""
        account = f",sa={self.service_account}" if self.service_account else ""
        return f"{self.namespace}/{self.name or '*'}{account}"


@dataclass(frozen=True, slots=True)
class Trust:
    """What is trusted. If a list is not empty, no other proxy of that kind is believed.

    `named_gateways` and `named_waypoints` are those that a policy or `--expect` names as ways out: that is proof of
    their role too, and says nothing about others.
    """

    gateways: tuple[TrustedProxy, ...] = ()
    waypoints: tuple[TrustedProxy, ...] = ()
    ztunnels: tuple[TrustedProxy, ...] = ()
    outside: tuple[Network, ...] = ()
    """Private ranges that count as outside the cluster."""
    named_gateways: frozenset[ObjectRef] = field(default_factory=frozenset)
    named_waypoints: frozenset[ObjectRef] = field(default_factory=frozenset)

    def listed(self, reporter: Reporter) -> tuple[TrustedProxy, ...]:
        """The list for a kind of proxy; if it is empty, evidence decides."""
        lists = {
            Reporter.EGRESS_GATEWAY: self.gateways,
            Reporter.WAYPOINT: self.waypoints,
            Reporter.ZTUNNEL: self.ztunnels,
        }
        return lists.get(reporter, ())

    def named(self, reporter: Reporter) -> frozenset[ObjectRef]:
        """The proxies of a kind that a policy or `--expect` names."""
        names = {Reporter.EGRESS_GATEWAY: self.named_gateways, Reporter.WAYPOINT: self.named_waypoints}
        return names.get(reporter, frozenset())

    def entry(self, reporter: Reporter, refs: Iterable[ObjectRef], account: str) -> TrustedProxy | None:
        """The entry that lists a proxy by one of its names; if it names an account, the proxy must have that."""
        known = tuple(refs)
        for each in self.listed(reporter):
            named = any(each.namespace == ref.namespace and each.name in ("", ref.name) for ref in known)
            if named and each.service_account in ("", account):
                return each
        return None

    def with_named(self, reporter: Reporter, refs: Iterable[ObjectRef]) -> Trust:
        """The same trust with these gateways or waypoints named as ways out."""
        if reporter is Reporter.WAYPOINT:
            return self.and_also(Trust(named_waypoints=frozenset(refs)))
        return self.and_also(Trust(named_gateways=frozenset(refs)))

    def and_also(self, other: Trust) -> Trust:
        """Both trusts together."""
        return Trust(
            gateways=_both(self.gateways, other.gateways),
            waypoints=_both(self.waypoints, other.waypoints),
            ztunnels=_both(self.ztunnels, other.ztunnels),
            outside=tuple(dict.fromkeys((*self.outside, *other.outside))),
            named_gateways=self.named_gateways | other.named_gateways,
            named_waypoints=self.named_waypoints | other.named_waypoints,
        )

    def to_json(self) -> dict[str, Any]:
        """The saved form; empty if nothing is trusted."""
        said: dict[str, Any] = {
            kind: [_saved(each) for each in self.listed(reporter)] for kind, reporter in KINDS.items()
        }
        said["outside"] = [str(each) for each in self.outside]
        said["namedGateways"] = [_saved(each) for each in sorted(self.named_gateways)]
        said["namedWaypoints"] = [_saved(each) for each in sorted(self.named_waypoints)]
        return {key: value for key, value in said.items() if value}

    @classmethod
    def from_json(cls, saved: object) -> Trust:
        """The trust of a saved form; parts of a wrong shape count as absent. ValueError for a bad network."""
        form = table(saved)
        proxies = {kind: tuple(_proxy(each) for each in rows(form.get(kind))) for kind in KINDS}
        return cls(
            **proxies,
            outside=tuple(ipaddress.ip_network(each) for each in words(form.get("outside"))),
            named_gateways=_refs(form.get("namedGateways")),
            named_waypoints=_refs(form.get("namedWaypoints")),
        )


def private_network(said: str) -> Network:
    """A private range that may be declared as outside, in its canonical form. ValueError says what is wrong with it.

    Public addresses are outside without being declared. Nothing can be reached outside at a multicast, link-local
    (with the metadata service of clouds) or unspecified address. Loopback is for meshes that run on one machine.
    """
    try:
        network = ipaddress.ip_network(said)
    except ValueError:
        try:
            near = ipaddress.ip_network(said, strict=False)
        except ValueError:
            raise ValueError("is no network such as 10.20.0.0/16") from None
        raise ValueError(f"has bits behind its prefix; the network is {near}") from None
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise ValueError("is an IPv4 network in IPv6 form; write it as IPv4")
    if any(_overlap(network, each) for each in _NOBODYS):
        raise ValueError("holds multicast, link-local, reserved or unspecified addresses: nothing outside has one")
    if not any(_within(network, each) for each in _PRIVATE):
        raise ValueError("is not private: public addresses are outside already")
    return network


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _within(one: Network, other: Network) -> bool:
    if isinstance(one, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and one.subnet_of(other)
    return isinstance(other, ipaddress.IPv6Network) and one.subnet_of(other)


def _both(one: tuple[TrustedProxy, ...], other: tuple[TrustedProxy, ...]) -> tuple[TrustedProxy, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _saved(each: TrustedProxy | ObjectRef) -> dict[str, str]:
    account = {"serviceAccount": each.service_account} if isinstance(each, TrustedProxy) else {}
    said = {"namespace": each.namespace, "name": each.name, **account}
    return {key: value for key, value in said.items() if value}


def _proxy(saved: Mapping[str, Any]) -> TrustedProxy:
    return TrustedProxy(text(saved.get("namespace")), text(saved.get("name")), text(saved.get("serviceAccount")))


def _refs(saved: object) -> frozenset[ObjectRef]:
    return frozenset(ObjectRef(text(each.get("namespace")), text(each.get("name"))) for each in rows(saved))
