"""Meshes that are broken in one way each, and what a fix makes of them.

In: nothing. Out: `Breakage`s: the objects, the call that goes wrong, the cause that says so. `mended` applies the first
fix of that cause as a person would, who runs the commands that are printed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import yaml

from egressaudit.fixes import Fix, fixes_of
from egressaudit.fixes.patching import patched
from egressaudit.manifests import Wanted, as_yaml, manifests, site_of
from egressaudit.mesh import Mesh
from egressaudit.model import Cause, FoundCause, ObjectRef, Scheme, Stage
from support.loop_mesh import LOOPS, with_status
from support.loop_run import Call
from support.mesh import GATEWAY_API, HOST, READ, Manifest, entry, obj

Objects = list[Manifest]
Break = Callable[[Objects], object]

HTTP, HTTPS = Call(HOST, 80, Scheme.HTTP), Call(HOST, 443, Scheme.HTTPS)
_SCHEMES = {80: "80", 443: "443", 5432: "5432/tcp"}
DOCS = "docs-redhat-com"


@dataclass(frozen=True)
class Breakage:
    """One broken mesh."""

    name: str
    mode: str
    objects: tuple[Manifest, ...]
    call: Call
    fix: str
    """The kind of fix that its cause asks for."""
    names: tuple[str, ...] = ()
    """The objects that the cause names."""
    mesh_config: Mapping[str, Any] = field(default_factory=dict)
    expect: str = ""

    def fixes(self) -> tuple[Fix, ...]:
        """The fixes, the smallest first."""
        loop = LOOPS[self.mode]()
        mesh = Mesh.of(with_status(loop, self.objects), READ)
        cause = Cause("EC00", "broken", "it is broken", Stage.STEERED, "IGA", "badly", "Mend it.", fix=self.fix)
        via = ObjectRef("egress", "waypoint" if loop.ambient else "gw")
        source = ObjectRef("amb" if loop.ambient else "curl", loop.source.name)
        call = self.call
        found = FoundCause(cause, ("so it is",), self.names, "", call.host, call.port, call.scheme, source, via)
        return fixes_of(found, mesh)

    def mended(self) -> tuple[Manifest, ...]:
        """The objects after the first fix."""
        return applied(self.objects, self.fixes()[0])


def applied(objects: tuple[Manifest, ...], fix: Fix) -> tuple[Manifest, ...]:
    """The objects after a fix: what the API server has once its commands have run."""
    there = {_key(each): each for each in objects}
    for change in fix.changes:
        key = (change.api.partition("/")[0], change.kind, change.ref.namespace, change.ref.name)
        there[key] = patched(there[key], change)
    for removal in fix.removals:
        del there[removal.api.partition("/")[0], removal.kind, removal.ref.namespace, removal.ref.name]
    for made in yaml.safe_load_all(as_yaml(fix.manifests)):
        there[_key(made)] = made
    return tuple(there.values())


def _key(each: Manifest) -> tuple[str, str, str, str]:
    where = each["metadata"]
    return each["apiVersion"].partition("/")[0], each["kind"], where.get("namespace", ""), where["name"]


# ---------------------------------------------------------------- working meshes, and what breaks them


def working(mode: str, *ports: int, namespace: str | None = None, plaintext: bool = False) -> Objects:
    """A mesh in which what `generate` writes sends the host through the gateway or waypoint."""
    loop = LOOPS[mode]()
    gateway = "egress/waypoint" if loop.ambient else "egress/gw"
    wanted = Wanted.of([HOST], [_SCHEMES[each] for each in ports or (80, 443)], gateway, namespace, plaintext=plaintext)
    new = yaml.safe_load_all(as_yaml(manifests(wanted, mode, site_of(wanted, mode))))
    return [*(copy.deepcopy(each) for each in loop.base), *filter(None, new)]


def one(objects: Objects, kind: str, name: str = DOCS) -> Manifest:
    """The object of this kind and name."""
    [found] = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def without(objects: Objects, kind: str, name: str = DOCS) -> None:
    objects.remove(one(objects, kind, name))


def set_at(objects: Objects, kind: str, path: str, value: object, name: str = DOCS) -> None:
    """Set the field at a path such as `spec.http.0.match`; None removes it."""
    *parents, last = (int(each) if each.isdecimal() else each for each in path.split("."))
    there: Any = one(objects, kind, name)
    for part in parents:
        there = there[part]
    if value is None:
        del there[last]
    else:
        there[last] = value


def _to(host: str, **more: Any) -> Manifest:
    return {"destination": {"host": host, "port": {"number": 80}}, **more}


def _rival(objects: Objects) -> None:
    made = obj("VirtualService", "curl/own", spec={"hosts": [HOST], "http": [{"route": [_to(HOST)]}]})
    made["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    objects.append(made)


def _shadow(objects: Objects) -> None:
    rules = one(objects, "VirtualService")["spec"]["http"]
    rules.insert(0, {"match": [{"gateways": ["mesh"], "port": 80}], "route": [_to(HOST)]})


def _weights(objects: Objects) -> None:
    rule = one(objects, "VirtualService")["spec"]["http"][0]
    rule["route"][0]["weight"] = 0
    rule["route"].insert(0, _to(HOST, weight=100))


def _http_for_tls(objects: Objects) -> None:
    """A rule and a server for HTTP where clients speak TLS."""
    vs, gateway = one(objects, "VirtualService"), one(objects, "Gateway")
    vs["spec"]["http"] = [
        {"match": [{"gateways": [at], "port": 443}], "route": each["route"]}
        for at, each in zip(("mesh", f"egress/{DOCS}"), vs["spec"].pop("tls"), strict=True)
    ]
    server = gateway["spec"]["servers"][0]
    server["port"]["protocol"] = "HTTP"
    del server["tls"]


def _sidecar(objects: Objects) -> None:
    objects.append(obj("Sidecar", "curl/default", spec={"egress": [{"hosts": ["./*", "istio-system/*"]}]}))


def _no_port(objects: Objects, port: int) -> None:
    spec = one(objects, "Service", "gw")["spec"]
    spec["ports"] = [each for each in spec["ports"] if each["port"] != port]


def _plaintext_leg(objects: Objects) -> None:
    """A rule that sends to the gateway without its subset, and so without mTLS."""
    vs = one(objects, "VirtualService")
    del vs["spec"]["http"][0]["route"][0]["destination"]["subset"]


def _allow_others(objects: Objects) -> None:
    rules = [{"from": [{"source": {"namespaces": ["shop"]}}]}]
    where = {"selector": {"matchLabels": {"istio": "gw"}}}
    api = "security.istio.io/v1"
    objects.append(obj("AuthorizationPolicy", "egress/shop", api, spec={**where, "action": "ALLOW", "rules": rules}))


def _silent(objects: Objects) -> None:
    # Without a provider it would disable nothing: accessLogFile is none (pilot/pkg/model/telemetry.go mergeLogs).
    spec = {"accessLogging": [{"providers": [{"name": "envoy"}], "disabled": True}]}
    objects.append(obj("Telemetry", "egress/quiet", "telemetry.istio.io/v1", spec=spec))


def _istio_apis() -> Iterator[tuple[str, str, tuple[str, ...], Call, Break]]:
    vs, se, gateway = f"VirtualService egress/{DOCS}", f"ServiceEntry egress/{DOCS}", f"Gateway egress/{DOCS}"
    rule, server = partial(set_at, kind="VirtualService"), partial(set_at, kind="Gateway")
    host = partial(set_at, kind="ServiceEntry")
    yield "mesh-missing", "mesh-gateway", (vs,), HTTP, partial(rule, path="spec.gateways", value=[f"egress/{DOCS}"])
    yield "entry-hidden", "export", (se,), HTTPS, partial(host, path="spec.exportTo", value=["."])
    yield "rule-hidden", "export-rule", (vs,), HTTPS, partial(rule, path="spec.exportTo", value=["."])
    yield "not-imported", "import", ("Sidecar curl/default", se), HTTP, _sidecar
    yield "port-missing", "entry-port", (se,), HTTPS, lambda o: one(o, "ServiceEntry")["spec"]["ports"].pop()
    yield "protocol", "entry-port", (se,), HTTPS, partial(host, path="spec.ports.1.protocol", value="HTTP")
    yield "looped", "resolution", (se,), HTTP, partial(host, path="spec.resolution", value="NONE")
    yield "shadowed", "rule-order", (vs,), HTTP, _shadow
    yield (
        "conditional", "rule-match", (vs,), HTTP,
        partial(rule, path="spec.http.0.match.0.headers", value={"x-canary": {"exact": "yes"}}),
    )  # fmt: skip
    yield (
        "other-labels", "rule-match", (vs,), HTTP,
        # A match with gateways asks for no labels (pilot/pkg/networking/core/route/route.go sourceMatchHTTP).
        partial(rule, path="spec.http.0.match", value=[{"port": 80, "sourceLabels": {"app": "cart"}}]),
    )  # fmt: skip
    yield "weighted", "weights", (vs,), HTTP, _weights
    yield "rival", "merge-rules", ("VirtualService curl/own", vs), HTTP, _rival
    yield (
        "no-service", "destination", (vs,), HTTP,
        partial(rule, path="spec.http.0.route.0.destination.host", value="gw.egress"),
    )  # fmt: skip
    yield "no-subset", "subset", (vs,), HTTPS, partial(without, kind="DestinationRule")
    yield (
        "selects-nobody",
        "gateway-selector",
        (gateway,),
        HTTP,
        partial(server, path="spec.selector", value={"a": "b"}),
    )
    yield "no-service-port", "gateway-port", ("Service egress/gw",), HTTPS, partial(_no_port, port=443)
    yield (
        "other-host", "gateway-server", (gateway,), HTTPS,
        partial(server, path="spec.servers.1.hosts", value=["other.example.com"]),
    )  # fmt: skip
    yield (
        "other-mode", "gateway-server", (gateway,), HTTPS,
        partial(server, path="spec.servers.1.tls", value={"mode": "ISTIO_MUTUAL"}),
    )  # fmt: skip
    yield "not-bound", "gateway-route", (vs,), HTTP, partial(rule, path="spec.gateways", value=["mesh"])
    yield "no-onward-rule", "gateway-route", (vs,), HTTPS, lambda o: one(o, "VirtualService")["spec"]["tls"].pop()
    yield "plaintext-leg", "mutual-tls", (f"DestinationRule egress/{DOCS}",), HTTP, _plaintext_leg
    yield "not-allowed", "authorization", ("AuthorizationPolicy egress/shop",), HTTP, _allow_others
    yield "silent", "logging", ("Telemetry egress/quiet",), HTTP, _silent


def _gateway_api() -> Iterator[tuple[str, str, tuple[str, ...], Call, Break]]:
    there, onward = f"{DOCS}-80-to-gateway", f"{DOCS}-80-from-gateway"
    route = partial(set_at, kind="HTTPRoute", name=there)
    names = (f"HTTPRoute egress/{there}",)
    yield "wrong-parent", "parent", names, HTTP, partial(route, path="spec.parentRefs.0.name", value="docs")
    yield "wrong-parent-port", "parent-port", names, HTTP, partial(route, path="spec.parentRefs.0.port", value=443)
    yield "wrong-backend", "backend", names, HTTP, partial(route, path="spec.rules.0.backendRefs.0.name", value="gw")
    yield (
        "hostname-namespace", "backend", (f"HTTPRoute egress/{onward}",), HTTP,
        partial(set_at, kind="HTTPRoute", name=onward, path="spec.rules.0.backendRefs.0.namespace", value="egress"),
    )  # fmt: skip


def _ambient() -> Iterator[tuple[str, str, tuple[str, ...], Call, Break]]:
    host = partial(set_at, kind="ServiceEntry", path="metadata.labels")
    use = "istio.io/use-waypoint"
    waypoint = partial(set_at, kind="Gateway", name="waypoint")
    se = (f"ServiceEntry egress/{DOCS}",)
    yield "no-label", "use-waypoint", se, HTTP, partial(host, value={})
    yield "opted-out", "use-waypoint", se, HTTPS, partial(host, value={use: "none"})
    yield "no-such-waypoint", "use-waypoint", se, HTTP, partial(host, value={use: "other"})
    yield (
        "for-workloads", "waypoint-for", ("Gateway egress/waypoint",), HTTP,
        partial(waypoint, path="metadata.labels", value={"istio.io/waypoint-for": "workload"}),
    )  # fmt: skip


def breakages() -> tuple[Breakage, ...]:
    """All of them."""
    return (*_by_one_change(), *_of_little())


def _by_one_change() -> Iterator[Breakage]:
    """Working meshes with one thing wrong."""
    for mode, rows in (("istio-apis", _istio_apis()), ("gateway-api", _gateway_api()), ("ambient", _ambient())):
        for name, fix, names, call, breaks in rows:
            objects = working(mode)
            breaks(objects)
            yield Breakage(f"{mode}-{name}", mode, tuple(objects), call, fix, names)


def _of_little() -> Iterator[Breakage]:
    """Meshes in which something was never written."""
    se = f"ServiceEntry egress/{DOCS}"
    for mode in LOOPS:
        nothing = tuple(LOOPS[mode]().base)
        if mode == "gateway-api":
            listener = {"name": "other", "port": 80, "protocol": "HTTP", "hostname": "other.example.com"}
            spec = {"gatewayClassName": "istio", "listeners": [listener]}
            nothing = (*nothing, obj("Gateway", "egress/gw", GATEWAY_API, spec=spec))
        if mode == "ambient":
            nothing = tuple(each for each in working(mode) if each["kind"] != "ServiceEntry")
        yield Breakage(f"{mode}-unknown", mode, nothing, HTTP, "service-entry")
        known = (*nothing, entry("egress/docs"))
        kind = "use-waypoint" if mode == "ambient" else "whole-way"
        yield Breakage(f"{mode}-nothing-declared", mode, known, HTTP, kind, ("ServiceEntry egress/docs",))
    only = {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}
    base = tuple(LOOPS["istio-apis"]().base)
    yield Breakage("istio-apis-registry-only", "istio-apis", base, HTTPS, "service-entry", (), only)
    short = working("istio-apis", 80)
    set_at(short, "VirtualService", "spec.hosts", ["docs"])
    named = (f"VirtualService egress/{DOCS}",)
    yield Breakage("istio-apis-other-name", "istio-apis", tuple(short), HTTP, "rule-host", named)
    yield Breakage("istio-apis-not-blocked", "istio-apis", base, HTTP, "forbid", expect="blocked")
    yield Breakage("istio-apis-other-port", "istio-apis", tuple(working("istio-apis", 80)), HTTPS, "rule-port")
    kinds = working("istio-apis", 443)
    _http_for_tls(kinds)
    yield Breakage(
        "istio-apis-rule-kind", "istio-apis", tuple(kinds), HTTPS, "rule-kind", (f"VirtualService egress/{DOCS}",)
    )
    twice = [*working("istio-apis"), entry("aaa/docs", port=443, protocol="TCP")]
    names = (se, "ServiceEntry aaa/docs")
    yield Breakage("istio-apis-two-entries", "istio-apis", tuple(twice), HTTPS, "merge-entries", names)
    hidden = working("istio-apis", namespace="curl")
    set_at(hidden, "ServiceEntry", "spec.exportTo", ["."])
    at = (f"ServiceEntry curl/{DOCS}",)
    yield Breakage("istio-apis-hidden-from-gateway", "istio-apis", tuple(hidden), HTTP, "export-to-gateway", at)
    only_http = tuple(working("gateway-api", 80))
    yield Breakage("gateway-api-no-tls-route", "gateway-api", only_http, HTTPS, "tls-route", (se,))
    consumer = working("gateway-api", 80)
    route = one(consumer, "HTTPRoute", f"{DOCS}-80-to-gateway")
    route["metadata"]["namespace"] = "shop"
    route["spec"]["parentRefs"][0]["namespace"] = "egress"
    route["spec"]["rules"][0]["backendRefs"][0]["namespace"] = "egress"
    named = (f"HTTPRoute shop/{DOCS}-80-to-gateway",)
    yield Breakage("gateway-api-consumer-route", "gateway-api", tuple(consumer), HTTP, "route-namespace", named)
    elsewhere = working("ambient", namespace="shop")
    del one(elsewhere, "Gateway", "waypoint")["spec"]["listeners"][0]["allowedRoutes"]
    where = ("Gateway egress/waypoint",)
    yield Breakage("ambient-not-admitted", "ambient", tuple(elsewhere), HTTP, "waypoint-routes", where)
    unnamed = working("ambient", namespace="shop")
    set_at(unnamed, "ServiceEntry", "metadata.labels", {"istio.io/use-waypoint": "waypoint"})
    yield Breakage(
        "ambient-namespace-missing", "ambient", tuple(unnamed), HTTP, "use-waypoint", (f"ServiceEntry shop/{DOCS}",)
    )
    gone = tuple(each for each in working("ambient") if each["kind"] != "Gateway")
    yield Breakage("ambient-no-waypoint", "ambient", gone, HTTP, "use-waypoint", (se,))
