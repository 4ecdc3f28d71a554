"""What of a case still disagrees when istiod is asked again, and the smallest part of it: what a person reads.

In: a case, a disagreement, and istiod. Out: the case with only the objects and calls that matter.
Example: of forty objects a ServiceEntry, a Sidecar and the pod remain.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from istiod.compare import disagreements
from istiod.disagreement import Disagreement
from istiod.objects import managed

Case = dict[str, Any]
Ask = Callable[[Case], dict[str, Any]]


AGAIN = 15
"""So many times istiod is asked again about a disagreement, at most. Of a map of two Go gives the same one first in seven
of eight cases."""


def held(case: Case, answer: Mapping[str, Any], ask: Ask) -> list[Disagreement] | None:
    """The disagreements of an answer; None if there are only such as istiod has now and then, asked the same again."""
    found = [] if "error" in answer else disagreements(case, answer)
    if not found:
        return found
    for _ in range(AGAIN):
        said = ask(case)
        again = set() if "error" in said else {*disagreements(case, said)}
        found = [each for each in found if each in again]
        if not found:
            return None
    return found


def reduced(case: Case, wanted: Disagreement, ask: Ask) -> Case:
    """The case without all that the disagreement does not need."""
    case = _one_call(case, wanted, ask)
    for index in reversed(range(len(case["objects"]))):
        if managed(case["objects"][index]):
            continue
        without = {**case, "objects": [*case["objects"][:index], *case["objects"][index + 1 :]]}
        if _still(without, wanted, ask):
            case = without
    return case


def _one_call(case: Case, wanted: Disagreement, ask: Ask) -> Case:
    """The case with one call of one proxy."""
    for proxy in case["proxies"]:
        for call in proxy["calls"]:
            alone = {**case, "proxies": [{**proxy, "calls": [call]}]}
            if _still(alone, wanted, ask):
                return alone
    return copy.deepcopy(case)


def _still(case: Case, wanted: Disagreement, ask: Ask) -> bool:
    pods = {
        (each["metadata"]["namespace"], each["metadata"]["name"]) for each in case["objects"] if each["kind"] == "Pod"
    }
    if any((each["namespace"], each["name"]) not in pods for each in case["proxies"]):
        return False
    answer = ask(case)
    if answer.get("error"):
        return False
    found = disagreements(case, answer)
    return any((each.kind, each.classes) == (wanted.kind, wanted.classes) for each in found)
