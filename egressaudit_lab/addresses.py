"""Loopback addresses of one lab: 127.A.B.0/24, where A and B are its own, so that labs can run in parallel.

Linux lets anybody bind any address of 127.0.0.0/8, which stands in for a pod network.

In: the name of a workload, or a port. Out: an address for its next pod, or a port that can be bound.
Example: the first address of a pod is 127.A.B.10, and port 80 becomes 10080 if that is free.
"""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Iterable

from egressaudit.errors import LabError

_PODS = range(10, 180)
_HOSTS = range(180, 250)
_NOBODY = 254
"""Has no listener: a connection to it is refused."""

HBONE_PORT = 15008
"""Where waypoints take tunnels (istio/ztunnel src/config.rs)."""


class AddressBook:
    """Hands out addresses and ports. `close` gives the network back."""

    def __init__(self) -> None:
        self._lock, self._prefix = _claim()
        self._reserved: dict[str, list[str]] = {}
        self._leased: set[str] = set()
        self._hosts: dict[str, str] = {}
        self._ports: dict[int, int] = {}
        self._free = [f"{self._prefix}.{n}" for n in _PODS]

    def close(self) -> None:
        """Let another lab have this network."""
        self._lock.close()

    def reserve(self, workload: str, count: int) -> None:
        """Set addresses aside for the pods of a workload: its clients are configured before it runs."""
        self._reserved[workload] = [self._free.pop(0) for _ in range(count)]

    def endpoints(self, workload: str) -> tuple[str, ...]:
        """The addresses that were reserved for a workload."""
        return tuple(self._reserved.get(workload, ()))

    def lease(self, workload: str) -> str:
        """An address for a pod that starts: one reserved for its workload if there is one left."""
        for address in self._reserved.get(workload, ()):
            if address not in self._leased:
                self._leased.add(address)
                return address
        if not self._free:
            raise LabError("the lab has no address left for another pod")
        address = self._free.pop(0)
        self._leased.add(address)
        return address

    def release(self, address: str) -> None:
        """Take back a pod's address. Addresses that were not reserved are reused last, as in a cluster."""
        self._leased.discard(address)
        if address not in {each for several in self._reserved.values() for each in several}:
            self._free.append(address)

    def host(self, name: str) -> str:
        """The address of an external host."""
        return self._hosts.setdefault(name, f"{self._prefix}.{_HOSTS[len(self._hosts)]}")

    @property
    def nobody(self) -> str:
        """An address that refuses every connection: where unknown hosts are sent."""
        return f"{self._prefix}.{_NOBODY}"

    @property
    def outside(self) -> str:
        """The addresses of external hosts and of nobody, as networks joined by commas: for EGRESSAUDIT_OUTSIDE.

        They are loopback addresses, which are never outside a cluster unless somebody says so.
        """
        first, last = (ipaddress.ip_address(f"{self._prefix}.{n}") for n in (_HOSTS[0], _NOBODY))
        return ",".join(map(str, ipaddress.summarize_address_range(first, last)))

    def port(self, wanted: int) -> int:
        """A port that can be bound on all addresses of this lab: the one wanted, or one some thousands above.

        Ports below 1024 are for root, so 80 becomes 10080; and somebody may listen on all addresses at 8080.
        """
        if wanted not in self._ports:
            first = wanted if wanted >= 1024 else wanted + 10000
            candidates = [first] if wanted == HBONE_PORT else range(first, 32768, 1000)
            self._ports[wanted] = self._bindable(candidates)
        return self._ports[wanted]

    def _bindable(self, candidates: Iterable[int]) -> int:
        tried = 0
        for tried in candidates:
            with socket.socket() as probe:
                try:
                    probe.bind((self.nobody, tried))
                except OSError:
                    continue
                return tried
        raise LabError(f"port {tried} is taken on all addresses", hint="Another program listens there; stop it.")


def _claim() -> tuple[socket.socket, str]:
    """A network that no other lab uses: an abstract socket named for it is the lock, which dies with its owner."""
    for _ in range(200):
        prefix = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}"  # noqa: S311  not a secret
        lock = socket.socket(socket.AF_UNIX)
        try:
            lock.bind(f"\0egressaudit-lab-{prefix}")
        except OSError:
            lock.close()
            continue
        return lock, prefix
    raise LabError("no free loopback network was found", hint="Are hundreds of labs running?")
