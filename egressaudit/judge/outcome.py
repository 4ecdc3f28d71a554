"""The outcome of the path that was seen against the path that was expected: one table for `verify` and `audit`.

| expected          | seen                                     | outcome                                              |
|-------------------|------------------------------------------|------------------------------------------------------|
| gateway, waypoint | left through one that is allowed         | PASS                                                 |
|                   | left through another one                 | FAIL EA103                                           |
|                   | left directly, as passthrough            | FAIL EA101, EA102                                    |
| direct            | left directly, as passthrough            | PASS (never on the sender's own words)               |
|                   | left through a gateway or waypoint       | FAIL EA106                                           |
| blocked           | refused by a policy of the mesh          | PASS                                                 |
|                   | left, whichever way                      | FAIL EA104 (by default), EA105 (by rule)             |
| any of these      | refused, though it was to leave          | a note, EA107: nothing left. A probe: FAIL           |
|                   | failed                                   | a note, EA310: nothing left. A probe: INCONCLUSIVE   |
|                   | may have left                            | both of the above; FAIL against anything else: EA314 |
|                   | unknown                                  | INCONCLUSIVE EA303, EA309                            |
|                   | unattributed                             | INCONCLUSIVE EA201                                   |
| nothing           | anything that left                       | INCONCLUSIVE EA406                                   |
|                   | refused                                  | a note: nothing left. For a probe: INCONCLUSIVE EA406 |

A probe is sent to see it succeed, so only success satisfies it. That is the only difference between the commands.

In: `worth(Path.VIA_GATEWAY, Path.DIRECT, right=False)`. Out: `Worth(Outcome.FAIL, "EA101")`.
"""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.judge.fate import OTHER_ENDPOINTS
from egressaudit.model import Outcome, Path

THROUGH = (Path.VIA_GATEWAY, Path.VIA_WAYPOINT)
STRAIGHT = (Path.DIRECT, Path.PASSTHROUGH)

NO_GATEWAY_LINE = "no-gateway-line"


@dataclass(frozen=True, slots=True)
class Worth:
    """An outcome, None for a mere note; and the code of its control, '' for a plain PASS."""

    outcome: Outcome | None
    code: str = ""


def worth(
    expected: Path | None,
    seen: Path,
    *,
    right: bool,
    certain: bool = True,
    by_default: bool = False,
    probe: bool = False,
    reason: str = "",
) -> Worth:
    """The outcome of one flow or group of flows.

    `right`: every gateway and waypoint that it passed is allowed, and the last one is where it should leave.
    `certain`: it is proven that it left. `by_default`: no rule names it. `reason`: why the path is what it is.
    """
    if seen is Path.UNATTRIBUTED:
        return Worth(Outcome.INCONCLUSIVE, "EA201")
    if seen is Path.UNKNOWN:
        return Worth(Outcome.INCONCLUSIVE, "EA303" if reason == NO_GATEWAY_LINE else "EA309")
    not_left = Worth(Outcome.INCONCLUSIVE if probe else None, "EA310")
    if seen is Path.FAILED:
        return not_left
    refused = seen is Path.BLOCKED
    found = (
        _refused(expected, by_default=by_default, probe=probe)
        if refused
        else _left(expected, seen, right=right, by_default=by_default)
    )
    if reason == OTHER_ENDPOINTS and found.outcome is Outcome.PASS:
        # True only of the last attempt: an earlier one may have left.
        return Worth(Outcome.INCONCLUSIVE, "EA309")
    if refused or certain:
        return found
    return Worth(Outcome.INCONCLUSIVE, "EA314") if found.outcome is Outcome.FAIL else not_left


def _refused(expected: Path | None, *, by_default: bool, probe: bool) -> Worth:
    if expected is Path.BLOCKED:
        return Worth(Outcome.PASS)
    if expected is None and probe:
        return Worth(Outcome.INCONCLUSIVE, "EA406")
    if expected is None or by_default:
        return Worth(None)
    return Worth(Outcome.FAIL if probe else None, "EA107")


def _left(expected: Path | None, seen: Path, *, right: bool, by_default: bool) -> Worth:
    match expected:
        case Path.VIA_GATEWAY | Path.VIA_WAYPOINT:
            if seen in STRAIGHT:
                return Worth(Outcome.FAIL, "EA101" if seen is Path.DIRECT else "EA102")
            return Worth(Outcome.PASS) if right else Worth(Outcome.FAIL, "EA103")
        case Path.DIRECT:
            return Worth(Outcome.PASS) if seen in STRAIGHT else Worth(Outcome.FAIL, "EA106")
        case Path.BLOCKED:
            return Worth(Outcome.FAIL, "EA104" if by_default else "EA105")
        case _:
            return Worth(None) if by_default else Worth(Outcome.INCONCLUSIVE, "EA406")
