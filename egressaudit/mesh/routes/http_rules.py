"""The `http` rules of a VirtualService at one proxy, and what they do with a call.

In: a VirtualService, who asks (`Client`) and the port; then a call. Out: the rules that are for that proxy, then
`Choice`s: the first whose conditions hold. Example: a rule that matches the header x-canary and sends to `v2`, and one
without a match, are two choices, the first with `when=("header x-canary",)`.

istio/istio pilot/pkg/networking/core/route/route.go (BuildHTTPRoutesForVirtualService, TranslateRoute).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from egressaudit.mesh.routes.request_matches import meets
from egressaudit.mesh.routes.virtual_services import VirtualService
from egressaudit.mesh.untyped import number, picks, rows, table, text, texts, words
from egressaudit.model import Act, Call, Choice, RouteDestination, RuleRef

_AUTHORITY = (":authority", "host")
NO_ROUTE = Choice(Act.REFUSE, reason="no-route")


@dataclass(frozen=True, slots=True)
class Client:
    """The proxy for which routes are made."""

    namespace: str
    labels: Mapping[str, str]
    gateways: frozenset[str]
    """`mesh`, or the Gateways that it serves, as `namespace/name`."""


@dataclass(frozen=True, slots=True)
class RuleTarget:
    """A cluster that a rule names."""

    to: RouteDestination
    exists: bool
    """Whether the proxy has that cluster."""


Resolve = Callable[[Mapping[str, Any]], RuleTarget]
"""From the `destination` of a rule to the cluster that istiod makes of it."""


@dataclass(frozen=True, slots=True)
class HttpRule:
    """One rule with one of its matches."""

    service: VirtualService
    index: int
    body: Mapping[str, Any]
    match: Mapping[str, Any] | None
    place: int = 0
    """The number of the match."""

    @property
    def name(self) -> str:
        """The name of the route in Envoy."""
        own = text(table(self.match).get("name"))
        return f"{text(self.body.get('name'))}.{own}" if own else text(self.body.get("name"))

    @property
    def ref(self) -> RuleRef:
        """Where it was written."""
        return self.service.ref("http", self.index)


def rules_for(service: VirtualService, client: Client, port: int) -> tuple[HttpRule, ...]:
    """The rules that a proxy gets at a port, in their order; none where every rule is for others."""
    return tuple(_rules_for(service, client, port))


def _rules_for(service: VirtualService, client: Client, port: int) -> Iterator[HttpRule]:
    for index, body in service.rules("http"):
        matches = rows(body.get("match"))
        if not matches:
            yield HttpRule(service, index, body, None)
            return
        for place, match in enumerate(matches):
            if (number(match.get("port")) or port) == port and _for_client(match, client):
                yield HttpRule(service, index, body, match, place)


def _for_client(match: Mapping[str, Any], client: Client) -> bool:
    """sourceMatchHTTP: where a match names gateways, the source counts no more."""
    named = words(match.get("gateways"))
    if named:
        return not client.gateways.isdisjoint(named)
    if not picks(texts(match.get("sourceLabels")), client.labels):
        return False
    return text(match.get("sourceNamespace")) in ("", client.namespace)


def choices(rules: tuple[HttpRule, ...], call: Call, resolve: Resolve) -> tuple[Choice, ...]:
    """What rules do with a call; the last choice has no condition: no route, if none takes it for certain."""
    found: list[Choice] = []
    for rule in rules:
        meeting = meets(rule.match, call, by_segment=rule.service.of_gateway_api)
        if not meeting.met:
            continue
        found += (replace(each, when=(*meeting.when, *each.when)) for each in outcomes(rule, resolve))
        if not meeting.when:
            return tuple(found)
    return (*found, NO_ROUTE)


def outcomes(rule: HttpRule, resolve: Resolve) -> Iterator[Choice]:
    """What one rule does with a request that it takes; the last one has no condition."""
    made = Choice(Act.ANSWER, rule.name, rule.ref)
    aborted = _aborted(rule.body)
    if aborted:
        share = () if aborted >= 100 else (f"the fault of the rule aborts {aborted:g} %",)
        yield replace(made, when=share, reason="fault-abort")
        if not share:
            return
    if rule.body.get("redirect") is not None:
        yield replace(made, reason="redirect")
    elif rule.body.get("directResponse") is not None:
        yield replace(made, reason="direct-response")
    else:
        yield from _sends(rule, replace(made, act=Act.SEND, authority=_new_authority(rule.body)), resolve)


def _sends(rule: HttpRule, made: Choice, resolve: Resolve) -> Iterator[Choice]:
    routes = rows(rule.body.get("route"))
    if len(routes) == 1:
        own = _set_authority(routes[0])
        if own and not made.authority:
            made = replace(made, authority=own)
    yield from shared_out(made, [(resolve(table(each.get("destination"))), _weight(each)) for each in routes])


def shared_out(made: Choice, targets: list[tuple[RuleTarget, int]]) -> Iterator[Choice]:
    """A choice that sends, with its shares in percent; what goes to clusters that are not there is a choice before it.

    A single destination gets everything, one of weight 0 beside others nothing (applyHTTPRouteDestination).
    """
    if len(targets) == 1:
        targets = [(targets[0][0], 100)]
    weighed = [(target, weight) for target, weight in targets if weight > 0]
    total = sum(weight for _, weight in weighed)
    to = [replace(target.to, weight=round(100 * weight / total)) for target, weight in weighed if target.exists]
    gone = [(target.to.cluster, weight) for target, weight in weighed if not target.exists]
    if to and gone:
        missing = ", ".join(sorted({cluster for cluster, _ in gone}))
        share = f"{100 * sum(weight for _, weight in gone) / total:g} % go to {missing}, which is not there"
        yield replace(made, act=Act.REFUSE, when=(*made.when, share), reason="no-cluster")
    if to:
        yield replace(made, to=tuple(to))
    else:
        yield replace(made, act=Act.REFUSE, reason="no-cluster")


def _weight(route: Mapping[str, Any]) -> int:
    return max(0, number(route.get("weight")) or 0)


def _aborted(rule: Mapping[str, Any]) -> float:
    """The share of requests that a fault aborts, in percent; without a percentage it aborts none (TranslateFault)."""
    value = table(table(table(rule.get("fault")).get("abort")).get("percentage")).get("value")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0.0


def _new_authority(rule: Mapping[str, Any]) -> str:
    return text(table(rule.get("rewrite")).get("authority")) or _set_authority(rule)


def _set_authority(where: Mapping[str, Any]) -> str:
    """The Host that `headers` set: `set` before `add` (TranslateHeadersOperations)."""
    request = table(table(where.get("headers")).get("request"))
    for how in ("set", "add"):
        for key, value in texts(request.get(how)).items():
            if key.lower() in _AUTHORITY and value:
                return value
    return ""
