"""EA324, an EnvoyFilter patches a proxy.

In: the EnvoyFilters of proxies whose logs were to be read. Out: an INCONCLUSIVE, or a note where it is harmless.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from egressaudit.findings.control import Control
from egressaudit.findings.rule import Rule
from egressaudit.model import Finding, Outcome, Severity

if TYPE_CHECKING:
    from egressaudit.findings.facts import AuditFacts

_SHOWN = 3
"""Logs that a finding names."""


def _find(control: Control, facts: AuditFacts) -> Iterator[Finding]:
    for name, what, logs in facts.evidence.filters:
        shown = ", ".join(logs[:_SHOWN]) + (f" and {len(logs) - _SHOWN} more" if len(logs) > _SHOWN else "")
        if what:
            yield control.unproven(name, f"it changes {what} of {shown}", which=what)
        else:
            message = f"it touches neither the access log nor the way of {shown}"
            yield control.note(name, message, severity=Severity.INFO)


RULE = Rule(
    find=_find,
    control=Control(
        code="EA324",
        name="envoy-filter",
        title="an EnvoyFilter patches a proxy",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE, None),
        what="An EnvoyFilter applies to a proxy whose log was to be read. INCONCLUSIVE where it changes the access "
        "log, routes, clusters or listeners, mirrors requests, runs code, or does something unknown. Info where it "
        "only adds metrics, limits, times or headers.",
        why="When Envoy's configuration is patched, what Istio's objects declare may no longer hold.",
        remedy="Read the filter and the proxy's config_dump, and narrow the filter to what only adds metrics, limits, "
        "times or headers.",
        confidence="observed: the EnvoyFilters of the snapshot.",
        passing="EnvoyFilter: INSERT_BEFORE of HTTP_FILTER istio.stats",
        failing="EnvoyFilter: MERGE of NETWORK_FILTER http_connection_manager, access_log: []",
    ),
)
