"""What a dialect makes of one line's text, before anything is known about who wrote it.

In: `[2026-11-23T08:04:44.258Z] "GET / HTTP/1.1" 200 ...`. Out: `AccessFields(dialect, True, {"method": "GET", ...})`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccessFields:
    """An access line: the values of the columns that its dialect has; `clean` as in `model.Hop`."""

    dialect: str
    clean: bool
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Other:
    """A line that is known not to be an access line; `kind` names what wrote it, e.g. `istio-agent`."""

    kind: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that no grammar accepts: why, and at which column (from 1)."""

    reason: str
    column: int


LineResult = AccessFields | Other | Broken
