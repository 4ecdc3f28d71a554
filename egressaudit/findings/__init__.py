"""What is wrong with a window's flows, and what could not be seen of it: findings, each with its code and its proof.

In: `AuditFacts`: rulings (`judge`), coverage, the policy and the evidence checked. Out: sorted `model.Finding`s. To add
a finding: one file with a `RULE`, and one line in `RULES`; commands, docs and tests take it from there.

Example: a sidecar's line `outbound|80||docs.redhat.com to 203.0.113.7:80`, where a gateway was expected, is an EA101.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from egressaudit.errors import UsageError
from egressaudit.model import Finding, Severity

if TYPE_CHECKING:
    from egressaudit.findings.control import Control
    from egressaudit.findings.facts import AuditFacts
    from egressaudit.findings.rule import Rule

RULES: tuple[str, ...] = (
    "path.direct",
    "path.passthrough",
    "path.wrong_gateway",
    "path.not_allowed",
    "path.not_blocked",
    "path.detour",
    "path.refused",
    "sender.unattributed",
    "sender.server_name_mismatch",
    "evidence.log_missing",
    "evidence.log_gap",
    "evidence.unconfirmed",
    "evidence.not_clean",
    "evidence.unparsed",
    "evidence.outside_capture",
    "evidence.not_logging",
    "evidence.coverage_too_low",
    "evidence.path_unknown",
    "evidence.upstream_failed",
    "evidence.nothing_to_judge",
    "evidence.log_broken",
    "evidence.forgeable",
    "evidence.may_have_left",
    "evidence.foreign_sockets",
    "evidence.unproven_proxy",
    "evidence.not_as_collected",
    "evidence.not_collected",
    "evidence.kind_not_read",
    "evidence.copies_differ",
    "evidence.envoy_filter",
    "evidence.mirrored",
    "configuration.policy_gateway_missing",
    "configuration.rule_unused",
    "configuration.waiver_expired",
    "configuration.waiver_unused",
    "configuration.configuration_gap",
    "configuration.nothing_expected",
    "configuration.waypoint_fails_open",
)
"""The module of every rule, below this one, in the order of the codes; imported when rules are asked for."""

RETIRED: tuple[str, ...] = ()
"""Codes that were given once and mean nothing any more. They are never used again."""


@cache
def rules() -> tuple[Rule, ...]:
    """The `RULE` of each module, in the order of the codes."""
    return tuple(import_module(f"egressaudit.findings.{module}").RULE for module in RULES)


@cache
def controls() -> Mapping[str, Control]:
    """Every control by its code, in the order of the codes."""
    return MappingProxyType({rule.control.code: rule.control for rule in rules()})


def find_all(facts: AuditFacts) -> tuple[Finding, ...]:
    """Every finding, the most severe first; equal facts give equal findings in the same order."""
    # Here and not above: `verify` needs this package, and compares no reports.
    from egressaudit.findings.fingerprints import with_about

    order = list(Severity)
    return tuple(
        sorted(
            (with_about(each, facts.owners) for rule in rules() for each in rule.find(rule.control, facts)),
            key=lambda each: (
                each.waived is not None,
                order.index(each.severity),
                each.code,
                each.subject,
                each.message,
            ),
        )
    )


def control_of(asked: str) -> Control:
    """The control of a code, in any letter case, or of a name such as `direct`; UsageError names the nearest ones."""
    wanted = asked.strip()
    found = controls().get(wanted.upper()) or next(
        (each for each in controls().values() if each.name == wanted.lower()), None
    )
    if found is not None:
        return found
    if wanted.upper() in RETIRED:
        raise UsageError(f"control {wanted.upper()} is no longer used", hint="CHANGELOG.md says what took its place.")
    known = {key: each for each in controls().values() for key in (each.code, each.name)}
    near = [known[key] for text in (wanted.upper(), wanted.lower()) for key in get_close_matches(text, known, n=3)]
    names = " or ".join(dict.fromkeys(f"{each.code} ({each.name})" for each in near[:3]))
    hint = f"Did you mean {names}?" if names else "`egressaudit controls` lists all."
    raise UsageError(f"there is no control {wanted[:40]!r}", hint=hint)
