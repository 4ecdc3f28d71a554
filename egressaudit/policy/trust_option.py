"""What the values of `--trust` say.

In: a value, e.g. `gateway=egress/gw,sa=gw`. Out: the trust, e.g.
`Trust(gateways=(TrustedProxy("egress", "gw", "gw"),))`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path as File

from egressaudit.errors import UsageError
from egressaudit.mesh.trust import KINDS, Trust, TrustedProxy, private_network
from egressaudit.model import ObjectRef, Reporter
from egressaudit.policy.loading import load_trust_form
from egressaudit.policy.trust_form import contradictions, trust_of

_INLINE = re.compile(
    r"(?P<kind>gateway|waypoint|ztunnel)=(?P<namespace>[a-z0-9.-]+)(?:/(?P<name>[a-z0-9.-]+))?(?:,sa=(?P<sa>[a-z0-9.-]+))?"
)
_LISTS = {"gateway": "gateways", "waypoint": "waypoints", "ztunnel": "ztunnels"}
_HINT = "Use gateway=NS/NAME, waypoint=NS/NAME or ztunnel=NS[/NAME], each with ,sa=ACCOUNT; outside=CIDR; or a FILE."


def parse_trust(texts: Iterable[str]) -> Trust:
    """The trust of all values of `--trust`; UsageError for one that is not understood or contradicts another.

    PolicyError for a file that is no trust section, with every error by line and column.
    """
    trust = Trust()
    for text in texts:
        trust = trust.and_also(_one(text))
    agree(trust, {})
    return trust


def agree(trust: Trust, ways: Mapping[str, Sequence[ObjectRef]]) -> None:
    """UsageError if a trust contradicts itself, or the gateways and waypoints that a policy allows."""
    for _, clause in contradictions(trust, ways):
        raise UsageError(f"the trust contradicts itself: {clause}", hint="Add it to the trust section, or remove it.")


def _one(text: str) -> Trust:
    kind, equals, value = text.partition("=")
    if kind == "outside" and equals:
        try:
            return Trust(outside=(private_network(value),))
        except ValueError as error:
            raise UsageError(f"--trust {text}: {value!r} {error}", hint=_HINT) from None
    if not (equals and kind in _LISTS):
        return trust_of(load_trust_form(File(text)))
    found = _INLINE.fullmatch(text)
    if found is None or (kind != "ztunnel" and not found["name"]):
        raise UsageError(f"invalid --trust {text!r}", hint=_HINT)
    proxy = TrustedProxy(found["namespace"], found["name"] or "", found["sa"] or "")
    reporter = KINDS[_LISTS[kind]]
    return Trust(
        gateways=(proxy,) if reporter is Reporter.EGRESS_GATEWAY else (),
        waypoints=(proxy,) if reporter is Reporter.WAYPOINT else (),
        ztunnels=(proxy,) if reporter is Reporter.ZTUNNEL else (),
    )
