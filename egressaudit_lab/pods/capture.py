"""Traffic capture without iptables: curl is told where to connect, so that it meets the proxy of its pod.

`--connect-to` leaves URL, Host header and SNI as they are, and `--interface` binds the pod's address: the socket that
curl reports is the one that the proxy logs. No name is ever looked up and nothing leaves the machine.

In: a command, e.g. `["curl", "http://docs.redhat.com/"]`. Out: the same with options before the URL, e.g.
`--connect-to docs.redhat.com:80:127.1.2.10:20001` if the pod's proxy takes that host at 127.1.2.10:20001.
"""

from __future__ import annotations

from collections.abc import Sequence

from egressaudit_lab.proxies.envoy_config import Destination

_FIRST = ("-q", "--disable")
"""Has to stay the first argument (curl's manual)."""


def captured_curl(
    curl: str, argv: Sequence[str], address: str, destinations: Sequence[Destination], nobody: str
) -> list[str]:
    """The command of curl as a captured pod runs it: every connection goes to the pod's own proxy."""
    places = [(each, (address, each.capture_port)) for each in destinations]
    return _curl(curl, argv, address, places, nobody)


def free_curl(
    curl: str, argv: Sequence[str], address: str, destinations: Sequence[Destination], nobody: str
) -> list[str]:
    """The command of curl as a pod outside the mesh runs it: straight to the external host."""
    places = [(each, (each.address, each.real_port)) for each in destinations]
    return _curl(curl, argv, address, places, nobody)


def _curl(
    curl: str,
    argv: Sequence[str],
    address: str,
    places: Sequence[tuple[Destination, tuple[str, int]]],
    nobody: str,
) -> list[str]:
    given = list(argv[1:])
    first = [given.pop(0)] if given and given[0] in _FIRST else []
    ours = ["--interface", address, "--noproxy", "*"]
    for destination, (ip, port) in places:
        ours += ["--connect-to", f"{destination.host}:{destination.port}:{ip}:{port}"]
    # curl takes the first that fits; whatever host remains is nobody's.
    ours += ["--connect-to", f"::{nobody}:9"]
    made = [curl, *first, *ours]
    for each in given:
        # What comes after it is another transfer, with options of its own.
        made += [each, *ours] if each == "--next" else [each]
    return made
