"""The ruling on one attempt: open, closed or not provable, and what shows it.

| what happened                                                             | ruling                                |
|---------------------------------------------------------------------------|---------------------------------------|
| a line shows that it left another way                                     | open                                  |
| no proxy logged it, and an address outside answered curl                  | open, on curl's own word              |
| the lines show that it left through the expected gateway                  | closed                                |
| a line refuses it (BlackHole, block_all, RBAC), or has no route (NR, NC)  | closed, if the control passed         |
| admission refused the pod, in the words of a policy                       | closed, if an ordinary pod was admitted |
| a network policy of the snapshot denies all addresses that it went to     | closed, if the control passed         |
| anything else: curl failed, a connection failed, no line came             | not provable                          |

In: the verdict on the attempt's probe (`judge`, as for any probe) and its control. Out: `Attempted`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from egressaudit.addresses import ip_of
from egressaudit.bypass.attempt import Attempt, PositiveControl, Transport
from egressaudit.judge.fate import OTHER_ENDPOINTS
from egressaudit.judge.hop_facts import ATTEMPTS, is_request
from egressaudit.judge.outcome import THROUGH
from egressaudit.judge.probe_words import sent_to
from egressaudit.mesh.places import Place, Places
from egressaudit.model import (
    Attempted,
    BypassStanding,
    Confidence,
    Hop,
    Outcome,
    Path,
    Pod,
    Probe,
    Reporter,
    Scheme,
    Tried,
    Verdict,
)

OPEN, CLOSED = BypassStanding.OPEN, BypassStanding.CLOSED
NOT_PROVABLE, NOT_TRIED = BypassStanding.NOT_PROVABLE, BypassStanding.NOT_TRIED

Denies = Callable[[Pod, str, Transport], str | None]
"""The pod, and the `IP:port` that it was to reach: the policy of the network that provably denies it, or None."""

_BY_POLICY = re.compile(
    r"violates PodSecurity|denied (the )?request|unable to validate against any security context constraint"
)
"""How an admission policy words its refusal: Pod Security Admission, ValidatingAdmissionPolicies and webhooks (k8s.io/
apiserver pkg/admission), security context constraints (openshift/apiserver-library-go). Quotas, missing service
accounts and broken webhooks use other words: they close nothing."""

_NO_ROUTE = frozenset({"NR", "NC"})
"""Flags of a request or connection that the configuration leads nowhere. UH is not among them: endpoints come back."""

_TFTP_ANSWERS = frozenset({0, 68, 69, 70, 71, 72, 73, 74})
"""Exit codes of curl once a TFTP server has answered, even with an error (curl's manual)."""

_COULD_NOT_RESOLVE = 6
_REFUSED_FROM = 400
"""The lowest HTTP status that is a refusal."""
_NO_ANSWER = "EA310"
"""The control of a probe that curl got no answer to: it went the right way, or provably never left."""
_ELSEWHERE = frozenset({"ipv6", "forward-proxy"})
"""Attempts that go to another address or port than their target's: only curl says where they went."""
_PASSING = frozenset({"rate-limit", "fault-abort", OTHER_ENDPOINTS})
"""Refusals that the next request may not meet, or an earlier attempt of this one did not: they close nothing."""


@dataclass(frozen=True, slots=True)
class Judgeable:
    """One attempt with everything that its ruling depends on."""

    attempt: Attempt
    tried: Tried
    verdict: Verdict | None
    """The verdict on its probe."""
    ordinary: Verdict | None
    """The verdict on the ordinary request from the source."""
    control: Probe | None
    """The probe with which the attempt's own pod connected to an address of the mesh."""
    admitted: str
    """The unchanged probe pod that the same namespace admitted, '' if none was."""
    places: Places
    pod: Pod | None = None
    """The pod that it was made from, by the snapshot."""
    escapes: Callable[[str], str] = lambda _: ""
    """Why what that pod sends to an `IP:port` provably goes around the proxies; '' if it does not, or may not."""


def ruling(case: Judgeable, denies: Denies) -> Attempted:
    """The ruling on one attempt."""
    tried, verdict = case.tried, case.verdict
    if tried.not_tried:
        return _said(case, NOT_TRIED, tried.not_tried)
    if tried.refused:
        return _refused_pod(case)
    if tried.failed or verdict is None:
        return _said(case, NOT_PROVABLE, tried.failed or "its probe was not sent")
    if case.attempt.name == "ipv6" and verdict.flow.probe.result.exit_code == _COULD_NOT_RESOLVE:
        return _said(case, NOT_TRIED, "the pod finds no IPv6 address of the host")
    if case.attempt.transport is Transport.UDP:
        return _by_udp(case, verdict, denies)
    return _by_verdict(case, verdict, denies)


def _by_verdict(case: Judgeable, verdict: Verdict, denies: Denies) -> Attempted:
    path = verdict.path_seen
    if verdict.outcome is Outcome.FAIL and path not in (Path.BLOCKED, Path.FAILED):
        return _left(case, verdict)
    if path in THROUGH and verdict.expectation.path in THROUGH and _is_right(verdict):
        return _said(case, CLOSED, f"it still went the expected way: {verdict.reason}", _proof(verdict))
    if path is Path.BLOCKED and verdict.word not in _PASSING:
        return _closed(case, verdict.reason, _proof(verdict))
    if path is Path.FAILED and verdict.word != OTHER_ENDPOINTS and _leads_nowhere(verdict):
        return _closed(case, f"the configuration leads it nowhere: {verdict.reason}", _proof(verdict))
    return _unproven(case, verdict, denies)


def _is_right(verdict: Verdict) -> bool:
    """Whether the lines prove that it left the expected way, whatever curl got of the answer."""
    return verdict.outcome is Outcome.PASS or verdict.code == _NO_ANSWER


def _left(case: Judgeable, verdict: Verdict) -> Attempted:
    """It left another way: by the lines; without a line only if curl was answered."""
    if verdict.flow.hops:
        return _said(case, OPEN, verdict.reason, _proof(verdict))
    result = verdict.flow.probe.result
    answer = f"HTTP {result.http_code}" if result.http_code else "a connection"
    if verdict.flow.probe.target.scheme is not Scheme.TCP and not result.http_code:
        why = f"{verdict.reason}, but nothing answered the request, so it may not have been the host"
        return _said(case, NOT_PROVABLE, why)
    if case.ordinary is not None and _otherwise(result.http_code, case.ordinary.flow.probe.result.http_code):
        why = f"{verdict.reason}, but got {answer}, unlike the ordinary request: something in between may have answered"
        return _said(case, NOT_PROVABLE, why)
    return _said(case, OPEN, f"{verdict.reason}, and got {answer}", Confidence.OBSERVED)


def _otherwise(answer: int | None, ordinary: int | None) -> bool:
    """Whether it is refused although the ordinary request is not: a firewall on the way may answer for the host."""
    return answer is not None and answer >= _REFUSED_FROM and answer != ordinary


def _by_udp(case: Judgeable, verdict: Verdict, denies: Denies) -> Attempted:
    """No proxy logs UDP. An answer from outside proves that it is open; nothing that curl says proves it closed."""
    reached = verdict.flow.probe.result.remote_address or case.tried.dialled
    if _answered(case, verdict) and case.places.place(reached).place is Place.OUTSIDE:
        said = f"{reached} answered over UDP, which the mesh does not capture"
        return _said(case, OPEN, said, Confidence.OBSERVED)
    return _unproven(case, verdict, denies)


def _unproven(case: Judgeable, verdict: Verdict, denies: Denies) -> Attempted:
    """No line shows that it left or was refused: only a network policy of the snapshot can have stopped it."""
    result = verdict.flow.probe.result
    # A curl that did not report may have been answered.
    if result.exit_code is not None and not _answered(case, verdict):
        policy = _denied(case, verdict, denies)
        if policy is not None:
            return _closed(case, f"{policy} denies it by the configuration, and nothing answered", Confidence.OBSERVED)
    if case.attempt.transport is Transport.UDP:
        ended = f"curl exit {result.exit_code}" if result.exit_code is not None else "curl did not report"
        return _said(case, NOT_PROVABLE, f"no answer came over UDP ({ended}), and no proxy logs UDP")
    return _said(case, NOT_PROVABLE, verdict.reason)


def _answered(case: Judgeable, verdict: Verdict) -> bool:
    """Whether curl says that something answered it; it takes a UDP socket for connected as soon as it has one."""
    result = verdict.flow.probe.result
    if case.attempt.transport is Transport.UDP and case.attempt.name != "http3":
        return result.exit_code in _TFTP_ANSWERS
    bare = verdict.flow.probe.target.scheme is Scheme.TCP and case.attempt.transport is Transport.TCP
    return bool(result.http_code) or (bare and bool(result.connected))


def _refused_pod(case: Judgeable) -> Attempted:
    said = case.tried.refused
    if not _BY_POLICY.search(said):
        why = f"the pod was not created, but not because of a policy: {said}"
        return _said(case, NOT_PROVABLE, why)
    if not case.admitted:
        why = f"admission refuses the pod ({said}), but an ordinary probe pod was not admitted either"
        return _said(case, NOT_PROVABLE, why)
    control = f"the ordinary pod {case.admitted} was admitted"
    return _said(case, CLOSED, f"admission refuses the pod: {said}", Confidence.OBSERVED, control)


def _closed(case: Judgeable, because: str, proof: Confidence) -> Attempted:
    """Closed, if the control passed: without it, a broken pod or network could look like this."""
    passed, control = _control(case)
    if passed:
        return _said(case, CLOSED, because, proof, control)
    return _said(case, NOT_PROVABLE, f"{because}; but the control failed", None, control)


def _control(case: Judgeable) -> tuple[bool, str]:
    """Whether the positive control passed, and what it showed."""
    if case.attempt.control is PositiveControl.SAME_POD and case.verdict is not None and not case.verdict.flow.hops:
        return _same_pod(case.control)
    if case.ordinary is None:
        return False, "the ordinary request was not sent"
    verdict = case.ordinary
    result = verdict.flow.probe.result
    if verdict.expectation.path is Path.BLOCKED:
        # No way is allowed, so the control is that the source's proxy refused the ordinary request.
        return verdict.outcome is Outcome.PASS, f"the ordinary request: {verdict.reason}"
    said = f"HTTP {result.http_code}" if result.http_code else f"curl exit {result.exit_code}"
    return verdict.outcome is Outcome.PASS, f"the ordinary request: {verdict.outcome} {verdict.path_seen}, {said}"


def _same_pod(control: Probe | None) -> tuple[bool, str]:
    if control is None:
        return False, "the pod's connection to an address of the mesh was not tried"
    result, place = control.result, f"{control.target.host}:{control.target.port}"
    if result.connected and result.exit_code == 0:
        return True, f"the same pod connected to {place}, in the mesh"
    return False, f"the same pod could not connect to {place}, in the mesh (curl exit {result.exit_code})"


def _leads_nowhere(verdict: Verdict) -> bool:
    """Whether the last line has no upstream, and says that the configuration has none for it."""
    last = verdict.flow.hops[-1]
    flags = frozenset((last.text("response_flags") or "").split(","))
    return last.text("upstream_host") is None and bool(flags & _NO_ROUTE)


def _proof(verdict: Verdict) -> Confidence:
    hops = verdict.flow.hops
    if len(hops) > 1:
        return Confidence.MATCHED if hops[0].reporter is Reporter.ZTUNNEL else Confidence.JOINED
    return Confidence.REPORTED if hops else Confidence.OBSERVED


def _denied(case: Judgeable, verdict: Verdict, denies: Denies) -> str | None:
    """The policy that denies every place that the attempt may have gone to, None where one of them may be allowed.

    For destinations inside, rules about pods decide, which are not read.
    """
    places = _went_to(case, verdict)
    if case.pod is None or any(case.places.place(each).place is not Place.OUTSIDE for each in places):
        return None
    found = [denies(case.pod, each, case.attempt.transport) for each in places]
    return None if None in found else next(iter(found), None)


def _went_to(case: Judgeable, verdict: Verdict) -> tuple[str, ...]:
    """Each `IP:port` that the network saw of an attempt as its destination; none where that is not known.

    A proxy may go elsewhere than curl: its line says where, and without a line only what goes around it went where curl
    wanted. curl may be the workload's own, and its word alone is none.
    """
    hops = verdict.flow.hops
    if hops:
        reached = sent_to(hops[0])
        return (reached,) if reached and _is_all_of_it(verdict, hops[0]) else ()
    own = case.tried.dialled or _dialled(case, verdict)
    told = verdict.flow.probe.result.remote_address or own
    return (own, told) if own and case.escapes(own) and case.escapes(told) else ()


def _is_all_of_it(verdict: Verdict, first: Hop) -> bool:
    """Whether the source's line, which proves no way out, names all that was tried: the last attempt hides others."""
    if verdict.path_seen is not Path.FAILED or verdict.word == OTHER_ENDPOINTS:
        return False
    once = not is_request(first) or first.get(ATTEMPTS) == 1 or first.text("cluster_kind") == "passthrough"
    return once or verdict.code == _NO_ANSWER


def _dialled(case: Judgeable, verdict: Verdict) -> str:
    """Where an attempt by name went, if curl has no address: the ordinary request's address, at the attempt's own port.

    A policy may deny the ordinary port and allow this one. '' if the ordinary request shows no address.
    """
    if case.ordinary is None or case.attempt.name in _ELSEWHERE:
        return ""
    last: Hop | None = case.ordinary.flow.hops[-1] if case.ordinary.flow.hops else None
    by_line = None if last is None else last.text("upstream_host") or last.text("dst_addr")
    ip = ip_of(by_line or case.ordinary.flow.probe.result.remote_address)
    if ip is None:
        return ""
    return f"{f'[{ip}]' if ':' in ip else ip}:{verdict.flow.probe.target.port}"


def _said(
    case: Judgeable, standing: BypassStanding, because: str, confidence: Confidence | None = None, control: str = ""
) -> Attempted:
    attempt = case.attempt
    return Attempted(
        code=attempt.code,
        name=attempt.name,
        title=attempt.title,
        standing=standing,
        because=because,
        asked=case.tried.asked,
        control=control or (_control(case)[1] if standing is NOT_PROVABLE else ""),
        confidence=confidence,
        verdict=case.verdict,
        advice=() if standing is not OPEN else (f"What closes it: {attempt.closed_by}",),
    )
