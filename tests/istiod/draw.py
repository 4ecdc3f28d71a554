"""A random mesh and what is asked of it: a way that makes sense, things beside it, and up to three faults.

In: a seed and a number, or a `random.Random`. Out: a case, as tools/istiod_oracle/protocol.go has it.
Example: `drawn(5, 17)["id"]` is `5/17`.
"""

from __future__ import annotations

import random
from typing import Any

from istiod import draw_ambient, draw_routes, draw_rules
from istiod.dice import Dice
from istiod.draw_services import entry, in_mesh, stray_rule, workloads
from istiod.mesh import Mesh, Proxy
from istiod.mutate import mutate
from istiod.objects import HOSTS, OUTSIDE, WILDCARDS

Case = dict[str, Any]

KINDS = {"istio-apis": 10, "gateway-api": 6, "ambient": 6, "no-gateway": 5, "mixed": 3}
"""The kinds of meshes, by weight."""


def drawn(seed: int, number: int) -> Case:
    """The case of that number."""
    return draw(random.Random(f"{seed}/{number}"), f"{seed}/{number}")


def draw(rng: random.Random, name: str = "") -> Case:
    """A case."""
    mesh = Mesh(Dice(rng))
    mesh.ground()
    kind = mesh.dice.weighed(KINDS)
    hosts = mesh.dice.some(HOSTS[:3]) if mesh.dice.chance(40) else [mesh.dice.one(*HOSTS)]
    for host in hosts:
        _way(mesh, kind, host)
    for _ in range(mesh.dice.weighed({0: 3, 1: 3, 2: 2, 3: 1})):
        _beside(mesh, hosts[0])
    for _ in range(mesh.dice.weighed({0: 5, 1: 3, 2: 2, 3: 1})):
        mutate(mesh)
    if mesh.dice.chance(5):
        mesh.ambient = True
    return mesh.case(name, {each.where: _calls(mesh, each) for each in mesh.proxies}) | {"kind": kind}


def _way(mesh: Mesh, kind: str, host: str) -> None:
    named = host if mesh.dice.chance(90) else mesh.dice.one(*WILDCARDS)
    known = entry(mesh, named)
    if kind in ("istio-apis", "mixed"):
        draw_rules.chain(mesh, host)
    if kind in ("gateway-api", "mixed"):
        draw_routes.chain(mesh, host, known)
    if kind == "ambient":
        draw_ambient.chain(mesh, named, known)


def _beside(mesh: Mesh, host: str) -> None:
    """Something that may be in the way."""
    dice = mesh.dice
    what = dice.weighed(
        {"direct": 4, "again": 3, "rule": 3, "sidecar": 3, "service": 2, "wild": 2, "route": 1, "picked": 1, "other": 2}
    )
    if what == "direct":
        draw_rules.direct(mesh, host)
    elif what == "again":
        draw_rules.second_entry(mesh, host)
    elif what == "rule":
        stray_rule(mesh)
    elif what == "sidecar":
        draw_rules.sidecar(mesh)
    elif what == "service":
        in_mesh(mesh)
    elif what == "wild":
        entry(mesh, dice.one(*WILDCARDS))
    elif what == "route":
        draw_routes.stray(mesh)
    elif what == "picked":
        workloads(mesh, host)
    else:
        entry(mesh, dice.one(*HOSTS))


def _calls(mesh: Mesh, proxy: Proxy) -> list[dict[str, Any]]:
    """At most 8 calls of a proxy."""
    dice = mesh.dice
    if proxy.kind == "sidecar":
        wanted = {**dict.fromkeys(mesh.wanted), ("nowhere.test", dice.one(80, 443), "http"): None}
        calls = [{"host": host, "port": port, "scheme": scheme} for host, port, scheme in wanted]
        calls += [
            {
                "host": dice.one(*HOSTS),
                "port": dice.one(80, 443, 8080, 9000),
                "scheme": dice.one("http", "https", "tcp"),
            }
        ]
    else:
        calls = [dict(each) for each in mesh.arriving.get(proxy.where, ())]
        calls += [{**each, "host": dice.one(*HOSTS, "nowhere.test")} for each in calls[:1] if dice.chance(30)]
    picked = dice.some(calls, min(len(calls), 4)) if calls else []
    return [_known(mesh, each, proxy.kind) for each in picked[:8]]


def _known(mesh: Mesh, call: dict[str, Any], kind: str) -> dict[str, Any]:
    """A call of which more or less is known."""
    dice = mesh.dice
    if call["scheme"] == "http" and dice.chance(60):
        call["path"] = dice.one("/", "/api", "/api/x?q=1", "/status", "/v1/x", "/apix", "/a.B/Get")
        call["method"] = dice.one("GET", "POST")
    if kind == "sidecar" and dice.chance(10):
        call["address"] = dice.one(OUTSIDE, "203.0.113.8", "198.51.100.9", "10.1.1.9", "203.0.113.30")
    return call
