"""The log dialects we read, each from its grammar.

In: the text of one line, and which program's log it is in (`Family`). Out: `AccessFields`, e.g. `{"response_code": 200,
...}`; `Other` for a line that is no access line; or `Broken`, with the column where reading failed.

A dialect is recognised by a line's first characters, and never tried on lines of another family.

To add one: a module with a class that does what `Dialect` says, and its line in `DIALECTS`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Protocol

from egressaudit.hops.dialects.envoy.cluster_name import ClusterName, cluster_columns, cluster_name
from egressaudit.hops.dialects.envoy.default_text import TEXTS, EnvoyText, is_default_format
from egressaudit.hops.dialects.envoy.forged import STARTS_LIKE_ACCESS
from egressaudit.hops.dialects.envoy.formats import (
    FormatError,
    FormatSet,
    Unreadable,
    format_of,
    json_format,
    lacking,
    named_format,
    text_format,
)
from egressaudit.hops.dialects.grammars import grammar_dir
from egressaudit.hops.dialects.multiline import Blocks
from egressaudit.hops.dialects.other import read_other
from egressaudit.hops.dialects.result import AccessFields, Broken, LineResult, Other
from egressaudit.model import Family

__all__ = [
    "DIALECTS",
    "STARTS_LIKE_ACCESS",
    "TEXTS",
    "AccessFields",
    "Blocks",
    "Broken",
    "ClusterName",
    "Dialect",
    "EnvoyText",
    "Family",
    "FormatError",
    "FormatSet",
    "LineResult",
    "Other",
    "Unreadable",
    "cluster_columns",
    "cluster_name",
    "dialects",
    "format_of",
    "grammar_dir",
    "is_default_format",
    "json_format",
    "lacking",
    "named_format",
    "read_envoy",
    "read_other",
    "read_ztunnel",
    "text_format",
]


class Dialect(Protocol):
    """One way in which a proxy writes its lines."""

    name: str
    """As in `model.Hop.dialect`."""
    family: Family

    def starts(self, text: str) -> bool:
        """Whether a line may be of this dialect, by its first characters. Cheap; never misses a line of its own."""

    def read(self, text: str) -> LineResult | None:
        """The line, read; None leaves it to the next dialect."""


DIALECTS = (
    "json_lines:EnvoyJson",
    "envoy.text_lines:EnvoyTextLines",
    "other:EnvoyApplication",
    "json_lines:ZtunnelJson",
    "ztunnel:ZtunnelText",
    "ztunnel:ZtunnelApplication",
)
"""Every dialect as `module:class` in this folder. A line is offered to those of its family in this order."""


def read_envoy(text: str) -> LineResult:
    """A line of an Envoy (sidecar, gateway or waypoint) in whatever dialect it is."""
    return _read(Family.ENVOY, text)


def read_ztunnel(text: str) -> LineResult:
    """A line of a ztunnel in whatever dialect it is; only its scope `access` gives access lines."""
    return _read(Family.ZTUNNEL, text)


def _read(family: Family, text: str) -> LineResult:
    for each in dialects(family):
        if each.starts(text) and (reading := each.read(text)) is not None:
            return reading
    return Broken("neither an access line nor a known application log line", 1)


@cache
def dialects(family: Family) -> tuple[Dialect, ...]:
    """The dialects of a family."""
    places = (each.split(":") for each in DIALECTS)
    every: list[Dialect] = [getattr(import_module(f"{__name__}.{module}"), made)() for module, made in places]
    return tuple(each for each in every if each.family is family)
