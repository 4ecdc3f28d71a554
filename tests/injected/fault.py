"""One injected fault, and what is seen of it.

In: objects, a call, what is wrong around the proxies. Out: `Fault`. Its code is what was broken, by the words of
`docs/causes.md` and by what Istio's manuals say of the field; no rule is asked. A fault that is of the evidence changes
what was `Seen` of a call through a working mesh.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.loop_mesh import LOOPS, case, digest
from support.loop_run import Call
from support.loop_world import WELL, World
from support.mesh import READ, Manifest

from egressaudit.model import LogSource, Probe

WORKS = ""
"""The code of a mesh in which nothing is wrong."""


@dataclass
class Seen:
    """What a judge is given, to be changed in place."""

    objects: list[Manifest]
    lines: dict[LogSource, list[str]]
    probe: Probe
    source: LogSource
    via: LogSource
    outside: tuple[str, ...]
    read: frozenset[str] = READ


Change = Callable[[Seen], object]


@dataclass(frozen=True)
class Fault:
    """A mesh with one thing wrong in it, and the call that shows it."""

    name: str
    code: str
    mode: str
    objects: tuple[Manifest, ...]
    call: Call
    expect: str | None = None
    world: World = WELL
    mesh: dict[str, Any] = field(default_factory=dict)
    """What MeshConfig says beside the log file."""
    programmed: tuple[Manifest, ...] | None = None
    """What istiod had, where the proxies know something else than the objects say."""
    told: dict[str, Any] | None = None
    """The MeshConfig that istiod had, where it is another than that of the objects."""
    change: Change | None = None
    """What is done to the evidence."""

    @property
    def case(self) -> dict[str, Any]:
        """What the oracle is asked."""
        objects = self.objects if self.programmed is None else self.programmed
        return case(LOOPS[self.mode](), objects, self.mesh if self.told is None else self.told)

    @property
    def id(self) -> str:
        """The name of what was recorded: faults of the evidence share that of the mesh that works."""
        call = self.call
        return digest({"case": self.case["id"], "call": [call.host, call.port, call.scheme], "world": repr(self.world)})

    @property
    def kind(self) -> str:
        """Which kind of evidence it comes from."""
        return "istiod and Envoys" if self.change is None else "the same, evidence changed"
