"""Fixes of VirtualServices: for whom a rule is, what it matches, where it sends.

In: `Wrong`. Out: fixes. Example: a rule that matches a header only takes every request without that condition. A rule
is patched in its place, with a test that the place still has it: a snapshot does not keep all of a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from egressaudit.fixes.fix import Fix, FixRule, Removal
from egressaudit.fixes.wrong import Wrong, change, few, spec
from egressaudit.manifests import pointer
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.services.services import service_named
from egressaudit.mesh.steering.istio_rules import MESH, ROUTABLE, RouteRule, gateways_of, rules_of, virtual_services
from egressaudit.mesh.untyped import number, picks, rows, table, text, texts, words

Operation = dict[str, Any]


def unchanged(rule: RouteRule) -> Operation:
    """A test that the rule at this place is the one of the snapshot: a patch of another rule must fail."""
    path = pointer("spec", rule.kind, rule.index, "route", 0, "destination", "host")
    return {"op": "test", "path": path, "value": rule.destinations[0].host if rule.destinations else ""}


def _sees(wrong: Wrong, service: Obj) -> str:
    return few(wrong.namespaces_that_see(service))


def _mesh_gateway(wrong: Wrong) -> Iterator[Fix]:
    service = wrong.object("VirtualService")
    if service is None:
        return
    having = words(service.spec.get("gateways"))
    made = change(service, spec(gateways=[MESH, *having]), "Adds `mesh`: sidecars follow the rules from then on.")
    others = wrong.hosts_of(service)
    affects = [f"sidecars in these namespaces follow its rules: {_sees(wrong, service)}"]
    affects += [f"so do requests for its other hosts: {few(others)}"] if others else []
    yield Fix("mesh-gateway", f"add `mesh` to spec.gateways of {service}", changes=(made,), affects=tuple(affects))


def _rule_host(wrong: Wrong) -> Iterator[Fix]:
    """The rule's host in full, as the ServiceEntry has it."""
    service = wrong.object("VirtualService")
    if service is None:
        return
    hosts = [
        wrong.host if "*" not in each and wrong.host.startswith(each.rstrip(".").lower()) else each
        for each in words(service.spec.get("hosts"))
    ]
    hosts = list(dict.fromkeys(hosts))
    if hosts == list(words(service.spec.get("hosts"))):
        return
    made = change(service, spec(hosts=hosts), f"Names the host in full: {wrong.host}.")
    affects = (f"sidecars in these namespaces follow its rules for {wrong.host}: {_sees(wrong, service)}",)
    yield Fix("rule-host", f"name {wrong.host} in full in {service}", changes=(made,), affects=affects)


def _rule_order(wrong: Wrong) -> Iterator[Fix]:
    for rule in wrong.rules_for_the_port():
        before = next((each for each in rule.earlier if _takes(wrong, each)), None)
        if before is None:
            continue
        there = pointer("spec", rule.kind, before.index)
        move = {"op": "move", "from": pointer("spec", rule.kind, rule.index), "path": there}
        said = f"Moves {rule.kind} rule {rule.index + 1}, which sends {wrong.host} to the gateway, to place "
        made = change(rule.service, [unchanged(rule), move], f"{said}{before.index + 1}.")
        others = few(wrong.hosts_of(rule.service))
        affects = (f"requests that both rules match follow this one, also for its other hosts: {others}",)
        yield Fix("rule-order", f"let the rule for the gateway come first in {rule.service}", (), (made,), (), affects)


def _takes(wrong: Wrong, rule: RouteRule) -> bool:
    """Whether an earlier rule may take the request, whatever else it asks for."""
    ports = [number(each.get("port")) for each in rule.matches(MESH)]
    return any(port in (None, wrong.found.port) for port in ports)


def _rule_match(wrong: Wrong) -> Iterator[Fix]:
    for rule in wrong.rules_for_the_port():
        operations: list[Operation] = []
        for n, each in _mesh_matches(rule):
            if widened := list(_widened(wrong, rule, n, each)):
                operations += [*widened, *_for_the_mesh(rule, n, each)]
        if not operations:
            continue
        gone = few(each["path"].rpartition("/")[2] for each in operations if each["op"] == "remove")
        made = change(rule.service, [unchanged(rule), *operations], f"Drops these conditions: {gone}.")
        affects = (f"all of {wrong.host} goes to the gateway: from {_sees(wrong, rule.service)}, whatever the request",)
        yield Fix("rule-match", f"let the rule of {rule.service} take all of {wrong.host}", (), (made,), (), affects)


def _mesh_matches(rule: RouteRule) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for n, each in enumerate(rows(rule.body.get("match"))):
        gateways = words(each.get("gateways"))
        if not gateways or MESH in gateways:
            yield n, each


def _widened(wrong: Wrong, rule: RouteRule, n: int, match: Mapping[str, Any]) -> Iterator[Operation]:
    source = wrong.source
    for key in match:
        narrow = key not in (*ROUTABLE, "name")
        if key == "sourceLabels" and source is not None:
            narrow = not picks(texts(match[key]), source.labels)
        if key == "sourceNamespace" and source is not None:
            narrow = text(match[key]) not in ("", source.namespace)
        if narrow:
            yield {"op": "remove", "path": pointer("spec", rule.kind, rule.index, "match", n, key)}


def _for_the_mesh(rule: RouteRule, n: int, match: Mapping[str, Any]) -> Iterator[Operation]:
    """A match that names no gateway holds at all of them: one that took only some may take all at the gateway too.

    Then the gateway would send to itself.
    """
    if not words(match.get("gateways")) and set(gateways_of(rule.service)) != {MESH}:
        yield {"op": "add", "path": pointer("spec", rule.kind, rule.index, "match", n, "gateways"), "value": [MESH]}


