"""Fixes: for each cause that an object can fix, the objects and changes that do it, the smallest first.

    found cause, snapshot ──▶ wrong ──▶ the rule of the cause's kind of fix ──▶ fixes ──▶ text

Nothing is ever applied. In: a `FoundCause`. Out: `Fix`es; none where no object fixes it, or where the snapshot does
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
from egressaudit.mesh import Mesh
from egressaudit.model import FoundCause

TABLES = (
    "pods_in_the_mesh",
    "known_hosts",
    "mesh_rules",
    "routes_of_gateway_api",
    "gateway_ways",
    "dead_ends",
    "waypoint_labels",
    "whole_ways",
    "policies_of_mesh",
)
"""The modules of this room that have a table `ROWS`."""

NO_OBJECT: Mapping[str, str] = MappingProxyType(
    {
        "network-policy": "a new NetworkPolicy cuts its pods off from all that it does not list, and the snapshot does "
        "not have those that are there",
        "origination": "which certificate and name the host wants is not in the mesh",
        "relax": "how many failures and connections are right is not in the mesh",
        "json-logs": "meshConfig is written by Istio's installer, which would overwrite a change of its ConfigMap",
    }
)
"""Kinds of fix for which nothing is written, and why."""


@cache
def fix_rules() -> Mapping[str, FixRule]:
    """Every kind of fix by its slug."""
    rows = (row for table in TABLES for row in import_module(f"egressaudit.fixes.{table}").ROWS)
    return MappingProxyType({row.slug: row for row in rows})


def fixes_of(found: FoundCause, mesh: Mesh) -> tuple[Fix, ...]:
    """The fixes of a cause, the smallest first; each once."""
    rule = fix_rules().get(found.cause.fix)
    if rule is None:
        return ()
    written = {each.title: each for each in rule.writes(Wrong(found, mesh))}
    return tuple(sorted(written.values(), key=lambda each: each.size))


__all__ = ["NO_OBJECT", "Fix", "FixRule", "Removal", "fix_rules", "fixes_of"]
