"""Faults of the lab's scenarios: what real Envoys under a configuration written by hand wrote, saved with the project.

In: `sample_logs/`. Out: `SavedFault`s, each with the code of what its scenario breaks; the samples that break nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from support.tools import SAMPLES

from egressaudit.model import Verdict
from egressaudit.pipeline.replay import audit

HEALTHY = ("ambient", "gateway-api", "istio-apis", "noisy", "tls-passthrough", "waypoint-gateway")
_BROKEN = {
    "forged": "EC13",
    "gateway-down": "EC55",
    "logging-off": "EC73",
    "mesh-gateway-missing": "EC26",
    "no-service-entry": "EC13",
    "no-sidecar": "EC02",
    "rbac-denied": "EC61",
    # The redirect leads to a port that neither ServiceEntry nor rule has: known comes before steered.
    "redirect-escapes": "EC17",
    "registry-only": "EC14",
    "upstream-down": "EC66",
    "waypoint-ignored": "EC81",
}


@dataclass(frozen=True)
class SavedFault:
    """A scenario that breaks one thing; the verdict of its last probe is the wrong one."""

    name: str
    code: str
    kind: str = "the lab"

    def verdict(self) -> Verdict:
        """The verdict of `verify` on it."""
        return audit(SAMPLES / self.name).verdicts[-1]


def faults() -> tuple[SavedFault, ...]:
    """All of them."""
    return tuple(SavedFault(name, code) for name, code in _BROKEN.items())
