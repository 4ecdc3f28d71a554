"""All faults by name, and the meshes in which nothing is wrong.

In: the modules that inject. Out: `FAULTS`, `HEALTHY`.
"""

from __future__ import annotations

from functools import cache

from support.loop_breakages import working
from support.loop_mesh import LOOPS
from support.loop_scenarios import generated

from injected import around, configured, in_ambient, of_evidence
from injected.fault import WORKS, Fault
from injected.meshes import HTTP, HTTPS, TCP, fault


@cache
def faults() -> dict[str, Fault]:
    """Every injected fault."""
    made: dict[str, Fault] = {}
    for module in (configured, around, in_ambient, of_evidence):
        for each in module.faults():
            assert each.name not in made, each.name
            made[each.name] = each
    return made


@cache
def healthy() -> dict[str, Fault]:
    """Meshes in which nothing is wrong: what `generate` writes, and what the faults are injected into."""
    found = {
        f"works-{mode}-{call.scheme}": fault(
            f"works-{call.scheme}", WORKS, mode, working(mode, call.port), call, expect=None
        )
        for mode in LOOPS
        for call in (HTTP, HTTPS, TCP)
    }
    for each in generated():
        found[each.name] = Fault(each.name, WORKS, each.loop.mode, each.objects, each.call)
    for mode in LOOPS:
        for call in (HTTP, HTTPS):
            found[f"both-{mode}-{call.scheme}"] = fault(f"both-{call.scheme}", WORKS, mode, working(mode), call)
    return found
