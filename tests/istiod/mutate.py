"""What goes wrong in a configuration: one object is missing, elsewhere, or says something else in one place.

In: a mesh that makes sense. Out: the same one, broken. Example: a VirtualService's `exact: docs` becomes another host
that the mesh knows: values are exchanged with those that stand elsewhere under the same key.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from istiod.mesh import Mesh
from istiod.objects import HOSTS, NAMESPACES, Manifest, managed

FIXED = frozenset({"Namespace", "Pod"})
"""These are never touched: they are the proxies, and where they are."""
OWN = frozenset({"clusterIP", "resolution", "location", "controllerName", "type", "protocol"})
"""Values that stay, as no webhook or API server would take what comes out."""
OPTIONAL = frozenset({
    "hostname", "hostnames", "sectionName", "matches", "filters", "namespace", "allowedRoutes", "weight", "headers",
    "port", "parentRefs", "tls",
})  # fmt: skip
"""What may be missing in objects of the Gateway API: the API server would refuse or fill in the rest."""
VALUES = frozenset({"exact", "prefix", "regex"})
"""What a match without is like one of which a snapshot of an older egressaudit kept no value: nothing tells them apart."""


def mutate(mesh: Mesh) -> None:
    """One thing goes wrong."""
    able = [each for each in mesh.objects if each["kind"] not in FIXED and not managed(each)]
    if not able:
        return
    one = mesh.dice.one(*able)
    how = mesh.dice.weighed({_exchange: 6, _drop_field: 3, _drop: 2, _move: 2, _hide: 2, _double: 1})
    how(mesh, one)


def _drop(mesh: Mesh, one: Manifest) -> None:
    mesh.objects.remove(one)


def _move(mesh: Mesh, one: Manifest) -> None:
    if "namespace" in one["metadata"]:
        one["metadata"]["namespace"] = mesh.dice.one(*NAMESPACES)
        twins = [each for each in mesh.objects if _key(each) == _key(one)]
        if len(twins) > 1:
            mesh.objects.remove(one)


def _hide(mesh: Mesh, one: Manifest) -> None:
    if one["kind"] in ("VirtualService", "ServiceEntry", "DestinationRule"):
        one["spec"]["exportTo"] = [mesh.dice.one(".", "egress", "app", "~")]


def _double(mesh: Mesh, one: Manifest) -> None:
    """The same rules twice, under another name, and perhaps of another age."""
    made = copy.deepcopy(one)
    made["metadata"]["name"] += "-2"
    made["metadata"].pop("creationTimestamp", None)
    mesh.add(made)


def _exchange(mesh: Mesh, one: Manifest) -> None:
    places = [place for place in _leaves(one["spec"]) if place[1] not in OWN]
    if not places:
        return
    holder, key = mesh.dice.one(*places)
    old = holder[key]
    known = {value for each in mesh.objects for value in _under(each["spec"], key) if type(value) is type(old)}
    known |= {*HOSTS} if isinstance(old, str) and "." in old else set()
    others = sorted(known - {old}, key=str)
    if others:
        holder[key] = mesh.dice.one(*others)
    listed = one["spec"].get("ports" if one["kind"] == "Service" else "listeners", [])
    parts = ("port", "name") if one["kind"] == "Service" else ("name",)
    if any(len({each.get(part) for each in listed}) < len(listed) for part in parts):
        holder[key] = old  # an API server takes neither a port nor a name twice


def _drop_field(mesh: Mesh, one: Manifest) -> None:
    checked = not one["apiVersion"].startswith("gateway.networking")
    fields = ((holder, key) for holder, key in _fields(one["spec"]) if key not in VALUES)
    places = [(holder, key) for holder, key in fields if (checked and key not in OWN) or key in OPTIONAL]
    if places:
        holder, key = mesh.dice.one(*places)
        del holder[key]


def _key(one: Manifest) -> tuple[str, str, str]:
    return one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]


def _fields(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _fields(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner)


def _leaves(value: Any, key: Any = None, holder: Any = None) -> Iterator[tuple[Any, Any]]:
    """Every text and number, with what holds it; in a list the key is the number."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, name, value)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, index, value)
    elif holder is not None and isinstance(value, str | int) and not isinstance(value, bool):
        yield holder, key


def _under(value: Any, key: Any) -> Iterator[Any]:
    for holder, name in _leaves(value):
        if name == key:
            yield holder[name]
