"""What each fault does to traffic: a row for every slug, and the ones that depend on what is declared."""

from __future__ import annotations

import inspect

import pytest
from support.mesh import entry, obj, route

from egressaudit.mesh import Mesh, fault_texts, way_fault_texts
from egressaudit.mesh.fault_effects import EFFECTS, effect_of
from egressaudit.model import Fault, ObjectRef, Path, RuleRef
from egressaudit.model.analysis import Effect


def slugs() -> set[str]:
    values = {"conditions": ["x"], "listed": ["x"], "entries": ["x"], "kind": "logging-off"}
    pages = (fault_texts, way_fault_texts)
    made = [each for page in pages for _, each in inspect.getmembers(page, inspect.isfunction)]
    given = values | {"by": RuleRef("VirtualService a/b", "spec.http[0]")}
    return {make(**{name: given.get(name, name) for name in inspect.signature(make).parameters}).slug for make in made}


def test_every_fault_has_an_effect_and_no_other_has() -> None:
    assert set(EFFECTS) == slugs() | {"logging-filtered"}


HIDDEN_RULE = Fault.of("not-exported", "", "VirtualService a/b")
HIDDEN_HOST = Fault.of("not-imported", "", "Sidecar a/b", "ServiceEntry a/c")
NO_PORT = Fault.of("port-not-registered", "", "ServiceEntry a/b")
NOT_ADMITTED = Fault.of("namespace-not-allowed", "", "Gateway a/b")


@pytest.mark.parametrize(
    ("fault", "path", "blocked", "effect"),
    [
        (HIDDEN_RULE, Path.VIA_GATEWAY, True, Effect.AROUND),
        (HIDDEN_HOST, Path.VIA_GATEWAY, False, Effect.OPEN),
        (NO_PORT, Path.VIA_GATEWAY, False, Effect.AROUND),
        (NO_PORT, Path.VIA_GATEWAY, True, Effect.OPEN),
        (NO_PORT, None, False, Effect.OPEN),
        (NOT_ADMITTED, Path.VIA_GATEWAY, False, Effect.FAILS),
        (NOT_ADMITTED, Path.VIA_WAYPOINT, False, Effect.AROUND),
        (Fault.of("never-heard-of", ""), Path.VIA_GATEWAY, False, Effect.OPEN),
    ],
)
def test_some_effects_depend_on_what_is_declared(fault, path, blocked, effect) -> None:
    assert effect_of(fault, path, lambda: blocked) is effect


def test_a_rule_that_is_hidden_from_the_gateway_fails_and_does_not_lead_around_it() -> None:
    rule = route()
    rule["spec"]["exportTo"] = ["curl"]
    service = obj("Service", "egress/gw", "v1", spec={"selector": {"istio": "gw"}, "ports": [{"port": 80}]})
    servers = [{"port": {"number": 80}, "hosts": ["*"]}]
    gateway = obj("Gateway", "egress/gw", spec={"selector": {"istio": "gw"}, "servers": servers})
    from support.claims import DOCS, IN_CURL

    claim = Mesh.of([rule, service, gateway, entry("egress/docs")]).claim(IN_CURL, DOCS)
    assert claim.via == ObjectRef("egress", "gw")
    effects = {each.slug: effect_of(each, claim.path, lambda: False) for each in claim.faults}
    assert effects["not-exported-to-gateway"] is Effect.FAILS
    assert Effect.AROUND not in effects.values()
