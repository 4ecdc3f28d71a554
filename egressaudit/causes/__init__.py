"""Why a flow did not go the way it should: the first cause, in the order captured, known, steered, delivered, outside.

    verdict, group ──▶ symptoms ──▶ every row of the catalogue ──▶ found causes, the first one first

In: what was judged, and the snapshot. Out: `FoundCause`s. To add a cause: one row (`CauseRule`) in the table of its
stage; commands, reports, docs/causes.md and tests take it from there.

Example: a sidecar's line `outbound|80||docs.redhat.com to 203.0.113.7:80`, and a VirtualService without `mesh` in its
`gateways`, is EC26.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from egressaudit.errors import UsageError

if TYPE_CHECKING:
    from egressaudit.causes.cause_rule import CauseRule
    from egressaudit.model import Cause

TABLES: tuple[str, ...] = (
    "not_captured",
    "around_the_sidecar",
    "not_known",
    "not_named",
    "not_steered",
    "parent_clues",
    "fail_open",
    "not_as_declared",
    "not_delivered",
    "refused_on_the_way",
    "not_arrived",
    "not_proven",
)
"""The modules of this room that have a table `ROWS`, in the order in which causes are named."""


LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "EC10": "traffic that is not TCP (UDP, QUIC, HTTP/3, ICMP): no proxy carries it, so no line, object or answer "
        "of curl shows that it was sent; a NetworkPolicy that denies UDP closes it",
    }
)
"""Causes that no evidence which can be had decides, and why; their codes are not used for others."""


@cache
def cause_rules() -> tuple[CauseRule, ...]:
    """Every row of every table, in the order in which causes are named."""
    return tuple(row for table in TABLES for row in import_module(f"egressaudit.causes.{table}").ROWS)


@cache
def causes() -> Mapping[str, Cause]:
    """Every cause by its code, in the order of the codes."""
    known = {row.cause.code: row.cause for row in cause_rules()}
    return MappingProxyType({code: known[code] for code in sorted(known)})


def cause_of(asked: str) -> Cause:
    """The cause of a code, in any letter case, or of a name such as `mesh-missing`; UsageError names the nearest."""
    wanted = asked.strip()
    found = causes().get(wanted.upper()) or next(
        (each for each in causes().values() if each.name == wanted.lower()), None
    )
    if found is not None:
        return found
    if wanted.upper() in LEFT_OUT:
        raise UsageError(
            f"{wanted.upper()} is not looked for: {LEFT_OUT[wanted.upper()]}", hint="docs/causes.md has all."
        )
    known = {key: each for each in causes().values() for key in (each.code, each.name)}
    near = [known[key] for text in (wanted.upper(), wanted.lower()) for key in get_close_matches(text, known, n=3)]
    names = " or ".join(dict.fromkeys(f"{each.code} ({each.name})" for each in near[:3]))
    hint = f"Did you mean {names}?" if names else "`egressaudit causes` lists all."
    raise UsageError(f"there is no cause {wanted[:40]!r}", hint=hint)