def _weights(wrong: Wrong) -> Iterator[Fix]:
    for rule in wrong.rules_for_the_port():
        places = list(enumerate(rule.destinations))
        right = [n for n, each in places if wrong.leads_to_gateway(rule, each.host)]
        wrong_ones = [n for n, _ in places if n not in right]
        if len(right) != 1 or not wrong_ones:
            continue
        # From the end, so that a removal moves none that is still to be removed.
        gone: list[Operation] = [
            {"op": "remove", "path": pointer("spec", rule.kind, rule.index, "route", n)} for n in reversed(wrong_ones)
        ]
        whole = {"op": "add", "path": pointer("spec", rule.kind, rule.index, "route", 0, "weight"), "value": 100}
        made = change(rule.service, [unchanged(rule), *gone, whole], "Sends all of it to the gateway.")
        hosts = few(rule.destinations[n].host for n in wrong_ones)
        affects = (f"nothing of {wrong.host} goes to {hosts} any more, from {_sees(wrong, rule.service)}",)
        yield Fix("weights", f"give the gateway the whole weight in {rule.service}", (), (made,), (), affects)


def _merge_rules(wrong: Wrong) -> Iterator[Fix]:
    """Let the VirtualService that leads to the gateway be the only one of the host in the mesh."""
    kept = {rule.service.ref for rule in wrong.rules_to_gateway()}
    for other in virtual_services(wrong.objects, wrong.host):
        gateways = words(other.spec.get("gateways"))
        if not kept or other.ref in kept or not (not gateways or MESH in gateways):
            continue
        affects = (f"what {other} says of {wrong.host} in the mesh is lost: move rules that you need first",)
        title = f"take {wrong.host} out of the mesh rules of {other}"
        hosts = [each for each in words(other.spec.get("hosts")) if each.rstrip(".").lower() != wrong.host]
        if left := [each for each in gateways if each != MESH]:
            said = "Is for its gateways alone, and not for the mesh."
            yield Fix("merge-rules", title, changes=(change(other, spec(gateways=left), said),), affects=affects)
        elif hosts and len(hosts) < len(words(other.spec.get("hosts"))):
            said = f"Has rules for its other hosts alone: {few(hosts)}."
            yield Fix("merge-rules", title, changes=(change(other, spec(hosts=hosts), said),), affects=affects)
        elif not hosts:
            gone = Removal(text(other.raw.get("apiVersion")), other.kind, other.ref, "Another rule has its only host.")
            yield Fix("merge-rules", title, removals=(gone,), affects=affects)


def destination(wrong: Wrong) -> Iterator[Fix]:
    """The gateway's Service in full, where a rule of the mesh names something that is no Service."""
    services = wrong.gateway_services()
    if len(services) != 1:
        return
    full = f"{services[0].name}.{services[0].namespace}.svc.cluster.local"
    for vs in virtual_services(wrong.objects, wrong.host):
        for rule in rules_of(vs):
            if rule.matches(MESH) and wrong.is_for_the_call(rule):
                yield from _corrected(wrong, rule, full)


def _corrected(wrong: Wrong, rule: RouteRule, full: str) -> Iterator[Fix]:
    vs = rule.service
    for n, each in enumerate(rule.destinations):
        missing = service_named(wrong.objects, each.host, vs.namespace) is None
        if not missing or each.host.rstrip(".").lower() == wrong.host:
            continue
        path = pointer("spec", rule.kind, rule.index, "route", n, "destination", "host")
        same = {"op": "test", "path": path, "value": each.host}
        said = f"Sends to the gateway's Service {full}, not to {each.host}."
        made = change(vs, [same, {"op": "replace", "path": path, "value": full}], said)
        affects = (f"sidecars in these namespaces follow it: {_sees(wrong, vs)}",)
        yield Fix("destination", f"correct the destination in {vs}", changes=(made,), affects=affects)


def _mirror(wrong: Wrong) -> Iterator[Fix]:
    for service in virtual_services(wrong.objects, wrong.host):
        for rule in rules_of(service):
            keys = [key for key in ("mirror", "mirrors") if rule.body.get(key)]
            if keys:
                gone = [{"op": "remove", "path": pointer("spec", rule.kind, rule.index, key)} for key in keys]
                made = change(service, [unchanged(rule), *gone], "Sends no copies any more.")
                affects = ("whoever reads the copies gets none from then on",)
                yield Fix("mirror", f"send no copies of requests from {service}", changes=(made,), affects=affects)


def _retries(wrong: Wrong) -> Iterator[Fix]:
    """One attempt each, so that the line names the only endpoint."""
    found = []
    for rule in wrong.rules_to_gateway():
        if rule.kind == "http":
            base = pointer("spec", "http", rule.index, "retries")
            has = bool(table(rule.body.get("retries")))
            value: Any = 0 if has else {"attempts": 0}
            operation = {"op": "add", "path": f"{base}/attempts" if has else base, "value": value}
            found.append(change(rule.service, [unchanged(rule), operation], "Tries each request once."))
    if found:
        affects = (f"a request for {wrong.host} that fails is not repeated by the sidecar any more",)
        yield Fix("retries", f"try requests for {wrong.host} once", changes=tuple(found[:1]), affects=affects)


ROWS: tuple[FixRule, ...] = (
    FixRule("mesh-gateway", _mesh_gateway),
    FixRule("rule-host", _rule_host),
    FixRule("rule-order", _rule_order),
    FixRule("rule-match", _rule_match),
    FixRule("weights", _weights),
    FixRule("merge-rules", _merge_rules),
    FixRule("mirror", _mirror),
    FixRule("retries", _retries),
)
