"""Fixes of routes of the Gateway API: parents, backends, namespaces, and the route of the right kind.

In: `Wrong`. Out: fixes. Example: an HTTPRoute whose parentRef names port 443 of a ServiceEntry gets the port that was
called. `parentRefs` is a list that a patch replaces as a whole, and a snapshot keeps all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from egressaudit.fixes.fix import Fix, FixRule
from egressaudit.fixes.known_hosts import port_change, wanted_port
from egressaudit.fixes.whole_ways import through_gateway
from egressaudit.fixes.wrong import Wrong, change, few, spec
from egressaudit.manifests import Change, Manifest, pointer
from egressaudit.mesh.apis import CORE, GATEWAY_API
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.steering.gateway_api import ROUTES
from egressaudit.mesh.untyped import rows, table, text, words
from egressaudit.model import ObjectRef

_ENTRY = {"group": "networking.istio.io", "kind": "ServiceEntry"}


def _routes(wrong: Wrong) -> Iterator[Obj]:
    """The routes that the cause names, else all that are for the host."""
    named = list(wrong.named(*ROUTES))
    yield from named or (each for each in wrong.objects.all(GATEWAY_API, *ROUTES) if _is_for(each, wrong))


def _is_for(route: Obj, wrong: Wrong) -> bool:
    entries = {each.ref for each in wrong.entries}
    parents = (
        ObjectRef(text(each.get("namespace")) or route.namespace, text(each.get("name")))
        for each in rows(route.spec.get("parentRefs"))
        if each.get("kind") == "ServiceEntry"
    )
    return any(each in entries for each in parents) or wrong.host in words(route.spec.get("hostnames"))


def _parent(wrong: Wrong) -> Iterator[Fix]:
    """The ServiceEntry of the host as the parent, by its right name and namespace."""
    for route in _routes(wrong):
        if len(wrong.entries) != 1:
            continue
        entry = wrong.entries[0]
        parents = [_meant(each, entry, route) for each in rows(route.spec.get("parentRefs"))]
        yield from _reparented(wrong, "parent", route, parents, f"Has {entry} as its parent.")


def _meant(parent: Mapping[str, Any], entry: Obj, route: Obj) -> dict[str, Any]:
    if parent.get("kind") != "ServiceEntry":
        return dict(parent)
    namespace = {} if entry.namespace == route.namespace else {"namespace": entry.namespace}
    kept = {key: parent[key] for key in ("sectionName", "port") if key in parent}
    return {**_ENTRY, "name": entry.name, **namespace, **kept}


def _parent_port(wrong: Wrong) -> Iterator[Fix]:
    for route in _routes(wrong):
        if wrong.protocol is not None and ROUTES[route.kind] != wrong.protocol.family:
            # The port is another one's on purpose: this kind of route does not see what the client speaks.
            yield from _tls_route(wrong)
            continue
        parents = []
        for each in rows(route.spec.get("parentRefs")):
            one = dict(each)
            if each.get("kind") == "ServiceEntry":
                one.pop("sectionName", None)
                one["port"] = wrong.found.port
            parents.append(one)
        # The old port may be in use: it stays, and the new one comes beside it.
        old = [dict(each) for each in rows(route.spec.get("parentRefs"))]
        kept = [each for each in old if each.get("kind") == "ServiceEntry" and each.get("port") is not None]
        said = f"Has port {wrong.found.port} of the ServiceEntry as its parent too."
        yield from _reparented(wrong, "parent-port", route, [*kept, *parents], said)


def _reparented(wrong: Wrong, slug: str, route: Obj, parents: list[dict[str, Any]], what: str) -> Iterator[Fix]:
    if parents == [dict(each) for each in rows(route.spec.get("parentRefs"))]:
        return
    made = change(route, spec(parentRefs=parents), what)
    affects = (f"sidecars in all namespaces that see the ServiceEntry of {wrong.host} follow {route}",)
    yield Fix(slug, f"correct the parent of {route}", changes=(made,), affects=affects)


def _grant(kind: str, source: str, service: ObjectRef) -> Manifest:
    return Manifest(
        {
            "apiVersion": "gateway.networking.k8s.io/v1beta1",
            "kind": "ReferenceGrant",
            "metadata": {"name": f"{kind.lower()}-from-{source}", "namespace": service.namespace},
            "spec": {
                "from": [{"group": GATEWAY_API, "kind": kind, "namespace": source}],
                "to": [{"group": "", "kind": "Service", "name": service.name}],
            },
        },
        (f"Lets {kind}s of namespace {source} send to Service {service}.",),
    )


def backend(wrong: Wrong) -> Iterator[Fix]:
    """A grant for a Service of another namespace; no namespace on a Hostname; the gateway's Service by its name."""
    for route in _routes(wrong):
        for n, rule in enumerate(rows(route.spec.get("rules"))):
            for m, backend in enumerate(rows(rule.get("backendRefs"))):
                path = pointer("spec", "rules", n, "backendRefs", m)
                yield from _one_backend(wrong, route, backend, path)


