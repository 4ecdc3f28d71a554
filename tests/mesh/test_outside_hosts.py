"""The hosts outside that a configuration names: by ServiceEntries, else by rules that lead out."""

from __future__ import annotations

import pytest
from support.mesh import GATEWAY_API, entry, obj, route

from egressaudit.mesh import Mesh
from egressaudit.mesh.steering.outside_hosts import registered_targets, routed_targets

BACKEND = {"group": "networking.istio.io", "kind": "Hostname", "name": "docs.redhat.com", "port": 443}
HTTP_ROUTE = obj("HTTPRoute", "egress/docs", GATEWAY_API, spec={"rules": [{"backendRefs": [BACKEND]}]})


def shown(targets) -> list[str]:
    return [f"{each.host}:{each.port} {each.scheme}" for each in targets]


@pytest.mark.parametrize(
    ("objects", "registered", "routed"),
    [
        ([entry("a/docs")], ["docs.redhat.com:80 http"], []),
        ([entry("a/docs", port=443, protocol="TLS")], ["docs.redhat.com:443 https"], []),
        ([entry("a/db", "db.example.com", port=5432, protocol="TCP")], ["db.example.com:5432 tcp"], []),
        ([entry("a/in", "in.example.com", location="MESH_INTERNAL")], [], []),
        ([route()], [], ["docs.redhat.com:80 http"]),
        ([route(kind="tls", port=443)], [], ["docs.redhat.com:443 https"]),
        ([route(), entry("a/docs")], ["docs.redhat.com:80 http"], []),
        ([HTTP_ROUTE], [], ["docs.redhat.com:443 http"]),
        ([route(host="cart.shop.svc.cluster.local")], [], []),
        ([route(host="cart")], [], []),
    ],
)
def test_which_hosts_are_named(objects, registered, routed) -> None:
    known = Mesh.of(objects).world.objects
    assert (shown(registered_targets(known)), shown(routed_targets(known))) == (registered, routed)


def test_a_host_under_a_wildcard_has_the_ports_of_the_wildcard() -> None:
    known = Mesh.of([entry("a/all", "*.redhat.com"), entry("a/x", "x.com", port=443)]).world.objects
    assert shown(registered_targets(known, "docs.redhat.com")) == ["docs.redhat.com:80 http"]
