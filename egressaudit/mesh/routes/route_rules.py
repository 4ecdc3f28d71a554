"""The rules of HTTPRoutes and GRPCRoutes, as istiod turns them into rules of a VirtualService, in istiod's order.

In: a route. Out: rules in the shape of `spec.http` of a VirtualService, each with the place where it was written.
Example: rule 0 of the HTTPRoute egress/docs with two matches becomes two rules, both named `egress.docs.0`.

Source: istio/istio pilot/pkg/config/kube/gateway/conversion.go convertHTTPRoute, convertGRPCRoute, sortHTTPRoutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from egressaudit.mesh.routes.route_backends import Backends, BadRoute
from egressaudit.mesh.untyped import number, rows, table, text
from egressaudit.model import RuleRef

_FILTERS = {
    "HTTPRoute": (
        "RequestHeaderModifier",
        "ResponseHeaderModifier",
        "RequestRedirect",
        "RequestMirror",
        "URLRewrite",
        "CORS",
    ),
    "GRPCRoute": ("RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"),
}
_TRIES = 2
"""How often istiod tries again where a rule does not say."""
_NO_BACKEND = 500
"""What a rule without backends answers."""


class ConvertedRule(NamedTuple):
    """A rule in the shape of a VirtualService, and where it was written."""

    body: dict[str, Any]
    ref: RuleRef


def http_rules(backends: Backends) -> list[ConvertedRule]:
    """The rules of a route in the order in which they were written; one for each match.

    Raises BadRoute where istiod drops the whole route.
    """
    return [
        ConvertedRule(_rule(backends, index, rule, match), RuleRef(str(backends.route), f"spec.rules[{index}]"))
        for index, rule in enumerate(rows(backends.route.spec.get("rules")))
        for match in rows(rule.get("matches")) or (None,)
    ]


def by_specificity(rules: Iterable[ConvertedRule]) -> list[ConvertedRule]:
    """Rules in the order of the Gateway API: the closest match first, and of equal ones the first."""
    return sorted(rules, key=lambda each: _rank(each.body))


def on_port(rules: Iterable[ConvertedRule], port: int) -> list[ConvertedRule]:
    """The same rules for one port alone (augmentPortMatch)."""
    return [
        ConvertedRule({**body, "match": [{**each, "port": port} for each in body.get("match", ({},))]}, ref)
        for body, ref in rules
    ]


def _rank(body: Mapping[str, Any]) -> tuple[bool, int, int, bool, int, int]:
    if not (matches := body.get("match")):
        return True, 0, 0, False, 0, 0
    match = matches[0]
    uri = match.get("uri", {})
    ranks = {"exact": 3, "prefix": 2, "regex": 1}
    kind, path = next(iter(uri.items()), ("", ""))
    headers, queries = len(match.get("headers", ())), len(match.get("queryParams", ()))
    return False, -ranks.get(kind, -1), -len(path.encode()), "method" not in match, -headers, -queries


def _rule(backends: Backends, index: int, rule: Mapping[str, Any], match: Mapping[str, Any] | None) -> dict[str, Any]:
    route = backends.route
    made: dict[str, Any] = {"name": text(rule.get("name")) or f"{route.namespace}.{route.name}.{index}"}
    if match is not None:
        made["match"] = [_match(match) if route.kind == "HTTPRoute" else _grpc_match(match)]
    for each in rows(rule.get("filters")):
        if each.get("type") not in _FILTERS[route.kind]:
            raise BadRoute("a filter that istiod does not know")
        made |= _filter(each)
    if mirrors := list(backends.mirrors(rule)):
        made["mirrors"] = mirrors
    if isinstance(retry := rule.get("retry"), Mapping):
        attempts = number(retry.get("attempts"))
        made["retries"] = {"attempts": _TRIES if attempts is None else attempts}
    if not backends.total(rule) and "redirect" not in made:
        made["directResponse"] = {"status": _NO_BACKEND}
    else:
        made["route"] = backends.destinations(rule)
    return made


def _filter(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a filter changes of where a request goes: a redirect, or the host that it is sent on with."""
    if said["type"] == "RequestRedirect":
        return {"redirect": {"authority": text(table(said.get("requestRedirect")).get("hostname"))}}
    rewrite = table(said.get("urlRewrite"))
    if said["type"] == "URLRewrite" and (host := text(rewrite.get("hostname"))):
        return {"rewrite": {"authority": host}}
    return {}


def _match(said: Mapping[str, Any]) -> dict[str, Any]:
    """CreateURIMatch and its like; a path that is not said is every path, as the API server fills in."""
    path = table(said.get("path"))
    kind, value = text(path.get("type")) or "PathPrefix", text(path.get("value")) or "/"
    kinds = {"PathPrefix": "prefix", "Exact": "exact", "RegularExpression": "regex"}
    if kind not in kinds:
        raise BadRoute("a kind of path that istiod does not know")
    if kind == "PathPrefix" and value != "/":
        value = value.removesuffix("/")
    made: dict[str, Any] = {"uri": {kinds[kind]: value}, **_conditions(said, "headers", "headers")}
    made |= _conditions(said, "queryParams", "queryParams")
    if method := text(said.get("method")):
        made["method"] = {"exact": method}
    return made


def _conditions(said: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    """The names that a match asks for; values are never kept."""
    found = {}
    for index, each in enumerate(rows(said.get(key))):
        if text(each.get("type") or "Exact") not in ("Exact", "RegularExpression"):
            raise BadRoute("a kind of condition that istiod does not know")
        found[text(each.get("name")) or f"#{index}"] = dict[str, str]()
    return {name: found} if found else {}


def _grpc_match(said: Mapping[str, Any]) -> dict[str, Any]:
    return {**dict(_grpc_path(said)), **_conditions(said, "headers", "headers")}


def _grpc_path(said: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """createGRPCURIMatch: the path of a call is `/service/method`."""
    if not isinstance(said.get("method"), Mapping):
        return
    method = table(said["method"])
    kind, service, name = text(method.get("type")) or "Exact", text(method.get("service")), text(method.get("method"))
    if not (service or name) or kind not in ("Exact", "RegularExpression"):
        raise BadRoute("a method that istiod does not know")
    if not service:
        yield "uri", {"regex": f"/[^/]+/{name}"}
    elif kind == "Exact":
        yield "uri", {"exact": f"/{service}/{name}"} if name else {"prefix": f"/{service}/"}
    else:
        yield "uri", {"regex": f"/{service}/{name or '.+'}"}
