"""Working meshes to break, and the calls through them.

In: a mode, and what is changed. Out: `Fault`s, e.g. `fault("no-mesh", "EC26", "istio-apis", objects, HTTP)`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from support.loop_breakages import Objects, working
from support.loop_run import Call
from support.loop_world import WELL, World
from support.mesh import CONFIG, HOST, Manifest

from egressaudit.model import Scheme
from injected.fault import Fault

HTTP, HTTPS, TCP = Call(HOST, 80, Scheme.HTTP), Call(HOST, 443, Scheme.HTTPS), Call(HOST, 5432, Scheme.TCP)


def fault(
    name: str,
    code: str,
    mode: str,
    objects: Iterable[Manifest],
    call: Call,
    *,
    expect: str | None = "",
    world: World = WELL,
    mesh: dict[str, Any] | None = None,
) -> Fault:
    """A fault; it is meant that the call leaves through the gateway or waypoint, unless something else is said."""
    meant = ("waypoint" if mode == "ambient" else "gateway") if expect == "" else expect
    said = mesh or {}
    return Fault(f"{mode}-{name}", code, mode, configured(objects, said), call, meant, world, said)


def configured(objects: Iterable[Manifest], mesh: dict[str, Any]) -> tuple[Manifest, ...]:
    """The objects with this MeshConfig in the ConfigMap."""
    if not mesh:
        return tuple(objects)
    text = json.dumps({"accessLogFile": "/dev/stdout", **mesh})
    config = {**CONFIG, "data": {"mesh": text}}
    return tuple(config if each["kind"] == "ConfigMap" else each for each in objects)


def made(mode: str, change: Callable[[Objects], object], *ports: int) -> Objects:
    """A working mesh with one change."""
    objects = working(mode, *ports)
    change(objects)
    return objects
