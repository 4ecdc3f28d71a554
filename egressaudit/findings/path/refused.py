"""EA107, blocked by the mesh, though allowed.

In: the judge's rulings. Out: a note for each group of flows that was ruled so.
"""

from __future__ import annotations

from egressaudit.findings.control import Control
from egressaudit.findings.from_rulings import rulings
from egressaudit.findings.rule import Rule
from egressaudit.model import Severity

RULE = Rule(
    find=rulings,
    control=Control(
        code="EA107",
        name="refused",
        title="blocked by the mesh, though allowed",
        severity=Severity.LOW,
        outcomes=(None,),
        what="The mesh blocked traffic that the policy or the configuration allows. Nothing left.",
        why="It isn't a leak, but something that should work doesn't, and its way out isn't proven.",
        remedy="Look for the AuthorizationPolicy, the missing ServiceEntry port, or the route that refuses it.",
        confidence="reported by the proxy that refused it; joined or matched where that was a gateway or waypoint.",
        passing="gateway: 200 via_upstream, outbound|80||docs.redhat.com",
        failing="gateway: 403 rbac_access_denied_matched_policy[none]",
    ),
)
