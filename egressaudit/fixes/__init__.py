"""Fixes: for each cause that an object can mend, the objects and changes that do it, the smallest first.

    found cause, snapshot ──▶ wrong ──▶ the rule of the cause's kind of fix ──▶ fixes ──▶ text

Nothing is ever applied. In: a `FoundCause`. Out: `Fix`es; none where no object mends it, or where the snapshot does
not say enough. To add one: a row in the table of its module; causes ask for it by its slug (`Cause.fix`).

Example: EC26, a VirtualService without `mesh`, has one fix: a patch of its `spec.gateways`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from egressaudit.fixes.fix import Fix, FixRule, Removal
from egressaudit.fixes.wrong import Wrong
from egressaudit.manifests import Change
from egressaudit.mesh import Mesh
from egressaudit.model import FoundCause

TABLES = ("pods_in_the_mesh", "known_hosts", "mesh_rules", "gateway_ways", "whole_ways", "waypoint_labels")
"""The modules of this room that have a table `ROWS`."""


@cache
def fix_rules() -> Mapping[str, FixRule]:
    """Every kind of fix by its slug."""
    rows = (row for table in TABLES for row in import_module(f"egressaudit.fixes.{table}").ROWS)
    return MappingProxyType({row.slug: row for row in rows})


def fixes_of(found: FoundCause, mesh: Mesh) -> tuple[Fix, ...]:
    """The fixes of a cause, the smallest first."""
    rule = fix_rules().get(found.cause.fix)
    return () if rule is None else tuple(sorted(rule.writes(Wrong(found, mesh)), key=lambda each: each.size))


__all__ = ["Change", "Fix", "FixRule", "Removal", "fix_rules", "fixes_of"]
