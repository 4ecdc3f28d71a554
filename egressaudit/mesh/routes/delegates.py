"""Delegates of VirtualServices: the rules of one, merged into the rules of another that names it.

In: a VirtualService, and those without hosts. Out: its `http` rules, each with the place where it was written.
Example: a rule for `/api` delegates to shop/api, whose rule is for `/api/v1`. The merged rule is shop/api's.

istio/istio pilot/pkg/model/virtualservice.go (MergeHTTPRoutes), virtualservice_controller.go (mergeVirtualServices).
A delegate's own delegates are not followed, so nothing goes in a circle. Values of headers and query parameters are not
known here, so two that exclude each other are taken to agree; the merged rule says that it has conditions on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh.objects import Obj
from egressaudit.mesh.routes.exports import Export
from egressaudit.mesh.routes.names import full_gateway
from egressaudit.mesh.untyped import number, rows, table, text, texts, words
from egressaudit.model import ObjectRef, RuleRef

Match = Mapping[str, Any]
_STRINGS = ("uri", "scheme", "method", "authority")
_MAPS = ("headers", "withoutHeaders", "queryParams", "sourceLabels")
_INHERITED = ("rewrite", "directResponse", "fault", "mirror", "headers", "retries")


@dataclass(frozen=True, slots=True)
class WrittenRule:
    """An `http` rule, where it was written, and the namespace whose short names it has."""

    body: Mapping[str, Any]
    ref: RuleRef
    namespace: str


def with_delegates(root: Obj, parts: Mapping[ObjectRef, Obj], default: tuple[str, ...]) -> list[WrittenRule]:
    """The `http` rules of a VirtualService in their order; a rule whose delegate is not to be had is left out."""
    found: list[WrittenRule] = []
    for index, rule in enumerate(rows(root.spec.get("http"))):
        if rule.get("delegate") is None:
            found.append(WrittenRule(rule, RuleRef(str(root), f"spec.http[{index}]"), root.namespace))
            continue
        named = table(rule.get("delegate"))
        part = parts.get(ObjectRef(text(named.get("namespace")) or root.namespace, text(named.get("name"))))
        if part is None:
            continue
        export = Export.of(words(part.spec.get("exportTo")) or default, part.namespace)
        # `~` beside other names hides nothing here, unlike elsewhere.
        if export.to(root.namespace) or root.namespace in words(part.spec.get("exportTo")):
            found += _merged(root, rule, part)
    return found


def _merged(root: Obj, rule: Mapping[str, Any], part: Obj) -> Iterator[WrittenRule]:
    above = [_full(each, root.namespace) for each in rows(rule.get("match"))]
    for index, own in enumerate(rows(part.spec.get("http"))):
        below = [_full(each, part.namespace) for each in rows(own.get("match"))]
        matches = _matches(above, below)
        if matches is None:
            continue
        made = {**own, "name": _joined(text(rule.get("name")), text(own.get("name")))}
        if matches:
            made["match"] = matches
        for key in _INHERITED:
            if own.get(key) is None and rule.get(key) is not None:
                made[key] = rule[key]
        yield WrittenRule(made, RuleRef(str(part), f"spec.http[{index}]"), part.namespace)


def _matches(above: list[Match], below: list[Match]) -> list[Match] | None:
    """The conditions of both; None if they exclude each other (mergeHTTPMatchRequests)."""
    if not above or not below:
        return above or below
    found: list[Match] = []
    for each in below:
        fitting = [_both(root, each) for root in above if not _exclude(root, each)]
        if not fitting:
            return None
        found += fitting
    return found


def _both(root: Match, leaf: Match) -> Match:
    made = {**root, **{key: value for key, value in leaf.items() if value not in (None, "", 0, [])}}
    made["name"] = _joined(text(root.get("name")), text(leaf.get("name")))
    for key in _MAPS:
        if key in root or key in leaf:
            made[key] = {**table(root.get(key)), **table(leaf.get(key))}
    return made


def _exclude(root: Match, leaf: Match) -> bool:
    """Whether no request can meet both (hasConflict): the root must be the wider one in everything."""
    if any(_strings_exclude(root.get(key), leaf.get(key)) for key in _STRINGS):
        return True
    if bool(root.get("ignoreUriCase")) != bool(leaf.get("ignoreUriCase")):
        return True
    ports = number(root.get("port")) or 0, number(leaf.get("port")) or 0
    if all(ports) and ports[0] != ports[1]:
        return True
    wanted = text(root.get("sourceNamespace"))
    if wanted and text(leaf.get("sourceNamespace")) != wanted:
        return True
    labels = texts(root.get("sourceLabels"))
    if any(labels.get(key, value) != value for key, value in texts(leaf.get("sourceLabels")).items()):
        return True
    ours, theirs = words(root.get("gateways")), words(leaf.get("gateways"))
    return bool(ours and theirs) and (len(ours) < len(theirs) or not set(theirs) <= set(ours))


def _strings_exclude(root: object, leaf: object) -> bool:
    above, below = table(root), table(leaf)
    if not above or not below:
        return False
    prefix, exact = text(above.get("prefix")), text(above.get("exact"))
    if text(above.get("regex")) or text(below.get("regex")):
        return True
    if exact:
        return bool(text(below.get("prefix"))) or text(below.get("exact")) != exact
    inner = text(below.get("prefix")) or text(below.get("exact"))
    return not (prefix and inner and inner.startswith(prefix))


def _full(match: Match, namespace: str) -> Match:
    if "gateways" not in match:
        return match
    return {**match, "gateways": [full_gateway(each, namespace) for each in words(match.get("gateways"))]}


def _joined(above: str, below: str) -> str:
    return f"{above}-{below}" if above and below else above or below
