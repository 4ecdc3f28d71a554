"""What the command line calls, as plain functions.

In: a scenario's name and a command. Out: the command's exit code, after it ran in the lab.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict

from egressaudit_lab.scenario import load_scenario, scenario_names
from egressaudit_lab.world import Fault


def lab_run(scenario: str, command: Sequence[str], faults: Sequence[Fault] = ()) -> int:
    """Run a command against a scenario (a name, or the path of a folder) and return its exit code.

    Without a command it prints what to export and stays up until interrupted. LabError, NotFound.
    """
    import asyncio

    loaded = load_scenario(scenario)
    from egressaudit_lab.programs import find_programs

    find_programs()
    from egressaudit_lab.runner import run_lab

    return asyncio.run(run_lab(loaded, command, faults, _say))


def lab_list(output: str = "text") -> str:
    """The scenarios, as text for a person or as a JSON array: `name`, `shows`, `verify`, `expect`, `audit`, `policy`.

    `audit` is the exit code of an audit of the scenario's own traffic against the file `policy`, null without one.
    """
    scenarios = [load_scenario(name) for name in scenario_names()]
    if output == "json":
        rows = [
            {
                "name": each.name,
                "shows": each.behaviour.shows,
                "verify": list(each.behaviour.verify),
                "expect": asdict(each.behaviour.expect),
                "audit": each.behaviour.audit,
                "policy": str(each.policy) if each.policy else None,
            }
            for each in scenarios
        ]
        return json.dumps(rows, indent=2) + "\n"
    return "".join(
        f"{each.name}\n    {each.behaviour.shows}\n    egressaudit verify {shlex.join(each.behaviour.verify)}\n"
        for each in scenarios
    )


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  the only output of a lab that stays up
