"""Fixes of ambient mode: which waypoint a host uses, and whom a waypoint lets in.

In: `Wrong`. Out: fixes. Example: a ServiceEntry without the label `istio.io/use-waypoint` gets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from egressaudit.fixes.fix import Fix, FixRule
from egressaudit.fixes.wrong import Wrong, change, few
from egressaudit.manifests import Change, Manifest, Wanted, manifests, pointer, usual_site
from egressaudit.mesh.apis import CORE, GATEWAY_API
from egressaudit.mesh.marks import USE_WAYPOINT, WAYPOINT_CLASS
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.untyped import rows, table, text, words
from egressaudit.model import ObjectRef

_NAMESPACE = f"{USE_WAYPOINT}-namespace"
_FOR = "istio.io/waypoint-for"
_NAME = "kubernetes.io/metadata.name"


def labelled(obj: Obj, waypoint: ObjectRef, namespace: str) -> Change:
    """The change that lets a ServiceEntry, or all of a namespace, use a waypoint."""
    labels: dict[str, str | None] = {USE_WAYPOINT: waypoint.name}
    if waypoint.namespace != namespace:
        labels[_NAMESPACE] = waypoint.namespace
    elif _NAMESPACE in obj.labels:
        labels[_NAMESPACE] = None
    return change(obj, {"metadata": {"labels": labels}}, f"Sends it through waypoint {waypoint}.")


def _use_waypoint(wrong: Wrong) -> Iterator[Fix]:
    waypoint = _waypoint(wrong)
    if waypoint is None:
        yield from _own_waypoint(wrong)
        return
    for entry in wrong.entries:
        made = [labelled(entry, waypoint, entry.namespace)]
        gateway = wrong.objects.one(GATEWAY_API, "Gateway", waypoint.namespace, waypoint.name)
        if gateway is not None and (let_in := admission(gateway, entry.namespace)) is not None:
            made.append(let_in)
        hosts = few(words(entry.spec.get("hosts")))
        affects = (
            f"all ambient sources of {hosts} go through {waypoint}; sources with a sidecar do not use waypoints",
        )
        yield Fix("use-waypoint", f"let {entry} use waypoint {waypoint}", changes=tuple(made), affects=affects)
        namespace = wrong.objects.one(CORE, "Namespace", "", entry.namespace)
        if namespace is not None and USE_WAYPOINT not in entry.labels:
            more = (f"all Services and ServiceEntries of namespace {entry.namespace} use it",)
            whole = (labelled(namespace, waypoint, entry.namespace), *made[1:])
            title = f"let all of namespace {entry.namespace} use waypoint {waypoint}"
            yield Fix("use-waypoint", title, changes=whole, affects=(*affects, *more))


def _waypoint(wrong: Wrong) -> ObjectRef | None:
    """The waypoint that was meant: that of the expectation, the one of that name, or the only one."""
    there = wrong.waypoints()
    if wrong.found.via in there:
        return wrong.found.via
    asked = {each.labels.get(USE_WAYPOINT) for each in wrong.entries} - {None, "none"}
    by_name = [each for each in there if each.name in asked]
    chosen = by_name or list(there)
    return chosen[0] if len(chosen) == 1 else None


def _own_waypoint(wrong: Wrong) -> Iterator[Fix]:
    """A waypoint of the name that the ServiceEntry asks for, where there is none."""
    for entry in wrong.entries:
        name = entry.labels.get(USE_WAYPOINT)
        if wrong.waypoints() or name in (None, "none") or wrong.found.port is None or wrong.protocol is None:
            continue
        port = f"{wrong.found.port}/{wrong.protocol}"
        where = entry.labels.get(_NAMESPACE, entry.namespace)
        wanted = Wanted.of([wrong.host], [port], f"{where}/{name}", entry.namespace)
        new = manifests(wanted, "ambient", usual_site(wanted, "ambient"))
        waypoint = tuple(each for each in new if isinstance(each, Manifest) and each.kind == "Gateway")
        affects = (f"all ambient sources of {few(words(entry.spec.get('hosts')))} go through it",)
        yield Fix("use-waypoint", f"add the waypoint that {entry} asks for", waypoint, affects=affects)


def admission(gateway: Obj, namespace: str) -> Change | None:
    """The change that lets a waypoint serve a namespace; None if it does, or if what it allows is not known."""
    if gateway.namespace == namespace:
        return None
    for n, listener in enumerate(rows(gateway.spec.get("listeners"))):
        allowed = table(table(listener.get("allowedRoutes")).get("namespaces"))
        if text(allowed.get("from")) == "All":
            return None
        listed = [gateway.namespace, namespace]
        if text(allowed.get("from")) == "Selector":
            known = table(table(allowed.get("selector")).get("matchLabels"))
            if set(known) != {_NAME}:
                return None
            if known[_NAME] == namespace:
                return None
            listed = [text(known[_NAME]), namespace]
        selector = {"matchExpressions": [{"key": _NAME, "operator": "In", "values": listed}]}
        value: dict[str, Any] = {"namespaces": {"from": "Selector", "selector": selector}}
        base = pointer("spec", "listeners", n)
        operations: list[dict[str, Any]] = [
            {"op": "test", "path": f"{base}/name", "value": listener.get("name")},
            {"op": "add", "path": f"{base}/allowedRoutes", "value": value},
        ]
        return change(gateway, operations, f"Lets namespace {namespace} use it.")
    return None


def _waypoint_routes(wrong: Wrong) -> Iterator[Fix]:
    gateway = wrong.object("Gateway")
    namespaces = dict.fromkeys(each.namespace for each in wrong.entries)
    if gateway is None or len(namespaces) != 1:
        return
    namespace = next(iter(namespaces))
    made = admission(gateway, namespace)
    if made is not None:
        affects = (f"everything of namespace {namespace} that asks for {gateway.ref} is served by it",)
        yield Fix("waypoint-routes", f"let namespace {namespace} use {gateway}", changes=(made,), affects=affects)


def _waypoint_for(wrong: Wrong) -> Iterator[Fix]:
    gateway = wrong.object("Gateway")
    if gateway is None:
        return
    made = change(gateway, {"metadata": {"labels": {_FOR: "all"}}}, "Serves Services and workloads alike.")
    affects = (f"what asks for {gateway.ref} and is no workload goes through it too",)
    yield Fix("waypoint-for", f"let {gateway} serve Services and ServiceEntries", changes=(made,), affects=affects)


def _class(wrong: Wrong) -> Iterator[Fix]:
    gateway = wrong.object("Gateway")
    if gateway is None or gateway.spec.get("gatewayClassName") == WAYPOINT_CLASS:
        return
    made = change(gateway, {"spec": {"gatewayClassName": WAYPOINT_CLASS}}, "Makes it a waypoint.")
    affects = (f"Istio makes other pods for {gateway.ref}: what used it as another kind of gateway loses it",)
    yield Fix("waypoint", f"make {gateway} a waypoint", changes=(made,), affects=affects)


ROWS: tuple[FixRule, ...] = (
    FixRule("use-waypoint", _use_waypoint),
    FixRule("waypoint-routes", _waypoint_routes),
    FixRule("waypoint-for", _waypoint_for),
    FixRule("waypoint", _class),
)
