"""All faults by name, and the meshes in which nothing is wrong.

In: the modules that inject. Out: `FAULTS`, `HEALTHY`.
"""

from __future__ import annotations

from functools import cache

from support.loop_breakages import working
from support.loop_mesh import LOOPS
from support.loop_scenarios import generated

from injected import around, configured, in_ambient, of_evidence, over_tcp
from injected.fault import WORKS, Fault
from injected.meshes import HTTP, HTTPS, TCP, fault


@cache
def faults() -> dict[str, Fault]:
    """Every injected fault."""
    made: dict[str, Fault] = {}
    for module in (configured, around, in_ambient, of_evidence, over_tcp):
        for each in module.faults():
            assert each.name not in made, each.name
            made[each.name] = each
    return made


NOT_INJECTED = {
    "EC07": "an init container sends once, before anything could be asked to send a probe",
    "EC19": "istiod takes the narrower of two wildcards in every configuration that was tried",
    "EC22": "curl of the probe uses no proxy, so this is of `audit` alone",
    "EC23": "Envoy's dynamic forward proxy asks a real resolver, which would lead out of the test",
    "EC24": "as EC23: what the unknown is sent to has to be a second gateway, and the loop has one",
    "EC50": "the condition is istiod's own, which writes no status in the loop",
    "EC52": "the loop has one waypoint, and which of two istiod tells is another's",
    "EC69": "a host that answers badly has been reached the right way, which is PASS",
    "EC70": "needs gateways on two nodes and many flows: of `audit` alone",
    "EC77": "a probe is joined by its nonce or socket whatever the clocks say: of `audit` alone",
    "EC79": "a canary waypoint needs a second one, as EC52",
    "EC83": "needs many calls at once, or an endpoint that failed before",
    "EC87": "copies that leave change no line of the probe",
    "EC92": "a finding about the policy's file: of `audit` alone",
    "EC95": "needs a cluster with endpoints inside and outside, and a first attempt that fails",
    "EC97": "where rules cannot be read verify refuses to expect anything: of `audit` alone",
    "EC99": "verify refuses a saved run that was changed: of `audit` alone",
    "EC98": "a finding about a window without flows: of `audit` alone",
}
"""Causes that nothing here injects, and why; rows of `tests/causes` show that each is found."""


@cache
def healthy() -> dict[str, Fault]:
    """Meshes in which nothing is wrong: what `generate` writes, and what the faults are injected into."""
    found: dict[str, Fault] = {
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
