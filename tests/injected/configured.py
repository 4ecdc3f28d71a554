"""Faults of one object each in sidecar meshes: what the breakages of the closed loop break, and more.

The codes are by B13 to B61 of the catalogue's draft: which field was broken, and what Istio's manual says it does.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from support.loop_breakages import (
    DOCS,
    Objects,
    breakages,
    one,
    set_at,
    without,
    working,
)
from support.loop_run import Call
from support.mesh import HOST, entry, obj

from egressaudit.model import Scheme
from injected.fault import Fault
from injected.meshes import HTTP, HTTPS, TCP, fault, made

_BROKEN = {
    "istio-apis-mesh-missing": "EC26",
    "istio-apis-entry-hidden": "EC15",
    "istio-apis-rule-hidden": "EC29",
    "istio-apis-not-imported": "EC16",
    "istio-apis-port-missing": "EC17",
    "istio-apis-protocol": "EC17",
    "istio-apis-looped": "EC68",
    "istio-apis-shadowed": "EC31",
    "istio-apis-conditional": "EC32",
    "istio-apis-other-labels": "EC32",
    "istio-apis-weighted": "EC33",
    "istio-apis-no-service": "EC51",
    "istio-apis-no-subset": "EC80",
    "istio-apis-selects-nobody": "EC54",
    "istio-apis-no-service-port": "EC82",
    "istio-apis-other-host": "EC56",
    "istio-apis-other-mode": "EC56",
    "istio-apis-not-bound": "EC57",
    "istio-apis-no-onward-rule": "EC57",
    "istio-apis-plaintext-leg": "EC58",
    "istio-apis-not-allowed": "EC61",
    "istio-apis-silent": "EC73",
    "gateway-api-wrong-parent": "EC35",
    "gateway-api-wrong-parent-port": "EC38",
    "gateway-api-wrong-backend": "EC39",
    "gateway-api-hostname-namespace": "EC39",
    "ambient-no-label": "EC42",
    "ambient-opted-out": "EC43",
    "ambient-no-such-waypoint": "EC44",
    "ambient-for-workloads": "EC46",
    "istio-apis-unknown": "EC13",
    "gateway-api-unknown": "EC13",
    "ambient-unknown": "EC13",
    "istio-apis-nothing-declared": "EC88",
    "gateway-api-nothing-declared": "EC88",
    "ambient-nothing-declared": "EC42",
    "istio-apis-other-name": "EC34",
    "istio-apis-not-blocked": "EC85",
    "istio-apis-other-port": "EC17",
    "istio-apis-rule-kind": "EC28",
    "istio-apis-two-entries": "EC18",
    "istio-apis-hidden-from-gateway": "EC60",
    "gateway-api-consumer-route": "EC36",
    "ambient-not-admitted": "EC45",
    "ambient-namespace-missing": "EC44",
}


def faults() -> Iterator[Fault]:
    """All of them."""
    for each in breakages():
        if each.name in _BROKEN:
            expect = each.expect or ("waypoint" if each.mode == "ambient" else "gateway")
            yield Fault(each.name, _BROKEN[each.name], each.mode, each.objects, each.call, expect)
    yield from _unknown()
    yield from _steered()
    yield from _at_the_gateway()
    yield from _by_gateway_api()


# ---------------------------------------------------------------- is the host known?


def _unknown() -> Iterator[Fault]:
    for mode in ("istio-apis", "gateway-api", "ambient"):
        nothing = [each for each in working(mode) if each["kind"] not in _ABOUT_HOSTS]
        for call in (HTTPS, TCP):
            yield fault(f"unknown-{call.scheme}", "EC13", mode, nothing, call)
    only = {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}
    for mode in ("istio-apis", "gateway-api"):
        nothing = [each for each in working(mode) if each["kind"] not in _ABOUT_HOSTS]
        for call in (HTTP, HTTPS):
            yield fault(f"registry-only-{call.scheme}", "EC14", mode, nothing, call, mesh=only)
    yield fault("registry-only-sidecar", "EC14", "istio-apis", [
        *(each for each in working("istio-apis") if each["kind"] not in _ABOUT_HOSTS),
        obj("Sidecar", "curl/default", spec=only),
    ], HTTP)  # fmt: skip
    for mode in ("istio-apis", "gateway-api"):
        hidden = working(mode)
        set_at(hidden, "ServiceEntry", "spec.exportTo", ["."])
        if mode == "gateway-api":
            # Istio's own rule needs no ServiceEntry at the source where it is for HTTP.
            yield fault("entry-hidden-http", "EC15", mode, hidden, HTTP)
        unread = working(mode)
        unread.append(obj("Sidecar", "curl/default", spec={"egress": [{"hosts": ["./*", "istio-system/*", "shop/*"]}]}))
        yield fault("not-imported-https", "EC16", mode, unread, HTTPS)
        no_port = working(mode)
        one(no_port, "ServiceEntry")["spec"]["ports"].pop(0)
        yield fault("port-80-missing", "EC17", mode, no_port, HTTP)
    twice = [*working("istio-apis"), entry("aaa/docs", port=80, protocol="TCP")]
    yield fault("entry-twice-tcp-on-80", "EC18", "istio-apis", twice, HTTP)
    shared = [
        *(each for each in working("istio-apis") if each["kind"] not in _ABOUT_HOSTS),
        entry("egress/other", "a.example.com", port=5432, protocol="TCP", resolution="DNS"),
        entry("egress/docs", HOST, port=5432, protocol="TCP", resolution="DNS"),
    ]
    yield fault("tcp-port-shared", "EC20", "istio-apis", shared, TCP)
    for mode in ("istio-apis", "gateway-api"):
        for call in (Call("203.0.113.7", 80, Scheme.HTTP), Call("203.0.113.7", 443, Scheme.HTTPS)):
            yield fault(f"by-address-{call.scheme}", "EC21", mode, working(mode), call)
    # The objects say that unknown hosts are refused; the revision in use has another MeshConfig.
    nothing = [each for each in working("istio-apis") if each["kind"] not in _ABOUT_HOSTS]
    for call in (HTTP, HTTPS):
        there = fault(f"other-policy-{call.scheme}", "EC25", "istio-apis", nothing, call, mesh=only)
        yield replace(there, told={})


_ABOUT_HOSTS = (
    "ServiceEntry",
    "VirtualService",
    "DestinationRule",
    "HTTPRoute",
    "TLSRoute",
    "TCPRoute",
    "BackendTLSPolicy",
)


# ---------------------------------------------------------------- is it steered?


def _vs(objects: Objects) -> Any:
    return one(objects, "VirtualService")["spec"]


def _istio(name: str, code: str, call: Call, change: Callable[[Objects], object], **more: Any) -> Fault:
    return fault(name, code, "istio-apis", made("istio-apis", change), call, **more)


def _steered() -> Iterator[Fault]:
    for call, rules in ((HTTP, "http"), (HTTPS, "tls")):
        kind = call.scheme
        if call is HTTPS:
            yield _istio(f"no-mesh-{kind}", "EC26", call, lambda o: set_at(
                o, "VirtualService", "spec.gateways", [f"egress/{DOCS}"]))  # fmt: skip
        # The ServiceEntry has both ports, the rule only the other one.
        yield _istio(f"rule-for-other-port-{kind}", "EC27", call, lambda o, r=rules: _vs(o).pop(r))
        yield _istio(f"rule-not-exported-{kind}", "EC29", call, lambda o: set_at(
            o, "VirtualService", "spec.exportTo", ["egress"]))  # fmt: skip
        yield _istio(f"nothing-steers-{kind}", "EC88", call, lambda o: without(o, "VirtualService"))
    yield _istio("shadowed-tls", "EC31", HTTPS, _shadow_tls)
    yield _istio("weights-half-tls", "EC33", HTTPS, _weights_tls)
    yield _istio("other-namespace-only", "EC32", HTTP, lambda o: set_at(
        o, "VirtualService", "spec.http.0.match", [{"port": 80, "sourceNamespace": "shop"}]))  # fmt: skip
    yield _istio("path-only", "EC32", HTTP, lambda o: set_at(
        o, "VirtualService", "spec.http.0.match.0.uri", {"prefix": "/api"}))  # fmt: skip
    yield _istio("rival-http", "EC30", HTTP, lambda o: _rival(o, "http", 80))
    yield _istio("rival-tls", "EC30", HTTPS, lambda o: _rival(o, "tls", 443))
    yield _istio("tls-rule-for-http", "EC28", HTTP, _tls_for_http)
    works = working("istio-apis")
    nothing = [each for each in works if each["kind"] != "VirtualService"]
    for call in (HTTP, HTTPS):
        stale = fault(f"stale-{call.scheme}", "EC89", "istio-apis", works, call)
        yield replace(stale, programmed=tuple(nothing))
    yield fault("another-way-wanted", "EC84", "istio-apis", [*works, *_spare()], HTTP, expect="gateway=egress/spare")
    for mode in ("gateway-api", "ambient"):
        yield fault("not-blocked", "EC85", mode, working(mode), HTTP, expect="blocked")


def _spare() -> Objects:
    from support.mesh import egress_gateway

    return egress_gateway("spare", "10.0.0.10", "10.96.0.4")


def _shadow_tls(objects: Objects) -> None:
    rule = copy.deepcopy(_vs(objects)["tls"][0])
    rule["route"] = [{"destination": {"host": HOST, "port": {"number": 443}}}]
    _vs(objects)["tls"].insert(0, rule)


def _weights_tls(objects: Objects) -> None:
    rule = _vs(objects)["tls"][0]
    rule["route"][0]["weight"] = 0
    rule["route"].insert(0, {"destination": {"host": HOST, "port": {"number": 443}}, "weight": 100})


def _rival(objects: Objects, kind: str, port: int) -> None:
    """An older rule of another namespace: the oldest wins."""
    sni = {"sniHosts": [HOST]} if kind == "tls" else {}
    rule = {"match": [{"port": port, **sni}], "route": [{"destination": {"host": HOST, "port": {"number": port}}}]}
    made = obj("VirtualService", "curl/own", spec={"hosts": [HOST], kind: [rule]})
    made["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    one(objects, "VirtualService")["metadata"]["creationTimestamp"] = "2021-01-01T00:00:00Z"
    objects.append(made)


def _tls_for_http(objects: Objects) -> None:
    """A rule for TLS on the port on which clients speak HTTP."""
    spec = _vs(objects)
    for each in spec.pop("http"):
        each["match"] = [{**match, "sniHosts": [HOST]} for match in each["match"]]
        spec["tls"].append(each)


# ---------------------------------------------------------------- does the gateway take it?


def _at_the_gateway() -> Iterator[Fault]:
    gateway, rule = "Gateway", "VirtualService"
    yield _istio("no-service-tls", "EC51", HTTPS, lambda o: set_at(
        o, rule, "spec.tls.0.route.0.destination.host", "gateway.egress.svc.cluster.local"))  # fmt: skip
    yield _istio("no-subset-http", "EC80", HTTP, lambda o: without(o, "DestinationRule"))
    yield _istio("subset-misspelt", "EC80", HTTP, lambda o: set_at(
        o, rule, "spec.http.0.route.0.destination.subset", "docs"))  # fmt: skip
    yield _istio("selects-nobody-tls", "EC54", HTTPS, lambda o: set_at(
        o, gateway, "spec.selector", {"istio": "egressgateway"}))  # fmt: skip
    yield _istio("no-server-for-tls", "EC82", HTTPS, lambda o: set_at(
        o, gateway, "spec.servers", [each for each in one(o, gateway)["spec"]["servers"]
                                     if each["port"]["number"] == 80]))  # fmt: skip
    yield _istio("no-server-for-http", "EC82", HTTP, lambda o: set_at(
        o, gateway, "spec.servers", [each for each in one(o, gateway)["spec"]["servers"]
                                     if each["port"]["number"] == 443]))  # fmt: skip
    yield _istio("other-host-at-server-http", "EC56", HTTP, lambda o: set_at(
        o, gateway, "spec.servers.0.hosts", ["other.example.com"]))  # fmt: skip
    yield _istio("no-onward-rule-http", "EC57", HTTP, lambda o: _vs(o)["http"].pop())
    yield _istio("gateway-speaks-http", "EC58", HTTP, _plain_server)
    yield _istio("leg-without-tls", "EC58", HTTP, _leg_without_tls)
    yield _istio("entry-hidden-from-gateway", "EC60", HTTP, lambda o: set_at(
        o, "ServiceEntry", "spec.exportTo", ["curl"]))  # fmt: skip
    yield _istio("rule-hidden-from-gateway", "EC60", HTTP, lambda o: set_at(
        o, rule, "spec.exportTo", ["curl"]))  # fmt: skip
    yield _istio("denied-by-name", "EC61", HTTP, lambda o: o.append(_denies()))
    yield _istio("denied-by-name-tls", "EC61", HTTPS, lambda o: o.append(_denies()))
    yield _istio("allow-nothing", "EC61", HTTP, lambda o: o.append(
        obj("AuthorizationPolicy", "egress/nothing", "security.istio.io/v1", spec={})))  # fmt: skip
    yield _istio("fault-that-aborts", "EC86", HTTP, lambda o: set_at(
        o, rule, "spec.http.0.fault", {"abort": {"httpStatus": 503, "percentage": {"value": 100}}}))  # fmt: skip
    yield _istio("fault-at-gateway", "EC86", HTTP, lambda o: set_at(
        o, rule, "spec.http.1.fault", {"abort": {"httpStatus": 503, "percentage": {"value": 100}}}))  # fmt: skip
    yield _istio("onward-host-misspelt", "EC93", HTTP, lambda o: set_at(
        o, rule, "spec.http.1.route.0.destination.host", "docs.redhat.org"))  # fmt: skip
    yield _istio("onward-host-misspelt-tls", "EC93", HTTPS, lambda o: set_at(
        o, rule, "spec.tls.1.route.0.destination.host", "docs.redhat.org"))  # fmt: skip
    plain = working("istio-apis", 80, plaintext=True)
    plain.append(_allows_account())
    yield fault("no-identity", "EC59", "istio-apis", plain, HTTP)


def _plain_server(objects: Objects) -> None:
    server = one(objects, "Gateway")["spec"]["servers"][0]
    server["port"]["protocol"] = "HTTP"
    server.pop("tls", None)


def _leg_without_tls(objects: Objects) -> None:
    for subset in one(objects, "DestinationRule")["spec"]["subsets"]:
        for setting in (subset["trafficPolicy"], *subset["trafficPolicy"].get("portLevelSettings", ())):
            if "tls" in setting:
                setting["tls"] = {"mode": "DISABLE"}


def _denies() -> dict[str, Any]:
    rules = [{"from": [{"source": {"namespaces": ["curl"]}}]}, {"to": [{"operation": {"ports": ["8443"]}}]}]
    where = {"selector": {"matchLabels": {"istio": "gw"}}}
    spec = {**where, "action": "DENY", "rules": rules}
    return obj("AuthorizationPolicy", "egress/not-curl", "security.istio.io/v1", spec=spec)


def _allows_account() -> dict[str, Any]:
    rules = [{"from": [{"source": {"principals": ["cluster.local/ns/curl/sa/default"]}}]}]
    where = {"selector": {"matchLabels": {"istio": "gw"}}}
    spec = {**where, "action": "ALLOW", "rules": rules}
    return obj("AuthorizationPolicy", "egress/only-curl", "security.istio.io/v1", spec=spec)


# ---------------------------------------------------------------- by the Gateway API


def _by_gateway_api() -> Iterator[Fault]:
    there = f"{DOCS}-80-to-gateway"

    def api(name: str, code: str, call: Call, change: Callable[[Objects], object]) -> Fault:
        return fault(name, code, "gateway-api", made("gateway-api", change), call)

    tls = next(each["metadata"]["name"] for each in working("gateway-api") if each["kind"] == "TLSRoute")
    onward = [each["metadata"]["name"] for each in working("gateway-api") if each["kind"] == "TLSRoute"][-1]
    yield api("no-tls-route", "EC37", HTTPS, lambda o: without(o, "TLSRoute", tls))
    yield api("no-parent-tls", "EC35", HTTPS, lambda o: set_at(
        o, "TLSRoute", "spec.parentRefs.0.name", "nowhere", tls))  # fmt: skip
    yield api("no-parent-namespace", "EC35", HTTP, lambda o: set_at(
        o, "HTTPRoute", "spec.parentRefs.0.namespace", "shop", there))  # fmt: skip
    yield api("parent-port-tls", "EC38", HTTPS, lambda o: set_at(
        o, "TLSRoute", "spec.parentRefs.0.port", 80, tls))  # fmt: skip
    yield api("no-backend-tls", "EC39", HTTPS, lambda o: set_at(
        o, "TLSRoute", "spec.rules.0.backendRefs.0.name", "nothing", tls))  # fmt: skip
    yield api("no-onward-route", "EC57", HTTP, lambda o: without(o, "HTTPRoute", f"{DOCS}-80-from-gateway"))
    yield api("no-onward-route-tls", "EC57", HTTPS, lambda o: without(o, "TLSRoute", onward))
    canary: Any = {"path": {"type": "PathPrefix", "value": "/"}}
    canary["headers"] = [{"type": "Exact", "name": "x-canary", "value": "yes"}]
    yield api("header-only", "EC32", HTTP, lambda o: set_at(
        o, "HTTPRoute", "spec.rules.0.matches", [canary], there))  # fmt: skip
    yield api("half-outside", "EC33", HTTP, _half_outside)
    yield api("route-for-other-port", "EC27", HTTP, lambda o: without(o, "HTTPRoute", there))
    yield api("allow-nothing", "EC61", HTTP, lambda o: o.append(
        obj("AuthorizationPolicy", "egress/nothing", "security.istio.io/v1", spec={})))  # fmt: skip


def _half_outside(objects: Objects) -> None:
    refs = one(objects, "HTTPRoute", f"{DOCS}-80-to-gateway")["spec"]["rules"][0]["backendRefs"]
    refs[0]["weight"] = 0
    refs.insert(0, {"group": "networking.istio.io", "kind": "Hostname", "name": HOST, "port": 80, "weight": 100})
