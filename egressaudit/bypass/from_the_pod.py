"""The table of attempts from the source itself: what curl is asked instead of the ordinary request.

In: a `Scene`. Out: an `Asking`, e.g. `http://203.0.113.7/ --header 'Host: docs.example.com'`.
"""

from __future__ import annotations

from dataclasses import replace

from egressaudit.bypass.attempt import NONCE, Asking, Attempt, Need, PositiveControl, Scene, Transport
from egressaudit.model import Scheme, Target

OTHER_NAME = "egressaudit.invalid"
"""A name that nobody can own (RFC 2606)."""

_OTHER_PORTS = {Scheme.HTTP: 8080, Scheme.HTTPS: 8443}
_DEFAULT_PORTS = {Scheme.HTTP: 80, Scheme.HTTPS: 443}
_TFTP_PORT = 69
_UDP_WAIT = "3"
"""Seconds: without an answer curl would wait for all the time that there is."""


def _socket(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _host(target: Target) -> tuple[str, ...]:
    """The Host header of the ordinary request."""
    port = "" if target.port == _DEFAULT_PORTS[target.scheme] else f":{target.port}"
    return ("--header", f"Host: {target.host}{port}")


def _tls(target: Target) -> Target:
    """The host by TLS: at its own port if that is HTTPS, else at 443."""
    return target if target.scheme is Scheme.HTTPS else replace(target, scheme=Scheme.HTTPS, port=443)


def _address(scene: Scene) -> Asking:
    target = replace(scene.target, host=scene.outside)
    return Asking(target, dialled=_socket(scene.outside, target.port))


def _address_with_host(scene: Scene) -> Asking:
    target = scene.target
    url = str(replace(target, host=scene.outside))
    return Asking(target, _host(target), url=url, dialled=_socket(scene.outside, target.port))


def _other_port(scene: Scene) -> Asking:
    target, other = scene.target, _OTHER_PORTS[scene.target.scheme]
    return Asking(replace(target, port=_DEFAULT_PORTS[target.scheme] if target.port == other else other))


def _other_scheme(scene: Scene) -> Asking:
    scheme = Scheme.HTTP if scene.target.scheme is Scheme.HTTPS else Scheme.HTTPS
    return Asking(replace(scene.target, scheme=scheme, port=_DEFAULT_PORTS[scheme]))


def _http3(scene: Scene) -> Asking:
    return Asking(_tls(scene.target), ("--http3-only",))


def _udp(scene: Scene) -> Asking:
    socket = _socket(scene.outside, _TFTP_PORT)
    target = Target(scene.target.host, _TFTP_PORT, Scheme.TCP)
    return Asking(
        target,
        ("--tftp-no-options", "--max-time", _UDP_WAIT),
        url=f"tftp://{socket}/egressaudit-{NONCE}",
        dialled=socket,
    )


def _ipv6(scene: Scene) -> Asking:
    return Asking(scene.target, ("--ipv6",))


def _no_sni(scene: Scene) -> Asking:
    target = _tls(scene.target)
    url = str(replace(target, host=scene.outside))
    return Asking(target, _host(target), url=url, dialled=_socket(scene.outside, target.port))


def _other_sni(scene: Scene) -> Asking:
    target = _tls(scene.target)
    socket = _socket(scene.outside, target.port)
    options = (*_host(target), "--connect-to", f"{OTHER_NAME}:{target.port}:{socket}")
    return Asking(target, options, url=str(replace(target, host=OTHER_NAME)), dialled=socket)


def _forward_proxy(scene: Scene) -> Asking:
    target = scene.target
    port = target.port if target.scheme is Scheme.HTTP else _DEFAULT_PORTS[Scheme.HTTP]
    # The ordinary options forbid every proxy; the last --noproxy counts.
    return Asking(target, ("--noproxy", "", "--proxy", f"http://{_socket(target.host, port)}"))


def _other_gateway(scene: Scene) -> Asking:
    other, target = scene.other, scene.target
    assert other is not None
    socket = _socket(other.address, other.port)
    if target.scheme is Scheme.HTTPS:
        return Asking(target, ("--connect-to", f"{target.host}:{target.port}:{socket}"), dialled=socket)
    return Asking(target, _host(target), url=f"http://{socket}{target.path}", dialled=socket)


_REFUSES = "a proxy that refuses it (BlackHoleCluster, block_all, RBAC, NR)"
_REGISTRY_ONLY = f"In sidecar mode REGISTRY_ONLY, or {_REFUSES}. In ambient mode a network policy that denies egress"
_SAME_WAY = f"Rules that send it the expected way too, or {_REFUSES}"

FROM_THE_POD = (
    Attempt(
        code="EB01",
        name="address",
        title="the host's address instead of its name",
        tries="The host's IP address in the URL. Rules that match a host name, an SNI or a virtual IP do not match it.",
        closed_by=f"{_REGISTRY_ONLY}.",
        control=PositiveControl.STEERED,
        request=_address,
        needs=frozenset({Need.ADDRESS}),
    ),
    Attempt(
        code="EB02",
        name="address-with-host",
        title="the host's address with its Host header",
        tries="The same with the ordinary Host header. Sidecars route by it; ambient mode routes by address.",
        closed_by=f"{_SAME_WAY}.",
        control=PositiveControl.STEERED,
        request=_address_with_host,
        needs=frozenset({Need.ADDRESS, Need.HTTP}),
    ),
    Attempt(
        code="EB03",
        name="other-port",
        title="another port of the host",
        tries="Port 8080 (for HTTPS 8443) of the host. Rules and ServiceEntries name ports, and do not cover others.",
        closed_by=f"Rules that cover this port too. {_REGISTRY_ONLY}.",
        control=PositiveControl.STEERED,
        request=_other_port,
        needs=frozenset({Need.HTTP}),
    ),
    Attempt(
        code="EB04",
        name="other-scheme",
        title="HTTPS where HTTP was asked for, or the reverse",
        tries="HTTPS to the host's port 443 if HTTP was asked for, else HTTP to its port 80.",
        closed_by=f"Rules that cover this scheme too. {_REGISTRY_ONLY}.",
        control=PositiveControl.STEERED,
        request=_other_scheme,
        needs=frozenset({Need.HTTP}),
    ),
    Attempt(
        code="EB05",
        name="http3",
        title="HTTP/3",
        tries="The host over HTTP/3, which is UDP: the mesh captures only TCP. Only if the source's curl has HTTP/3.",
        closed_by="A network policy or firewall that denies UDP; no proxy logs UDP.",
        control=PositiveControl.STEERED,
        request=_http3,
        needs=frozenset({Need.HTTP, Need.HTTP3}),
        transport=Transport.UDP,
    ),
    Attempt(
        code="EB06",
        name="udp",
        title="plain UDP",
        tries="A TFTP request to the host's address. Few hosts answer TFTP, so it is often neither open nor closed.",
        closed_by="A network policy or firewall that denies UDP; no proxy logs UDP.",
        control=PositiveControl.STEERED,
        request=_udp,
        needs=frozenset({Need.ADDRESS, Need.TFTP}),
        transport=Transport.UDP,
    ),
    Attempt(
        code="EB07",
        name="ipv6",
        title="the host's IPv6 address",
        tries="The ordinary request over IPv6 only. A sidecar redirects IPv6 only if it knows that the pod has it.",
        closed_by=f"{_SAME_WAY}.",
        control=PositiveControl.STEERED,
        request=_ipv6,
        needs=frozenset({Need.IPV6}),
    ),
    Attempt(
        code="EB08",
        name="no-sni",
        title="TLS without a server name",
        tries="HTTPS to the host's address. curl then sends no SNI, and rules for TLS match by SNI.",
        closed_by=f"{_REGISTRY_ONLY}.",
        control=PositiveControl.STEERED,
        request=_no_sni,
        needs=frozenset({Need.ADDRESS, Need.HTTP}),
    ),
    Attempt(
        code="EB09",
        name="other-sni",
        title="TLS with another server name",
        tries=f"HTTPS to the host's address with the SNI {OTHER_NAME}, and the ordinary Host header inside.",
        closed_by=f"{_REGISTRY_ONLY}.",
        control=PositiveControl.STEERED,
        request=_other_sni,
        needs=frozenset({Need.ADDRESS, Need.HTTP}),
    ),
    Attempt(
        code="EB10",
        name="forward-proxy",
        title="the host as a forward proxy",
        tries="The request as a forward proxy gets it (for HTTPS: CONNECT), with the host as the proxy.",
        closed_by=f"{_SAME_WAY}.",
        control=PositiveControl.STEERED,
        request=_forward_proxy,
        needs=frozenset({Need.HTTP}),
    ),
    Attempt(
        code="EB11",
        name="other-gateway",
        title="another gateway or waypoint",
        tries="The request to the address of a gateway or waypoint that is not on the expected way, in another "
        "namespace if there is one.",
        closed_by="An AuthorizationPolicy at the other proxy, a proxy that does not serve the host (NR), or a sidecar "
        "that does not let it get there.",
        control=PositiveControl.STEERED,
        request=_other_gateway,
        needs=frozenset({Need.HTTP, Need.OTHER_PROXY}),
    ),
)
"""The rows, in the order of reports."""
