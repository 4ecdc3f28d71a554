"""The smallest part of a case that still disagrees: what a person reads.

In: a case, what a disagreement is like, and istiod. Out: the case with only the objects and calls that matter.
Example: of forty objects a ServiceEntry, a Sidecar and the pod remain.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from istiod.compare import disagreements
from istiod.disagreement import Disagreement
from istiod.objects import managed

Case = dict[str, Any]
Ask = Callable[[Case], dict[str, Any]]


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
