"""Hold the path seen against the path expected."""

from __future__ import annotations

from egressaudit.judge.seen import Seen, Surroundings, path_seen
from egressaudit.model import Expectation, Flow, Outcome, Path, Verdict

_STRAIGHT = (Path.DIRECT, Path.PASSTHROUGH)
_NEVER_PROOF = (Path.FAILED, Path.UNKNOWN)


def judge(flow: Flow, expectation: Expectation, around: Surroundings) -> Verdict:
    """The verdict on one flow: PASS and FAIL only on proof, everything else INCONCLUSIVE."""
    seen = path_seen(flow, around)
    outcome, reason = _outcome(seen, expectation)
    advice = seen.advice
    if outcome is not Outcome.PASS:
        advice = (*(f"Configuration: {gap}" for gap in expectation.gaps), *advice)
    return Verdict(
        outcome=outcome,
        # A chain of waypoint and gateway passed both: it is named after the one that was expected.
        path_seen=expectation.path if outcome is Outcome.PASS and seen.through else seen.path,
        expectation=expectation,
        flow=flow,
        reason=reason,
        advice=advice,
        final=seen.final,
    )


def _outcome(seen: Seen, expectation: Expectation) -> tuple[Outcome, str]:
    """The outcome and its reason.

    `direct` is expected of traffic that leaves the source itself, whether its host is registered or not. A flow that
    was sent the wrong way violates an expected gateway even if the connection then failed; to satisfy `direct`, or to
    violate `blocked`, it must have arrived.
    """
    if seen.path in _NEVER_PROOF:
        return Outcome.INCONCLUSIVE, seen.reason
    match expectation.path:
        case Path.VIA_GATEWAY | Path.VIA_WAYPOINT:
            return _by_proxy(seen, expectation)
        case Path.DIRECT:
            if seen.path in _STRAIGHT:
                return (Outcome.PASS if seen.arrived else Outcome.INCONCLUSIVE), seen.reason
            return Outcome.FAIL, seen.reason
        case Path.BLOCKED:
            if seen.path is Path.BLOCKED:
                return Outcome.PASS, seen.reason
            return (Outcome.FAIL if seen.arrived else Outcome.INCONCLUSIVE), seen.reason
        case _:
            raise ValueError(f"{expectation.path} cannot be expected")


def _by_proxy(seen: Seen, expectation: Expectation) -> tuple[Outcome, str]:
    if not seen.through:
        return Outcome.FAIL, seen.reason
    # By pod and not by address: gateways on the network of one node share its address.
    expected = {pod.ref for pod in expectation.pods}
    if seen.arrived and expected.intersection(seen.through):
        return Outcome.PASS, seen.reason
    return Outcome.FAIL, f"{seen.reason}, not through {expectation.via}"
