"""Whether a proxy may send a request more than once: its log shows only the last attempt.

In: a cluster, e.g. docs.example.com:80. Out: True unless every rule for it excludes retries.

A route of istiod retries twice unless its rule, or the mesh, says otherwise (istio/istio
pilot/pkg/networking/core/route/retry/retry.go ConvertPolicy); connections of TCP and TLS are tried once (no
max_connect_attempts is set anywhere in pilot/pkg/networking).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from egressaudit.mesh.apis import GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.services.cluster_endpoints import full_host, grouped, plain_host
from egressaudit.mesh.untyped import number, rows, table, text, words

ROUTING = frozenset(
    {f"{ISTIO}/VirtualService", f"{ISTIO}/Sidecar", f"{GATEWAY_API}/HTTPRoute", f"{GATEWAY_API}/GRPCRoute"}
)
"""Kinds that say how often a request is tried, or whose rules a proxy has."""

_OPAQUE = frozenset({"TCP", "TLS", "HTTPS", "MONGO", "MYSQL", "REDIS"})
"""Protocols of ports that Istio does not read as HTTP, and does not guess (pkg/config/protocol/instance.go)."""
_SAYS_NOTHING = frozenset({"gateways", "port", "name", "statPrefix"})


@dataclass(frozen=True, slots=True)
class Retries:
    """How often requests are tried, by where they go."""

    read: bool
    """Whether every kind that could set retries was read."""
    mesh_off: bool
    """Whether the mesh's default is a single attempt."""
    tries: Mapping[str, tuple[int | None, ...]]
    """By destination: what each rule says; None if a rule leaves it to the default."""
    rules: Mapping[str, tuple[Obj, ...]]
    """The VirtualServices of proxies of the mesh, by the hosts that they are for."""
    by_api: bool
    """Whether routes of the Gateway API take hosts of the mesh, too."""
    sidecars: bool
    """Whether Sidecar objects may hide a VirtualService from a proxy, which then has the default."""
    objects: Objects

    @classmethod
    def of(cls, objects: Objects, read: frozenset[str]) -> Retries:
        """What a snapshot says, if kinds `read` were."""
        services = objects.all(ISTIO, "VirtualService")
        routes = objects.all(GATEWAY_API, "HTTPRoute", "GRPCRoute")
        default = objects.config.get("defaultHttpRetryPolicy")
        return cls(
            read=read >= ROUTING,
            mesh_off=_attempts(default) == 0 and objects.planes.complete,
            tries=grouped([*_of_services(services), *_of_routes(routes)]),
            rules=grouped(
                (full_host(host, each.namespace), each)
                for each in services
                for host in words(each.spec.get("hosts"))
                if "mesh" in (words(each.spec.get("gateways")) or ("mesh",))
            ),
            by_api=any(_of_mesh(each) for each in routes),
            sidecars=bool(objects.all(ISTIO, "Sidecar")),
            objects=objects,
        )

    def possible(self, host: str, port: int | None, families: frozenset[str], *, waypoint: bool) -> bool:
        """Whether a request to a cluster may be tried twice; yes wherever that is not excluded.

        `families` are the protocols that its objects declare for the port. What no is worth: before Envoy 1.33, whoever
        sends from a private address can ask for retries in headers (x-envoy-retry-on), whatever the route says.
        """
        if not self.read:
            return True
        tries = self.tries.get(host, ())
        if any(each not in (None, 0) for each in tries):
            return True
        if self.mesh_off:
            return False
        if not tries:
            return not (families and families <= _OPAQUE)
        # A single attempt for what these rules send. What no rule matches has the default, three attempts.
        return None in tries or waypoint or not self._no_default(host, port)

    def _no_default(self, host: str, port: int | None) -> bool:
        """Whether every proxy of the mesh has a rule for all requests to a host, so that none has the default route."""
        own = self.rules.get(host, ())
        if not own or self.sidecars or self.by_api:
            return False
        everywhere = any(self.objects.exported(each, "") for each in own)
        return everywhere and all(_takes_all(each, port) for each in own)


def _of_services(services: tuple[Obj, ...]) -> Iterator[tuple[str, int | None]]:
    rules = [(each, rule) for each in services for rule in rows(each.spec.get("http"))]
    # A delegate without retries of its own inherits them (pilot/pkg/model/virtualservice.go mergeHTTPRoute).
    handed_on = [_attempts(rule.get("retries")) for _, rule in rules if rule.get("delegate") is not None]
    inherited = next((each for each in handed_on if each), None)
    for each, rule in rules:
        tries = _attempts(rule.get("retries"))
        if tries is None and not words(each.spec.get("hosts")):
            tries = inherited
        for route in rows(rule.get("route")):
            yield full_host(text(table(route.get("destination")).get("host")), each.namespace), tries


def _of_routes(routes: tuple[Obj, ...]) -> Iterator[tuple[str, int | None]]:
    for each in routes:
        for rule in rows(each.spec.get("rules")):
            tries = _attempts(rule.get("retry"))
            for backend in rows(rule.get("backendRefs")):
                yield backend_host(backend, each.namespace), tries


def backend_host(backend: Mapping[str, object], namespace: str) -> str:
    """The host that a backend of the Gateway API means, '' if it is of no kind that has one.

    pilot/pkg/config/kube/gateway/conversion.go buildDestination: a Service, or a Hostname.
    """
    name, kind = text(backend.get("name")), text(backend.get("kind")) or "Service"
    if kind == "Hostname":
        return plain_host(name)
    if kind != "Service" or text(backend.get("group")):
        return ""
    return plain_host(f"{name}.{text(backend.get('namespace')) or namespace}.svc.cluster.local")


def _attempts(policy: object) -> int | None:
    """How many further tries a policy allows, None without one; -1 where it does not say a number."""
    if policy is None:
        return None
    attempts = number(table(policy).get("attempts"))
    return -1 if attempts is None else attempts


def _of_mesh(route: Obj) -> bool:
    return any(text(each.get("kind")) not in ("", "Gateway") for each in rows(route.spec.get("parentRefs")))


def _takes_all(service: Obj, port: int | None) -> bool:
    """Whether one of a VirtualService's HTTP rules takes every request of the mesh's proxies on a port."""
    for rule in rows(service.spec.get("http")):
        if rule.get("delegate") is not None:
            continue
        matches = rule.get("match")
        if not matches or any(_matches_all(each, port) for each in rows(matches)):
            return True
    return False


def _matches_all(match: Mapping[str, object], port: int | None) -> bool:
    of_mesh = "mesh" in (words(match.get("gateways")) or ("mesh",))
    return of_mesh and match.get("port") in (None, port) and match.keys() <= _SAYS_NOTHING
