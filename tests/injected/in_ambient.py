"""Faults of ambient meshes: waypoints that are asked for and not used, and what ztunnels say when they refuse.

The errors of ztunnels are those of istio/ztunnel src/proxy.rs; its stand-in in the lab meets none of them itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from support.loop_breakages import Objects, one, set_at, without, working
from support.loop_world import World
from support.mesh import Manifest, egress_gateway, listener, obj, route

from injected.fault import Change, Fault, Seen
from injected.meshes import HTTP, HTTPS, fault, made

_USE = "istio.io/use-waypoint"


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _not_asked_for()
    yield from _not_used()
    yield from _refused()


def _use(objects: Objects, value: str | None) -> None:
    set_at(objects, "ServiceEntry", "metadata.labels", {} if value is None else {_USE: value})


def _waypoint(objects: Objects) -> Manifest:
    return one(objects, "Gateway", "waypoint")


def _not_asked_for() -> Iterator[Fault]:
    rows: tuple[tuple[str, str, Any], ...] = (
        ("no-label", "EC42", lambda o: _use(o, None)),
        ("opted-out", "EC43", lambda o: _use(o, "none")),
        ("opted-out-of-namespace", "EC43", _out_of_namespace),
        ("no-such-waypoint", "EC44", lambda o: _use(o, "other")),
        ("other-namespace", "EC44", _elsewhere),
        ("not-admitted", "EC45", _not_admitted),
        ("for-workloads", "EC46", lambda o: set_at(
            o, "Gateway", "metadata.labels", {"istio.io/waypoint-for": "workload"}, "waypoint")),
        ("for-none", "EC46", lambda o: set_at(
            o, "Gateway", "metadata.labels", {"istio.io/waypoint-for": "none"}, "waypoint")),
    )  # fmt: skip
    for call in (HTTP, HTTPS):
        for name, code, change in rows:
            yield fault(f"asked-{name}-{call.scheme}", code, "ambient", made("ambient", change), call)
    rule_only = made("ambient", _rule_only)
    yield fault("rule-without-waypoint", "EC40", "ambient", rule_only, HTTP, expect="gateway=egress/gw")
    gone = fault("no-waypoint", "EC44", "ambient", made("ambient", lambda o: without(o, "Gateway", "waypoint")), HTTP)
    yield replace(gone, expect="waypoint=egress/waypoint")


def _out_of_namespace(objects: Objects) -> None:
    one(objects, "Namespace", "egress")["metadata"]["labels"][_USE] = "waypoint"
    _use(objects, "none")


def _elsewhere(objects: Objects) -> None:
    """The host's namespace is not the waypoint's, and nothing says which that is."""
    one(objects, "ServiceEntry")["metadata"]["namespace"] = "shop"
    _waypoint(objects)["spec"]["listeners"][0]["allowedRoutes"] = {"namespaces": {"from": "All"}}


def _not_admitted(objects: Objects) -> None:
    one(objects, "ServiceEntry")["metadata"]["namespace"] = "shop"
    set_at(objects, "ServiceEntry", "metadata.labels", {_USE: "waypoint", f"{_USE}-namespace": "egress"})


def _rule_only(objects: Objects) -> None:
    """A rule that leads the host to an egress gateway, and no waypoint: no ztunnel follows it."""
    _use(objects, None)
    objects += [each for each in egress_gateway("gw", "10.0.0.9", "10.96.0.1") if each["kind"] != "EndpointSlice"]
    objects += [listener(), route()]


def _not_used() -> Iterator[Fault]:
    for call in (HTTP, HTTPS):
        own = fault(f"own-dns-{call.scheme}", "EC48", "ambient", working("ambient"), call)
        yield replace(own, world=World(by_name=False))
        bound = working("ambient")
        # What istiod told the ztunnel is what it tells without the label: it is wrong, and the objects are right.
        other = fault(f"not-told-{call.scheme}", "EC81", "ambient", bound, call)
        yield replace(other, programmed=tuple(made("ambient", lambda o: _use(o, None))))
        wild = fault(f"wildcard-{call.scheme}", "EC49", "ambient", made("ambient", _wildcard), call)
        yield wild
        never = fault(f"never-programmed-{call.scheme}", "EC47", "ambient", working("ambient"), call)
        without_waypoint = tuple(each for each in working("ambient") if each["kind"] != "Gateway")
        yield replace(never, programmed=without_waypoint, change=_not_programmed)


def _wildcard(objects: Objects) -> None:
    spec = one(objects, "ServiceEntry")["spec"]
    spec["hosts"], spec["resolution"] = ["*.redhat.com"], "NONE"


def _not_programmed(seen: Seen) -> None:
    for each in seen.objects:
        if each["kind"] == "Gateway" and each["metadata"]["name"] == "waypoint":
            condition = {"type": "Programmed", "status": "False", "reason": "AddressNotAssigned"}
            each["status"] = {"conditions": [condition]}


# ---------------------------------------------------------------- what ztunnels refuse


def _refused() -> Iterator[Fault]:
    rows: tuple[tuple[str, str, str], ...] = (
        ("hbone-blocked", "EC63",
         "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: deadline has elapsed"),
        ("identity-refused", "EC64", "http status: 401 Unauthorized"),
        ("tls-refused", "EC64", "io error: invalid peer certificate: UnknownIssuer"),
        ("recursive", "EC53", "attempted recursive call to ourselves"),
        ("not-allowed-at-ztunnel", "EC61",
         "connection closed due to policy rejection: allow policies exist, but none allowed"),
        ("denied-at-ztunnel", "EC61",
         "connection closed due to policy rejection: explicitly denied by: egress/not-curl"),
    )  # fmt: skip
    for call in (HTTP, HTTPS):
        for name, code, error in rows:
            works = fault(f"{name}-{call.scheme}", code, "ambient", working("ambient"), call)
            yield replace(works, change=_says(error))
    yield fault("rbac-at-waypoint", "EC61", "ambient", made("ambient", lambda o: o.append(_policy("targetRefs"))), HTTP)
    useless = made("ambient", lambda o: o.append(_policy("selector")))
    for call in (HTTP, HTTPS):
        yield fault(f"selector-{call.scheme}", "EC62", "ambient", useless, call, expect="blocked")


def _says(error: str) -> Change:
    """The ztunnel's line ends with this error, nothing was carried, and so the waypoint has no line."""

    def change(seen: Seen) -> None:
        lines = seen.lines[seen.source]
        done = f'bytes_sent=0 bytes_recv=0 duration="10001ms" error="{error}"'
        lines[-1] = re.sub(r"bytes_sent=.*", done, lines[-1]).replace("\tinfo\t", "\terror\t")
        seen.lines[seen.via] = [each for each in seen.lines[seen.via] if not each.startswith("[")]
        failed = replace(seen.probe.result, exit_code=56, http_code=None, error="Connection reset by peer")
        seen.probe = replace(seen.probe, result=failed)

    return change


def _policy(how: str) -> Manifest:
    where: dict[str, Any] = {"selector": {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "waypoint"}}}
    if how == "targetRefs":
        where = {"targetRefs": [{"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "waypoint"}]}
    rules = [{"from": [{"source": {"namespaces": ["amb"]}}]}]
    spec = {**where, "action": "DENY", "rules": rules}
    return obj("AuthorizationPolicy", "egress/not-amb", "security.istio.io/v1", spec=spec)
