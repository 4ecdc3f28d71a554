"""The catalogue of findings, the one place where their codes are given.

EA1xx the path that traffic took; EA2xx who sent it, and what it called the host; EA3xx coverage and evidence; EA4xx the
policy and the mesh configuration. A code is never used again: one that is given up moves to `RETIRED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from egressaudit.errors import UsageError
from egressaudit.findings.controls.account import ACCOUNT
from egressaudit.findings.controls.configuration import CONFIGURATION
from egressaudit.findings.controls.control import Control
from egressaudit.findings.controls.evidence import EVIDENCE
from egressaudit.findings.controls.path import PATH

__all__ = ["CONTROLS", "RETIRED", "Control", "control"]

CONTROLS: Mapping[str, Control] = MappingProxyType(
    {each.code: each for each in (*PATH, *EVIDENCE, *ACCOUNT, *CONFIGURATION)}
)
"""Every control by its code, in the order of the codes."""

RETIRED: tuple[str, ...] = ()
"""Codes that were given once and mean nothing any more."""


def control(code: str) -> Control:
    """The control of a code, in any letter case, or of a name such as `direct`; UsageError names the nearest ones."""
    wanted = code.strip()
    found = CONTROLS.get(wanted.upper()) or next(
        (each for each in CONTROLS.values() if each.name == wanted.lower()), None
    )
    if found is not None:
        return found
    if wanted.upper() in RETIRED:
        raise UsageError(f"control {wanted.upper()} is no longer used", hint="CHANGELOG.md says what took its place.")
    names = {name: each for each in CONTROLS.values() for name in (each.code, each.name)}
    near = [names[each] for text in (wanted.upper(), wanted.lower()) for each in get_close_matches(text, names, n=3)]
    said = " or ".join(dict.fromkeys(f"{each.code} ({each.name})" for each in near[:3]))
    hint = f"Did you mean {said}?" if said else "`egressaudit controls` lists all."
    raise UsageError(f"there is no control {wanted[:40]!r}", hint=hint)
