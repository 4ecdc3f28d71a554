"""Where a fault is: the object that it names first, and the field of it."""

from __future__ import annotations

import pytest
from support.claims import DOCS, IN_CURL, changed
from support.mesh import entry, obj, route, sidecar

from egressaudit.mesh import Mesh
from egressaudit.model import Fault, ObjectRef, Pod, Scheme, Target


def faults(mesh: Mesh, source: Pod = IN_CURL, target: Target = DOCS) -> dict[str, Fault]:
    return {each.slug: each for each in mesh.claim(source, target).faults}


@pytest.mark.parametrize(
    ("kind", "old", "new", "slug", "first", "field"),
    [
        (
            "VirtualService",
            '"gateways": ["mesh", ',
            '"gateways": [',
            "mesh-gateway-missing",
            "VirtualService curl/egress-vs",
            "spec.gateways",
        ),
        (
            "VirtualService",
            '"subset": "rh-docs"',
            '"subset": "other"',
            "subset-undefined",
            "VirtualService curl/egress-vs",
            "spec.http[0].route",
        ),
        (
            "ServiceEntry",
            '"number": 80',
            '"number": 81',
            "port-not-registered",
            "ServiceEntry curl/egress-se",
            "spec.ports",
        ),
        (
            "ServiceEntry",
            '"resolution"',
            '"exportTo": ["x"], "resolution"',
            "not-exported",
            "ServiceEntry curl/egress-se",
            "spec.exportTo",
        ),
    ],
)
def test_a_fault_names_the_field_of_the_object_that_it_names_first(kind, old, new, slug, first, field) -> None:
    found = faults(changed("istio-apis", kind, old, new))
    assert (found[slug].objects[0], found[slug].field) == (first, field)


def test_the_rule_and_the_match_of_a_virtual_service_are_counted_from_0() -> None:
    rule = route()
    first = {"match": [{"gateways": ["mesh"], "port": 80}], "route": [{"destination": {"host": "docs.redhat.com"}}]}
    rule["spec"]["http"].insert(0, first)
    rule["spec"]["http"][1]["match"] = [{"gateways": ["egress/x"]}, {"gateways": ["mesh"], "sourceNamespace": "cart"}]
    service = obj("Service", "egress/gw", "v1", spec={"selector": {"istio": "gw"}, "ports": [{"port": 80}]})
    gateway = obj("Gateway", "egress/gw", spec={"selector": {"istio": "gw"}, "servers": []})
    mesh = Mesh.of([rule, service, gateway, entry("egress/docs"), sidecar("shop/web-0", "10.0.0.1")])
    source = mesh.pod(ObjectRef("shop", "web-0"))
    assert source is not None
    found = faults(mesh, source, Target("docs.redhat.com", 80, Scheme.HTTP))
    assert found["rule-shadowed"].field == "spec.http[0]"
    assert found["other-source-namespace"].field == "spec.http[1].match[1].sourceNamespace"
    assert found["server-missing"].field == "spec.servers"
