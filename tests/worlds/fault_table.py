"""The faults that a simulated mesh can have: those of the catalogue whose lines the simulator can write truly.

In: nothing. Out: `FAULTS`. Each row names what is broken in the objects, and what the proxies log then.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from worlds import objects as k8s
from worlds.broken import AMBIENT, BY_ROUTES, SIDECAR, Broken, WorldFault
from worlds.fault_evidence import evidence_faults
from worlds.lines import stamp
from worlds.mesh import SIDECAR_STATUS

_HTTP, _NAMED = ("http",), ("http", "tls")
_RESET = "upstream_reset_before_response_started"
_REFUSED = "delayed_connect_error:_Connection_refused"
_ANNOTATION = "traffic.sidecar.istio.io/excludeOutboundPorts"


def faults() -> tuple[WorldFault, ...]:
    """All of them."""
    return (*_unknown(), *_steered(), *_at_gateways(), *_by_routes(), *_ambient(), *_unseen(), *evidence_faults())


def _sets(kind: str, path: str, value: Any) -> Any:
    """A change of one field of an object of the host."""

    def change(it: Broken) -> None:
        *above, last = path.split(".")
        place: Any = it.find(kind)
        for step in above:
            place = place[int(step)] if step.isdigit() else place[step]
        place[last] = value

    return change


_straight, _by_rule, _passed = (
    Broken.straight,
    partial(Broken.straight, route="-"),
    partial(Broken.straight, known=False),
)


def _nothing(it: Broken, begin: int) -> None:
    """It is not sent, or no proxy sees it."""


def _ends(name: str) -> Any:
    return lambda it, begin: it.through(begin, name)


# ---------------------------------------------------------------- is the host known?


def _unknown() -> Iterator[WorldFault]:
    yield WorldFault("not-registered", "EC13", SIDECAR, _undeclared, _passed)
    yield WorldFault("registry-only", "EC14", SIDECAR, _registry_only, _passed)
    yield WorldFault(
        "entry-hidden", "EC15", SIDECAR, _sets("ServiceEntry", "spec.exportTo", ["."]), _passed, ("tls", "tcp")
    )
    yield WorldFault("not-imported", "EC16", SIDECAR, _not_imported, _passed, local=True)
    yield WorldFault("port-missing", "EC17", SIDECAR, _sets("ServiceEntry", "spec.ports", [
        {"number": 9999, "name": "tcp-9999", "protocol": "TCP"}]), _passed, ("tls", "tcp"))  # fmt: skip
    yield WorldFault("redirected", "EC17", SIDECAR, lambda _: None, _redirected, _HTTP)
    yield WorldFault("by-address", "EC21", SIDECAR, lambda _: None, _by_address, _HTTP, local=True)
    yield WorldFault("young", "EC11", SIDECAR, lambda _: None, _young, _HTTP, local=True)


def _undeclared(it: Broken) -> None:
    it.drop("ServiceEntry")
    it.drop("VirtualService")


def _registry_only(it: Broken) -> None:
    _undeclared(it)
    it.world.registry_only = True
    config = it.find("ConfigMap", "istio", "istio-system")
    config["data"]["mesh"] = config["data"]["mesh"].replace("ALLOW_ANY", "REGISTRY_ONLY")


def _not_imported(it: Broken) -> None:
    hosts = ["./*", "istio-system/*", "shop/*"]
    it.add(k8s.made(k8s.ISTIO, "Sidecar", it.pod.namespace, "default", spec={"egress": [{"hosts": hosts}]}))


def _redirected(it: Broken, begin: int) -> None:
    """The host answers with a redirect to https, which is not declared; some call it by http alone."""
    it.through(begin)
    it.https(begin + 60)


def _by_address(it: Broken, begin: int) -> None:
    flow = it.straight(begin, known=False)
    flow.host, flow.lines[-1].fields["authority"] = "", flow.address


def _young(it: Broken, begin: int) -> None:
    it.straight(begin, known=False)
    pod = it.find("Pod", it.pod.name, it.pod.namespace)
    began = stamp(min(each.begin for each in it.world.lines if each.log == it.pod.log) - 1000)[:19] + "Z"
    pod["status"]["startTime"] = began
    for each in pod["status"]["containerStatuses"]:
        each["state"] = {"running": {"startedAt": began}}


# ---------------------------------------------------------------- is it steered?


def _steered() -> Iterator[WorldFault]:
    yield WorldFault("no-mesh", "EC26", SIDECAR, _no_mesh, _straight)
    yield WorldFault(
        "other-port", "EC27", SIDECAR, lambda it: it.rule()["match"][0].update(port=9999), _straight, _HTTP
    )
    yield WorldFault("rule-kind", "EC28", SIDECAR, _rule_kind, _straight, ("tls",))
    yield WorldFault("rule-hidden", "EC29", SIDECAR, _sets("VirtualService", "spec.exportTo", ["."]), _straight)
    yield WorldFault("shadowed", "EC31", SIDECAR, _shadowed, _by_rule, _HTTP)
    yield WorldFault("conditional", "EC32", SIDECAR, _conditional, lambda it, begin: it.refused(
        begin, response_code=404, response_flags="NR", response_code_details="route_not_found"), _HTTP)  # fmt: skip
    yield WorldFault("weighted", "EC33", SIDECAR, _weighted, _half_of_it, _HTTP)
    yield WorldFault("no-rule", "EC88", SIDECAR, lambda it: it.drop("VirtualService"), _straight)


def _no_mesh(it: Broken) -> None:
    it.find("VirtualService")["spec"]["gateways"].remove("mesh")


def _rule_kind(it: Broken) -> None:
    spec = it.find("VirtualService")["spec"]
    rule = spec["tls"].pop(0)
    rule["match"][0].pop("sniHosts")
    spec["http"] = [rule]


def _outside(it: Broken, **more: object) -> dict[str, Any]:
    return {"destination": {"host": it.host.name, "port": {"number": it.host.port}}, **more}


def _shadowed(it: Broken) -> None:
    it.find("VirtualService")["spec"]["http"].insert(0, {"route": [_outside(it)]})


def _conditional(it: Broken) -> None:
    it.rule()["match"][0]["uri"] = {"exact": "/only/this"}


def _weighted(it: Broken) -> None:
    rule = it.rule()
    rule["route"] = [{**rule["route"][0], "weight": 50}, _outside(it, weight=50)]


def _half_of_it(it: Broken, begin: int) -> None:
    it.through(begin)
    it.straight(begin + 40, route="-")


# ---------------------------------------------------------------- does the gateway take it?


def _at_gateways() -> Iterator[WorldFault]:
    yield WorldFault("no-service", "EC51", SIDECAR, lambda it: it.rule()["route"][0]["destination"].update(
        host=f"gateway.{it.proxy.namespace}.svc.cluster.local"), lambda it, begin: it.refused(begin), _NAMED)  # fmt: skip
    yield WorldFault("no-subset", "EC80", SIDECAR, lambda it: it.rule()["route"][0]["destination"].update(
        subset="docs"), lambda it, begin: it.refused(begin), _NAMED)  # fmt: skip
    yield WorldFault("selects-nobody", "EC54", SIDECAR, lambda it: it.find(
        "Gateway", namespace=it.proxy.namespace)["spec"].update(selector={"istio": "other"}), _not_taken, alone=True)  # fmt: skip
    yield WorldFault("scaled-down", "EC55", SIDECAR, Broken.without_pods, _nobody, alone=True)
    yield WorldFault("firewall", "EC63", SIDECAR, lambda _: None, lambda it, begin: it.to_proxy(
        begin, "URX,UF", "-", details=f"{_RESET}{{connection_timeout}}"), _HTTP)  # fmt: skip
    # Of TLS it would be EC56: no filter chain for the name. A request finds the listener, and no route.
    yield WorldFault("other-host", "EC57", SIDECAR, _other_host, _ends("no-route"), _HTTP)
    yield WorldFault("no-onward-rule", "EC57", SIDECAR, lambda it: it.find("VirtualService")["spec"]["http"].pop(
        ), _ends("no-route"), _HTTP)  # fmt: skip
    yield WorldFault("onward-host", "EC93", SIDECAR, lambda it: it.find("VirtualService")["spec"]["http"][1]["route"][
        0]["destination"].update(host="misspelt.example.org"), _ends("no-cluster"), _HTTP)  # fmt: skip
    yield WorldFault("denied", "EC61", SIDECAR, _denied, _denied_line, _HTTP, alone=True)
    yield WorldFault("no-address", "EC65", SIDECAR, lambda _: None, _ends("no-healthy-upstream"), _HTTP)
    yield WorldFault("refuses", "EC66", SIDECAR, lambda _: None, _ends("connect-refused"), _HTTP)


def _not_taken(it: Broken, begin: int) -> None:
    it.to_proxy(begin, "URX,UF", _REFUSED, details=f"{_RESET}{{remote_connection_failure|{_REFUSED}}}")


def _nobody(it: Broken, begin: int) -> None:
    said = {"upstream_cluster": f"outbound|{it.host.port}||{it.proxy.host}", "response_flags": "UH"}
    it.refused(begin, **said, **({"response_code_details": "no_healthy_upstream"} if it.host.scheme == "http" else {}))


def _other_host(it: Broken) -> None:
    it.find("Gateway", namespace=it.proxy.namespace)["spec"]["servers"][0]["hosts"] = ["other.example.org"]


def _denied(it: Broken) -> None:
    spec = {"selector": {"matchLabels": {"istio": it.proxy.name}}, "action": "DENY", "rules": [{}]}
    it.add(k8s.made("security.istio.io/v1", "AuthorizationPolicy", it.proxy.namespace, "nobody", spec=spec))


def _denied_line(it: Broken, begin: int) -> None:
    line = it.through(begin, "rbac").lines[-1]
    policy = f"ns[{it.proxy.namespace}]-policy[nobody]-rule[0]"
    line.fields["response_code_details"] = f"rbac_access_denied_matched_policy[{policy}]"


# ---------------------------------------------------------------- by routes of the Gateway API


def _by_routes() -> Iterator[WorldFault]:
    yield WorldFault("wrong-parent", "EC35", BY_ROUTES, _wrong_parent, _straight)
    yield WorldFault("parents-port", "EC38", BY_ROUTES, lambda it: _route(it, 0)["spec"]["parentRefs"][0].update(
        port=9999), _straight, _HTTP)  # fmt: skip
    yield WorldFault("wrong-backend", "EC39", BY_ROUTES, _wrong_backend, lambda it, begin: it.refused(
        begin, response_code=500), _HTTP)  # fmt: skip
    yield WorldFault("no-onward-route", "EC57", BY_ROUTES, lambda it: it.drop(
        "HTTPRoute", f"route-{it.number}-1"), _ends("no-route"), _HTTP)  # fmt: skip
    yield WorldFault("no-route", "EC88", BY_ROUTES, _no_routes, _straight)
    yield WorldFault("scaled-down-by-routes", "EC55", BY_ROUTES, Broken.without_pods, _nobody, alone=True)


def _route(it: Broken, step: int) -> dict[str, Any]:
    kind = {"http": "HTTPRoute", "tls": "TLSRoute", "tcp": "TCPRoute"}[it.host.scheme]
    return it.find(kind, f"route-{it.number}-{step}")


def _wrong_parent(it: Broken) -> None:
    route = _route(it, 0)
    route["spec"]["parentRefs"][0]["name"] = "misspelt"
    route["status"] = {"parents": []}


def _wrong_backend(it: Broken) -> None:
    route = _route(it, 0)
    route["spec"]["rules"][0]["backendRefs"][0]["name"] = "misspelt"
    route["status"]["parents"][0]["conditions"] = [
        {"type": "Accepted", "status": "True", "reason": "Accepted"},
        {
            "type": "ResolvedRefs",
            "status": "False",
            "reason": "BackendNotFound",
            "message": "backend(misspelt) not found",
        },
    ]


def _no_routes(it: Broken) -> None:
    for step in (0, 1):
        it.drop(_route(it, step)["kind"], f"route-{it.number}-{step}")


# ---------------------------------------------------------------- ambient mode


def _ambient() -> Iterator[WorldFault]:
    yield WorldFault("no-label", "EC42", AMBIENT, lambda it: _bound(it, None), _straight)
    yield WorldFault("opted-out", "EC43", AMBIENT, lambda it: _bound(it, "none"), _straight)
    yield WorldFault("no-such-waypoint", "EC44", AMBIENT, lambda it: _bound(it, "misspelt"), _straight)
    yield WorldFault("for-workloads", "EC46", AMBIENT, _for_workloads, _straight, alone=True)
    yield WorldFault("not-registered-ambient", "EC13", AMBIENT, lambda it: it.drop("ServiceEntry"), _passed)
    yield WorldFault("own-dns", "EC48", AMBIENT, lambda _: None, _passed, local=True)
    yield WorldFault("no-pods", "EC55", AMBIENT, Broken.without_pods, lambda it, begin: it.by_ztunnel(
        begin, f"no healthy upstream: {it.host.vip}:{it.host.port}", early=True), alone=True)  # fmt: skip
    yield WorldFault("hbone-blocked", "EC63", AMBIENT, lambda _: None, lambda it, begin: it.by_ztunnel(
        begin, "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: deadline has elapsed",
        early=False, length=10_001))  # fmt: skip
    yield WorldFault("no-address-ambient", "EC65", AMBIENT, lambda _: None, _ends("no-healthy-upstream"), _HTTP)
    yield WorldFault("refuses-ambient", "EC66", AMBIENT, lambda _: None, _ends("connect-refused"), _HTTP)


def _bound(it: Broken, waypoint: str | None) -> None:
    entry = it.find("ServiceEntry")
    entry["metadata"]["labels"] = {} if waypoint is None else {"istio.io/use-waypoint": waypoint}
    entry["status"].pop("conditions")
    if waypoint == "misspelt":
        _unbound(entry, "WaypointIsNotReady")


def _unbound(entry: dict[str, Any], reason: str) -> None:
    entry["status"]["conditions"] = [{"type": "istio.io/WaypointBound", "status": "False", "reason": reason}]


def _for_workloads(it: Broken) -> None:
    it.find("Gateway", it.proxy.name, it.proxy.namespace)["metadata"]["labels"]["istio.io/waypoint-for"] = "workload"
    _unbound(it.find("ServiceEntry"), "UnsupportedTrafficType")


# ---------------------------------------------------------------- what no proxy sees


def _unseen() -> Iterator[WorldFault]:
    yield WorldFault("not-injected", "EC01", SIDECAR, lambda it: _batch(it, "", {}), _nothing)
    yield WorldFault("opted-out-of-injection", "EC02", SIDECAR, lambda it: _batch(
        it, "sidecar", {"sidecar.istio.io/inject": "false"}), _nothing)  # fmt: skip
    yield WorldFault("host-network", "EC03", SIDECAR, _host_network, _nothing)
    yield WorldFault("port-excluded", "EC04", SIDECAR, lambda it: _batch(
        it, "sidecar", {}, {_ANNOTATION: "443", "sidecar.istio.io/status": SIDECAR_STATUS}, mode="sidecar"), _nothing)  # fmt: skip
    yield WorldFault("not-enrolled", "EC08", AMBIENT, lambda it: _batch(it, "", {}), _nothing)


def _batch(
    it: Broken, namespace: str, labels: dict[str, str], notes: dict[str, str] | None = None, mode: str = "none"
) -> dict[str, Any]:
    """A workload of its own, whose namespace asks for sidecars or for nothing."""
    it.builder.namespace("batch", namespace)
    [pod] = it.builder.workload("batch", "batch", mode, labels=labels, annotations=notes)
    pod.log_format = "json" if "json" in it.world.tags else "text"
    return it.find("Pod", pod.name, "batch")


def _host_network(it: Broken) -> None:
    pod = _batch(it, "sidecar", {})
    pod["spec"]["hostNetwork"] = True
    pod["status"]["podIP"] = pod["status"]["hostIP"]
    pod["status"]["podIPs"] = [{"ip": pod["status"]["hostIP"]}]


# ---------------------------------------------------------------- what the logs do not tell
