"""What goes through the closed loop: manifests as they are printed, and the call that they are for.

In: nothing. Out: scenarios; the objects of each are parsed from the YAML that a person gets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from egressaudit.manifests import MODES, Wanted, as_yaml, manifests, site_of
from egressaudit.model import Scheme
from support.loop_breakages import Breakage, breakages
from support.loop_mesh import LOOPS, Loop, case
from support.loop_run import Call
from support.mesh import HOST, Manifest

GATEWAYS = {"istio-apis": "egress/gw", "gateway-api": "egress/gw", "ambient": "egress/waypoint"}
_CALLS = (("80", 80, Scheme.HTTP), ("443", 443, Scheme.HTTPS), ("5432/tcp", 5432, Scheme.TCP))


@dataclass(frozen=True)
class Scenario:
    """A configuration, and one call to make under it."""

    name: str
    loop: Loop
    objects: tuple[Manifest, ...]
    """All objects of the mesh."""
    call: Call
    expect: str | None = None
    mesh_config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def case(self) -> dict[str, Any]:
        """What the oracle is asked."""
        return case(self.loop, self.objects, self.mesh_config)


def generated() -> Iterator[Scenario]:
    """`egressaudit generate` in every mode: one host with three ports, objects with the gateway and elsewhere."""
    for mode in MODES:
        for where in (None, "shop"):
            wanted = Wanted.of([HOST], [port for port, _, _ in _CALLS], GATEWAYS[mode], where)
            applied = tuple(yaml.safe_load_all(as_yaml(manifests(wanted, mode, site_of(wanted, mode)))))
            for _, port, scheme in _CALLS:
                loop = LOOPS[mode]()
                name = f"{mode}-{where or 'beside'}-{scheme}"
                yield Scenario(name, loop, (*loop.base, *applied), Call(HOST, port, scheme))
    wanted = Wanted.of([HOST], ["80"], GATEWAYS["istio-apis"], plaintext=True)
    applied = tuple(yaml.safe_load_all(as_yaml(manifests(wanted, "istio-apis", site_of(wanted, "istio-apis")))))
    loop = LOOPS["istio-apis"]()
    yield Scenario("istio-apis-plaintext-http", loop, (*loop.base, *applied), Call(HOST, 80, Scheme.HTTP))


def fixed() -> Iterator[tuple[Scenario, Scenario]]:
    """Each broken mesh, and the same with the first fix of its cause."""
    for broken in breakages():
        loop = LOOPS[broken.mode]()
        expect = broken.expect or ("waypoint" if loop.ambient else "gateway")

        def scenario(
            when: str, objects: tuple[Manifest, ...], of: Breakage = broken, expect: str = expect, loop: Loop = loop
        ) -> Scenario:
            return Scenario(f"{of.name}-{when}", loop, objects, of.call, expect, of.mesh_config)

        yield scenario("broken", broken.objects), scenario("fixed", broken.mended())


def scenarios() -> dict[str, Scenario]:
    """All of them by name."""
    return {each.name: each for each in (*generated(), *(one for both in fixed() for one in both))}
