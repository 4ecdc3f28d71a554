"""The verdict on one probe: the way it left against the way it should have left.

In: a `Flow`, its `Expectation` and its surroundings. Out: a `Verdict`, e.g. FAIL EA101 "the sidecar sent it straight
...".
"""

from __future__ import annotations

from egressaudit.judge.groups import DEFAULT
from egressaudit.judge.outcome import STRAIGHT, THROUGH, worth
from egressaudit.judge.probe_path import path_seen
from egressaudit.judge.probe_surroundings import ProbeSurroundings
from egressaudit.judge.probe_words import SAY_WHAT_YOU_EXPECT, answered, curl_said
from egressaudit.judge.seen import Seen
from egressaudit.model import Expectation, Flow, Outcome, Path, Verdict


def judge(flow: Flow, expectation: Expectation, around: ProbeSurroundings) -> Verdict:
    """The verdict on one flow: PASS and FAIL only on proof, everything else INCONCLUSIVE."""
    seen = path_seen(flow, around)
    right = _is_right(seen, expectation, around)
    found = worth(
        expectation.path,
        seen.path,
        right=right,
        certain=seen.certain,
        by_default=expectation.path is Path.BLOCKED and expectation.rule == DEFAULT,
        probe=True,
        reason=seen.word,
    )
    outcome, code, reason = found.outcome or Outcome.INCONCLUSIVE, found.code, seen.reason
    if outcome is Outcome.FAIL and seen.path in THROUGH and expectation.path in THROUGH:
        reason = f"{reason}, not through {' or '.join(map(str, expectation.allowed)) or expectation.via}"
    if outcome is Outcome.PASS and around.mirrored:
        outcome, code = Outcome.INCONCLUSIVE, "EA325"
        reason = f"{reason}, but {around.mirrored[0]} mirrors requests, and no log shows the copies"
    if outcome is Outcome.PASS and seen.path in (*THROUGH, *STRAIGHT) and not answered(flow):
        # A probe is sent to see it succeed. If curl failed, the lines may be right but do not explain that.
        outcome, code = Outcome.INCONCLUSIVE, "EA310"
        reason = f"{reason}, but curl got no answer ({curl_said(flow)})"
    if code == "EA406":
        reason = f"{reason}, and nothing says which way it should leave"
    advice = (*seen.advice, *((SAY_WHAT_YOU_EXPECT,) if expectation.path is None else ()))
    if outcome is not Outcome.PASS:
        advice = (*(f"Configuration: {fault}" for fault in expectation.fault_texts), *advice)
    return Verdict(
        outcome=outcome,
        # If the flow passed a waypoint and a gateway, report the one that was expected.
        path_seen=expectation.path if outcome is Outcome.PASS and seen.through and expectation.path else _shown(seen),
        expectation=expectation,
        flow=flow,
        reason=reason,
        advice=advice,
        final=seen.final,
        soon=seen.soon,
        code=code,
        word=seen.word,
    )


def _shown(seen: Seen) -> Path:
    """The path to report: `failed` if it is not certain that it left."""
    return seen.path if seen.certain else Path.FAILED


def _is_right(seen: Seen, expectation: Expectation, around: ProbeSurroundings) -> bool:
    """Whether the expected gateway or waypoint is in the chain, and every other hop is allowed to be there."""
    if seen.path not in THROUGH or expectation.path not in THROUGH:
        return seen.path is expectation.path
    # Compare pods, not addresses: gateways on the host network of one node share its address.
    expected, gateways = {pod.ref for pod in expectation.pods}, {}
    for source, ref in around.writers.items():
        gateways[source.namespace, source.pod] = ref
    if expectation.last and seen.through[-1] not in expected:
        return False
    others = [each for each in seen.through if each not in expected]
    passing = all(gateways.get((each.namespace, each.name)) in expectation.passing for each in others)
    return passing and len(others) < len(seen.through)
