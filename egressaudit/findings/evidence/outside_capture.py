"""EA306, traffic that no proxy captures.

In: the snapshot's blind spots. Out: a note for each that is not about logging; info for pods of the system.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.findings.control import Control
from egressaudit.findings.facts import NOT_LOGGING, AuditFacts
from egressaudit.findings.rule import Rule
from egressaudit.judge.network_words import blind_spot_words
from egressaudit.mesh.modes.blind_spots import BESIDE_PROXY
from egressaudit.mesh.modes.sidecar import EXCLUDED, INIT_CONTAINER, PROXY_USER
from egressaudit.model import BlindSpot, Finding, Severity

_PARTS = (BESIDE_PROXY, EXCLUDED, INIT_CONTAINER, PROXY_USER)
"""The kinds of blind spots that are a part of a pod's traffic."""


def _find(control: Control, facts: AuditFacts) -> Iterator[Finding]:
    for spot in facts.coverage.blind_spots:
        if spot.kind not in NOT_LOGGING:
            kept_in = spot.network is not None and spot.network.proven
            severity = Severity.INFO if kept_in or spot.kind == "system" else None
            yield control.note(spot.subject, blind_spot_words(spot), which=which_part(spot), severity=severity)


def which_part(spot: BlindSpot) -> str:
    """Which blind spot of its pod it is.

    A pod can have several parts of its traffic excluded. Other reasons name nodes, which change with the pod.
    """
    return f"{spot.kind}, {spot.reason}" if spot.kind in _PARTS else spot.kind


RULE = Rule(
    find=_find,
    control=Control(
        code="EA306",
        name="outside-capture",
        title="traffic that no proxy captures",
        severity=Severity.MEDIUM,
        outcomes=(None,),
        what="A pod, or a part of what it sends, is outside the mesh's capture: hostNetwork, no sidecar, excluded "
        "ports or ranges, the proxy's own user, init containers. It is info for system pods (kube-system, "
        "istio-system ...), and where policies of the network close the pod in and something provably enforces them.",
        why="It can leave without a line in any proxy's log: this audit says nothing about it.",
        remedy="Bring the pod into the mesh, remove the exclusion, or restrict it with a NetworkPolicy.",
        confidence="observed: the snapshot.",
        passing="pod shop/cart-1 has a sidecar, and nothing is excluded from it",
        failing='pod shop/cart-1 has traffic.sidecar.istio.io/excludeOutboundPorts: "443"',
    ),
)
