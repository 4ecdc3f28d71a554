"""Fixes beside their causes: what reports show.

In: found causes, and the snapshot. Out: the same causes, each with its `SuggestedFix`es. Example: EC26 gets one, whose
command is `kubectl patch virtualservice.networking.istio.io/docs -n egress ... | kubectl diff -f -`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from egressaudit.fixes import fixes_of
from egressaudit.fixes.fix import Fix
from egressaudit.fixes.fix_text import Whole, fix_yaml
from egressaudit.mesh import Mesh
from egressaudit.model import FoundCause, SuggestedFix

_MOST = 3
"""Causes of one flow that get fixes: as many as a person is shown."""


def with_fixes(found: Iterable[FoundCause], mesh: Mesh, whole: Whole | None = None) -> tuple[FoundCause, ...]:
    """The causes, the first of them with their fixes. With `whole`, changes are shown as complete objects."""
    made = tuple(found)
    return tuple(
        replace(each, fixes=tuple(_suggested(fix, whole) for fix in fixes_of(each, mesh))) if number < _MOST else each
        for number, each in enumerate(made)
    )


def _suggested(fix: Fix, whole: Whole | None) -> SuggestedFix:
    text = fix_yaml(fix, whole)
    if fix.size > 1 or not fix.changes:
        return SuggestedFix(fix.title, fix.affects, text)
    [change] = fix.changes
    return SuggestedFix(fix.title, fix.affects, text, change.showing, change.json)