def _one_backend(wrong: Wrong, route: Obj, backend: Mapping[str, Any], path: str) -> Iterator[Fix]:
    kind, name = text(backend.get("kind")) or "Service", text(backend.get("name"))
    namespace = text(backend.get("namespace"))
    if kind == "Hostname" and namespace:
        gone = [{"op": "test", "path": f"{path}/name", "value": name}, {"op": "remove", "path": f"{path}/namespace"}]
        made = change(route, gone, "A backend of kind Hostname has no namespace.")
        affects = (f"{route} takes effect for {wrong.host}",)
        yield Fix("backend", f"drop the namespace of the backend of {route}", changes=(made,), affects=affects)
        return
    if kind != "Service":
        return
    service = wrong.objects.one(CORE, "Service", namespace or route.namespace, name)
    if service is not None and namespace not in ("", route.namespace):
        affects = (f"whoever may write {route.kind}s in namespace {route.namespace} may send to {service}",)
        title = f"let {route.kind}s of namespace {route.namespace} send to {service}"
        yield Fix("backend", title, (_grant(route.kind, route.namespace, service.ref),), affects=affects)
    elif service is None and len(right := wrong.gateway_services()) == 1:
        values = [{"op": "test", "path": f"{path}/name", "value": name}]
        values += [{"op": "replace", "path": f"{path}/name", "value": right[0].name}]
        grants: tuple[Manifest, ...] = ()
        if right[0].namespace != route.namespace:
            values.append({"op": "add", "path": f"{path}/namespace", "value": right[0].namespace})
            grants = (_grant(route.kind, route.namespace, right[0].ref),)
        made = change(route, values, f"Sends to the gateway's {right[0]}.")
        affects = (f"sidecars send {wrong.host} to {right[0]}",)
        yield Fix("backend", f"correct the backend of {route}", grants, (made,), (), affects)


def _route_namespace(wrong: Wrong) -> Iterator[Fix]:
    """The same route beside the ServiceEntry, where it holds for all namespaces."""
    for route in _routes(wrong):
        if len(wrong.entries) != 1 or route.namespace == wrong.entries[0].namespace or not _is_plain(route):
            continue
        entry = wrong.entries[0]
        parents = [_meant(each, entry, entry) for each in rows(route.spec.get("parentRefs"))]
        rules = [
            {"backendRefs": [_moved(each, route) for each in _backends(rule)]} for rule in rows(route.spec.get("rules"))
        ]
        hostnames = {"hostnames": list(route.spec["hostnames"])} if route.spec.get("hostnames") else {}
        made = Manifest(
            {
                "apiVersion": text(route.raw.get("apiVersion")),
                "kind": route.kind,
                "metadata": {"name": route.name, "namespace": entry.namespace},
                "spec": {"parentRefs": parents, **hostnames, "rules": rules},
            },
            (f"{route}, beside {entry}: there it holds for sidecars in all namespaces.",),
        )
        services = {
            ObjectRef(text(each.get("namespace")) or route.namespace, text(each.get("name")))
            for rule in rows(route.spec.get("rules"))
            for each in _backends(rule)
            if text(each.get("kind")) in ("", "Service")
        }
        others = sorted(each for each in services if each.namespace != entry.namespace)
        grants = [_grant(route.kind, entry.namespace, each) for each in others]
        affects = (f"sidecars in these namespaces follow it: {few(wrong.namespaces_that_see(entry))}",)
        yield Fix("route-namespace", f"put {route} beside {entry}", (made, *grants), affects=affects)


def _backends(rule: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return rows(rule.get("backendRefs"))


def _is_plain(route: Obj) -> bool:
    """Whether the snapshot has all of its rules: nothing but backends, without conditions, filters or weights."""
    known = ({"backendRefs"}, {"backendRefs", "matches"})
    return all(
        set(rule) in known and not any(table(each) for each in rows(rule.get("matches")) if not _takes_all(each))
        for rule in rows(route.spec.get("rules"))
    )


def _takes_all(match: Mapping[str, Any]) -> bool:
    return set(match) == {"path"} and match["path"] == {"type": "PathPrefix", "value": "/"}


def _moved(backend: Mapping[str, Any], route: Obj) -> dict[str, Any]:
    """A backend as another namespace has to name it."""
    made = {key: value for key, value in backend.items() if value != []}
    if text(backend.get("kind")) in ("", "Service"):
        made.setdefault("namespace", route.namespace)
    return made


def _tls_route(wrong: Wrong) -> Iterator[Fix]:
    """What `generate` writes for the port: routes of the kind that sees it, and a listener."""
    port, entry = wanted_port(wrong), wrong.entry
    if port is None or entry is None:
        return
    for fix in through_gateway(wrong, "tls-route"):
        made: tuple[Change, ...] = () if (own := port_change(entry, port)) is None or own in fix.changes else (own,)
        yield Fix(fix.slug, fix.title, fix.manifests, (*made, *fix.changes), (), fix.affects)


ROWS: tuple[FixRule, ...] = (
    FixRule("parent", _parent),
    FixRule("parent-port", _parent_port),
    FixRule("backend", backend),
    FixRule("route-namespace", _route_namespace),
    FixRule("tls-route", _tls_route),
)
