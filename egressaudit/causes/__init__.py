"""Why a flow did not go the way it should: the first cause, in the order captured, known, steered, delivered, outside.

    verdict, group ──▶ symptoms ──▶ every row of the catalogue ──▶ found causes, the first one first

In: what was judged, and the snapshot. Out: `FoundCause`s. To add a cause: one row (`CauseRule`) in the table of its
stage; commands, reports, docs/causes.md and tests take it from there.

Example: a sidecar's line `outbound|80||docs.redhat.com to 203.0.113.7:80`, and a VirtualService without `mesh` in its
`gateways`, is EC26.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from egressaudit.causes.cause_rule import CauseRule
    from egressaudit.model import Cause

TABLES: tuple[str, ...] = (
    "not_captured",
    "around_the_sidecar",
    "not_known",
    "not_named",
    "not_steered",
    "route_parents",
    "fail_open",
    "not_as_declared",
    "not_delivered",
    "refused_on_the_way",
    "not_arrived",
    "not_proven",
)
"""The modules of this room that have a table `ROWS`, in the order in which causes are named."""


@cache
def cause_rules() -> tuple[CauseRule, ...]:
    """Every row of every table, in the order in which causes are named."""
    return tuple(row for table in TABLES for row in import_module(f"egressaudit.causes.{table}").ROWS)


@cache
def causes() -> Mapping[str, Cause]:
    """Every cause by its code, in the order of the codes."""
    known = {row.cause.code: row.cause for row in cause_rules()}
    return MappingProxyType({code: known[code] for code in sorted(known)})
