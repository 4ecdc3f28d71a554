"""Traffic capture without iptables: curl is told where to connect, so that it meets the proxy of its pod.

`--connect-to` leaves URL, Host header and SNI as they are, and `--interface` binds the pod's address: the socket that
curl reports is the one that the proxy logs. No name is ever looked up and nothing leaves the machine.

In: a command, e.g. `["curl", "http://docs.redhat.com/"]`. Out: the same with options before the URL, e.g.
`--connect-to docs.redhat.com:80:127.1.2.10:20001` if the pod's proxy takes that host at 127.1.2.10:20001.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from egressaudit_lab.proxies.envoy_config import Destination

_FIRST = ("-q", "--disable")
"""Has to stay the first argument (curl's manual)."""
_NEXT = "--next"
"""Ends the options of one transfer."""
_PROXY = "--proxy"
_CONNECT_TO = "--connect-to"

Socket = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where the connections of one pod really go. Whatever is not in `places` goes to nobody."""

    address: str
    """The pod's own address."""
    places: Mapping[Socket, Socket]
    """By the host or IP and the port that curl is given."""
    nobody: str


def free_curl(
    curl: str, argv: Sequence[str], address: str, destinations: Sequence[Destination], nobody: str
) -> list[str]:
    """The command of curl as a pod outside the mesh runs it: straight to the external host."""
    places = {(each.host, each.port): (each.address, each.real_port) for each in destinations}
    return wired_curl(curl, argv, Wiring(address, places, nobody))


def wired_curl(curl: str, argv: Sequence[str], wiring: Wiring) -> list[str]:
    """The command with every transfer of it wired."""
    given = list(argv[1:])
    first = [given.pop(0)] if given and given[0] in _FIRST else []
    made: list[str] = []
    for number, transfer in enumerate(_transfers(given)):
        made += [_NEXT] * bool(number) + _wired(transfer, wiring)
    return [curl, *first, *made]


def _transfers(given: Sequence[str]) -> Iterator[list[str]]:
    transfer: list[str] = []
    for each in given:
        if each == _NEXT:
            yield transfer
            transfer = []
        else:
            transfer.append(each)
    yield transfer


def _wired(given: Sequence[str], wiring: Wiring) -> list[str]:
    ours = ["--interface", wiring.address, "--noproxy", "*"]
    if _PROXY in given:
        # curl connects to the proxy alone. With --connect-to it would ask it for a tunnel, which nobody wanted.
        return [*ours, *_translated(given, wiring)]
    kept = _translated(given, wiring)
    # curl takes the first that fits: those that the command itself has come first.
    own = [each for n, each in enumerate(kept) if _CONNECT_TO in (each, *kept[max(0, n - 1) : n])]
    ours += own
    for (host, port), (ip, to) in wiring.places.items():
        ours += [_CONNECT_TO, f"{host}:{port}:{ip}:{to}"]
    # Whatever host remains is nobody's.
    ours += [_CONNECT_TO, f"::{wiring.nobody}:9"]
    return [*ours, *kept]


def _translated(given: Sequence[str], wiring: Wiring) -> list[str]:
    """The options with the sockets that the command itself names where they really are."""
    made = list(given)
    for number, (option, value) in enumerate(pairwise(given), start=1):
        if option == _CONNECT_TO:
            host, port, ip, to = value.split(":")
            made[number] = ":".join((host, port, *_there((ip, int(to)), wiring)))
        elif option == _PROXY:
            scheme, _, socket = value.partition("://")
            host, _, port = socket.partition(":")
            made[number] = f"{scheme}://{':'.join(_there((host, int(port)), wiring))}"
    return made


def _there(socket: Socket, wiring: Wiring) -> tuple[str, str]:
    ip, port = wiring.places.get(socket, (wiring.nobody, 9))
    return ip, str(port)
