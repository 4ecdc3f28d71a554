"""What a dialect makes of one line's text, before it is known whose line it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """An access line: the columns its dialect has, with their values; `clean` as in `model.Hop`."""

    dialect: str
    clean: bool
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Other:
    """A line that is known not to be an access line; `kind` names what wrote it."""

    kind: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that no grammar takes: why, and at which column (from 1)."""

    reason: str
    column: int


Reading = Access | Other | Broken
