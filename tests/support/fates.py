"""Facts of lines, and the fate that they prove."""

from __future__ import annotations

from dataclasses import replace

from egressaudit.join.line_facts import EnvoyFacts, ZtunnelFacts
from egressaudit.judge.fate import fate_of
from egressaudit.mesh.places import Place
from egressaudit.model import Reporter

SIDECAR, GATEWAY, WAYPOINT = Reporter.SIDECAR, Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT
NO_ANSWER = "upstream_reset_before_response_started{connection_failure}"
REJECTED = "connection closed due to policy rejection: explicitly denied by: a/b"


def envoy(**changes: object) -> EnvoyFacts:
    """A sidecar's request that was answered by a registered host outside."""
    facts = EnvoyFacts(
        role=SIDECAR,
        request=True,
        own=True,
        moved=True,
        foreign=False,
        came_in=False,
        place=Place.OUTSIDE,
        kind="outbound",
        host=True,
        service="",
        mixed=False,
        block_all=False,
        flags="",
        details="via_upstream",
        ended="",
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def nowhere(**changes: object) -> EnvoyFacts:
    """The same without an upstream address."""
    return envoy(**{"own": False, "moved": False, "place": Place.NONE, "details": "", **changes})


def connection(**changes: object) -> EnvoyFacts:
    """A sidecar's connection to a registered host outside, without a byte of an answer."""
    return envoy(**{"request": False, "moved": False, "details": "", **changes})


def ztunnel(**changes: object) -> ZtunnelFacts:
    """A ztunnel's connection to a registered host outside, straight."""
    facts = ZtunnelFacts(
        inbound=False,
        early=False,
        opened=False,
        moved=True,
        foreign=False,
        place=Place.OUTSIDE,
        tunnel=False,
        ends_there=False,
        host=True,
        service="",
        error="",
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def fate(found: EnvoyFacts | ZtunnelFacts) -> tuple[str, str, str]:
    of = fate_of(found)
    return of.fate.value, of.path.value, of.reason


def unknown(reason: str) -> tuple[str, str, str]:
    return "may-have-left", "unknown", reason


DIRECT = ("left", "direct", "")


PASSTHROUGH = ("left", "passthrough", "")


OPEN = ("may-have-left", "direct", "may-have-left")


FAILED = ("not-left", "failed", "upstream-failed")


NOWHERE = ("not-left", "failed", "no-upstream")


INSIDE = ("inside", "unknown", "")


INBOUND = ("inbound", "unknown", "")


ONWARD = ("onward", "unknown", "")


FOREIGN = ("foreign", "unknown", "")


def refused(by: str) -> tuple[str, str, str]:
    return "refused", "blocked", by
