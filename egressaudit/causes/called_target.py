"""What the flows of a group were for, as the client called it: no more than which rules to look at.

A group is called by what proves where it went. Where it came no further than a gateway, or left as passthrough, that is
an address: the line at the source, other flows and the rules that lead there tell the host. Nothing is judged by it.

In: a group, its source, the line there. Out: a `Target`, e.g. docs.example.com:80 of a group 10.0.0.9:8080 whose line
at the source has the authority docs.example.com and came for port 80.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from egressaudit.addresses import canonical_ip, ip_of, port_of
from egressaudit.mesh import Mesh
from egressaudit.mesh.apis import CORE, ISTIO
from egressaudit.mesh.places import Place
from egressaudit.mesh.steering.registry import entries, ports
from egressaudit.mesh.untyped import number, rows, words
from egressaudit.model import DataplaneMode, FlowGroup, Hop, Path, Pod, Reporter, Scheme, Target

_SCHEMES = {80: Scheme.HTTP, 443: Scheme.HTTPS}
_MOST_ENTRIES = 50
"""ServiceEntries that are held to a flow; where there are more, nothing is said of its host."""

HostsAt = Mapping[str, Sequence[str]]
"""The hosts that other flows show to be at an address."""


@dataclass(frozen=True, slots=True)
class Called:
    """A group, and what tells what it was for."""

    group: FlowGroup
    source: Pod | None
    line: Hop | None
    """The line of the proxy at its source."""
    mesh: Mesh
    hosts_at: HostsAt

    def target(self) -> Target:
        """The host and port as they were called, as far as that is known."""
        group = self.group
        stopped = self._is_at_proxy()
        dialled = self._dialled_port(stopped=stopped) if stopped or group.via else None
        port = dialled or group.port or 0
        host = self._host(port, stopped=stopped)
        port = self._port_of_entry(host, port)
        return Target(host, port, self._scheme(port), path="")

    def candidates(self) -> tuple[Target, ...]:
        """The hosts that it may have been for, where it left as passthrough and nothing names its host."""
        host, port = self.group.host, self.group.port or 0
        unnamed = canonical_ip(host) is not None and not self.group.server_names and not self._at_address()
        if not unnamed or self.group.path is not Path.PASSTHROUGH:
            return ()
        # Of TLS that no chain inspects a line shows no more than of bytes.
        scheme = _SCHEMES.get(port) or self._scheme(port)
        return tuple(Target(each, port, scheme, path="") for each in self._declared_hosts())

    def _declared_hosts(self, port: int | None = None) -> tuple[str, ...]:
        """The hosts of ServiceEntries, of those with this port if one is given; empty if there are too many."""
        every = self.mesh.world.objects.all(ISTIO, "ServiceEntry")
        having = [each for each in every if port is None or port in dict(ports(each))]
        if len(having) > _MOST_ENTRIES:
            return ()
        return tuple(dict.fromkeys(host for each in having for host in words(each.spec.get("hosts"))))

    def _is_at_proxy(self) -> bool:
        """Whether it is called by the gateway or waypoint at which it stopped."""
        places, host = self.mesh.places, self.group.host
        if places.service_of(host):
            return True
        return canonical_ip(host) is not None and places.place(f"{host}:0").place is Place.PROXY

    def _dialled_port(self, *, stopped: bool) -> int | None:
        """The port that the client dialled, as the proxy at the source saw it, or by the gateway's own Services.

        A gateway that makes TLS of requests sends them on to another port.
        """
        line = self.line
        if line is not None:
            ztunnel = line.reporter is Reporter.ZTUNNEL
            dialled = line.text("dst_hbone_addr" if ztunnel else "downstream_local_address")
            # Where nothing kept the address that was dialled, the line has the proxy's own socket.
            own = self.source is not None and ip_of(dialled) in self.source.addresses
            return None if own else port_of(dialled)
        namespaces = {each.namespace for each in self.group.via} if stopped else ()
        services = (each for each in self.mesh.world.objects.all(CORE, "Service") if each.namespace in namespaces)
        said = (port for each in services for port in rows(each.spec.get("ports")))
        found = {number(port.get("port")) for port in said if number(port.get("targetPort")) == self.group.port}
        return found.pop() if len(found) == 1 else None

    def _host(self, port: int, *, stopped: bool) -> str:
        group, names = self.group, self.group.server_names
        if canonical_ip(group.host) is None and not stopped:
            return group.host
        if len(names) == 1:
            return names[0]
        known = self._led_here(port) if stopped else self._at_address()
        said = _said(self.line) if stopped and not names else ""
        return said or (known[0] if len(known) == 1 and not names else group.host)

    def _at_address(self) -> tuple[str, ...]:
        """The hosts that other flows reached at the address to which it went as passthrough."""
        if self.group.path is not Path.PASSTHROUGH:
            return ()
        return tuple(dict.fromkeys(host for ip, _ in self.group.reached for host in self.hosts_at.get(ip, ())))

    def _led_here(self, port: int) -> tuple[str, ...]:
        """The hosts whose calls the proxy at the source sends to the cluster that its line names."""
        source, cluster = self.source, self.line.text("upstream_cluster") if self.line else None
        if source is None or cluster is None:
            return ()
        hosts = self._declared_hosts(port)
        return tuple(
            each for each in hosts if cluster in self._clusters(source, Target(each, port, self._scheme(port)))
        )

    def _clusters(self, source: Pod, target: Target) -> Iterator[str]:
        steps = (each for each in self.mesh.way(source, target).steps if each.reporter.at_source)
        return (to.cluster for step in steps for choice in step.choices for to in choice.to)

    def _port_of_entry(self, host: str, port: int) -> int:
        """A ztunnel logs the port that it reached: what was called is the port of the ServiceEntry, if it has one."""
        if self.group.mode is not DataplaneMode.AMBIENT or self.group.scheme is not None:
            return port
        known = {said for each in entries(self.mesh.world.objects, host) for said, _ in ports(each)}
        called = self.mesh.ports_to(host, port) or tuple(known)
        return called[0] if len(called) == 1 and port not in known else port

    def _scheme(self, port: int) -> Scheme:
        """HTTP where the proxy at the source took it for a request, whatever the next one made of it."""
        if self.line is not None and self.line.text("authority") and self._is_at_proxy():
            return Scheme.HTTP
        return self.group.scheme or _SCHEMES.get(port, Scheme.TCP)


def _said(line: Hop | None) -> str:
    """The name that the client asked for: the sender's word."""
    if line is None:
        return ""
    authority = line.text("authority") or ""
    name = authority.partition(":")[0] if canonical_ip(authority) is None else authority
    return line.text("dst_service") or line.text("requested_server_name") or name
