"""The hosts of a policy's rules: names, wildcards, addresses, networks; and which rules cover a host, best first.

In: a host as a policy has it, e.g. `*.redhat.com`. Out: its pattern, e.g. `HostPattern(suffix=".redhat.com")`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
HostRank = tuple[int, int]
"""Larger is more specific: the kind of pattern, then the length of a wildcard's suffix or a network's prefix."""

ANY: HostRank = (0, 0)
_NETWORK, _WILDCARD, _EXACT = 1, 2, 3

_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?|_[\w-]{1,62}")
"""Letters of any script: proxies log names in their ASCII form, and in that form names are compared."""
_PORT = re.compile(r"([^:]+):[0-9]{1,5}")
_LONGEST, _LONGEST_LABEL = 253, 63


@dataclass(frozen=True, slots=True)
class HostPattern:
    """One entry of `hosts`: exactly one of the fields is set, none for `*`."""

    name: str = ""
    suffix: str = ""
    """With its dot: `.redhat.com` for `*.redhat.com`."""
    address: Address | None = None
    network: Network | None = None

    @classmethod
    def parse(cls, text: str) -> HostPattern:
        """The pattern of a text; ValueError says what is wrong with it and what to write instead."""
        if text == "*":
            return cls()
        if "://" in text:
            raise ValueError("is a URL; write only the host")
        if "/" in text:
            return cls(network=_network(text))
        if (address := _address(text)) is not None:
            if text.startswith("["):
                raise ValueError("is an address in brackets; remove the brackets")
            return cls(address=address)
        if _PORT.fullmatch(text):
            raise ValueError("has a port; put ports under `ports`")
        bare = text.rstrip(".").lower()
        if bare.startswith("*."):
            return cls(suffix=f".{_name(bare[2:])}")
        return cls(name=_name(bare))

    @property
    def rank(self) -> HostRank:
        """How specific it is."""
        if self.name or self.address is not None:
            return (_EXACT, 0)
        if self.suffix:
            return (_WILDCARD, len(self.suffix))
        return ANY if self.network is None else (_NETWORK, self.network.prefixlen)

    def __str__(self) -> str:
        if self.suffix:
            return f"*{self.suffix}"
        return self.name or str(self.address or self.network or "*")


def _name(text: str) -> str:
    if "*" in text:
        raise ValueError("has a `*` that is not the whole first label; write *.example.com")
    labels = text.split(".")
    whole = all(_LABEL.fullmatch(each) for each in labels)
    if not text or not whole or len(text := _ascii(text)) > _LONGEST:
        raise ValueError("is not a host; write a name, *.suffix, *, an IP address or a network such as 10.0.0.0/8")
    # No top-level domain is a number (RFC 3696 section 2): this is an address with a slip in it.
    if labels[-1].isdecimal():
        raise ValueError("is not an IP address, and a host name cannot end in a number")
    return text


def _ascii(name: str) -> str:
    """A name as DNS and the proxies have it: `xn--bcher-kva.example` for `bücher.example` (RFC 5891, 4.4)."""
    if name.isascii():
        return name
    return ".".join(map(_ascii_label, name.split(".")))


def _ascii_label(label: str) -> str:
    # A longer label is no name, whoever sent it, and encoding takes the square of its length.
    if label.isascii() or len(label) > _LONGEST_LABEL:
        return label
    return f"xn--{unicodedata.normalize('NFC', label).encode('punycode').decode('ascii')}"


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    except ValueError:
        return None
    if isinstance(found, IPv4Address):
        return found
    # An IPv4 address in IPv6 form (RFC 4291 section 2.5.5.2) is the same place.
    return found.ipv4_mapped or found


def _network(text: str) -> Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            "is not a network; write networks as 10.0.0.0/8 or 2001:db8::/32, and hosts without a path"
        ) from None
    if str(network.network_address) != str(ip_address(text.partition("/")[0])):
        raise ValueError(f"has host bits set; the network is {network}")
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped:
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


@dataclass(frozen=True, slots=True)
class Host:
    """A host as the proxies name it. Without name, suffix and address it is not known."""

    name: str = ""
    suffix: str = ""
    """Set where the proxies know it only as one of many: `*.wikipedia.org` is the host of a wildcard ServiceEntry."""
    address: Address | None = None

    @classmethod
    def of(cls, text: str) -> Host:
        """The host of any text; letter case, a last dot, brackets and a port aside."""
        if (address := _address(text)) is not None:
            return cls(address=address)
        if found := _PORT.fullmatch(text):
            return cls.of(found[1])
        if text.startswith("[") and "]:" in text and (address := _address(text.rpartition(":")[0])) is not None:
            return cls(address=address)
        bare = _ascii(text.rstrip(".").lower())
        if bare.startswith("*."):
            return cls(suffix=bare[1:])
        return cls() if bare == "*" else cls(name=bare)

    @property
    def known(self) -> bool:
        """Whether it is one host, and it is known which."""
        return bool(self.name) or self.address is not None


class HostIndex:
    """Which rules name a host, found without asking each rule."""

    def __init__(self, patterns: Iterable[tuple[int, HostPattern]]) -> None:
        names: defaultdict[str, list[int]] = defaultdict(list)
        suffixes: defaultdict[str, list[int]] = defaultdict(list)
        addresses: defaultdict[Address, list[int]] = defaultdict(list)
        networks: defaultdict[Network, list[int]] = defaultdict(list)
        self._any: list[int] = []
        for rule, pattern in patterns:
            if pattern.name:
                names[pattern.name].append(rule)
            elif pattern.suffix:
                suffixes[pattern.suffix].append(rule)
            elif pattern.address is not None:
                addresses[pattern.address].append(rule)
            elif pattern.network is not None:
                networks[pattern.network].append(rule)
            else:
                self._any.append(rule)
        self._names, self._suffixes, self._addresses, self._networks = names, suffixes, addresses, networks
        self._lengths = sorted({len(each) for each in suffixes}, reverse=True)
        self._prefixes = sorted({(each.version, each.prefixlen) for each in networks}, reverse=True)

    def find(self, host: Host) -> Mapping[int, tuple[HostRank, HostRank | None]]:
        """The rules that may name the host: how specifically at best, and how specifically for certain (None: not)."""
        best: dict[int, HostRank] = {}
        sure: dict[int, HostRank] = {}
        for certain, rank, rules in self._matches(host):
            for rule in rules:
                best[rule] = max(best.get(rule, rank), rank)
                if certain:
                    sure[rule] = max(sure.get(rule, rank), rank)
        return {rule: (rank, sure.get(rule)) for rule, rank in best.items()}

    def _matches(self, host: Host) -> Iterator[tuple[bool, HostRank, list[int]]]:
        yield True, ANY, self._any
        if host.address is not None:
            yield True, (_EXACT, 0), self._addresses.get(host.address, [])
            for version, prefix in self._prefixes:
                if version == host.address.version:
                    network = ip_network((host.address, prefix), strict=False)
                    yield True, (_NETWORK, prefix), self._networks.get(network, [])
            return
        if host.name:
            yield True, (_EXACT, 0), self._names.get(host.name, [])
        # Each suffix length that any rule has, so that a long name costs no more than a short one.
        for length in self._lengths:
            suffix = (host.name or host.suffix)[-length:]
            if len(suffix) == length and host.name != suffix:
                yield True, (_WILDCARD, length), self._suffixes.get(suffix, [])
        if not host.known:
            yield from self._within(host)

    def _within(self, host: Host) -> Iterator[tuple[bool, HostRank, list[int]]]:
        """What may be meant by a host that is one of many: all below its suffix, or anything at all."""
        for name, rules in self._names.items():
            if name.endswith(host.suffix):
                yield False, (_EXACT, 0), rules
        for suffix, rules in self._suffixes.items():
            if suffix.endswith(host.suffix):
                yield False, (_WILDCARD, len(suffix)), rules
        if not host.suffix:
            for rules in self._addresses.values():
                yield False, (_EXACT, 0), rules
            for network, rules in self._networks.items():
                yield False, (_NETWORK, network.prefixlen), rules
