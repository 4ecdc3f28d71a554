"""What a person wants to reach: hosts, ports with their protocols, and the gateway or waypoint on the way.

In: words of a command line. Out: `Wanted`, checked. Example: `ExternalPort.of("443/tls")` is port 443, which carries
TLS that no proxy opens.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from egressaudit.addresses import is_ip
from egressaudit.errors import UsageError
from egressaudit.model import ObjectRef

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HOST = re.compile(rf"(\*\.)?({_LABEL.pattern}\.)+{_LABEL.pattern}")
_LONGEST_NAME = 50
"""Of an object's name: a Service or Deployment that is made for it may add some characters, and has 63."""
_MAX_PORT, _LONGEST_HOST = 65535, 253


class Protocol(StrEnum):
    """What a client speaks on a port, as it is written after the port number."""

    HTTP = "http"
    HTTP2 = "http2"
    GRPC = "grpc"
    TLS = "tls"
    """TLS from client to server (https included): proxies see the server name and nothing else."""
    TCP = "tcp"

    @property
    def family(self) -> str:
        """`http`, `tls` or `tcp`: which kind of rule and route applies to it."""
        return "http" if self in (Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC) else self.value

    @property
    def istio(self) -> str:
        """As a ServiceEntry or an Istio Gateway writes it."""
        return self.value.upper()


_USUAL = {80: Protocol.HTTP, 443: Protocol.TLS}
_ALSO = {"https": Protocol.TLS}


@dataclass(frozen=True, slots=True, order=True)
class ExternalPort:
    """A port of the external hosts."""

    number: int
    protocol: Protocol

    @classmethod
    def of(cls, text: str) -> Self:
        """`443/tls`, `5432/tcp`; `80` is `80/http`, and `443` is `443/tls`. UsageError."""
        number, _, named = text.partition("/")
        if not (number.isascii() and number.isdecimal() and 0 < int(number[:6]) <= _MAX_PORT):
            raise UsageError(f"--port {text}: {number!r} is not a port", hint="For example: --port 443/tls.")
        words = [each.value for each in Protocol]
        if not named and int(number) not in _USUAL:
            raise UsageError(
                f"--port {text}: which protocol it carries can't be guessed",
                hint=f"Say it after the number: --port {number}/tcp. One of {', '.join(words)}.",
            )
        if named and named not in (*words, *_ALSO):
            raise UsageError(f"--port {text}: unknown protocol {named!r}", hint=f"One of {', '.join(words)}.")
        protocol = (_ALSO.get(named) or Protocol(named)) if named else _USUAL[int(number)]
        return cls(int(number), protocol)

    @property
    def name(self) -> str:
        """Its name in an object: `http-80`."""
        return f"{self.protocol}-{self.number}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which hosts are to be reached on which ports, through which gateway or waypoint."""

    hosts: tuple[str, ...]
    """Lower case, without a last dot; `*.example.com` for all hosts below one."""
    ports: tuple[ExternalPort, ...]
    gateway: ObjectRef
    """The gateway's Service (Istio APIs), or the Gateway object (Gateway API, ambient)."""
    namespace: str
    """Where the objects go that belong to the hosts."""
    plaintext: bool = False
    """Whether the leg to the gateway has no mTLS of its own (Istio APIs)."""

    @classmethod
    def of(
        cls,
        hosts: Iterable[str],
        ports: Iterable[str],
        gateway: str,
        namespace: str | None = None,
        *,
        plaintext: bool = False,
    ) -> Self:
        """What the words of a command line ask for. UsageError, if they do not say it or something is twice."""
        found = tuple(dict.fromkeys(map(_host, hosts)))
        listed = tuple(dict.fromkeys(map(ExternalPort.of, ports)))
        if not found or not listed:
            raise UsageError("which hosts and ports?", hint="For example: --host docs.redhat.com --port 443/tls.")
        numbers = [each.number for each in listed]
        if twice := sorted({each for each in numbers if numbers.count(each) > 1}):
            raise UsageError(f"port {twice[0]} has two protocols", hint="A port of a host carries one.")
        where = _gateway(gateway)
        if namespace is not None and not _LABEL.fullmatch(namespace):
            raise UsageError(f"--namespace {namespace}: not a name of a namespace")
        return cls(found, listed, where, namespace or where.namespace, plaintext)

    @property
    def wildcards(self) -> tuple[str, ...]:
        """The hosts that stand for many."""
        return tuple(each for each in self.hosts if each.startswith("*."))

    def of_family(self, family: str) -> tuple[ExternalPort, ...]:
        """The ports that carry `http`, `tls` or `tcp`."""
        return tuple(each for each in self.ports if each.protocol.family == family)

    def name_of(self, host: str) -> str:
        """The name of a host's objects: `docs-redhat-com`, `any-redhat-com` of a wildcard. No two hosts share one."""
        name = _plain_name(host)
        unique = [_plain_name(each) for each in self.hosts].count(name) == 1
        if unique and len(name) <= _LONGEST_NAME:
            return name
        digest = hashlib.sha256(host.encode()).hexdigest()[:8]
        return f"{name[: _LONGEST_NAME - 9].rstrip('-')}-{digest}"


def _plain_name(host: str) -> str:
    return host.replace("*", "any").replace(".", "-")


def _host(text: str) -> str:
    host = text.rstrip(".").lower()
    if is_ip(host):
        raise UsageError(
            f"--host {text} is an address",
            hint="The mesh steers by name. Name the host, and let clients use the name instead of the address.",
        )
    if not _HOST.fullmatch(host) or len(host) > _LONGEST_HOST:
        raise UsageError(
            f"--host {text}: not a host name", hint="For example docs.redhat.com, or *.redhat.com. Not a URL."
        )
    if host.endswith((".svc", ".cluster.local")):
        raise UsageError(
            f"--host {host} is a Service of the cluster, not an external host",
            hint="Services of the cluster are known to the mesh already.",
        )
    return host


def _gateway(text: str) -> ObjectRef:
    namespace, slash, name = text.partition("/")
    if not slash or not _LABEL.fullmatch(namespace) or not _LABEL.fullmatch(name):
        raise UsageError(
            f"--gateway {text}: expected NAMESPACE/NAME", hint="For example: --gateway istio-egress/egressgateway."
        )
    return ObjectRef(namespace, name)
