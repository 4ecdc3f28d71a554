"""What shows that a policy or a network refused a flow on its way, or at the gateway.

In: `Symptoms`. Out: `Because` for each row of `refused_on_the_way`. Example: `403 rbac_access_denied_matched_policy[
ns[a]-policy[b]-rule[0]]` is `Because(("AuthorizationPolicy a/b refused it", ...))`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from egressaudit.causes.cause_rule import Because
from egressaudit.causes.line_clues import Trouble, by_policy, details, error, quoted, said, trouble
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.apis import SECURITY
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.untyped import rows, table, texts, words
from egressaudit.model import Hop, Pod, Reporter


def _failed(seen: Symptoms, *kinds: Trouble) -> Hop | None:
    """The line at the source, if its connection to the gateway or waypoint failed in one of these ways."""
    line = seen.source_line if seen.proxy_line is None else None
    return line if line is not None and trouble(line) in kinds else None


_NAMED = re.compile(r"ns\[([^\]]+)\]-policy\[([^\]]+)\]")
_DENIED = "explicitly denied by: "


def _refusing(seen: Symptoms) -> Hop | None:
    return next((each for each in reversed(seen.hops) if by_policy(each)), None)


def denied(seen: Symptoms) -> Because | None:
    """That an AuthorizationPolicy refused it, and which."""
    line = _refusing(seen)
    if without_identity(seen):
        return None
    if line is None:
        return Because(("an AuthorizationPolicy refused it",)) if seen.reason == "authorization-policy" else None
    named = tuple(_named(line))
    limiting = seen.faults_of("use-denied", "use-limited")
    if named:
        return Because((f"{', '.join(named)} refused it", quoted(line)), named, "spec.rules")
    objects = tuple(dict.fromkeys(each for fault in limiting for each in fault.objects))
    none = (
        "policies allow some, and none of them this" if "[none]" in said(line) or "none allowed" in said(line) else ""
    )
    return Because((*map(str, limiting), *((none,) if none else ()), quoted(line)), objects, "spec.rules")


def _named(line: Hop) -> Iterator[str]:
    words = f"{details(line)} {line.text('connection_termination_details') or ''}"
    for namespace, name in _NAMED.findall(words):
        yield f"AuthorizationPolicy {namespace}/{name}"
    if _DENIED in error(line):
        yield f"AuthorizationPolicy {error(line).partition(_DENIED)[2]}"


def without_identity(seen: Symptoms) -> Because | None:
    """That a policy of the gateway allows the source, and the leg to it carries no identity to know it by."""
    line = _refusing(seen)
    if line is None or line.reporter is not Reporter.EGRESS_GATEWAY or line.text("requested_server_name"):
        return None
    limiting = [each for fault in seen.faults_of("use-limited") for each in fault.objects]
    allowing = [
        str(each)
        for each in seen.mesh.world.objects.all(SECURITY, "AuthorizationPolicy")
        if str(each) in limiting and _allows(each, seen.source)
    ]
    if not allowing:
        return None
    why = f"{', '.join(allowing)} allows the source, whose identity the gateway did not see: its line has no SNI"
    return Because((why, quoted(line)), tuple(allowing), "spec.rules")


def _allows(policy: Obj, source: Pod | None) -> bool:
    """Whether a rule names the source by its namespace or its principal."""
    if source is None or policy.spec.get("action") not in (None, "ALLOW"):
        return False
    principal = f"*/ns/{source.namespace}/sa/{source.service_account or 'default'}"
    for rule in rows(policy.spec.get("rules")):
        for part in (table(each.get("source")) for each in rows(rule.get("from"))):
            names = [*words(part.get("namespaces")), *words(part.get("principals"))]
            if any(each == source.namespace or each.endswith(principal.removeprefix("*")) for each in names):
                return True
    return False


def selector_on_waypoint(seen: Symptoms) -> Because | None:
    """That a policy with a selector is meant for a waypoint, which heeds only targetRefs."""
    if seen.expected is None or seen.expected.value != "blocked" or not seen.through:
        return None
    waypoints = [each for each in seen.mesh.pods if each.role is Reporter.WAYPOINT and each.gateway in seen.through]
    found = [
        str(policy)
        for policy in seen.mesh.world.objects.all(SECURITY, "AuthorizationPolicy")
        for pod in waypoints[:1]
        if policy.namespace == pod.namespace
        and (wanted := texts(table(policy.spec.get("selector")).get("matchLabels")))
        and all(pod.labels.get(key) == value for key, value in wanted.items())
    ]
    if not found:
        return None
    return Because(
        (f"{', '.join(found)} selects the waypoint's pods, and waypoints heed targetRefs alone",), tuple(found)
    )


def other_filter(seen: Symptoms) -> Because | None:
    """That another filter of the mesh answered in the host's place."""
    words = ("external-authorization", "request-authentication", "rate-limit", "fault-abort", "direct-response")
    line = seen.hops[-1] if seen.hops else None
    if seen.reason not in words:
        return None
    return Because((quoted(line) if line is not None else f"the line says {seen.reason}",))


def cut_off(seen: Symptoms) -> Because | None:
    """That the gateway or waypoint did not answer the connection."""
    line = _failed(seen, Trouble.TIMEOUT, Trouble.OTHER)
    if line is None or (
        trouble(line) is Trouble.OTHER and (seen.by_ztunnel or seen.faults_of("gateway-selects-others"))
    ):
        return None
    return Because((f"{quoted(line)}, and no line of the gateway or waypoint is about it",))


def identity_refused(seen: Symptoms) -> Because | None:
    """That waypoint and ztunnel do not accept each other's certificates."""
    line = seen.source_line if seen.by_ztunnel else None
    if line is None or not (error(line).startswith("http status: 401") or trouble(line) is Trouble.TLS):
        return None
    return Because((quoted(line),))
