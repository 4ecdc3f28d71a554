"""`egressaudit causes`: why traffic does not go the way it should, and what each code of a cause means.

In: nothing, a code or a name. Out: the catalogue, or one entry of it. Example: `egressaudit causes EC26`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from egressaudit.cli.catalogue_text import folded, listed, shown
from egressaudit.cli.options import taking
from egressaudit.cli.standard_streams import to_stdout
from egressaudit.errors import ExitCode
from egressaudit.report.output_formats import names_of

if TYPE_CHECKING:
    from egressaudit.model import Cause

_FORMATS = names_of("causes")
_MODES = {"I": "sidecars with Istio's APIs", "G": "sidecars with the Gateway API", "A": "ambient mode"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CausesOptions:
    """What `causes` was asked."""

    codes: tuple[str, ...]
    output: str


@click.command()
@click.argument("codes", nargs=-1, metavar="[CODE ...]")
@click.option("-o", "--output", type=click.Choice(_FORMATS), default=_FORMATS[0], show_default=True)
@taking(CausesOptions)
def causes(options: CausesOptions) -> int:
    """List why traffic goes the wrong way, or explain the causes you name.

    \b
    egressaudit causes
    egressaudit causes EC26
    """
    from egressaudit.causes import cause_of
    from egressaudit.causes import causes as catalogue

    chosen = (cause_of(code) for code in options.codes)
    to_stdout(shown(chosen, catalogue().values(), options.output, _listed, _explained))
    return ExitCode.PASS


def mode_words(each: Cause) -> str:
    """`sidecars with Istio's APIs, ambient mode`."""
    return ", ".join(_MODES[mode] for mode in each.modes)


def _listed(every: Iterable[Cause]) -> str:
    rows = [("CODE", "STAGE", "WHAT IS WRONG"), *((each.code, each.stage.value, each.title) for each in every)]
    return listed(rows)


def _explained(each: Cause) -> str:
    from egressaudit.causes import causes as catalogue

    unlike = [("unlike", f"{other.code} {catalogue()[other.code].title}: {other.fact}") for other in each.unlike]
    parts = (
        ("stage", each.stage.value),
        ("where", mode_words(each)),
        ("looks", each.looks),
        *unlike,
        ("do", each.remedy),
        *([("search", ", ".join(each.search))] if each.search else []),
        ("sources", ", ".join(each.sources)),
    )
    body = "".join(f"{line}\n" for label, text in parts for line in folded(label, text))
    return f"{each.code} {each.name}: {each.title}\n\n{body}"
